import itertools

import numpy as np
import pytest

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
    yield
    matplotlib.pyplot.close("all")


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


def test_history_is_drawn_on_the_given_axes(pipeline):
    figure, ax = matplotlib.pyplot.subplots()
    display = TrainingHistoryDisplay.from_estimator(pipeline, ax=ax)
    assert display.ax_ is ax
    assert display.figure_ is figure


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
