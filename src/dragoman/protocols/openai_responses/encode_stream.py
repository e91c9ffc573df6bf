"""Our answer to a caller: events one after another, or one whole answer.

    response.created, response.in_progress
    for each item: response.output_item.added
        for each part: …part.added, …delta, …delta, …done, …part.done
        response.output_item.done
    response.completed (or response.incomplete), which repeats all of it

Parts that stand in one item of the service stand in one item here; neighbouring texts of services that have no items
are one message.
"""

from collections.abc import Callable, Sequence
from typing import Any, assert_never

import msgspec
from msgspec import Raw
from msgspec.structs import replace

from dragoman.errors import DragomanError
from dragoman.protocols.compaction import not_compacted
from dragoman.protocols.env import Env
from dragoman.protocols.openai_responses.citations import encode_annotation
from dragoman.protocols.openai_responses.compaction import check_compacted, check_whole
from dragoman.protocols.openai_responses.conversation import LAST, NEXT
from dragoman.protocols.openai_responses.decode_stream import RESPONSE
from dragoman.protocols.openai_responses.encode_errors import HEARTBEAT, failed, failure
from dragoman.protocols.openai_responses.extra import NAME
from dragoman.protocols.openai_responses.finish_reasons import encode_reason
from dragoman.protocols.openai_responses.frame import BARE, frame, is_unusual, own_fields
from dragoman.protocols.openai_responses.logprobs import encode_logprobs
from dragoman.protocols.openai_responses.outputs import CUT, DONE, UNDER_WAY, ItemWriter
from dragoman.protocols.openai_responses.said_items import belongs
from dragoman.protocols.openai_responses.shapes import SHAPES, Shape, bare, emptied, kind_of
from dragoman.protocols.openai_responses.usage import encode_usage
from dragoman.protocols.openai_shared.family import said_beside
from dragoman.protocols.speech import OURS
from dragoman.protocols.streams.event_encoder import EventEncoder, numbered
from dragoman.protocols.tools.cut_calls import is_begun
from dragoman.types import (
    AnyPart,
    ChatRequest,
    ChatResponse,
    Citation,
    Fold,
    Message,
    Metadata,
    OpaqueState,
    PartDelta,
    PartEnd,
    PartStart,
    Reasoning,
    Refusal,
    ResponseEnd,
    ResponseStart,
    StreamEvent,
    Text,
    TokenLogprob,
    ToolCall,
)
from dragoman.wire import json

_json = msgspec.json.Encoder().encode
_fields = msgspec.json.Decoder(dict[str, Raw]).decode

NULL = Raw(b"null")

END_MARK = b"data: [DONE]\n\n"
"""What Open Responses asks for behind the last event, and OpenAI does not send."""


Tell = Callable[[bytes, Message | None], None]
"""Is told an answer when it has ended: as JSON, and as the turn that its caller has; None if it is not whole."""


