"""Mutants of model files predict in a process of their own, which must survive."""

import os
from collections import Counter

import pytest
from fuzz.model_mutations import Library, model_mutants
from fuzz.model_process import MAX_BYTES, MAX_SECONDS, ModelProcess, is_harmless
from fuzz.model_seeds import write_models
from fuzz.mutations import fuzzing
from hypothesis import given, settings

pytestmark = pytest.mark.skipif(
    not ModelProcess.is_possible(), reason="needs Linux's account of memory"
)


def test_a_mutant_predicts_or_raises_or_is_refused_within_time_and_memory(tmp_path):
    files = write_models(tmp_path)
    library = Library([file for file, _ in files.values()])
    mutant_file = tmp_path / "mutant.skops"
    outcomes = Counter()

    @settings(fuzzing(200), derandomize="SKGENRE_FUZZ_EXAMPLES" not in os.environ)
    @given(mutant=model_mutants())
    def check(mutant):
        name, edits = mutant(library, mutant_file)
        answer = process.predict(mutant_file, files[name][1])
        outcomes[answer["outcome"]] += 1
        assert is_harmless(answer["outcome"]), (name, edits, answer)
        assert answer["cpu_seconds"] <= MAX_SECONDS
        assert answer["n_bytes"] <= MAX_BYTES

    with ModelProcess(files) as process:
        check()
    # Else it would not see what scikit-learn does with them.
    assert outcomes["refused"] < 2 / 3 * outcomes.total()
