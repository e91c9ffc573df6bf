"""An answer as Markdown on a terminal, drawn while it comes. Needs rich."""

import asyncio
import sys
from itertools import pairwise
from time import monotonic

from rich.console import Console
from rich.text import Text

from dragoman.cli.terminal.display import Display
from dragoman.cli.terminal.markdown import DrawnRow, Markdown, draw
from dragoman.cli.terminal.output import Out, dim, harmless, one_line
from dragoman.cli.terminal.region import Region
from dragoman.cli.terminal.spinner import Waiting

PAUSE = 1 / 12
"""Seconds between two drawings: so many a second look like flowing text."""

SHARE = 4
"""A drawing that takes long is followed by a pause this many times as long: reading the answer comes first."""


class MarkdownPage(Display):
    """Complete blocks stay as they are drawn; the last one, which still grows, is drawn again and again."""

    def __init__(self, waiting: Waiting, console: Console | None = None, pause: float = PAUSE) -> None:
        self._waiting = waiting
        self._pause = pause
        self._console = console or Console(highlight=False)
        self._region = Region(self._console)
        self._out = Out()
        self._blocks = Markdown()
        self._text = ""
        self._drawn = False
        self._next = 0.0
        self._timer: asyncio.TimerHandle | None = None

    def text(self, text: str) -> None:
        if not text:
            return
        self._waiting.stop()
        if not self._text:
            self._out.end_line()
        self._text += harmless(text)
        if self._timer is not None:
            return
        wait = self._next - monotonic()
        if wait > 0:
            self._timer = asyncio.get_running_loop().call_later(wait, self._draw)
        else:
            self._draw()

    def reasoning(self, text: str) -> None:
        self._waiting.stop()
        self._settle()
        self._out.draw(dim(harmless(text), sys.stdout))
        self._out.fresh = text.endswith("\n")
        self._drawn = True

    def note(self, text: str) -> None:
        self._waiting.stop()
        self._settle()
        self._out.end_line()
        self._out.draw(dim(one_line(text), sys.stdout) + "\n")
        self._drawn = True

    def close(self) -> None:
        self._waiting.stop()
        self._settle()
        self._out.end_line()

    def resume(self) -> None:
        self._region.forget()

    def _draw(self) -> None:
        """Draws all blocks for good except the last, which may still change; that one is drawn as it is now."""
        self._timer = None
        began = monotonic()
        complete = self._text.rfind("\n") + 1
        *whole, last = self._split(self._text[:complete])
        self._text = last + self._text[complete:]
        fixed = self._rows(whole)
        growing = draw(self._text, self._console)
        self._region.change(fixed, [*self._gap(), *growing] if growing else [])
        ended = monotonic()
        self._next = ended + max(self._pause, SHARE * (ended - began))

    def _settle(self) -> None:
        """Draws for good what was still growing."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        text, self._text = self._text, ""
        if text:
            self._region.change(self._rows(self._split(text)), [])

    def _rows(self, blocks: list[str]) -> list[DrawnRow]:
        """The rows of complete blocks, with an empty row before each except the answer's first."""
        rows: list[DrawnRow] = []
        for block in blocks:
            if drawn := draw(block, self._console):
                rows += [*self._gap(), *drawn]
                self._drawn = True
        return rows

    def _gap(self) -> list[DrawnRow]:
        return [DrawnRow(Text())] if self._drawn else []

    def _split(self, text: str) -> list[str]:
        """The blocks of `text`, never none; joined they are `text` again."""
        lines = text.split("\n")
        starts = [token.map[0] for token in self._blocks.parse(text) if token.level == 0 and token.map]
        marks = sorted({0, *starts, len(lines)})
        blocks = ["\n".join(lines[begin:end]) for begin, end in pairwise(marks)]
        return [f"{block}\n" for block in blocks[:-1]] + blocks[-1:]
