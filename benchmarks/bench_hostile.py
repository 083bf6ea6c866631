"""Hostile files and faults: what became of mutants of audio files and of killed jobs.

python benchmarks/bench_hostile.py [--n-mutants 20000] [--n-moments 100] [--seed 0]
python benchmarks/bench_hostile.py --ffmpeg [--n-mutants 20000] [--seed 0]

Mutants are those of tests/fuzz, jobs those of tests/fault_process.py. With --ffmpeg,
mutants of files for the second decoder are read by it, and no jobs are killed.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

from hypothesis import HealthCheck, Phase, given, seed, settings

TESTS = Path(__file__).parents[1] / "tests"
sys.path.insert(0, str(TESTS))

from fuzz.decoder_process import MAX_BYTES, MAX_SECONDS, DecoderProcess  # noqa: E402
from fuzz.mutations import mutants  # noqa: E402
from hostile_audio import (  # noqa: E402
    FFMPEG_DEMUXERS,
    write_ffmpeg_seeds,
    write_seeds,
)

JOBS = ("extract", "write", "benchmark", "save")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--n-mutants", type=int, default=20_000)
    parser.add_argument("--n-moments", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--ffmpeg", action="store_true")
    parser.add_argument("--keep", type=Path, help="folder for mutants that do harm")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        write = write_ffmpeg_seeds if arguments.ffmpeg else write_seeds
        seeds = write(Path(folder))
        demuxers = FFMPEG_DEMUXERS if arguments.ffmpeg else {}
        answers = decode_mutants(
            Path(folder),
            seeds,
            demuxers,
            arguments.n_mutants,
            arguments.seed,
            arguments.keep,
        )
    print_mutants(answers)
    if arguments.ffmpeg:
        return
    with tempfile.TemporaryDirectory() as folder:
        print_faults(inject_faults(folder, arguments.n_moments))


def decode_mutants(folder, seeds, demuxers, n_mutants, seed_number, keep):
    """What became of each mutant, as the decoder's process answers."""
    answers = []

    @seed(seed_number)
    @settings(
        max_examples=n_mutants,
        phases=[Phase.generate],
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(mutant=mutants())
    def decode_one(mutant):
        name, content = mutant(seeds)
        path = folder / f"mutant-{name}"
        path.write_bytes(content)
        answers.append(decoder.decode(path, demuxers.get(path.suffix)))
        if keep is not None and answers[-1]["outcome"] not in ("sound", "refused"):
            (keep / f"{len(answers)}-{name}").write_bytes(content)

    with DecoderProcess() as decoder:
        decode_one()
    return answers


def print_mutants(answers):
    outcomes = Counter(answer["outcome"] for answer in answers)
    n_good = outcomes.pop("sound", 0), outcomes.pop("refused", 0)
    n_crashes = sum(n for outcome, n in outcomes.items() if outcome[:4] == "died")
    print(f"mutants tried        {len(answers)}")
    print(f"  analysed           {n_good[0]}")
    print(f"  refused by name    {n_good[1]}")
    print(f"  crashes            {n_crashes}")
    print(f"  anything else      {sum(outcomes.values()) - n_crashes}")
    for outcome, n in outcomes.most_common(10):
        print(f"    {n} times: {outcome}")
    slowest = max(answer["seconds"] for answer in answers)
    largest = max(answer["n_bytes"] for answer in answers)
    print(f"  slowest            {slowest:.2f} s (allowed: {MAX_SECONDS})")
    print(
        f"  most memory        {largest / 1e6:.0f} MB (allowed: {MAX_BYTES // 10**6})"
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
