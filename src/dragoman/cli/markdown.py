"""An answer as Markdown on a terminal, drawn while it comes. Needs rich."""

import sys
from itertools import pairwise
from time import monotonic

from markdown_it import MarkdownIt
from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.live import Live
from rich.markdown import Markdown
from rich.segment import Segment

from dragoman.cli.output import Out, dim, harmless, one_line
from dragoman.cli.page import Page
from dragoman.cli.waiting import Waiting

FRAMES = 12
"""Drawings a second: as many as look like flowing text."""


class Harmless:
    """What `renderable` draws, without control characters: Markdown has spellings for them that only its parser undoes.

    `most`: draw so many of its last lines.
    """

    def __init__(self, renderable: RenderableType, most: int | None = None) -> None:
        self._renderable = renderable
        self._most = most

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        lines = _trimmed(console.render_lines(self._renderable, options, pad=False))
        for line in lines if self._most is None else lines[-self._most :]:
            for segment in _unpadded(line):
                if not segment.control:
                    yield Segment(harmless(segment.text), segment.style)
            yield Segment.line()


class MarkdownPage(Page):
    """Blocks that are whole stay where they are drawn; the last one, still growing, is drawn anew again and again."""

    def __init__(self, waiting: Waiting, console: Console | None = None, pause: float = 1 / FRAMES) -> None:
        self._waiting = waiting
        self._pause = pause
        self._console = console or Console(highlight=False)
        self._out = Out()
        self._blocks = MarkdownIt().enable("strikethrough").enable("table")
        self._live: Live | None = None
        self._text = ""
        self._drawn = False
        self._looked = 0.0

    def text(self, text: str) -> None:
        if not text:
            return
        self._waiting.stop()
        if self._live is None:
            self._out.end_line()
            self._live = Live(
                console=self._console,
                get_renderable=self._growing,
                refresh_per_second=FRAMES,
                transient=True,
                vertical_overflow="crop",
                redirect_stdout=False,
                redirect_stderr=False,
            )
            self._live.start()
        self._text += harmless(text)
        if "\n" in text and monotonic() - self._looked >= self._pause:
            self._looked = monotonic()
            self._draw_whole()

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

    def _growing(self) -> RenderableType:
        return Harmless(_markdown(self._text), most=max(1, self._console.height - 2))

    def _draw_whole(self) -> None:
        """Draws for good all blocks but the last: what comes cannot change those."""
        complete = self._text.rfind("\n") + 1
        *whole, last = self._split(self._text[:complete])
        self._text = last + self._text[complete:]
        for block in whole:
            self._draw(block)

    def _settle(self) -> None:
        """Draws for good what was still growing."""
        live, self._live = self._live, None
        text, self._text = self._text, ""
        if live is not None:
            live.stop()
            for block in self._split(text):
                self._draw(block)

    def _draw(self, block: str) -> None:
        if block.strip():
            if self._drawn:
                self._out.end_line()
                self._console.print()
            self._console.print(Harmless(_markdown(block.strip("\n"))), end="")
            self._drawn = True

    def _split(self, text: str) -> list[str]:
        """The blocks of `text`, never none; joined they are `text` again."""
        lines = text.split("\n")
        starts = [token.map[0] for token in self._blocks.parse(text) if token.level == 0 and token.map]
        marks = sorted({0, *starts, len(lines)})
        blocks = ["\n".join(lines[begin:end]) for begin, end in pairwise(marks)]
        return [f"{block}\n" for block in blocks[:-1]] + blocks[-1:]


def _trimmed(lines: list[list[Segment]]) -> list[list[Segment]]:
    """Without the empty lines that tables and code have around them."""
    full = [i for i, line in enumerate(lines) if any(segment.text.strip() for segment in line)]
    return lines[full[0] : full[-1] + 1] if full else []


def _unpadded(line: list[Segment]) -> list[Segment]:
    """Without the spaces that fill the line up: whoever copies it wants none."""
    while line and not line[-1].text.rstrip():
        line = line[:-1]
    return [*line[:-1], Segment(line[-1].text.rstrip(), line[-1].style)] if line else []


def _markdown(text: str) -> Markdown:
    # Without hyperlinks an address is shown, not hidden behind its words.
    return Markdown(text, code_theme="ansi_dark", hyperlinks=False)
