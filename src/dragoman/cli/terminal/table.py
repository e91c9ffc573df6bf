"""Rows of text in columns, or one below the other if there is no room for columns. Knows no colour."""

import unicodedata
from collections.abc import Mapping, Sequence
from textwrap import wrap

from dragoman.cli.terminal.output import one_line

GAP = "  "

NARROWEST = 24
"""Columns of a text beside another: three or four words of a sentence."""


def fitted_table(head: Sequence[str], rows: Sequence[Sequence[str]], width: int | None) -> str:
    """A table; if it is wider than `width`, a paragraph for each row: the first cell, then each other with its name."""
    lines = table(head, rows)
    if width is None or max(map(columns, lines.split("\n"))) <= width:
        return lines
    names = max(map(len, head))
    return "\n".join("\n".join(_paragraph(head, row, names)) for row in rows)


def _paragraph(head: Sequence[str], row: Sequence[str], names: int) -> list[str]:
    named = zip(head[1:], row[1:], strict=True)
    return [one_line(row[0]), *(f"{GAP}{name.ljust(names)}{GAP}{one_line(cell)}".rstrip() for name, cell in named)]


def explained(rows: Mapping[str, str], width: int | None) -> str:
    """Words and what they mean, in two columns, broken between words; below each other if there is no room for both."""
    wide = max(map(len, rows)) + len(GAP)
    if width is None:
        return "\n".join(f"{word.ljust(wide)}{meaning}" for word, meaning in rows.items())
    if width < wide + NARROWEST:
        return "\n".join("\n".join([word, *_broken(meaning, width, GAP)]) for word, meaning in rows.items())
    lines = (_broken(meaning, width, " " * wide) for meaning in rows.values())
    return "\n".join(
        "\n".join([word.ljust(wide) + first.lstrip(), *more]) for word, (first, *more) in zip(rows, lines, strict=True)
    )


def _broken(text: str, width: int, indent: str) -> list[str]:
    """`text` in lines of less than `width` columns, since some terminals break a line that fills theirs."""
    return wrap(text, max(width - 1, len(indent) + 1), initial_indent=indent, subsequent_indent=indent)


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """The rows under their head, each column as wide as its longest word; lines have no spaces at their ends."""
    cells = [[one_line(cell) for cell in row] for row in [head, *rows]]
    widths = [max(map(columns, column)) for column in zip(*cells, strict=True)]
    return "\n".join(
        GAP.join(cell + " " * (width - columns(cell)) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in cells
    )


def columns(text: str) -> int:
    """The columns that `text` takes on a terminal: two for a wide character, none for one that joins the one before."""
    if text.isascii():
        return len(text)
    return sum(
        0 if unicodedata.combining(char) else 2 if unicodedata.east_asian_width(char) in "WF" else 1 for char in text
    )