class AnswerEncoder(EventEncoder):
    """Events for one caller. What was said is kept, because the last event repeats it.

    `end_mark`: whether `[DONE]` follows the last event. `tell`: is told the answer as the last event has it, but not
    one that broke off before it had begun. `answer_id`: see OpenAIResponsesServer.
    """

    headers = (("content-type", "text/event-stream; charset=utf-8"), ("cache-control", "no-store"))
    heartbeat = HEARTBEAT

    def __init__(
        self,
        request: ChatRequest,
        env: Env,
        *,
        end_mark: bool = False,
        tell: Tell | None = None,
        answer_id: str = "",
    ) -> None:
        self._unusual = _json(own_fields(request, ResponseStart(), env))
        """What the answer says as it begins, without what nearly all say. What it repeats of the request is held as
        JSON and not as values: of an agent's request that is all of its tools, which have two and a half times its
        weight as values."""
        self._compact = request.compact
        self._by_now = env.clock or env.by_now
        self._writer = ItemWriter(request, env, answer_id)
        self._end_mark = end_mark
        self._tell = tell
        self._started = False
        self._number = 0
        """The next event's."""
        self._items: list[Raw] = []
        self._item = ""
        """The id of the item under way."""
        self._parts: list[AnyPart] = []
        """Its parts that are complete."""
        self._counts: dict[str, int] = {}
        """How many parts of each kind it has."""
        self._part: AnyPart | None = None
        """The open part, without its text."""
        self._shape: Shape | None = None
        """None if the part comes whole."""
        self._place: dict[str, Any] = {}
        self._fold = Fold()
        """What came so far."""
        self._pending: tuple[TokenLogprob, ...] = ()
        """Log probabilities that came before the text."""
        self._citations: list[Citation] = []
        self._cited = 0
        """How many of the citations have gone out."""
        self._form = b""
        """How a piece of the open part is written, with places for its text and its number; empty: at the end."""

    def _write_texts(self, texts: list[str], out: list[bytes]) -> None:
        self._fold.say("".join(texts))
        if self._pending:
            self._delta(PartDelta(texts.pop(0)), out)
        if texts and self._form:
            out.append(numbered(texts, self._form, self._number))
            self._number += len(texts)

    def _write_event(self, event: StreamEvent, out: list[bytes]) -> None:
        # Of how it began, which may say much besides, only the usage is part of the end.
        self._fold.feed((ResponseStart(usage=event.usage) if isinstance(event, ResponseStart) else event,))
        match event:
            case PartDelta():
                self._delta(event, out)
            case PartStart(part):
                self._begin(part, out)
            case PartEnd():
                self._end_part(self._fold.last, event.opaque, out)
            case Metadata():
                if event.citations:
                    self._cite(event.citations, out)
            case ResponseStart():
                self._start(event, out)
            case ResponseEnd():
                self._end(event, out)
            case _:
                assert_never(event)

    def fail(self, error: DragomanError) -> bytes:
        response = self._begun() | {"output": self._items}
        if self._tell is not None and self._started:
            self._tell(_json(failed(error, response)), None)
        return failure(error, response, self._number)

    def _event(self, out: list[bytes], kind: str, /, **fields: Any) -> None:
        name = f"response.{kind}"
        said = {"type": name, **fields, "sequence_number": self._number}
        self._number += 1
        out.append(b"event: %b\ndata: %b\n\n" % (name.encode(), _json(said)))

    def _start(self, start: ResponseStart, out: list[bytes]) -> None:
        known = {"id": start.id or None, "created_at": start.created, "model": start.model or None}
        more = {name: value for name, value in known.items() if value is not None} | said_beside(NAME, start.extra)
        own = _fields(self._unusual) | more
        own = {name: value for name, value in own.items() if name not in more or is_unusual(name, value)}
        self._unusual, self._started = json.encode_to_keep(own), True
        said = Raw(_json(self._begun()))
        self._event(out, "created", response=said)
        self._event(out, "in_progress", response=said)

    def _begun(self) -> dict[str, Any]:
        """The fields of the answer as they are when it begins."""
        return BARE | {name: None if said == NULL else said for name, said in _fields(self._unusual).items()}

    # Parts.

    def _begin(self, part: AnyPart, out: list[bytes]) -> None:
        if self._compact:
            check_compacted(part)
        if self._parts and not belongs(part, self._parts[-1]):
            self._end_item(out)
        if part.opaque is not None and not isinstance(part, Reasoning):
            self._end_item(out)
            if self._writer.has_item(part):
                self._bear(part.opaque, NEXT, out)
            part = replace(part, opaque=None)
        first = not self._parts
        if first:
            self._item = self._writer.id_of(part)
            self._counts = {}
        part = self._writer.shown(part)
        text, self._part = emptied(part)
        self._citations, self._cited = [], 0
        if isinstance(self._part, Text):
            self._pending = self._part.logprobs
            self._citations += self._part.citations
            self._part = replace(self._part, logprobs=(), citations=())
        self._shape = shape = self._shape_of(part)
        # A call of a freeform tool that was wrapped for the service can be unwrapped once it is whole.
        whole = shape is None or (isinstance(part, ToolCall) and self._writer.given(part) is not part)
        if first and not (shape is None and not isinstance(part, Reasoning)):
            self._add(out)
        self._place = {"item_id": self._item, "output_index": len(self._items)}
        if shape is not None:
            if shape.counted:
                number = self._counts.get(shape.counted, 0)
                self._counts[shape.counted] = number + 1
                self._place[shape.counted] = number
            if shape.added:
                self._event(out, shape.added, **self._place, part=bare(part))
        if whole:
            self._form = b""
        else:
            assert shape is not None  # noqa: S101  # else it is whole
            self._surround(shape)
        if text:
            self._delta(PartDelta(text), out)

    def _shape_of(self, part: AnyPart) -> Shape | None:
        """How its pieces are written; None if it comes whole."""
        if self._writer.is_search(part):
            return None
        return SHAPES.get(kind_of(part, freeform=self._writer.is_freeform(part)))

    def _surround(self, shape: Shape) -> None:
        name = f"response.{shape.delta}"
        head = _json({"type": name, **self._place})[:-1]
        tokens = b',"logprobs":[]' if shape.text == "text" and shape.delta.startswith("output") else b""
        before = b'event: %b\ndata: %b,"delta":' % (name.encode(), head)
        self._form = before.replace(b"%", b"%%") + b"%b" + tokens + b',"sequence_number":%d}\n\n'

    def _delta(self, delta: PartDelta, out: list[bytes]) -> None:
        text, logprobs = delta.text, delta.logprobs
        if self._pending:
            logprobs, self._pending = (*self._pending, *(logprobs or ())), ()
        if logprobs and isinstance(self._part, Text):
            if self._form:
                tokens = encode_logprobs(logprobs)
                self._event(out, "output_text.delta", **self._place, delta=text, logprobs=tokens)
            return
        if text and self._form:
            out.append(numbered([text], self._form, self._number))
            self._number += 1

    def _cite(self, citations: Sequence[Citation], out: list[bytes]) -> None:
        if not isinstance(self._part, Text):
            return
        self._citations += citations
        self._annotate(out)

    def _annotate(self, out: list[bytes], length: int | None = None) -> None:
        """Sends the citations of a text. One of the whole text must wait until its `length` is known."""
        while self._cited < len(self._citations):
            citation = self._citations[self._cited]
            if citation.text_range is None and length is None:
                return
            note = encode_annotation(citation, length or 0)
            self._event(
                out, "output_text.annotation.added", **self._place, annotation_index=self._cited, annotation=note
            )
            self._cited += 1

    def _end_part(self, part: AnyPart, state: OpaqueState | None, out: list[bytes]) -> None:
        """The open part is complete: `part`. `state` came with its end."""
        shape, part = self._shape, self._writer.shown(part)
        if part.opaque is not None and not isinstance(part, Reasoning):
            part = replace(part, opaque=None)
        if shape is not None:
            self._annotate(out, len(emptied(part)[0]))
            if isinstance(part, ToolCall):
                given = self._writer.given(part)
                if given is not part and given.arguments:
                    self._event(out, shape.delta, **self._place, delta=given.arguments)
                part = given
            text = emptied(part)[0]
            tokens = {"logprobs": encode_logprobs(part.logprobs)} if isinstance(part, Text) else {}
            self._event(out, shape.done, **self._place, **{shape.text: text}, **tokens)
            if shape.ended:
                self._event(out, shape.ended, **self._place, part=bare(part, whole=True))
        self._part = None
        self._parts.append(part)
        more = isinstance(part, Text | Refusal) or (isinstance(part, Reasoning) and part.item is not None)
        # Whether the answer was cut in the midst of a call, only its end says.
        if not (more or (isinstance(part, ToolCall) and is_begun(part, part.arguments))):
            self._end_item(out)
        if state is not None and not isinstance(part, Reasoning) and self._writer.has_item(part):
            self._end_item(out)
            self._bear(state, LAST, out)

    # Items.

    def _add(self, out: list[bytes]) -> None:
        """The item under way begins."""
        assert self._part is not None  # noqa: S101  # `_begin` has set it
        item = self._writer.item([self._part], self._item, UNDER_WAY) or {}
        for name in ("content", "summary"):
            if name in item:
                item[name] = []
        self._event(out, "output_item.added", output_index=len(self._items), item=item)

    def _end_item(self, out: list[bytes], status: str = DONE) -> None:
        if not self._parts:
            return
        parts, self._parts = self._parts, []
        item = self._writer.item(parts, self._item, status)
        if item is None:
            return
        said, number = Raw(json.encode_to_keep(item)), len(self._items)
        if self._shape_of(parts[0]) is None and not isinstance(parts[0], Reasoning):
            self._event(out, "output_item.added", output_index=number, item=said)
        self._event(out, "output_item.done", output_index=number, item=said)
        self._items.append(said)

    def _bear(self, state: OpaqueState, place: str, out: list[bytes]) -> None:
        """Reasoning without words, which carries the state of the part that follows or of the one before."""
        bearer = replace(state, protocol=state.protocol + place)
        part = Reasoning(text="", form="redacted", opaque=bearer)
        self._begin(part, out)
        self._end_part(part, None, out)

    def _end(self, end: ResponseEnd, out: list[bytes]) -> None:
        if self._compact and len(self._items) + len(self._parts) != 1:
            raise not_compacted("an answer of another form")
        whole = self._fold.result()
        refused = _refuses(whole.parts)
        status, details = encode_reason(end.finish_reason, end.native_finish_reason, refusal=refused)
        if status not in {CUT, DONE}:
            status, details = CUT, {"reason": status}  # no stream ends so
        self._end_item(out, status)
        said = ended(self._begun(), end, self._by_now()) | {
            "status": status,
            "incomplete_details": details,
        }
        said |= {"output": self._items, "usage": None if whole.usage is None else encode_usage(whole.usage)}
        body = _json(said)
        self._event(out, status, response=Raw(body))
        if self._tell is not None:
            self._tell(body, self._writer.told(whole.message))
        if self._end_mark:
            out.append(END_MARK)


