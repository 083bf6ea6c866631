"""Scores as text, and the text as a table."""

import math

import numpy as np


def format_scores(values):
    """Mean ± standard deviation; a dash where a model does not have the score."""
    return format_mean(np.mean(values), np.std(values))


def format_mean(mean, deviation):
    """Mean ± standard deviation; a dash for none."""
    return "–" if math.isnan(mean) else f"{mean:.3f} ± {deviation:.3f}"


def format_interval(low, high):
    """Both ends; a dash for none."""
    return "–" if math.isnan(low) else f"{low:.2f} to {high:.2f}"


def score_title(name):
    """A score's name as people read it."""
    titles = {
        "accuracy": "accuracy per track",
        "segment_accuracy": "accuracy per segment",
        "train_accuracy": "in training",
    }
    return titles.get(name, name)


def align(rows):
    """Rows of cells as a Markdown table that is aligned in plain text too."""
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    rows = [rows[0], ["-" * width for width in widths], *rows[1:]]
    return "\n".join(
        "| "
        + " | ".join(cell.ljust(n) for cell, n in zip(row, widths, strict=True))
        + " |"
        for row in rows
    )
