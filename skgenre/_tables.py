"""Tables as text, Markdown and HTML, and the names of tracks in them."""

import math
import os
import textwrap
import unicodedata
from html import escape

from skgenre._io import printable


def write_markdown(rows):
    """Return rows of texts, the head first, as a table that is aligned as text, too."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    rows = [rows[0], ["-" * width for width in widths], *rows[1:]]
    padded = [map(str.ljust, row, widths) for row in rows]
    return "\n".join(f"| {' | '.join(texts)} |" for texts in padded)


def write_table(rows, *, width, n_keys):
    """Return rows as columns of a terminal or, without a width, as Markdown."""
    if width is None:
        return write_markdown(rows)
    return write_columns(rows, width=width, n_keys=n_keys)


def fill_text(text, width):
    """Return a text in lines that fit a terminal or, without a width, as it is."""
    return text if width is None else textwrap.fill(text, width, break_long_words=False)


def write_columns(rows, *, width, n_keys):
    """Return rows of texts, the head first, as columns of at most `width` characters.

    Columns that do not fit follow below, again behind the first `n_keys` ones, which
    say what a row is. Only heads are broken, at their spaces.
    """
    columns = list(zip(*rows, strict=True))
    # At least as wide as "fit, s", which is not worth a second line.
    widths = [max(6, *map(len, [*head.split(), *cells])) for head, *cells in columns]
    heads = [
        textwrap.wrap(head, n, break_long_words=False, break_on_hyphens=False)
        for (head, *_), n in zip(columns, widths, strict=True)
    ]
    n_lines = max(map(len, heads))
    texts = [
        [
            text.ljust(n) if number < n_keys else text.rjust(n)
            for text in [*[""] * (n_lines - len(head)), *head, *column[1:]]
        ]
        for number, (column, head, n) in enumerate(
            zip(columns, heads, widths, strict=True)
        )
    ]
    tables, keys, others = [], texts[:n_keys], texts[n_keys:]
    while others:
        shown = [*keys, others.pop(0)]
        while others and len("  ".join(c[0] for c in [*shown, others[0]])) <= width:
            shown.append(others.pop(0))
        lines = ["  ".join(row).rstrip() for row in zip(*shown, strict=True)]
        tables.append("\n".join(lines).strip("\n"))
    return "\n\n".join(tables)


def count_columns(text):
    """Return how many columns of a terminal a text takes: two for many of Asia's."""
    widths = {"W": 2, "F": 2}
    return sum(
        0
        if unicodedata.combining(c)
        else widths.get(unicodedata.east_asian_width(c), 1)
        for c in text
    )


def shorten_name(name, n_columns):
    """Return the end of a name that is too long; the ends of paths tell them apart."""
    if count_columns(name) <= n_columns:
        return name
    while name and count_columns(name) >= n_columns:
        name = name[1:]
    return "…" + name


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
    return f"{value:z.3f}" if isinstance(value, float) else escape(printable(value))


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
