"""Describe a trained model in a model card."""

from __future__ import annotations

import math
import os
import re
import warnings
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from skgenre._io import counted, printable
from skgenre._tables import write_markdown
from skgenre.audit.report import tabulate_findings
from skgenre.features import EXECUTION_PARAMETERS, BaseSegmentExtractor
from skgenre.persistence import load_model, read_model_info, save_model
from skgenre.report.page import summarise
from skgenre.report.tables import make_tables

if TYPE_CHECKING:
    from skops.card import Card

    from skgenre._typing import StrPath
    from skgenre.audit import AuditReport
    from skgenre.benchmark import BenchmarkResult

# The names of skops' own template, where `Card.add_metrics` and others add theirs.
_MODEL = "Model description"
_LIMITS = f"{_MODEL}/Intended uses & limitations"
_TRAINING = f"{_MODEL}/Training Procedure"
_RESULTS = f"{_MODEL}/Evaluation Results"
_START = "How to Get Started with the Model"

_GENRES = (
    "The model knows only these genres. Expect more errors on music that is unlike its "
    "training tracks."
)
_SCORES = (
    "The scores are from models with the same settings, each trained on a part of the "
    "tracks. They estimate how well this model does on tracks that are chosen in the "
    "same way. The 95 % intervals are for the choice of the tested tracks, not for "
    "other collections."
)
_PROTOCOLS = {
    "track": "Protocol track: tracks of one artist can be in both the training and the "
    "test set. Expect lower scores for new artists.",
    "artist": "Protocol artist: all tracks of an artist are in either the training or "
    "the test set. The scores are for new artists.",
    "filtered": "Protocol filtered: one given split. GTZAN's keeps artists apart, so "
    "its scores are for new artists.",
}
# Parameters that change no number.
_LEFT_OUT = (*EXECUTION_PARAMETERS, "callbacks", "memory")
_MAX_ROWS = 20  # a longer table is folded
_MAX_CHARACTERS = 100  # of a parameter: it may be an array

# After a backslash, each of these is plain text in Markdown; the last two are those of
# "https://" and "www.", which make a link without any sign.
_MARKUP = re.compile(r"[\\`*_{}\[\]<>#|~&$@]|:(?=/)|(?<=www)\.", re.IGNORECASE)


