"""The tables of a report: cells with their text, and their value to sort by."""

import math
import os

import numpy as np

_SUMMARY_COLUMNS = {
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


def make_tables(result, audit):
    """The tables of a result and, where there was one, of the audit of its tracks."""
    yield _summarise(result)
    yield from _compare(result)
    yield _describe_genres(result)
    yield from _list_choices(result)
    if audit is not None and audit.findings:
        yield _list_findings(audit)


def _summarise(result):
    return _make_table(
        "Scores",
        "Means over folds and seeds; click on a column to sort by it. The interval "
        "counts an artist as one observation where artists are kept apart, elsewhere a "
        "track.",
        ["model", "protocol", *_SUMMARY_COLUMNS.values()],
        [
            [row["model"], row["protocol"], *(row[name] for name in _SUMMARY_COLUMNS)]
            for row in result.summary()
        ],
        n_text=2,
    )


def _compare(result):
    compared = result.compare()
    if not compared:
        return
    columns = ["protocol", "first", "second", "better", "difference", "p"]
    rows = [
        [
            *(row["protocol"], row["first"], row["second"], row["better"] or "–"),
            *(row["difference"], row["p_value"]),
        ]
        for row in compared
    ]
    reasons = sorted({row["reason"] for row in compared if row["reason"]})
    about = (
        "Differences of mean accuracies on the same folds; p-values of the corrected "
        "resampled t-test, adjusted by Holm's method over all rows. A model is called "
        "better where p is below 0.05."
    )
    if reasons:
        about += f" Where p is missing, there is no test: {'; '.join(reasons)}."
    yield _make_table("Which model is better?", about, columns, rows, n_text=4)


def _describe_genres(result):
    return _make_table(
        "By genre",
        "Recall: of the genre's tracks, those answered so. Precision: of the tracks "
        "answered so, those that are.",
        ["model", "protocol", "genre", "recall", "precision", "tracks"],
        list(_score_genres(result)),
        n_text=3,
    )


def _list_choices(result):
    names = ["model", "protocol", "best_params", "seed", "fold"]
    rows = [
        [fold[name] for name in names]
        for fold in result.folds
        if fold["best_params"] is not None
    ]
    if rows:
        yield _make_table(
            "What searches chose",
            "On inner folds of the training tracks, fold by fold.",
            ["model", "protocol", "parameters", "seed", "fold"],
            rows,
            n_text=3,
        )


def _list_findings(audit):
    n_findings = len(audit.findings)
    more = n_findings - _N_FINDINGS
    names = name_tracks(audit.paths)
    return _make_table(
        "What the audit found",
        f"{n_findings} findings on {len(audit.paths)} tracks"
        f"{f', the last {more} left out here' if more > 0 else ''}. Tracks are left as "
        "they are: what to do about them is for you to decide.",
        ["fault", "tracks", "measured"],
        [
            [
                finding.fault,
                ", ".join(names[track] for track in finding.tracks) or "–",
                finding.detail,
            ]
            for finding in audit.findings[:_N_FINDINGS]
        ],
        n_text=3,
    )


def name_tracks(paths):
    """Paths without the folders that all share: a page is sent to other people."""
    paths = [os.fspath(path) for path in paths]
    folders = {os.path.dirname(path) for path in paths}
    try:
        shared = os.path.commonpath(folders)
    except ValueError:
        # Of several drives, or of none.
        return paths
    return [os.path.relpath(path, shared or ".") for path in paths]


def gather_answers(result):
    """Genres, answers and tracks of all predictions, by model and protocol."""
    answers = {}
    for entry in result.predictions:
        if entry["protocol"] != "segment":
            key = entry["model"], entry["protocol"]
            target, predicted, tracks = answers.setdefault(key, ([], [], []))
            target += map(str, entry["target"])
            predicted += map(str, entry["predicted"])
            tracks += entry["rows"]
    return answers


def _score_genres(result):
    for (model, protocol), answers in gather_answers(result).items():
        target, predicted, tracks = map(np.array, answers)
        for genre in np.unique(target):
            is_genre, is_answer = target == genre, predicted == genre
            n_right, n_answers = np.sum(is_genre & is_answer), np.sum(is_answer)
            recall = n_right / np.sum(is_genre)
            precision = n_right / n_answers if n_answers else math.nan
            # Under several seeds each track is predicted several times.
            n_tracks = len(np.unique(tracks[is_genre]))
            yield [model, protocol, genre, recall, precision, n_tracks]


def _make_table(title, about, columns, rows, *, n_text):
    cells = [[_make_cell(value) for value in row] for row in rows]
    return {
        **{"title": title, "about": about, "columns": columns},
        **{"rows": cells, "n_text": n_text},
    }


def _make_cell(value):
    if isinstance(value, (str, int)):
        return {"value": value, "text": value}
    missing = math.isnan(value)
    return {
        "value": "" if missing else value,
        "text": "–" if missing else f"{value:.3f}",
    }
