"""Which model tells the genres apart."""

from skgenre.benchmark.result import BenchmarkResult
from skgenre.benchmark.run import run_benchmark

__all__ = ["BenchmarkResult", "run_benchmark"]
