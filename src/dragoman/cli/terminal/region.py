"""The last rows on a terminal, drawn again and again. Needs rich; knows no Markdown."""

import os
from collections.abc import Mapping

from rich.console import Console
from rich.control import Control
from rich.segment import ControlCode, ControlType, Segment, Segments

from dragoman.cli.terminal.markdown import DrawnRow

KEEPERS = ("linux", "rxvt", "screen", "vt")
"""Beginnings of TERM of those that do not reflow their lines when they get narrower."""


class Region:
    """Rows that may change until they are drawn for good. Draws no changing rows outside of the visible screen."""

    def __init__(self, console: Console, environment: Mapping[str, str] = os.environ) -> None:
        self._console = console
        self._reflows = reflows(environment)
        self._widths: list[int] = []

    def change(self, fixed: list[DrawnRow], growing: list[DrawnRow]) -> None:
        """In place of the rows that might change: `fixed` for good, below them `growing` as far as they fit."""
        with self._console:
            self._erase()
            for row in fixed:
                self._print([*row.segments(self._console), Segment.line()])
            if self._console.is_terminal:
                self._grow(growing)

    def forget(self) -> None:
        """Leaves what is drawn as it is: something else was drawn below it."""
        self._widths = []

    def _grow(self, rows: list[DrawnRow]) -> None:
        width = self._console.width
        folded = [piece for row in rows for piece in row.folded(width)][-max(1, self._console.height - 2) :]
        drawn = [piece.segments(self._console) for piece in folded]
        for place, segments in enumerate(drawn):
            self._print([Segment.line(), *segments] if place else segments)
        self._widths = [Segment.get_line_length(segments) for segments in drawn]

    def _erase(self) -> None:
        if not self._widths:
            return
        # A terminal that got narrower has reflowed the rows.
        width = self._console.width if self._reflows else max(1, *self._widths)
        rows = sum(max(1, -(-wide // width)) for wide in self._widths)
        steps: list[ControlType | ControlCode] = [ControlType.CARRIAGE_RETURN, (ControlType.ERASE_IN_LINE, 2)]
        for _ in range(1, min(rows, self._console.height)):
            steps += [(ControlType.CURSOR_UP, 1), (ControlType.ERASE_IN_LINE, 2)]
        self._console.control(Control(*steps))
        self._widths = []

    def _print(self, segments: list[Segment]) -> None:
        self._console.print(Segments(segments), end="", soft_wrap=True)


def reflows(environment: Mapping[str, str]) -> bool:
    """Whether this terminal reflows what it shows when its width changes, as nearly all do."""
    if "TMUX" in environment:
        return True
    return "XTERM_VERSION" not in environment and not environment.get("TERM", "").startswith(KEEPERS)
