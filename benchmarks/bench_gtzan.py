"""What each model is worth on all of GTZAN, by protocol, genre and number of tracks.

    python benchmarks/bench_gtzan.py DATA --output OUT [--compare first,second]
    python benchmarks/bench_gtzan.py --gtzan DIR... --output OUT

DATA is an npz of log-mel spectrograms, ``X`` (n_tracks, 128, 387) of uint8 (0 to 255
are -80 to 0 dB, relative to the track's maximum) and ``ids`` (``blues.00000``), with
the index of the tracks, gtzan_index.csv, beside it. The cosine transform of the bands
makes MFCCs of it; ten segments have 38 frames each instead of 130. Such a file is made
from audio by

    skgenre extract --gtzan DIR -o FILE.npz --n-mfcc 128

which DATA may name, too: OUT/logmels.npz is then the file in the form above. With
--gtzan the models analyse the audio itself.

Every model runs under `segment` (three repetitions that test on a fifth of the
segments), `track` and `artist` (three folds each) and `filtered`, with several seeds.
Under `filtered`, the parts `train` and `valid` of the fault-filtered split are trained
on, and `test` is tested on. No model here chooses anything or stops early; one that
does must do so on `valid` only, and never on `test`. The learning curves train on
artists drawn from those parts, whole and from all genres alike, and test on `test`.

Tables (tables.md) and pictures go to OUT, with each finished fit: a run that was
stopped goes on from there. --paper runs the experiments of the paper instead.
"""

import argparse
import logging
import os
import sys
from pathlib import Path

import numpy as np
from logmel_tracks import MFCCFromLogMels, load_tracks, replace_extractor
from sklearn.metrics import confusion_matrix
from sklearn.utils import Bunch

from skgenre import (
    BenchmarkDisplay,
    fetch_gtzan,
    make_model,
    reproduce_paper,
    run_benchmark,
)
from skgenre._tables import write_markdown
from skgenre.benchmark.statistics import compare_models
from skgenre.displays import make_axes
from skgenre.keras_classifiers.training_set import hold_out_tracks
from skgenre.model_selection import PROTOCOLS
from skgenre.models import MODEL_NAMES
from skgenre.report.page import write_paper
from skgenre.report.tables import gather_predictions

N_FOLDS = 3
# Their splits keep artists apart.
BY_ARTIST = ("artist", "filtered")


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("data", nargs="?", metavar="DATA")
    add("--index", help="default: gtzan_index.csv beside DATA")
    add("--gtzan", nargs="+", metavar="DIR", help="folders of the audio")
    add("--output", required=True)
    names = [name for name in MODEL_NAMES if name != "dummy"]
    add("--models", type=split_names, default=names, help="default: all but dummy")
    add("--protocols", type=split_names, default=PROTOCOLS)
    add("--seeds", type=int, default=5, help="number of seeds (default: 5)")
    add(
        "--compare",
        type=split_names,
        default=(),
        help="models compared by the corrected test under `artist`: to be declared "
        "before the run, as p-values are adjusted for the number of pairs",
    )
    add("--confusions", type=split_names, default=(), help="models of these tables")
    add(
        "--curve",
        type=lambda text: [int(size) for size in split_names(text)],
        default=(100, 200, 400),
        help="numbers of tracks of the learning curves; '' for none",
    )
    add("--paper", action="store_true", help="the paper's experiments instead")
    add("--jobs", type=int, default=1)
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    if (options.data is None) == (options.gtzan is None):
        parser.error("give either DATA or --gtzan")
    try:
        run(options)
    except (OSError, ValueError) as error:
        print(f"bench_gtzan: {' '.join(str(error).split())}", file=sys.stderr)
        sys.exit(2)


def split_names(text):
    return [name for name in text.split(",") if name]


