"""A service's answer to events: lines of JSON, or one whole object.

An answer ends well with `"done":true` and a reason. Without a reason the service has lost its own connection to the
model; but servers of before 2024-05 gave none, and then report how many tokens there were, which the others do not.
"""

from datetime import datetime
from typing import Any

from dragoman.errors import BadEventError, DragomanError, TruncatedStreamError
from dragoman.protocols.decoder import Decoder
from dragoman.protocols.errors.head import a_page
from dragoman.protocols.errors.nameless import nameless_call
from dragoman.protocols.extra import without_none
from dragoman.protocols.media import media_type_of
from dragoman.protocols.ollama.extra import to_extra
from dragoman.protocols.ollama.finish_reasons import decode_reason
from dragoman.protocols.ollama.line_form import form_of
from dragoman.protocols.ollama.lines import (
    DURATIONS,
    Called,
    Line,
    Loose,
    calls_of,
    is_answer,
    logprobs_of,
    read_line,
    read_loosely,
)
from dragoman.protocols.streams.text_rows import RowReader
from dragoman.protocols.tools.call_ids import AnswerIds
from dragoman.protocols.tools.freeform import freeform_names, unwrapped_input
from dragoman.types import (
    ChatRequest,
    Image,
    PartDelta,
    PartEnd,
    PartStart,
    Reasoning,
    ResponseEnd,
    ResponseStart,
    StreamEvent,
    Text,
    TokenLogprob,
    ToolCall,
    Usage,
)
from dragoman.types.usage import merged
from dragoman.wire import json
from dragoman.wire.brackets import Brackets
from dragoman.wire.lines import LineReader
from dragoman.wire.utf8 import BLANKS, BOM, start_of

MAX_ANSWER = 64 << 20
"""Bytes of one answer, and so of one line, which may hold a picture: 64 MiB."""

IMAGE = "image"
"""The field of an answer of `/api/generate` that holds a picture: only callers of that path ask for one."""

TEXT, REASONING = Text(text=""), Reasoning(text="")


