"""Rows of text in columns. Knows no colour."""

from collections.abc import Sequence

from dragoman.cli.output import one_line

GAP = "  "


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """The rows under their head, each column as wide as its longest word; lines have no spaces at their ends."""
    cells = [[one_line(cell) for cell in row] for row in [head, *rows]]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return "\n".join(
        GAP.join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in cells
    )