def make_model_card(
    model: StrPath | Any,
    *,
    benchmark: BenchmarkResult | None = None,
    audit: AuditReport | None = None,
    trusted: Sequence[str] = (),
) -> Card:
    """Describe a trained model: its parameters, training tracks, scores and limits.

    Parameters
    ----------
    model : str, Path or estimator
        File that `save_model` has written, or a fitted classifier that it could write.
        For a file, the card also has the scores and the digest of the training tracks
        that were saved with the model.
    benchmark : BenchmarkResult, default=None
        What `run_benchmark` returned for models with the same settings; the card has
        its tables, with intervals.
    audit : AuditReport, default=None
        What `audit_tracks` found among the tracks.
    trusted : sequence of str, default=()
        Names that `load_model` is to trust in the file.

    Returns
    -------
    card : skops.card.Card
        ``card.save("README.md")`` writes it as Markdown; its other methods add
        sections, tables and figures. Names of genres, models and tracks are shown as
        they are, never as markup.

    Raises
    ------
    ModelFileError
        The file cannot be loaded, as by `load_model`.
    sklearn.exceptions.NotFittedError, TypeError, ValueError
        The estimator cannot be saved, as by `save_model`.

    Examples
    --------
    >>> import numpy as np
    >>> from skgenre import MLPGenreClassifier, make_model_card
    >>> X = np.random.default_rng(0).normal(size=(8, 3, 5, 2))
    >>> y = np.repeat(["blues", "rock"], 4)
    >>> model = MLPGenreClassifier(hidden_layer_sizes=(8,), epochs=1).fit(X, y)
    >>> card = make_model_card(model).add(Licence="CC0")
    >>> print(card.get_toc())
    - Model description
      - Intended uses & limitations
      - Training Procedure
        - Hyperparameters
    - How to Get Started with the Model
    - Versions
    - Licence
    """
    from skops.card import Card

    if isinstance(model, (str, os.PathLike)):
        name, info = Path(model).name, read_model_info(model)
        model = load_model(model, trusted=trusted)
    else:
        # What is saved has no folder of this machine among its parameters, and of a
        # search only what it has found.
        with TemporaryDirectory() as folder, warnings.catch_warnings():
            # The card says what must be trusted.
            warnings.simplefilter("ignore", UserWarning)
            file = Path(folder, "model.skops")
            save_model(model, file)
            name, info = file.name, read_model_info(file)
            trusted = info["trusted"]
            model = load_model(file, trusted=trusted)
    features, others = _list_parameters(model)
    genres = ", ".join(map(_escape, model.classes_))
    digest = info["data"]
    tracks = f"Digest of the training tracks: {_escape(digest or 'not kept')}."
    limits = [_GENRES]
    if benchmark is not None:
        other = benchmark.setting.get("data_digest")
        same = "the same" if other == digest else f"another: {_escape(other)}"
        if digest and other:
            tracks += f" That of the benchmark's tracks is {same}."
        found = {fold["protocol"] for fold in benchmark.folds}
        limits += [_SCORES, *(_PROTOCOLS[name] for name in _PROTOCOLS if name in found)]
    call = f"{name!r}, trusted={[*trusted]}" if trusted else repr(name)
    code = (
        f"from skgenre import load_model\n\nmodel = load_model({call})\n"
        f"genres = model.predict({['song.mp3'] if features else 'features'})"
    )
    versions = ", ".join(f"{name} {v}" for name, v in info["versions"].items() if v)

    card = Card(model, template=None)
    card.add(
        **{_MODEL: f"Predicts a track's genre: {genres}.\n\n{_fence(_show(model))}"}
    )
    card.add(**{_LIMITS: _write_list(limits), _TRAINING: tracks})
    _add_table(card, _TRAINING, _tabulate("Features", features))
    _add_table(card, _TRAINING, _tabulate("Hyperparameters", others))
    if audit is not None:
        _add_table(card, _TRAINING, tabulate_findings(audit))
    if benchmark is not None:
        tested = benchmark.setting.get("n_tracks_per_genre", {}).values()
        notes = [
            summarise(benchmark),
            f"Tested on {counted(sum(tested), 'track')} of "
            f"{counted(len(tested), 'genre')}; "
            f"{counted(len(benchmark.unreadable), 'file')} could not be read.",
            *(f"Note: {note}" for note in benchmark.notes()),
        ]
        card.add(**{_RESULTS: _write_list(map(_escape, notes))})
        for table in make_tables(benchmark):
            _add_table(card, _RESULTS, table)
    _add_table(card, _RESULTS, _tabulate("Saved with the model", info["scores"]))
    card.add(
        **{
            _START: _fence(code, "python"),
            "Versions": f"Saved with {_escape(versions)}.",
        }
    )
    return card


def _list_parameters(model):
    """Return two dicts: the parameters of extractors of features, and all others."""
    parameters = model.get_params()
    features, others = {}, {}
    for name, value in parameters.items():
        owner, _, last = name.rpartition("__")
        if last in _LEFT_OUT:
            continue
        is_feature = isinstance(parameters.get(owner), BaseSegmentExtractor)
        chosen = features if is_feature else others
        is_estimator = hasattr(value, "get_params")
        shown = type(value).__name__ if is_estimator else " ".join(_show(value).split())
        is_long = len(shown) > _MAX_CHARACTERS
        chosen[name] = f"{shown[:_MAX_CHARACTERS]} …" if is_long else shown
    return features, others


def _tabulate(title, values):
    """Return the table of a dict, in the form of `make_tables`."""
    return {
        "title": title,
        "about": "",
        "columns": ["name", "value"],
        "rows": values.items(),
    }


def _add_table(card, section, table):
    """Add a table, in the form of `make_tables`, as a section of a section."""
    rows = [list(map(_write_cell, row)) for row in table["rows"]]
    columns = list(map(_write_cell, table["columns"]))
    text = write_markdown([columns, *rows]) if rows else ""
    text = f"{table['about']}\n\n{text}".strip()
    if text:
        folded = len(rows) > _MAX_ROWS
        card.add(folded=folded, **{f"{section}/{table['title']}": text})


def _write_list(items):
    return "\n".join(f"- {item}" for item in items)


def _write_cell(value):
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return "–"
    return f"{value:z.3f}" if isinstance(value, float) else _escape(value)


def _show(value):
    """Return the `repr` of a value, without the address of a function."""
    return re.sub(r" at 0x[0-9a-f]+", "", repr(value))


def _escape(value):
    """Return text that Markdown shows as it is, but for the beginning of a line."""
    return _MARKUP.sub(r"\\\g<0>", printable(value))


def _fence(text, language=""):
    """Return a block of code, fenced by more backticks than are in it."""
    longest = max(map(len, re.findall("`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}{language}\n{text}\n{fence}"
