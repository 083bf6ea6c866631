import itertools

import numpy as np
import pytest

import skgenre
from skgenre import (
    BenchmarkDisplay,
    MFCCDisplay,
    MFCCExtractor,
    MLPGenreClassifier,
    SegmentTimelineDisplay,
    TrainingHistoryDisplay,
    make_model,
    predict_timeline,
    run_benchmark,
)

matplotlib = pytest.importorskip("matplotlib")
matplotlib.use("agg")


@pytest.fixture(autouse=True)
def close_figures():
    from matplotlib import pyplot

    yield
    pyplot.close("all")


@pytest.fixture(scope="module")
def pipeline(made_tracks):
    model = make_model("mlp", epochs=2, hidden_layer_sizes=(8,), random_state=0)
    return model.fit(made_tracks.paths, made_tracks.target)


def has_overlap(ax):
    """Whether tick labels of an axis overlap each other once drawn."""
    ax.figure.canvas.draw()
    for axis in (ax.xaxis, ax.yaxis):
        boxes = [t.get_window_extent() for t in axis.get_ticklabels() if t.get_text()]
        if any(a.overlaps(b) for a, b in itertools.pairwise(boxes)):
            return True
    return False


@pytest.mark.parametrize("quantity", ["accuracy", "loss"])
def test_history_has_a_curve_per_part(quantity, features):
    X, y = features
    model = MLPGenreClassifier(hidden_layer_sizes=(8,), epochs=3)
    model.fit(X[::2], y[::2], X_val=X[1::2], y_val=y[1::2])
    display = TrainingHistoryDisplay.from_estimator(model, quantity=quantity)
    curves = {line.get_label(): list(line.get_ydata()) for line in display.lines_}
    assert curves["training, per segment"] == model.history_[quantity]
    assert curves["validation, per segment"] == model.history_[f"val_{quantity}"]
    assert ("validation, per track" in curves) == (quantity == "accuracy")
    styles = {line.get_linestyle() for line in display.lines_}
    assert len(styles) == len(curves)
    assert not has_overlap(display.ax_)


ROW = {"model": "knn", "protocol": "track", "accuracy_mean": 0.5}
MADE = [
    BenchmarkDisplay([{**ROW, "accuracy_low": 0.4, "accuracy_high": 0.6}]),
    TrainingHistoryDisplay({"accuracy": [0.2, 0.5]}),
    MFCCDisplay(np.zeros((2, 4, 3))),
    SegmentTimelineDisplay(np.full((3, 2), 0.5), ["blues", "rock"]),
]


def test_no_display_is_forgotten_here():
    named = {name for name in skgenre.__all__ if name.endswith("Display")}
    assert named == {type(display).__name__ for display in MADE}


@pytest.mark.parametrize("display", MADE, ids=lambda d: type(d).__name__)
@pytest.mark.parametrize("is_given", [False, True])
def test_plot_draws_on_the_given_axes_and_returns_the_display(display, is_given):
    ax = matplotlib.pyplot.subplots()[1] if is_given else None
    before = matplotlib.pyplot.get_fignums()
    assert display.plot(ax=ax) is display
    assert display.figure_ is display.ax_.figure
    assert not is_given or display.ax_ is ax
    # None makes a figure of its own, and only one.
    n_new = len(matplotlib.pyplot.get_fignums()) - len(before)
    assert n_new == (0 if is_given else 1)


def test_every_way_to_make_a_display_takes_axes(pipeline, made_tracks):
    result = run_benchmark(["dummy"], made_tracks, n_splits=2)
    path = made_tracks.paths[0]
    for door, arguments in [
        (BenchmarkDisplay.from_result, [result]),
        (TrainingHistoryDisplay.from_estimator, [pipeline]),
        (MFCCDisplay.from_estimator, [MFCCExtractor(), path]),
        (SegmentTimelineDisplay.from_estimator, [pipeline, path]),
    ]:
        # Also where a figure has figures in it.
        part = matplotlib.pyplot.figure().subfigures(1, 2)[0]
        ax = part.subplots()
        display = door(*arguments, ax=ax)
        assert isinstance(display, door.__self__)
        assert display.ax_ is ax
        assert display.figure_ is part


def test_long_names_of_models_are_wrapped_and_overlap_nothing():
    names = ["knn", "word " * 12, "x" * 300, "$a$"]
    row = {**ROW, "accuracy_low": 0.4, "accuracy_high": 0.6}
    display = BenchmarkDisplay([{**row, "model": name} for name in names]).plot()
    labels = [label.get_text() for label in display.ax_.get_yticklabels()]
    assert labels[0] == "knn"
    assert labels[1].split() == ["word"] * 12
    assert labels[2].endswith("…")
    assert max(len(line) for label in labels for line in label.split("\n")) <= 24
    assert not has_overlap(display.ax_)
    # The names leave more than a third of the picture.
    left, right = display.ax_.get_position().intervalx
    assert right - left > 0.35


