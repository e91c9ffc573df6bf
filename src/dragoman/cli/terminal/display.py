"""Ways to show an answer. Knows no event."""

import sys
from abc import ABC, abstractmethod

from dragoman.cli.terminal.output import Out, dim, harmless, one_line, remark
from dragoman.cli.terminal.spinner import Waiting


class Display(ABC):
    """Takes an answer as it comes, and ends the waiting for it when there is something to see."""

    @abstractmethod
    def text(self, text: str) -> None:
        """Text for the reader."""

    @abstractmethod
    def reasoning(self, text: str) -> None:
        """The model's thinking."""

    @abstractmethod
    def note(self, text: str) -> None:
        """A line that is not part of the answer: a tool call, a remark of ours."""

    def call(self, text: str) -> None:
        """A line about a tool that is run: it ends the text before it, and is shown at once."""
        self.note(text)

    @abstractmethod
    def close(self) -> None:
        """The answer is over, well or not. May be called twice."""

    def resume(self) -> None:
        """Something else was shown in between: what is drawn above it stays as it is."""
        return


class PlainPage(Display):
    """Text on stdout as it is, and at the end a line feed if one is missing; notes on stderr.

    Reasoning is dimmed, and shown on a terminal only. Elsewhere notes wait until the answer's line has ended: both
    outputs may go to the same file.
    """

    def __init__(self, waiting: Waiting) -> None:
        self._waiting = waiting
        self._out = Out()
        self._thinking = False
        self._notes: list[str] = []

    def text(self, text: str) -> None:
        if text:
            self._turn(thinking=False)
            self._out.write(text)

    def reasoning(self, text: str) -> None:
        if text and self._out.terminal:
            self._turn(thinking=True)
            self._out.draw(dim(harmless(text), sys.stdout))
            self._out.fresh = text.endswith("\n")

    def note(self, text: str) -> None:
        self._waiting.stop()
        if self._out.terminal:
            self._out.end_line()
        self._notes.append(one_line(text))
        if self._out.fresh:
            self._tell()

    def call(self, text: str) -> None:
        self._waiting.stop()
        self._out.end_line()
        self.note(text)

    def close(self) -> None:
        self._waiting.stop()
        self._out.end_line()
        self._tell()

    def _tell(self) -> None:
        notes, self._notes = self._notes, []
        for note in notes:
            remark(note)

    def _turn(self, *, thinking: bool) -> None:
        """Begins a new line, after an empty one, between reasoning and text."""
        self._waiting.stop()
        if self._thinking != thinking:
            if self._out.terminal and not thinking:
                self._out.end_line()
                self._out.draw("\n")
            self._thinking = thinking


class BlankPage(Display):
    """Shows nothing but the calls of tools: the whole answer is printed once it has come."""

    def __init__(self, waiting: Waiting) -> None:
        self._waiting = waiting

    def text(self, text: str) -> None:
        return

    def reasoning(self, text: str) -> None:
        return

    def note(self, text: str) -> None:
        return

    def call(self, text: str) -> None:
        self._waiting.stop()
        remark(one_line(text))

    def close(self) -> None:
        self._waiting.stop()
