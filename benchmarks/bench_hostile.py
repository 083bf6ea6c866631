"""Hostile files and faults: what became of mutants of files and of killed jobs.

python benchmarks/bench_hostile.py [--n-mutants 20000] [--n-moments 100] [--seed 0]
python benchmarks/bench_hostile.py --ffmpeg [--n-mutants 20000] [--seed 0]
python benchmarks/bench_hostile.py --models [--n-mutants 5000] [--seed 0]

Mutants are those of tests/fuzz, jobs those of tests/fault_process.py. With --ffmpeg,
mutants of files for the second decoder are read by it, and with --models, mutants of
model files are loaded and predict; no jobs are killed then.
"""

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from contextlib import contextmanager
from pathlib import Path

from hypothesis import HealthCheck, Phase, given, seed, settings

TESTS = Path(__file__).parents[1] / "tests"
sys.path.insert(0, str(TESTS))

from fuzz.decoder_process import MAX_BYTES, MAX_SECONDS, DecoderProcess  # noqa: E402
from fuzz.model_mutations import Library, model_mutants  # noqa: E402
from fuzz.model_process import MAX_BYTES as MAX_MODEL_BYTES  # noqa: E402
from fuzz.model_process import ModelProcess  # noqa: E402
from fuzz.model_seeds import write_models  # noqa: E402
from fuzz.mutations import mutants  # noqa: E402
from hostile_audio import (  # noqa: E402
    FFMPEG_DEMUXERS,
    write_ffmpeg_seeds,
    write_seeds,
)

GOOD = ("analysed", "predicted", "raised an exception", "refused by name")
JOBS = ("extract", "write", "benchmark", "save")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--n-mutants", type=int)
    parser.add_argument("--n-moments", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--ffmpeg", action="store_true")
    which.add_argument("--models", action="store_true")
    parser.add_argument("--keep", type=Path, help="folder for mutants that do harm")
    arguments = parser.parse_args()
    n_mutants = arguments.n_mutants or (5000 if arguments.models else 20_000)
    with tempfile.TemporaryDirectory() as folder:
        if arguments.models:
            with mutate_models(Path(folder)) as (strategy, try_mutant):
                answers = try_mutants(strategy, try_mutant, n_mutants, arguments)
            print_mutants(answers, max_bytes=MAX_MODEL_BYTES)
            return
        with mutate_audio(Path(folder), is_ffmpeg=arguments.ffmpeg) as (
            strategy,
            try_mutant,
        ):
            answers = try_mutants(strategy, try_mutant, n_mutants, arguments)
        print_mutants(answers, max_bytes=MAX_BYTES)
    if arguments.ffmpeg:
        return
    with tempfile.TemporaryDirectory() as folder:
        print_faults(inject_faults(folder, arguments.n_moments))


@contextmanager
def mutate_audio(folder, *, is_ffmpeg):
    """A strategy for mutants, and a function that decodes one: -> file, answer."""
    seeds = write_ffmpeg_seeds(folder) if is_ffmpeg else write_seeds(folder)
    demuxers = FFMPEG_DEMUXERS if is_ffmpeg else {}

    def decode(mutant):
        name, content = mutant(seeds)
        path = folder / f"mutant-{name}"
        path.write_bytes(content)
        return path, process.decode(path, demuxers.get(path.suffix))

    with DecoderProcess() as process:
        yield mutants(), decode


@contextmanager
def mutate_models(folder):
    """A strategy for mutants, and a function that loads one: -> file, answer."""
    files = write_models(folder)
    library = Library([file for file, _ in files.values()])
    path = folder / "mutant.skops"

    def predict(mutant):
        name, _ = mutant(library, path)
        return path, process.predict(path, files[name][1])

    with ModelProcess(files) as process:
        yield model_mutants(), predict


def try_mutants(strategy, try_mutant, n_mutants, arguments):
    """What became of each mutant, as the process that was given it answers."""
    answers = []

    @seed(arguments.seed)
    @settings(
        max_examples=n_mutants,
        phases=[Phase.generate],
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(mutant=strategy)
    def try_one(mutant):
        path, answer = try_mutant(mutant)
        answers.append(answer)
        if arguments.keep is not None and classify(answer["outcome"]) not in GOOD:
            shutil.copy(path, arguments.keep / f"{len(answers)}-{path.name}")

    try_one()
    return answers


def classify(outcome):
    """Of what kind an outcome is, for the table."""
    if outcome.startswith("raises "):
        return "raised an exception"
    return {
        "sound": "analysed",
        "predicts": "predicted",
        "refused": "refused by name",
    }.get(outcome, "crashes" if outcome.startswith("died") else "anything else")


def print_mutants(answers, *, max_bytes):
    outcomes = Counter(answer["outcome"] for answer in answers)
    kinds = Counter()
    for outcome, n in outcomes.items():
        kinds[classify(outcome)] += n
    print(f"mutants tried        {len(answers)}")
    for kind in (*GOOD, "crashes", "anything else"):
        if kinds[kind] or kind not in GOOD:
            print(f"  {kind:18} {kinds[kind]}")
    for outcome, n in outcomes.most_common():
        if classify(outcome) not in GOOD:
            print(f"    {n} times: {outcome}")
    slowest = max(answer["cpu_seconds"] for answer in answers)
    largest = max(answer["n_bytes"] for answer in answers)
    print(f"  slowest            {slowest:.2f} s (allowed: {MAX_SECONDS})")
    print(
        f"  most memory        {largest / 1e6:.0f} MB (allowed: {max_bytes // 10**6})"
    )


def inject_faults(folder, n_moments):
    """What became of each job that was killed, and of four that shared a store."""
    script = TESTS / "fault_process.py"
    done = subprocess.run(
        [sys.executable, script, folder, str(n_moments), *JOBS, "share"],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return [json.loads(line) for line in done.stdout.splitlines()]


def print_faults(reports):
    killed = [report for report in reports if report["job"] != "share"]
    print(f"faults injected      {sum(report['killed'] for report in killed)}")
    for job in JOBS:
        print(f"  {job:18} {sum(report['job'] == job for report in killed)}")
    print(f"results finished     {sum(report['n_finished'] for report in killed)}")
    print(f"  lost               {sum(report['n_lost'] for report in killed)}")
    print(f"  done again         {sum(report['n_done_again'] for report in killed)}")
    print(f"  damaged            {sum(report['n_damaged'] for report in reports)}")
    n_other = sum(
        not (report["completed"] and report["same_result"]) for report in reports
    )
    print(f"  other at the end   {n_other}")


if __name__ == "__main__":
    main()
