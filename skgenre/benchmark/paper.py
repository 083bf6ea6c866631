"""The paper's experiments, run as there: segments shuffled, a single run of each."""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Sequence
from html import escape
from time import perf_counter
from typing import NamedTuple

import numpy as np
from sklearn.base import clone
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.utils import Bunch

from skgenre._io import counted, printable
from skgenre._tables import fill_text, write_html, write_table
from skgenre._typing import StrPath
from skgenre._validation import check_boolean, check_choice, check_positive_integer
from skgenre.audio import AudioDecodeError
from skgenre.benchmark.tracks import (
    analyse_tracks,
    check_data,
    features_folder,
    leave_out,
    list_unreadable,
)
from skgenre.features import MFCCExtractor
from skgenre.model_selection import explode_segments, make_splitter
from skgenre.models import make_model

logger = logging.getLogger(__name__)

# Share to test on, and share of the rest to validate on.
SPLITS = {"80/20": (0.2,), "20/80": (0.8,), "80 (80/20)/20": (0.2, 0.2)}
N_PAPER_TRACKS = 1000
N_PAPER_FRAMES = 130
_N_SAMPLES = 10


class Published(NamedTuple):
    """A row of the paper's tables."""

    table: int
    model: str
    epochs: int
    train_accuracy: float
    test_accuracy: float
    train_error: float
    test_error: float


# The epochs of all but the CNNs are our reading: the tables do not name them.
PUBLISHED = (
    Published(1, "mlp", 50, 0.9393, 0.5890, 0.1813, 2.8012),
    Published(2, "mlp-regularized", 50, 0.7424, 0.6055, 1.0073, 1.6286),
    Published(3, "cnn", 30, 0.7455, 0.6844, 0.7253, 0.8919),
    Published(4, "cnn", 50, 0.8374, 0.7400, 0.4715, 0.7658),
    Published(5, "lstm", 50, 0.7411, 0.6344, 0.7925, 1.1487),
)


@dataclasses.dataclass(frozen=True, repr=False, kw_only=True)
class PaperResult:
    """The paper's numbers, beside those for the data at hand; printed, it is a table.

    Attributes
    ----------
    rows : list of dict
        Per published row and split: ``table``, ``model``, ``epochs``, ``split``,
        ``train_accuracy``, ``test_accuracy``, ``train_error``, ``test_error`` (losses,
        penalties included) per segment, ``seconds_per_epoch``, and of the validation
        part, where the split has one, ``valid_accuracy`` and ``valid_error``.
    histories : dict
        By (model, split): the network's `history_`; ``val_...`` is on the test part, or
        the validation part where there is one.
    samples : list of dict
        ``model``, ``genre`` and ``answer`` of some test segments.
    n_tracks : int
        Tracks that it was run on; the paper had 1000.
    unreadable : list of dict
        ``path`` and ``error`` of the files left out before any split.
    n_frames : int
        Frames of a segment; the paper's three seconds have 130.
    """

    rows: list
    histories: dict
    samples: list
    n_tracks: int
    unreadable: list = dataclasses.field(default_factory=list)
    n_frames: int = N_PAPER_FRAMES

    def to_table(self, width: int | None = None) -> str:
        """Write the tables as text.

        Parameters
        ----------
        width : int, default=None
            Characters that a line may have, as on a terminal: columns that do not fit
            follow below. None is a table in Markdown, as wide as it needs to be.

        Returns
        -------
        table : str
            Aligned columns; the first line says whether the data are the paper's.
        """
        before, rows, after = self._tabulate()
        table = write_table(rows, width=width, n_keys=3)
        before[0] = fill_text(before[0], width)
        return "\n\n".join([*before, table, *after])

    def _repr_html_(self):
        before, (columns, *rows), after = self._tabulate()
        table = write_html(columns, rows, text_columns=[0, 2])
        before, after = (
            [
                f"<p>{'<br>'.join(map(escape, map(printable, text.splitlines())))}</p>"
                for text in texts
            ]
            for texts in (before, after)
        )
        return "\n".join([*before, table, *after])

    def _tabulate(self):
        """Return texts, rows of texts (the head first), and texts behind them."""
        tracks = counted(self.n_tracks, "track")
        # To be read before any number.
        data = (
            f"NOT THE PAPER'S DATA: run on {tracks}, the paper on {N_PAPER_TRACKS}. "
            "The numbers cannot be compared one by one."
        )
        if self.n_tracks == N_PAPER_TRACKS:
            data = f"Run on {tracks}, as the paper."
        elif self.n_tracks + len(self.unreadable) == N_PAPER_TRACKS:
            data = (
                f"Run on {tracks}; the paper's were {N_PAPER_TRACKS}, as "
                "were these, but the others cannot be read."
            )
        if self.n_frames != N_PAPER_FRAMES:
            frames = counted(self.n_frames, "frame")
            data += f" Segments have {frames} instead of {N_PAPER_FRAMES}."
        before = [data]
        if self.unreadable:
            left_out = [(entry["path"], entry["error"]) for entry in self.unreadable]
            # As text, the error escapes line feeds.
            lines = [f"- left out: {AudioDecodeError([one])}" for one in left_out]
            before.append("\n".join(lines))
        names = ("train_accuracy", "test_accuracy", "train_error", "test_error")
        head = ["model", "epochs", "split", "table"]
        titles = ("training", "test", "error in training", "error in test")
        table = [[*head, *titles, "s/epoch"]]
        before.append("Each number of the paper stands before ours.")
        seconds: dict[str, float] = {}
        for row in self.rows:
            published = PUBLISHED[row["table"] - 1]
            texts = [str(row[name]) for name in head]
            for name in names:
                theirs = "–"
                if row["split"] == "80/20":  # the paper's numbers are of this split
                    theirs = f"{getattr(published, name):.3f}"
                texts.append(f"{theirs} / {row[name]:.3f}")
            table.append([*texts, f"{row['seconds_per_epoch']:.2f}"])
            seconds.setdefault(row["model"], row["seconds_per_epoch"])
        ratio = "ours not measured"
        if {"mlp", "cnn", "lstm"} <= seconds.keys():
            cnn, lstm = (seconds[name] / seconds["mlp"] for name in ("cnn", "lstm"))
            ratio = f"ours 1 : {cnn:.0f} : {lstm:.0f}"
        answers = [
            f"- {sample['model']}: {sample['genre']} → {sample['answer']}"
            for sample in self.samples
        ]
        after = [
            f"Seconds per epoch, MLP : CNN : LSTM: paper 1 : 18 : 28, {ratio}.",
            "Answers to some test segments:",
            "\n".join(answers),
        ]
        return before, table, after

    def __repr__(self):
        return self.to_table()