def test_benchmark_shows_each_model_under_each_protocol(made_tracks):
    result = run_benchmark(
        ["knn", "logistic"],
        made_tracks,
        protocols=("segment", "track", "artist"),
        n_splits=2,
    )
    display = BenchmarkDisplay.from_result(result)
    labels = [text.get_text() for text in display.legend_.get_texts()]
    assert [label.split(":")[0] for label in labels] == [
        *("guessing", "segment", "track", "artist")
    ]
    assert [t.get_text() for t in display.ax_.get_yticklabels()] == ["knn", "logistic"]
    points = display.ax_.containers[1].lines[0].get_xdata()
    summary = [row for row in result.summary() if row["protocol"] == "track"]
    assert list(points) == [row["accuracy_mean"] for row in summary]
    assert not has_overlap(display.ax_)


def test_timeline_has_the_models_probabilities_over_seconds(pipeline, made_tracks):
    path = made_tracks.paths[0]
    display = SegmentTimelineDisplay.from_estimator(pipeline, path)
    expected = predict_timeline(pipeline, path).probabilities
    np.testing.assert_array_equal(display.im_.get_array().T, expected)
    assert expected.shape == (2, 3)
    assert display.ax_.get_xlim() == (0, 6)
    assert [t.get_text() for t in display.ax_.get_yticklabels()] == list(
        pipeline.classes_
    )


@pytest.mark.parametrize(
    ("n_segments", "segment_duration", "end", "label"),
    [
        (10, None, 10, "Segment"),
        (10, 3.0, 30, "Time (s)"),
        (3600, 3.0, 180, "Time (min)"),
        (28800, 3.0, 24, "Time (h)"),
    ],
)
def test_a_timeline_of_any_length_is_labelled_in_fitting_units(
    n_segments, segment_duration, end, label
):
    probabilities = np.full((n_segments, 10), 0.1)
    display = SegmentTimelineDisplay(
        probabilities, range(10), segment_duration=segment_duration
    ).plot()
    assert display.ax_.get_xlim() == (0, end)
    assert display.ax_.get_xlabel() == label
    assert not has_overlap(display.ax_)


def test_segments_that_share_a_pixel_are_averaged():
    probabilities = np.zeros((3600, 2))
    probabilities[1800:, 0] = probabilities[::2, 1] = 1
    drawn = SegmentTimelineDisplay(probabilities, "ab").plot().im_.get_array()
    columns = drawn.shape[1]
    assert columns < 1000
    np.testing.assert_allclose(drawn[0], np.repeat([0, 1], columns // 2))
    np.testing.assert_allclose(drawn[1], 0.5, atol=0.1)


def test_coefficients_are_drawn_from_the_bottom_up(made_tracks):
    extractor = MFCCExtractor(n_segments=2)
    display = MFCCDisplay.from_estimator(extractor, made_tracks.paths[0])
    (expected,) = extractor.transform(made_tracks.paths[:1])
    np.testing.assert_array_equal(display.im_.get_array(), expected.reshape(-1, 13).T)
    assert display.ax_.get_ylim() == (0.5, 13.5)
    assert display.ax_.get_xlim() == (0, 6)


def test_what_cannot_be_drawn_is_refused(pipeline):
    with pytest.raises(ValueError, match="fitted network with a history_"):
        TrainingHistoryDisplay.from_estimator(make_model("knn"))
    with pytest.raises(ValueError, match="quantity must be one of"):
        TrainingHistoryDisplay({}).plot(quantity="error")
    with pytest.raises(TypeError, match="begins with an MFCCExtractor"):
        SegmentTimelineDisplay.from_estimator(pipeline[-1], "a.wav")


@pytest.mark.parametrize(
    ("display", "message"),
    [
        (MFCCDisplay(np.zeros((2, 3, 4, 5))), r"one track, got \(2, 3, 4, 5\)"),
        (SegmentTimelineDisplay(np.zeros((4, 2)), "abc"), r"\(n_segments, 3\), .*4, 2"),
        (SegmentTimelineDisplay(np.zeros((1, 4, 3)), "abc"), r"got \(1, 4, 3\)"),
    ],
)
def test_other_shapes_than_of_one_track_are_refused(display, message):
    with pytest.raises(ValueError, match=message):
        display.plot()
