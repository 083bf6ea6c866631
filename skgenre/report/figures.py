"""The pictures of a report."""

import base64
import io

from skgenre.displays import BenchmarkDisplay
from skgenre.displays.axes import plain_text
from skgenre.report.tables import gather_answers

# File systems take 255, extension included.
MAX_NAME_BYTES = 200


def draw_figures(result):
    """Name, caption and figure of each picture."""
    display = BenchmarkDisplay.from_result(result)
    yield "accuracies", "Accuracy of each model under each protocol.", display.figure_
    for (model, protocol), (target, predicted, _) in gather_answers(result).items():
        caption = f"{model}, protocol {protocol}: predictions for each genre's tracks."
        yield (
            f"confusion-{protocol}-{model}",
            caption,
            _draw_confusion(target, predicted),
        )


def _draw_confusion(target, predicted):
    import matplotlib.pyplot as plt
    from sklearn.metrics import ConfusionMatrixDisplay

    genres = sorted(set(target) | set(predicted))
    size = 2.5 + 0.45 * len(genres)
    _, ax = plt.subplots(figsize=(size, size * 0.9), layout="constrained")
    display = ConfusionMatrixDisplay.from_predictions(
        *(target, predicted),
        labels=genres,
        display_labels=list(map(plain_text, genres)),
        **{"cmap": "Greys", "xticks_rotation": "vertical", "ax": ax},
    )
    ax.set(xlabel="Answer", ylabel="Genre")
    return display.figure_


def save_figure(directory, name, caption, figure):
    """Write a figure as PNG and SVG; return what the page needs of it."""
    import matplotlib.pyplot as plt

    # A model's name may be anything, a file's may not.
    name = "".join(c if c.isalnum() or c in "-_." else "_" for c in name)
    name = name.encode()[:MAX_NAME_BYTES].decode(errors="ignore")
    for extension in ("png", "svg"):
        figure.savefig(directory / f"{name}.{extension}", dpi=120)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=120)
    plt.close(figure)
    return {"caption": caption, "png": base64.b64encode(buffer.getvalue()).decode()}
