"""The usual events of a stream, read in the fast way: blocks of text, of thinking and of calls, one after another."""

from collections.abc import Callable, Mapping
from typing import Any

from msgspec import Struct, field

from dragoman.protocols.anthropic.decode_stream import decode_delta
from dragoman.protocols.anthropic.usage import decode_usage, merged_report
from dragoman.types import Usage
from dragoman.wire import json
from dragoman.wire.floats import reader
from dragoman.wire.sse import usual_event


class _Message(Struct, gc=False):
    content: list[Any] = field(default_factory=list)
    usage: dict[str, Any] | None = None


class _Start(Struct, gc=False):
    message: _Message


class _Block(Struct, gc=False):
    type: str
    text: str | None = None
    thinking: str | None = None
    citations: list[Any] | None = None
    id: str | None = None
    name: str | None = None


class _Whole(Struct, gc=False):
    content: list[_Block]
    type: str
    stop_reason: str | None = None
    usage: dict[str, Any] | None = None
    error: Any = None


class _BlockStart(Struct, gc=False):
    content_block: _Block
    index: int = 0


class _BlockStop(Struct, gc=False):
    index: int = 0


class _Stopped(Struct, gc=False):
    stop_reason: str | None = None


class _End(Struct, gc=False):
    delta: _Stopped = field(default_factory=_Stopped)
    usage: dict[str, Any] | None = None


_start = reader(_Start)
_whole = reader(_Whole)
_block_start = reader(_BlockStart)
_block_stop = reader(_BlockStop)
_end = reader(_End)


class Glance(Struct, gc=False):
    """What the events so far have said. An event of any other kind is not read: then an Observer takes over."""

    began: bool = False
    """The message has begun."""
    open: int | None = None
    """The number of the block that is open."""
    block: bytes = b""
    """The event with which it began."""
    last: int = -1
    """The highest number of a block; -1 if none has begun."""
    committed: bool = False
    """Content has come."""
    called: bool = False
    """A tool call has begun."""
    done: bool = False
    """The end mark has come."""
    reason: str | None = None
    """Why the model stopped, in the service's words."""
    report: dict[str, Any] = field(default_factory=dict)
    """The tokens that were reported, in the service's words."""

    @property
    def usage(self) -> Usage | None:
        """The same in ours."""
        return decode_usage(self.report)

    def read(self, event: bytes) -> bool:
        """Whether `event` is of a usual kind, and so has been read."""
        found = usual_event(event)
        reader = None if found is None else READERS.get(found[0])
        if found is None or reader is None:
            return False
        try:
            return reader(self, found[1], event)
        except json.NOT_STRICT:
            return False

    def read_message(self, body: bytes) -> bool:
        """The same for a whole answer."""
        try:
            message = _whole(body)
        except json.NOT_STRICT:
            return False
        if message.type != "message" or message.error or not all(map(self._begins, message.content)):
            return False
        self.reason = message.stop_reason or None
        self._count(message.usage)
        return True

    def _message_start(self, data: bytes, event: bytes) -> bool:
        message = _start(data).message
        if self.began or message.content:
            return False
        self.began = True
        self._count(message.usage)
        return True

    def _block_start(self, data: bytes, event: bytes) -> bool:
        said = _block_start(data)
        index = said.index
        if not self.began or self.open is not None or index <= self.last or not self._begins(said.content_block):
            return False
        self.open = self.last = index
        self.block = event
        return True

    def _begins(self, block: _Block) -> bool:
        """Whether a block that begins is of a usual kind."""
        match block.type:
            case "text" if not block.citations:
                self.committed = self.committed or bool(block.text)
            case "thinking":
                self.committed = True
            case "tool_use" if block.id and block.name:
                self.committed = self.called = True
            case _:
                return False
        return True

    def _block_delta(self, data: bytes, event: bytes) -> bool:
        said = decode_delta(data)
        if self.open is None or said.index != self.open:
            return False
        self.committed = self.committed or bool(said.delta.text) or isinstance(said.delta.citation, Mapping)
        return True

    def _block_stop(self, data: bytes, event: bytes) -> bool:
        if self.open is None or _block_stop(data).index != self.open:
            return False
        self.open = None
        return True

    def _message_delta(self, data: bytes, event: bytes) -> bool:
        if not self.began:
            return False
        said = _end(data)
        self.reason = said.delta.stop_reason or self.reason
        self._count(said.usage)
        return True

    def _message_stop(self, data: bytes, event: bytes) -> bool:
        self.done = self.began and (self.committed or self.reason is not None)
        return self.done

    def _ping(self, data: bytes, event: bytes) -> bool:
        return True

    def _count(self, report: dict[str, Any] | None) -> None:
        if report:
            self.report = merged_report(self.report, report)


READERS: dict[bytes, Callable[[Glance, bytes, bytes], bool]] = {
    b"event: message_start": Glance._message_start,
    b"event: content_block_start": Glance._block_start,
    b"event: content_block_delta": Glance._block_delta,
    b"event: content_block_stop": Glance._block_stop,
    b"event: message_delta": Glance._message_delta,
    b"event: message_stop": Glance._message_stop,
    b"event: ping": Glance._ping,
}
"""The events by the lines with their names."""
