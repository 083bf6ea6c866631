"""Damage to files, as hypothesis draws it and shrinks it."""

import os
from dataclasses import dataclass

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

# Lengths, counts and rates at the ends of their ranges are what parsers trip over.
EDGES = (0, 1, 2, 0x7F, 0xFF, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)

# A header is a small part of a file, and holds most of what can be wrong.
_offsets = st.one_of(st.integers(0, 80), st.integers(0, 2**16), st.integers(0, 2**16))
_lengths = st.one_of(st.integers(1, 16), st.integers(1, 4096))
_edges = st.sampled_from(EDGES).flatmap(
    lambda value: st.sampled_from(
        [
            value.to_bytes(4, "little"),
            value.to_bytes(4, "big"),
            value.to_bytes(8, "little"),
        ]
    )
)
_edits = st.one_of(
    st.tuples(st.just("flip"), _offsets, st.integers(1, 255)),
    st.tuples(st.just("write"), _offsets, _edges),
    st.tuples(st.just("write"), _offsets, st.binary(min_size=1, max_size=16)),
    st.tuples(st.just("insert"), _offsets, st.binary(min_size=1, max_size=64)),
    st.tuples(st.just("delete"), _offsets, _lengths),
    st.tuples(st.just("repeat"), _offsets, _lengths),
    st.tuples(st.just("truncate"), _offsets, st.none()),
)


def mutants():
    """Strategy: functions from intact files, as bytes by name, to one that is not.

    Files are written when the test runs, which is later than strategies are made.
    """
    return st.builds(
        Mutant, st.integers(0, 2**16), st.lists(_edits, min_size=1, max_size=8)
    )


@dataclass(frozen=True)
class Mutant:
    """Which of the intact files, and one to eight edits."""

    seed: int
    edits: list

    def __call__(self, seeds):
        name = sorted(seeds)[self.seed % len(seeds)]
        return name, apply_edits(seeds[name], self.edits)


def apply_edits(content, edits):
    """Carry out edits one after the other; offsets wrap around."""
    for kind, offset, value in edits:
        offset %= max(1, len(content))
        before, after = content[:offset], content[offset:]
        if kind == "flip":
            after = bytes([after[0] ^ value]) + after[1:] if after else after
        elif kind == "write":
            after = value + after[len(value) :]
        elif kind == "insert":
            after = value + after
        elif kind == "delete":
            after = after[value:]
        elif kind == "repeat":
            after = after[:value] + after
        else:
            after = b""
        content = before + after
    return content


def fuzzing(n_examples):
    """Settings of a test: so many examples, or as many as SKGENRE_FUZZ_EXAMPLES."""
    return settings(
        max_examples=int(os.environ.get("SKGENRE_FUZZ_EXAMPLES", n_examples)),
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