def reproduce_paper(
    data: Bunch,
    *,
    splits: Sequence[str] = ("80/20", "20/80", "80 (80/20)/20"),
    epochs: int | None = None,
    extractor: MFCCExtractor | None = None,
    cache_dir: StrPath | None = None,
    cache_key: str = "stat",
    strict: bool = False,
    random_state: int = 0,
) -> PaperResult:
    """Run the paper's experiments on the data at hand.

    Segments are shuffled, as the paper did, so that those of one track are on both
    sides: see `run_benchmark` for what the models are worth on other tracks. Files that
    cannot be analysed are left out and listed in the result.

    Parameters
    ----------
    data : Bunch
        Tracks as the loaders return them: ``paths`` and ``target``.
    splits : sequence of str, default=("80/20", "20/80", "80 (80/20)/20")
        Shares of the segments to train and to test on; the last validates on a fifth of
        its training part.
    epochs : int, default=None
        Epochs of every network; None: those of the paper.
    extractor : MFCCExtractor, default=None
        What makes features of the files; None: ``MFCCExtractor()``, whose segments are
        those of the paper. It is not changed.
    cache_dir : str, Path or None, default=None
        Folder of the features; None is a temporary one. An `extractor` that has a
        `cache_dir` of its own keeps it.
    cache_key : {"stat", "content"}, default="stat"
        How files are told apart in it, as in `MFCCExtractor`.
    strict : bool, default=False
        Raise for files that cannot be analysed, instead of leaving them out.
    random_state : int, default=0
        Decides the splits and the networks.

    Returns
    -------
    result : PaperResult
        The paper's numbers, and beside them those of this run.

    Raises
    ------
    AudioDecodeError
        No file, or with `strict` not every file, can be analysed.
    ValueError, TypeError
        An argument is out of range, there are fewer than two genres, or too few
        segments for a split: before any network is trained.

    Examples
    --------
    >>> import tempfile
    >>> from skgenre import make_genre_tracks, reproduce_paper
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     data = make_genre_tracks(
    ...         folder, n_genres=2, n_tracks_per_genre=3, duration=9.0, random_state=0
    ...     )
    ...     result = reproduce_paper(data, splits=["80/20"], epochs=1)
    >>> len(result.rows)
    5
    """
    for split in splits:
        check_choice(split, SPLITS, name="splits")
    if epochs is not None:
        check_positive_integer(epochs, name="epochs")
    check_boolean(strict, name="strict")
    if not isinstance(extractor, MFCCExtractor | None):
        raise TypeError(f"extractor must be an MFCCExtractor, got {extractor!r}.")
    tracks = check_data(data)
    # Refuses what has a single genre.
    make_splitter("segment", tracks.target)
    with features_folder(cache_dir) as folder:
        extractor = clone(MFCCExtractor() if extractor is None else extractor)
        if extractor.cache_dir is None:
            extractor.set_params(cache_dir=folder, cache_key=cache_key)
        failures = analyse_tracks(
            [make_pipeline(extractor)],
            tracks.paths.tolist(),
            n_jobs=None,
            strict=strict,
            progress=None,
        )
        tracks = leave_out(tracks, failures)
        X = extractor.transform(tracks.paths)
    X, y = explode_segments(X, tracks.target)
    # All are made before the first network is trained: one may not be possible.
    parts = {split: _split(y, SPLITS[split], random_state) for split in splits}
    rows, histories, samples = [], {}, []
    for split in splits:
        for published in PUBLISHED:
            row, history, answers = _run(
                published.model,
                [(X[part], y[part]) for part in parts[split]],
                epochs=int(epochs or published.epochs),
                random_state=random_state,
            )
            logger.info(
                "table %d, %s, split %s: done", published.table, published.model, split
            )
            rows.append({"table": published.table, "split": split, **row})
            # Of the two of the CNN, the longer.
            histories[published.model, split] = history
            if split == splits[0] and published.table != 3:
                samples += answers
    return PaperResult(
        rows=rows,
        histories=histories,
        samples=samples,
        n_tracks=len(tracks.paths),
        unreadable=list_unreadable(failures),
        n_frames=X.shape[1],
    )