def run(options):
    output = Path(options.output)
    if options.gtzan:
        tracks = fetch_gtzan(data_home=options.gtzan, download_if_missing=False)
        extractor, models = None, {name: make_model(name) for name in options.models}
    else:
        index = options.index or Path(options.data).with_name("gtzan_index.csv")
        tracks = load_tracks(options.data, index, output)
        extractor = MFCCFromLogMels()
        models = {name: replace_extractor(make_model(name)) for name in options.models}
    unknown = {*options.compare, *options.confusions} - set(models)
    if unknown:
        raise ValueError(f"--models must have {sorted(unknown)}, got {[*models]}.")
    if options.paper:
        result = reproduce_paper(tracks, extractor=extractor)
        write_paper(result, output)
        print(result)
        return
    parts = tracks.filtered_split
    tracks.filtered_split = np.where(parts == "valid", "train", parts)
    arguments = {"n_jobs": options.jobs, "cache_dir": output / "features"}
    result = run_benchmark(
        models,
        tracks,
        protocols=options.protocols,
        n_splits=N_FOLDS,
        seeds=range(options.seeds),
        output=output,
        **arguments,
    )
    curves = {}
    if "filtered" in options.protocols:
        n_trained = np.sum(tracks.filtered_split == "train")
        for size in filter(n_trained.__gt__, options.curve):
            for seed in range(options.seeds):
                curves[size, seed] = run_benchmark(
                    models,
                    draw_artists(tracks, size, seed),
                    protocols=["filtered"],
                    seeds=[seed],
                    output=output / "curve" / f"{size}-{seed}",
                    **arguments,
                )
    points = gather_curves(result, curves)
    tables = "\n\n".join(list_tables(result, points, options))
    (output / "tables.md").write_text(tables + "\n", encoding="utf-8")
    print(tables)
    BenchmarkDisplay.from_result(result).figure_.savefig(output / "accuracies.svg")
    if points:
        draw_curves(points).savefig(output / "learning_curves.svg")
    sys.exit(bool(result.failed))


def draw_artists(tracks, n_tracks, seed):
    """Of the tracks to train on, those of some artists; and all tracks to test on."""
    trained, tested = (
        np.flatnonzero(tracks.filtered_split == part) for part in ("train", "test")
    )
    _, drawn = hold_out_tracks(
        np.unique(tracks.target[trained], return_inverse=True)[1],
        tracks.groups[trained],
        validation_fraction=n_tracks / len(trained),
        random_state=np.random.RandomState(seed),
    )
    kept = np.concatenate([trained[drawn], tested])
    names = ("paths", "target", "groups", "filtered_split")
    return Bunch(**{name: tracks[name][kept] for name in names})


def gather_curves(result, curves):
    """Filtered folds of each model and size: {model: {size: [fold, ...]}}."""
    folds = [(size, fold) for (size, _), one in curves.items() for fold in one.folds]
    if folds:
        folds += [("all", fold) for fold in result.folds]
    points = {}
    for size, fold in folds:
        if fold["protocol"] == "filtered":
            points.setdefault(fold["model"], {}).setdefault(size, []).append(fold)
    return points


def list_tables(result, points, options):
    """Yield titles and tables in Markdown."""
    yield f"{len(result.paths)} tracks, {N_FOLDS} folds, seeds: {options.seeds}."
    yield from result.notes()
    yield from tabulate_scores(result, options.protocols)
    for protocol in BY_ARTIST:
        yield from tabulate_genres(result, protocol, options.confusions)
    folds = [
        fold
        for fold in result.folds
        if fold["model"] in options.compare and fold["protocol"] == "artist"
    ]
    if folds:
        yield "## Differences under `artist`, corrected test, adjusted by Holm's method"
        rows = [["first", "second", "difference", "p"]]
        for row in compare_models(folds, score="accuracy", alpha=0.05):
            p_value = row["reason"] or f"{row['p_value']:.3g}"
            difference = f"{row['difference']:+.3f}"
            rows.append([row["first"], row["second"], difference, p_value])
        yield write_markdown(rows)
    if points:
        yield "## Accuracy by number of tracks, `filtered`, ± over seeds"
        rows = []
        for model, sizes in points.items():
            values = [[fold["accuracy"] for fold in folds] for folds in sizes.values()]
            cells = [f"{np.mean(one):.3f} ± {np.std(one):.3f}" for one in values]
            rows.append([model, *cells])
        sizes = [f"{count_tracks(folds):.0f}" for folds in sizes.values()]
        yield write_markdown([["model", *sizes], *rows])


