"""Benchmarks: models on the same folds of the same tracks, and the paper's own."""

from skgenre.benchmark.paper import PaperResult, reproduce_paper
from skgenre.benchmark.result import BenchmarkResult
from skgenre.benchmark.run import run_benchmark

__all__ = ["BenchmarkResult", "PaperResult", "reproduce_paper", "run_benchmark"]
