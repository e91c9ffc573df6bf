"""Rows of cells as a table, for a terminal and for a page. The first row is the head; a row of one cell is a remark."""

from collections.abc import Sequence
from math import isnan

Rows = list[list[str]]


def number(value: float | None, digits: int) -> str:
    """It with its thousands apart; `-` if there is none."""
    return "-" if value is None or isnan(value) else f"{value:,.{digits}f}"


def aligned(rows: Sequence[Sequence[str]]) -> str:
    """For a terminal."""
    full = [row for row in rows if len(row) > 1]
    widths = [max(len(row[column]) for row in full) for column in range(len(rows[0]))]
    return "\n".join(
        "  ".join(
            cell.rjust(width) if column else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=False))
        ).rstrip()
        for row in rows
    )


def markdown(rows: Sequence[Sequence[str]]) -> str:
    """For a page. Remarks are left out."""
    head, *rest = [row for row in rows if len(row) > 1]
    lines = [head, ["---", *["---:"] * (len(head) - 1)], *rest]
    return "\n".join(f"| {' | '.join(cell or ' ' for cell in line)} |" for line in lines)
