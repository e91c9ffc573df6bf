"""A service's answer to events: a stream, or one whole message.

https://platform.claude.com/docs/en/build-with-claude/streaming
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from msgspec import Struct
from msgspec.structs import fields

from dragoman.error_words import cut, scrub
from dragoman.errors import BadEventError, UpstreamError
from dragoman.protocols.anthropic.deltas import form_of
from dragoman.protocols.anthropic.errors import failure_in, reported
from dragoman.protocols.anthropic.extra import to_extra
from dragoman.protocols.anthropic.inputs import keep_in_answer, keep_in_start
from dragoman.protocols.anthropic.stop_reasons import decode_reason
from dragoman.protocols.anthropic.stream_blocks import Blocks, Delta, Reading
from dragoman.protocols.anthropic.usage import decode_usage, merged_report
from dragoman.protocols.errors.head import a_page
from dragoman.protocols.extra import without_none
from dragoman.protocols.streams.joined_events import DONE
from dragoman.protocols.streams.lane import TextRows
from dragoman.protocols.streams.silent_events import SIGNS_OF_LIFE, SILENCE
from dragoman.protocols.streams.sse_decoder import SseDecoder
from dragoman.protocols.tools.freeform import freeform_names
from dragoman.types import AnyTool, ResponseEnd, ResponseStart, StreamEvent, Usage
from dragoman.wire import json
from dragoman.wire.floats import reader
from dragoman.wire.sse import SseEvent
from dragoman.wire.utf8 import BLANKS

OF_MESSAGE = frozenset(
    {"type", "role", "id", "model", "content", "stop_reason", "stop_sequence", "stop_details", "usage", "error"}
)
OF_END = OF_MESSAGE | {"delta"}
FIELDS = frozenset(field.encode_name for field in fields(Delta)) - {""}
STRANGE = "expected an event of this protocol, got other JSON"

Handler = Callable[["ReplyDecoder", bytes, list[StreamEvent]], None]


class BlockDelta(Struct, gc=False):
    """A delta, and the block that it is of."""

    delta: Delta
    index: int = 0


decode_delta = reader(BlockDelta)


class _Exact(Delta, forbid_unknown_fields=True):
    """A delta of which nothing is left."""


class _ExactDelta(Struct, gc=False):
    delta: _Exact
    index: int = 0


_decode_exact = reader(_ExactDelta)


class ReplyDecoder(SseDecoder):
    """Events from the answer to one request.

    An answer ends with `message_stop`, or with the end of the transfer if a reason to stop has come. `tools`: those of
    the request. `origin`: that of the opaque state that comes.
    """

    def __init__(self, tools: Sequence[AnyTool] = (), origin: str | None = None) -> None:
        super().__init__()
        self._blocks = Blocks(Reading(freeform_names(tools), origin))
        self._started = False
        self._plain = False
        """The last event was a delta."""
        self._usage: dict[str, Any] = {}
        self._reason: str | None = None
        self._stop_sequence: str | None = None
        self._detail: str | None = None
        self._more: dict[str, Any] = {}
        """Fields that came with the end, and have no canonical value."""
        self.marked = False
        """Whether the end mark has come."""

    @property
    def begun(self) -> bool:
        """Whether content has come."""
        return self._blocks.begun

    @property
    def usage(self) -> Usage | None:
        return decode_usage(self._usage)

    @property
    def open_text(self) -> int | None:
        """The number of the one open block, if nothing but the text is changed by more of its deltas."""
        return self._blocks.only

    def _whole(self, body: bytes, out: list[StreamEvent]) -> None:
        value = json.decode_event(body)
        if failure_in(value) is not None:
            raise reported(value)
        content = value.get("content") if isinstance(value, dict) else None
        if content is None and isinstance(value, dict) and value.get("type") == "message":
            content = []  # an answer that says nothing, as Ollama writes it (0.17.4, 2026-11-28)
        if not isinstance(content, list | str):
            raise BadEventError("expected a message, got other JSON")
        value["content"] = [
            {"type": "text", "text": block} if isinstance(block, str) else block
            for block in ([content] if isinstance(content, str) else content)
        ]
        keep_in_answer(body, value)
        self._message(value, out)
        self._stopped(value)
        self._finished = True
        self._close(out)

    def _is_plain(self) -> bool:
        return self._plain and self._blocks.only is not None

    def _rows_like(self, event: bytes) -> TextRows | None:
        return form_of(event, self._blocks.only or 0)

    def _event(self, event: SseEvent, out: list[StreamEvent]) -> None:
        self._plain = False
        if self.done:
            return
        if event.stray:
            self._stray(event.data.strip(BLANKS), out)
            return
        handle = EVENTS.get(event.event)
        if handle is None:
            handle = self._unnamed(event)
        if handle is not None:
            handle(self, event.data, out)

    def _unnamed(self, event: SseEvent) -> Handler | None:
        """How an event is read whose name is missing or not known: the type in its data says it; None if nothing does.

        Events of new kinds are passed over, and named at the end.
        """
        if event.event in SIGNS_OF_LIFE or (data := event.data.strip(BLANKS)) in SILENCE or data == DONE:
            return None
        if (kind := kind_of(event.data)) is not None:
            return EVENTS[kind]
        value = json.decode_event(event.data)
        if failure_in(value) is not None:
            raise reported(value)
        if isinstance(value, dict) and isinstance(kind := value.get("type"), str):
            self._leave_out(kind)
        else:
            self._skip(BadEventError(STRANGE))
        return None

    def _stray(self, line: bytes, out: list[StreamEvent]) -> None:
        """A line of the body that belongs to no event: some programs write so when they fail."""
        if line.startswith(b"<"):
            raise a_page("an event")
        if line.startswith(b"{"):
            self._event(SseEvent(line), out)
        elif b":" not in line:
            words = cut(scrub(line.decode("utf-8", "replace")))
            self._skip(UpstreamError(f"the service wrote {words!r} in the place of an event"))

    # The events.

    def _message_start(self, data: bytes, out: list[StreamEvent]) -> None:
        message = _object(json.decode_event(data)).get("message")
        if self.begun:
            # Two answers in one stream, as a proxy writes them that asks again: the first one is not complete.
            raise BadEventError("expected one message, got the beginning of another in its midst")
        if not self._started:
            self._message(_object(message), out)

    def _block_start(self, data: bytes, out: list[StreamEvent]) -> None:
        value = _object(json.decode_event(data))
        keep_in_start(data, value)
        self._begin(out)
        self._blocks.start(_index(value), _object(value.get("content_block")), out)

    def _block_delta(self, data: bytes, out: list[StreamEvent]) -> None:
        try:
            said: BlockDelta | _ExactDelta = _decode_exact(data)
        except json.NOT_STRICT:
            said = _loosely(data)
        self._begin(out)
        delta = said.delta
        if not delta.is_known or not self._blocks.add(said.index, delta, out):
            self._leave_out(_kind(delta))
            return
        if delta.more:
            for name in delta.more:
                self._leave_out(f"{_kind(delta)}.{name}")
        self._plain = True

    def _block_stop(self, data: bytes, out: list[StreamEvent]) -> None:
        self._blocks.stop(_index(_object(json.decode_event(data))), out)

    def _message_delta(self, data: bytes, out: list[StreamEvent]) -> None:
        value = _object(json.decode_event(data))
        self._begin(out)
        self._usage = merged_report(self._usage, value.get("usage"))
        delta = _object(value.get("delta"))
        self._stopped(delta)
        self._more |= without_none({name: item for name, item in (value | delta).items() if name not in OF_END})

    def _message_stop(self, data: bytes, out: list[StreamEvent]) -> None:
        self.marked = True
        self._close(out)

    def _error(self, data: bytes, out: list[StreamEvent]) -> None:
        try:
            said = json.decode_event(data)
        except BadEventError:
            said = data.decode("utf-8", "replace")
        raise reported(said)

    def _ping(self, data: bytes, out: list[StreamEvent]) -> None:
        pass

    # What they mean.

    def _message(self, message: Mapping[str, Any], out: list[StreamEvent]) -> None:
        self._started = True
        self._usage = merged_report(self._usage, message.get("usage"))
        rest = {name: value for name, value in message.items() if name not in OF_MESSAGE}
        out.append(
            ResponseStart(
                id=_word(message.get("id")),
                model=_word(message.get("model")),
                extra=to_extra(without_none(rest)),
                usage=decode_usage(self._usage),
            )
        )
        content = message.get("content")
        # A stream that continues an answer begins with what was there.
        for i, body in enumerate(content if isinstance(content, list) else []):
            if isinstance(body, dict):
                self._blocks.start(-1 - i, body, out)
                self._blocks.stop(-1 - i, out)

    def _stopped(self, said: Mapping[str, Any]) -> None:
        """Why the model stopped, as the end or a whole message says it."""
        if reason := _word(said.get("stop_reason")):
            self._reason, self._finished = reason, True
        self._stop_sequence = _word(said.get("stop_sequence")) or self._stop_sequence
        details = said.get("stop_details")
        if isinstance(details, dict):
            rest = without_none(details)
            self._detail = _word(rest.pop("explanation", None)) or self._detail
            self._more["stop_details"] = rest

    def _begin(self, out: list[StreamEvent]) -> None:
        """The answer has begun, even if its first event is missing."""
        if not self._started:
            self._message({}, out)

    def _close(self, out: list[StreamEvent]) -> None:
        if self._skipped is not None:
            raise self._skipped
        if not (self._finished or self._blocks.begun):
            raise BadEventError("expected an answer, got its end alone", code="empty_answer")
        self._begin(out)
        self._blocks.close(out)
        reason, native = decode_reason(self._reason, tool_call=self._blocks.called)
        out.append(
            ResponseEnd(
                reason,
                decode_usage(self._usage),
                native,
                self._stop_sequence,
                self._left_out,
                extra=to_extra(self._more),
                detail=self._detail,
            )
        )
        self.done = True


EVENTS: dict[bytes, Handler] = {
    b"message_start": ReplyDecoder._message_start,
    b"content_block_start": ReplyDecoder._block_start,
    b"content_block_delta": ReplyDecoder._block_delta,
    b"content_block_stop": ReplyDecoder._block_stop,
    b"message_delta": ReplyDecoder._message_delta,
    b"message_stop": ReplyDecoder._message_stop,
    b"error": ReplyDecoder._error,
    b"ping": ReplyDecoder._ping,
}
"""The events by their names; any other is passed over and named, because new kinds may come."""


def kind_of(data: bytes) -> bytes | None:
    """The name that the event with this data should have; None if it is not one of the known ones."""
    try:
        value = json.decode_loosely(data)
    except BadEventError:
        return None
    kind = value.get("type") if isinstance(value, dict) else None
    name = kind.encode() if isinstance(kind, str) and kind.isascii() else b""
    return name if name in EVENTS else None


def _kind(delta: Delta) -> str:
    """What a delta is called among the losses."""
    return f"content_block_delta.{delta.type}" if delta.type else "content_block_delta"


def _loosely(data: bytes) -> BlockDelta:
    """A delta with more fields than usual, or fields of other types: each is taken if it can be."""
    value = _object(json.decode_event(data))
    said = _object(value.get("delta"))
    texts = {name: said[name] for name in ("type", "text", "partial_json", "thinking", "signature") if name in said}
    known = {name: text for name, text in texts.items() if isinstance(text, str)}
    more = {name: field for name, field in said.items() if name not in FIELDS and field is not None}
    delta = Delta(**known, citation=said.get("citation"), content=said.get("content"), more=more)
    return BlockDelta(delta, _index(value))


def _object(value: object) -> dict[str, Any]:
    """An object of a service. Raises BadEventError for anything else."""
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise BadEventError(STRANGE)
    return value


def _index(value: Mapping[str, Any]) -> int:
    index = value.get("index")
    return index if type(index) is int else 0


def _word(value: object) -> str | None:
    return value if isinstance(value, str) and value else None