def tabulate_scores(result, protocols):
    """Yield the tables of accuracies, and of macro F1 and seconds."""
    of_tracks = [protocol for protocol in protocols if protocol != "segment"]
    accuracies = [["model", *protocols]]
    others = [["model", *of_tracks, *(f"{protocol}, s" for protocol in protocols)]]
    summary = {(row["model"], row["protocol"]): row for row in result.summary()}
    for model in dict.fromkeys(model for model, _ in summary):
        rows = {protocol: summary[model, protocol] for protocol in protocols}
        cell = "{accuracy_mean:.3f} ({accuracy_low:.2f} to {accuracy_high:.2f})"
        cells = {protocol: cell.format(**row) for protocol, row in rows.items()}
        if "segment" in rows:
            cells["segment"] = f"{rows['segment']['segment_accuracy_mean']:.3f}"
        accuracies.append([model, *cells.values()])
        scores = [f"{rows[protocol]['f1_macro_mean']:.3f}" for protocol in of_tracks]
        seconds = [f"{row['fit_seconds']:.1f}" for row in rows.values()]
        others.append([model, *scores, *seconds])
    yield "## Accuracy per track, 95 % interval; of `segment`, per segment"
    yield write_markdown(accuracies)
    yield "## Macro F1, and seconds per fit"
    yield write_markdown(others)


def tabulate_genres(result, protocol, confusions):
    """Yield the recall of each genre, and the answers of the models in `confusions`."""
    recalls = []
    for (model, its_protocol), predictions in gather_predictions(result).items():
        if its_protocol != protocol:
            continue
        target, predicted, _ = predictions
        genres = sorted(set(target))
        shares = confusion_matrix(target, predicted, labels=genres, normalize="true")
        recalls.append([model, *(f"{share:.2f}" for share in np.diag(shares))])
        if model in confusions:
            rows = [
                [genre, *(f"{share:.2f}" for share in row)]
                for genre, row in zip(genres, shares, strict=True)
            ]
            yield f"## Answers of {model} to each genre's tracks, `{protocol}`"
            yield write_markdown([["genre", *genres], *rows])
    if recalls:
        yield f"## Recall of each genre, `{protocol}`"
        yield write_markdown([["model", *genres], *recalls])


def count_tracks(folds):
    return np.mean([fold["n_train"] for fold in folds])


def draw_curves(points):
    """Figure of the learning curves, the best model first in the legend."""
    ax = make_axes(None, figsize=(8, 4.5))
    means = {
        model: [np.mean([fold["accuracy"] for fold in folds]) for folds in of.values()]
        for model, of in points.items()
    }
    for number, model in enumerate(sorted(means, key=lambda name: -means[name][-1])):
        sizes = [count_tracks(folds) for folds in points[model].values()]
        # Told apart in grey by their marks.
        ax.plot(sizes, means[model], marker="osD^vPX<>*hd"[number % 12], label=model)
    ax.set_xscale("log")
    ax.set_xticks(sizes, [f"{size:.0f}" for size in sizes])
    ax.minorticks_off()
    ax.set(xlabel="Tracks trained on (artists whole)", ylabel="Accuracy, filtered")
    ax.grid(alpha=0.3)
    ax.figure.legend(loc="outside right center")
    return ax.figure


if __name__ == "__main__":
    # TensorFlow is imported with the first network.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    main()
