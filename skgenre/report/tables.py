"""The tables of a report."""

from collections import Counter

import numpy as np

from skgenre.model_selection import PROTOCOLS

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
    # Here come the user's own.
    "segment_accuracy_mean": "accuracy per segment",
    "train_accuracy_mean": "accuracy in training",
    "fit_seconds": "fit, s",
}


def make_tables(result):
    """Yield the tables of a result.

    Each is a dict with the ``title``, a sentence ``about`` it, ``columns``, of which
    the first ``n_text`` hold text, and ``rows``. Those of genres also have their
    ``protocol``, and ``shares``, as `write_html` takes them.
    """
    # From the protocol that leaks least.
    summary = sorted(
        result.summary(), key=lambda row: PROTOCOLS.index(row["protocol"]), reverse=True
    )
    columns = {}
    for name, title in _SUMMARY_COLUMNS.items():
        if name == "segment_accuracy_mean":
            columns |= {f"{own}_mean": own for own in result.scoring}
        columns[name] = title
    yield {
        "title": "Scores",
        "about": "Means over folds and seeds. The interval counts an artist as one "
        "observation where artists are kept apart, elsewhere a track.",
        "columns": list(columns.values()),
        "rows": [[row[name] for name in columns] for row in summary],
        "n_text": 2,
    }
    predictions = gather_predictions(result)
    for protocol in reversed(PROTOCOLS):
        answers = {
            model: found
            for (model, name), found in predictions.items()
            if name == protocol
        }
        if answers:
            yield _tabulate_genres(answers, protocol)
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


def _tabulate_genres(answers, protocol):
    """Return the recall of each genre (rows) by each model (columns)."""
    tracks_of, n_right, n_all = {}, Counter(), Counter()
    for model, predictions in answers.items():
        for genre, answer, track in zip(*predictions, strict=True):
            # Under several seeds each track is predicted several times.
            tracks_of.setdefault(genre, set()).add(track)
            n_all[genre, model] += 1
            n_right[genre, model] += answer == genre
    rows, shares = [], []
    for genre, tracks in sorted(tracks_of.items()):
        keys = [(genre, model) for model in answers]
        recalls = [n_right[key] / n_all[key] if n_all[key] else None for key in keys]
        rows.append([genre, len(tracks), *map(_write_share, recalls)])
        shares.append([None, None, *recalls])
    return {
        "title": f"By genre, protocol {protocol}",
        "about": "Recall in %: of a genre's tracks, those that the model recognises.",
        "columns": ["genre", "tracks", *answers],
        "rows": rows,
        "n_text": 1,
        "shares": shares,
        "protocol": protocol,
    }


def count_answers(target, predicted):
    """Return the genres, and the answers (columns) to the tracks of each (rows)."""
    genres, codes = np.unique([target, predicted], return_inverse=True)
    n = len(genres)
    pairs = np.dot([n, 1], codes.reshape(2, -1))
    return genres.tolist(), np.bincount(pairs, minlength=n * n).reshape(n, n)


def tabulate_answers(genres, counts):
    """Return `count_answers` as a table with recall, precision and shares."""
    rows, shares = [], []
    for genre, row, n_right in zip(genres, counts, counts.diagonal(), strict=True):
        found = row / row.sum() if row.any() else row
        recall = n_right / row.sum() if row.any() else None
        # Blank where it is zero, so that errors stand out.
        texts = [count or "" for count in row.tolist()]
        rows.append([genre, *texts, _write_share(recall)])
        shares.append([None, *found.tolist(), None])
    n_answers = counts.sum(axis=0)
    precision = [
        _write_share(n_right / n) if n else None
        for n_right, n in zip(counts.diagonal(), n_answers, strict=True)
    ]
    return {
        "columns": ["genre", *genres, "recall, %"],
        "rows": [*rows, ["precision, %", *precision, ""]],
        "n_text": 1,
        "shares": [*shares, [None] * (len(genres) + 2)],
    }


def _write_share(share):
    return None if share is None else f"{100 * share:.0f}"
