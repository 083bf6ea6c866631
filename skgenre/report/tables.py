"""The tables of a report."""

import os

import numpy as np
from sklearn.metrics import precision_recall_fscore_support

_SUMMARY_COLUMNS = {
    "model": "model",
    "protocol": "protocol",
    "accuracy_mean": "accuracy per track",
    "accuracy_std": "± over folds",
    "accuracy_low": "95 % from",
    "accuracy_high": "to",
    "balanced_accuracy_mean": "balanced accuracy",
    "f1_macro_mean": "macro F1",
    "log_loss_mean": "log-loss",
    "segment_accuracy_mean": "accuracy per segment",
    "train_accuracy_mean": "accuracy in training",
    "fit_seconds": "fit, s",
}

# Of an audit: the page is to be sent around, and `skgenre audit` lists all.
_N_FINDINGS = 200


def make_tables(result):
    """Yield the tables of a result.

    Each is a dict with the ``title``, a sentence ``about`` it, ``columns``, of which
    the first ``n_text`` hold text, and ``rows``.
    """
    summary = result.summary()
    yield {
        "title": "Scores",
        "about": "Means over folds and seeds. The interval counts an artist as one "
        "observation where artists are kept apart, elsewhere a track.",
        "columns": list(_SUMMARY_COLUMNS.values()),
        "rows": [[row[name] for name in _SUMMARY_COLUMNS] for row in summary],
        "n_text": 2,
    }
    compared = result.compare()
    if compared:
        reasons = sorted({row["reason"] for row in compared if row["reason"]})
        why = f" Where p is missing, there is no test: {'; '.join(reasons)}."
        names = ["protocol", "first", "second", "better", "difference", "p_value"]
        yield {
            "title": "Which model is better?",
            "about": "Differences of mean accuracies on the same folds; p-values of "
            "the corrected resampled t-test, adjusted by Holm's method over all rows. "
            f"A model is called better where p is below 0.05.{why if reasons else ''}",
            "columns": [*names[:-1], "p"],
            "rows": [[row[name] for name in names] for row in compared],
            "n_text": 4,
        }
    yield {
        "title": "By genre",
        "about": "Recall: of the genre's tracks, those answered so. Precision: of the "
        "tracks answered so, those that are.",
        "columns": ["model", "protocol", "genre", "recall", "precision", "tracks"],
        "rows": list(_score_genres(result)),
        "n_text": 3,
    }
    names = ["model", "protocol", "best_params", "seed", "fold"]
    chosen = [fold for fold in result.folds if fold["best_params"] is not None]
    if chosen:
        yield {
            "title": "What searches chose",
            "about": "On inner folds of the training tracks, fold by fold.",
            "columns": ["model", "protocol", "parameters", "seed", "fold"],
            "rows": [[fold[name] for name in names] for fold in chosen],
            "n_text": 3,
        }


def tabulate_findings(audit):
    """Return the table of an audit's findings, like those of `make_tables`."""
    n_findings = len(audit.findings)
    more = n_findings - _N_FINDINGS
    left_out = f", the last {more} left out here" if more > 0 else ""
    paths = name_tracks(audit.paths)
    return {
        "title": "What the audit found",
        "about": f"{n_findings} findings on {len(audit.paths)} tracks{left_out}.",
        "columns": ["fault", "tracks", "measured"],
        "rows": [
            [
                finding.fault,
                ", ".join(paths[track] for track in finding.tracks) or None,
                finding.detail,
            ]
            for finding in audit.findings[:_N_FINDINGS]
        ],
        "n_text": 3,
    }


def name_tracks(paths):
    """Return paths without the folders that all share: the page is sent to others."""
    paths = [os.fspath(path) for path in paths]
    folders = {os.path.dirname(path) for path in paths}
    try:
        shared = os.path.commonpath(folders)
    except ValueError:
        # Of several drives, or of none.
        return paths
    return [os.path.relpath(path, shared or ".") for path in paths]


def gather_predictions(result):
    """Genres, predicted genres and tracks by model and protocol."""
    gathered = {}
    for entry in result.predictions:
        if entry["protocol"] != "segment":
            key = entry["model"], entry["protocol"]
            target, predicted, tracks = gathered.setdefault(key, ([], [], []))
            target += map(str, entry["target"])
            predicted += map(str, entry["predicted"])
            tracks += entry["rows"]
    return gathered


def _score_genres(result):
    for (model, protocol), predictions in gather_predictions(result).items():
        target, predicted, tracks = map(np.array, predictions)
        genres = np.unique(target)
        precision, recall, _, _ = precision_recall_fscore_support(
            target, predicted, labels=genres, zero_division=np.nan
        )
        # Under several seeds each track is predicted several times.
        n_tracks = [len(np.unique(tracks[target == genre])) for genre in genres]
        scores = [genres.tolist(), recall.tolist(), precision.tolist(), n_tracks]
        for row in zip(*scores, strict=True):
            yield [model, protocol, *row]