class ReplyDecoder(Decoder):
    """Events from the answer to `request`."""

    def __init__(self, request: ChatRequest | None = None) -> None:
        self._ids = AnswerIds(request)
        self._freeform = frozenset() if request is None else freeform_names(request.tools)
        self._lines = LineReader(MAX_ANSWER)
        self._size = 0
        self._head: bytes | None = b""
        """The beginning of the body, until its first byte has shown that it is not a page."""
        self._whole: list[bytes] | None = None
        """The body so far, if it is one object over several lines."""
        self.lines = 0
        """How many lines have been read."""
        self._rows = RowReader()
        self._plain = False
        """The last line was a piece of the open text."""
        self._started = False
        self._open: Text | Reasoning | None = None
        self._calls = 0
        self._logprobs: list[TokenLogprob] = []
        """Those that came without a text."""
        self._usage: Usage | None = None
        self._more: dict[str, Any] = {}
        """Fields without a canonical value, over the whole answer."""

    @property
    def whole(self) -> bool:
        """Whether this is one whole value over several lines."""
        return self._whole is not None

    @property
    def open_rows(self) -> RowReader | None:
        return self._rows if self._rows.known is not None and not self._lines.held else None

    def salvage(self) -> list[StreamEvent]:
        """The last line may be complete without its line end."""
        out: list[StreamEvent] = []
        if self.error is None and not self.done:
            tail = self._tail()
            if tail and json.is_json(tail):
                try:
                    self._line(tail, out)
                except DragomanError as exc:
                    self.error = exc
        return out

    def _read(self, data: bytes, out: list[StreamEvent]) -> None:
        if self.done:
            return
        self._size += len(data)
        if self._size > MAX_ANSWER:
            raise BadEventError(f"expected an answer of at most {MAX_ANSWER} bytes", code="upstream_too_large")
        if self._head is not None:
            data = self._formed(data)
        at, rows = 0, self._rows
        while at < len(data) and not self._is_done():
            idle = not self._lines.held
            if idle:
                words, length = rows.take(data, at)
                if length > 0:
                    self._row(words, data[at : at + length], out)
                    at += length
                    continue
            end = data.find(b"\n", at) + 1 or len(data)
            piece, begun = data[at:end], len(out)
            for line in self._lines.feed(piece):
                if self._whole is not None:
                    self._whole += [line, b"\n"]
                else:
                    self._line(line, out)
            at = end
            if not self._plain:
                rows.known = None
            elif idle:
                rows.learn(piece, out[begun:], form_of)
            else:
                rows.look(out[begun:])

    def _end(self, out: list[StreamEvent]) -> None:
        if self.done:
            return
        tail = self._tail()
        if tail:
            if not json.is_json(tail):
                raise TruncatedStreamError("the answer broke off inside a line")
            self._line(tail, out)
        if not self._is_done():
            raise TruncatedStreamError("the answer broke off before its end")

    def _is_done(self) -> bool:
        return self.done

    def _tail(self) -> bytes:
        """What no line end has completed; after it nothing is left."""
        before, self._whole = self._whole or (), None if self._whole is None else []
        return b"".join([self._head or b"", *before, self._lines.finish()]).strip(BLANKS)

    def _formed(self, data: bytes) -> bytes:
        """What is to be read, once the first byte has come; until then nothing."""
        start = start_of((self._head or b"") + data)
        if not start or BOM.startswith(start):
            self._head = start
            return b""
        self._head = None
        if start.startswith(b"<"):
            raise a_page("lines of JSON")
        return start

    def _line(self, data: bytes, out: list[StreamEvent]) -> None:
        line = read_line(data)
        loose: Loose | None = None
        if line is None:
            if not data.strip(BLANKS):
                return
            if not self.lines and self._whole is None and is_open(data):
                self._whole = [data, b"\n"]
                return
            loose = read_loosely(data)
            line = loose.line
        self.lines += 1
        if not self._started:
            if not is_answer(line):
                raise BadEventError("expected a line of an answer, got other JSON")
            self._start(line, out)
        self._told(line, loose, out)
        if line.done:
            self._close(line, out)

    def _start(self, line: Line, out: list[StreamEvent]) -> None:
        self._started = True
        # Where a model answers that is not on the service's machine; each line repeats it.
        remote = {"remote_model": line.remote_model, "remote_host": line.remote_host}
        extra = to_extra(without_none(remote))
        out.append(ResponseStart(None, line.model or None, seconds(line.created_at), extra=extra))

    def _told(self, line: Line, loose: Loose | None, out: list[StreamEvent]) -> None:
        """What a line says of the answer's content."""
        message, thought, text = line.message, line.thinking, line.response
        self._plain = loose is None and not line.done and line.logprobs is None
        calls: list[Called] | None = None
        if message is not None:
            thought, text = message.thinking or thought, message.content or text
            if message.tool_calls:
                self._plain = False
                calls = calls_of(message.tool_calls)
        self._count(line)
        if line.logprobs:
            self._logprobs += logprobs_of(line.logprobs)
        if thought:
            self._say(REASONING, thought, out)
        if text:
            self._say(TEXT, text, out)
        if loose is not None:
            calls = loose.calls
            for image in loose.images:
                self._end_part(out)
                out += [PartStart(Image(data=image, media_type=media_type_of(image))), PartEnd()]
            self._note(loose.rest)
        for call in calls or ():
            self._call(call, out)

    def _say(self, part: Text | Reasoning, text: str, out: list[StreamEvent]) -> None:
        if self._open is not part:
            self._end_part(out)
            self._open = part
            out.append(PartStart(part))
        out.append(PartDelta(text, self._taken()))

    def _taken(self) -> tuple[TokenLogprob, ...] | None:
        """The log probabilities that wait for a text."""
        if not self._logprobs:
            return None
        found, self._logprobs = tuple(self._logprobs), []
        return found

    def _call(self, call: Called, out: list[StreamEvent]) -> None:
        if not call.name:
            raise nameless_call()
        self._end_part(out)
        call_id = self._ids.own(self._calls, call.id or "") or self._ids.made(self._calls)
        self._calls += 1
        text = unwrapped_input(call.arguments) if call.name in self._freeform else None
        part = ToolCall(
            id=call_id,
            name=call.name,
            input_format="json" if text is None else "text",
            extra=to_extra({name: value for name, value in call.rest.items() if value is not None}),
        )
        arguments = call.arguments if text is None else text
        out.append(PartStart(part))
        if arguments:
            out.append(PartDelta(arguments))
        out.append(PartEnd())

    def _end_part(self, out: list[StreamEvent]) -> None:
        if self._open is not None:
            self._open = None
            out.append(PartEnd())

    def _note(self, rest: dict[str, Any]) -> None:
        for name, value in rest.items():
            match self._more.get(name), value:
                case list(before), list(after):
                    before.extend(after)
                case _:
                    self._more[name] = value

    def _count(self, line: Line) -> None:
        """The tokens: the service reports them in the last line, and others may in any."""
        if line.prompt_eval_count is None and line.eval_count is None:
            return
        usage = Usage(line.prompt_eval_count, line.eval_count)
        self._usage = merged(self._usage, usage)

    def _close(self, line: Line, out: list[StreamEvent]) -> None:
        """The last line."""
        if not line.done_reason and line.eval_count is None:
            raise TruncatedStreamError("the service says that the answer is done, and not why: it broke off there")
        if self._logprobs and self._open is TEXT:
            out.append(PartDelta("", self._taken()))
        self._end_part(out)
        for name in DURATIONS:
            if (spent := getattr(line, name)) is not None:
                self._more[name] = spent
        if self._logprobs:
            self._more["logprobs"] = [encode_logprob(each) for each in self._logprobs]
        self.more_content = IMAGE in self._more
        reason, native = decode_reason(line.done_reason or None, tool_call=self._calls > 0)
        silent = tuple(name for name in DURATIONS if name in self._more)
        out.append(ResponseEnd(reason, self._usage, native, extra=to_extra(self._more), silent=silent))
        self.done = True


def is_open(line: bytes) -> bool:
    """Whether `line` begins an object that goes on in the next line."""
    brackets = Brackets()
    brackets.feed(line.decode("utf-8", "replace"))
    return line.lstrip(BLANKS).startswith(b"{") and not brackets.whole


def seconds(created_at: str | None) -> int | None:
    """Seconds since 1970; None if the text is not a time."""
    try:
        return int(datetime.fromisoformat(created_at or "").timestamp()) or None
    except (ValueError, OverflowError):
        return None


def encode_logprob(found: TokenLogprob) -> dict[str, Any]:
    """A token's probability on the wire."""
    said: dict[str, Any] = {"token": found.token, "logprob": found.logprob}
    if found.bytes is not None:
        said["bytes"] = list(found.bytes)
    if found.top:
        said["top_logprobs"] = [encode_logprob(each) for each in found.top]
    return said