def _refuses(parts: Sequence[AnyPart]) -> bool:
    """Whether the model refuses in words of its own."""
    return any(isinstance(part, Refusal) and part.text for part in parts)


def encode_response(response: ChatResponse, request: ChatRequest, env: Env, answer_id: str = "") -> bytes:
    """A whole answer."""
    refused = _refuses(response.parts)
    status, details = encode_reason(response.finish_reason, response.native_finish_reason, refusal=refused)
    if request.compact:
        check_whole(response)
    output = ItemWriter(request, env, answer_id).whole(response.parts, cut=status == CUT)
    usage = None if response.usage is None else encode_usage(response.usage)
    body = ended(frame(request, response, env), response, env.by_now())
    return _json(body | {"status": status, "incomplete_details": details, "output": output, "usage": usage})


def ended(begun: dict[str, Any], end: ResponseEnd | ChatResponse, now: float) -> dict[str, Any]:
    """The fields of an answer that has ended `now`: a service's own words, if it has the same protocol."""
    echo = end.extra.get(OURS, {}).get(RESPONSE, {})
    done = {"completed_at": int(now)} if end.finish_reason in {"stop", "tool_call", "refusal"} else {}
    echo = {name: value for name, value in echo.items() if value is not None or begun.get(name) is None}
    said: dict[str, Any] = begun | done | echo | said_beside(NAME, end.extra)
    return said
