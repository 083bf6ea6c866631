"""Tables as Markdown and as HTML, and the names of tracks in them."""

import math
import os
from html import escape

from skgenre._io import printable


def write_markdown(rows):
    """Return rows of texts, the head first, as a table that is aligned as text, too."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    rows = [rows[0], ["-" * width for width in widths], *rows[1:]]
    padded = [map(str.ljust, row, widths) for row in rows]
    return "\n".join(f"| {' | '.join(texts)} |" for texts in padded)


def write_html(columns, rows, *, text_columns, shares=None):
    """Return a table, all its texts escaped, as pages and notebooks show it.

    `text_columns` are the positions of the columns that are aligned left. `shares`, of
    the shape of the rows, are numbers from 0 to 1 (or None) that the page's style
    shades the cells by.
    """
    styles = [""] * len(columns)
    for column in text_columns:
        # Notebooks do not have the page's style, and align all cells right.
        styles[column] = ' style="text-align: left"'
    heads = zip(styles, columns, strict=True)
    lines = [
        "<table>",
        "<thead><tr>",
        *(f"<th{style}>{_write_cell(name)}</th>" for style, name in heads),
        "</tr></thead>",
        "<tbody>",
    ]
    for number, row in enumerate(rows):
        cell_styles = styles
        if shares is not None:
            cell_styles = [
                f' style="--share: {share:.2f}"' if share else style
                for style, share in zip(styles, shares[number], strict=True)
            ]
        cells = zip(cell_styles, row, strict=True)
        texts = (f"<td{style}>{_write_cell(value)}</td>" for style, value in cells)
        lines.append(f"<tr>{''.join(texts)}</tr>")
    return "\n".join([*lines, "</tbody></table>"])


def _write_cell(value):
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return "–"
    return f"{value:.3f}" if isinstance(value, float) else escape(printable(value))


def name_tracks(paths):
    """Return paths without the folders that all share: tables are sent to others."""
    paths = [os.fspath(path) for path in paths]
    folders = {os.path.dirname(path) for path in paths}
    try:
        shared = os.path.commonpath(folders)
    except ValueError:
        # Of several drives, or of none.
        return paths
    return [os.path.relpath(path, shared or ".") for path in paths]