def _split(y, shares, random_state):
    """Rows to train on, to validate on where the split has such, and to test on."""
    parts = [np.arange(len(y))]
    try:
        for share in shares:
            train, held_out = train_test_split(
                parts[0],
                test_size=share,
                stratify=y[parts[0]],
                random_state=random_state,
            )
            parts = [train, held_out, *parts[1:]]
    except ValueError as error:
        raise ValueError(
            f"{counted(len(y), 'segment')} cannot be split: {error}"
        ) from error
    return parts


def _run(model, parts, *, epochs, random_state):
    """Train a network; return its row, its history and some of its answers."""
    # Without a validation part, the test part is watched.
    (X, y), (X_valid, y_valid), *_ = parts
    X_test, y_test = parts[-1]
    network = make_model(model, epochs=epochs, random_state=random_state)[-1]
    started = perf_counter()
    network.fit(X, y, X_val=X_valid, y_val=y_valid)
    seconds = (perf_counter() - started) / network.n_iter_
    history = network.history_
    # Rows are segments: there are no tracks.
    del history["val_track_accuracy"]
    row = {
        "model": model,
        "epochs": epochs,
        "seconds_per_epoch": seconds,
        "train_accuracy": history["accuracy"][-1],
        "train_error": history["loss"][-1],
        "test_accuracy": history["val_accuracy"][-1],
        "test_error": history["val_loss"][-1],
    }
    answers, loss = _answer(network, X_test, y_test)
    if len(parts) == 3:
        penalty = row["test_error"] - _answer(network, X_valid, y_valid)[1]
        row["valid_accuracy"] = row["test_accuracy"]
        row["valid_error"] = row["test_error"]
        row["test_accuracy"] = float(np.mean(answers == y_test))
        row["test_error"] = loss + penalty
    chosen = np.random.default_rng(random_state).permutation(len(answers))[:_N_SAMPLES]
    samples = [
        {"model": model, "genre": str(y_test[i]), "answer": str(answers[i])}
        for i in chosen
    ]
    return row, history, samples


def _answer(network, X, y):
    """Genres that the network predicts, and its cross-entropy."""
    probabilities = network.predict_proba(X)
    true = probabilities[np.arange(len(y)), network.classes_.searchsorted(y)]
    loss = float(-np.log(np.maximum(true, 1e-7)).mean())
    return network.classes_[probabilities.argmax(axis=1)], loss
