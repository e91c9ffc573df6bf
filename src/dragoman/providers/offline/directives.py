"""What an offline model does, step by step, and the events of each step."""

from collections.abc import Iterator, Sequence
from typing import assert_never

from msgspec import Struct

from dragoman.errors import DragomanError
from dragoman.providers.offline.words import count_words, first_words, words
from dragoman.types import (
    FinishReason,
    PartDelta,
    PartEnd,
    PartStart,
    Reasoning,
    Refusal,
    ResponseEnd,
    ResponseStart,
    StreamEvent,
    Text,
    ToolCall,
    Usage,
)

BATCH = 64
"""Repeated deltas that come at once: what one read of a fast service brings."""


class Say(Struct, frozen=True):
    """Words of one kind, streamed one by one; if `times` is set, so many deltas of the whole text."""

    part: Text | Reasoning | Refusal
    text: str
    times: int | None = None


class CallTool(Struct, frozen=True):
    """A tool call."""

    part: ToolCall
    arguments: str


class Pause(Struct, frozen=True):
    """Seconds of silence; None: for ever."""

    seconds: float | None


class Fail(Struct, frozen=True):
    """The answer ends with this error."""

    error: DragomanError


class Finish(Struct, frozen=True):
    """A finish reason that does not follow from the parts."""

    reason: FinishReason


class Count(Struct, frozen=True):
    """The usage to report; None: report nothing."""

    usage: Usage | None


Directive = Say | CallTool | Pause | Fail | Finish | Count


def spoken(text: str, most: int | None) -> list[Directive]:
    """Says `text`, cut if it has more words than `most`."""
    if most is None or count_words(text) <= most:
        return [Say(Text(text=""), text)]
    return [Say(Text(text=""), first_words(text, most)), Finish("length")]


Step = list[StreamEvent] | Pause | Fail
"""A batch, a silence, or an end in failure."""


def steps(start: ResponseStart, heard: int, directives: Sequence[Directive]) -> Iterator[Step]:
    """The steps of an answer to a conversation of `heard` words."""
    telling = Telling(start, heard)
    for directive in directives:
        match directive:
            case Say():
                yield from telling.say(directive)
            case CallTool():
                yield from telling.call(directive)
            case Pause() | Fail():
                yield directive
            case Finish(reason):
                telling.reason = reason
            case Count(usage):
                telling.usage = usage
            case _:
                assert_never(directive)
    yield telling.end()


class Telling:
    """One answer: opens, fills and closes its parts, and counts their words."""

    def __init__(self, start: ResponseStart, heard: int) -> None:
        self.reason: FinishReason | None = None
        self.usage: Usage | None = Usage(heard, 0)
        self._counted = self.usage
        self._batch: list[StreamEvent] = [start]
        self._open: Text | Reasoning | Refusal | ToolCall | None = None
        self._implied: FinishReason = "stop"
        self._words = 0
        self._thought: int | None = None

    def say(self, said: Say) -> Iterator[list[StreamEvent]]:
        """The batches of some words; none of no words."""
        if not said.text:
            return
        if self._open != said.part:
            self._begin(said.part)
        times = said.times or 1
        count = count_words(said.text) * times
        self._words += count
        if isinstance(said.part, Reasoning):
            self._thought = (self._thought or 0) + count
        if isinstance(said.part, Refusal) and self._implied == "stop":
            self._implied = "refusal"
        if said.times is None:
            yield from self._pieces(said.text)
        else:
            yield from self._repeated(PartDelta(said.text), said.times)

    def call(self, call: CallTool) -> Iterator[list[StreamEvent]]:
        """The batches of a tool call."""
        self._begin(call.part)
        self._implied = "tool_call"
        self._words += count_words(call.arguments)
        yield from self._pieces(call.arguments)

    def end(self) -> list[StreamEvent]:
        """The last batch."""
        self._close()
        usage = self.usage
        if usage is self._counted:
            usage = Usage(usage.input_tokens, self._words, reasoning_tokens=self._thought)
        self._batch.append(ResponseEnd(self.reason or self._implied, usage))
        return self._batch

    def _pieces(self, text: str) -> Iterator[list[StreamEvent]]:
        for word in words(text):
            batch, self._batch = self._batch, []
            batch.append(PartDelta(word))
            yield batch

    def _repeated(self, delta: PartDelta, times: int) -> Iterator[list[StreamEvent]]:
        batch, self._batch = self._batch, []
        first = min(times, BATCH)
        yield [*batch, *[delta] * first]
        whole, rest = divmod(times - first, BATCH)
        full: list[StreamEvent] = [delta] * BATCH
        for _ in range(whole):
            yield full.copy()
        if rest:
            yield [delta] * rest

    def _begin(self, part: Text | Reasoning | Refusal | ToolCall) -> None:
        self._close()
        self._open = part
        self._batch.append(PartStart(part))

    def _close(self) -> None:
        if self._open is not None:
            self._batch.append(PartEnd())
            self._open = None
