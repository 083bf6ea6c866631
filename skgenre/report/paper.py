"""The paper's experiments as files."""

from pathlib import Path

from skgenre._io import atomic_write
from skgenre.displays import TrainingHistoryDisplay
from skgenre.report.figures import save_figure


def write_paper(result, directory):
    """Write ``paper.md`` and the curves of each network, as PNG and SVG.

    Parameters
    ----------
    result : PaperResult
        What `reproduce_paper` returns.
    directory : str or Path
        Folder to write to; made where it does not exist.
    """
    import matplotlib.pyplot as plt

    directory = Path(directory)
    directory.mkdir(parents=True, exist_ok=True)
    with atomic_write(directory / "paper.md", "w", encoding="utf-8") as file:
        file.write(result.to_table() + "\n")
    for (model, split), history in result.histories.items():
        figure, axes = plt.subplots(1, 2, figsize=(10, 4), layout="constrained")
        for quantity, ax in zip(("accuracy", "loss"), axes, strict=True):
            TrainingHistoryDisplay(history).plot(quantity=quantity, ax=ax)
        part = "the validation part" if "(" in split else "the test part"
        figure.suptitle(
            f"{model}, split {split} of shuffled segments (validation: {part})"
        )
        save_figure(directory, f"paper-{model}-{split}", "", figure)
