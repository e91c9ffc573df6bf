"""A service's answer to events: server-sent events, or one whole answer."""

from typing import Any

from dragoman.error_words import cut, scrub
from dragoman.errors import BadEventError, DragomanError, UpstreamError
from dragoman.protocols.errors.head import a_page
from dragoman.protocols.openai_responses.citations import decode_annotation
from dragoman.protocols.openai_responses.events import (
    ADDED,
    ANNOTATED,
    CREATED,
    ENDS,
    ERROR,
    FAILED,
    ITEM_DONE,
    PART_DONE,
    PIECES,
    PLACES,
    PREFIX,
    REFUSAL,
    SUMMARY_DONE,
    SUMMED,
    TEXT,
    TEXT_DONE,
    THOUGHT,
    LooseDelta,
    decode_delta,
    index_of,
    is_repeated,
    name_of,
    read_loosely,
)
from dragoman.protocols.openai_responses.extra import NAME
from dragoman.protocols.openai_responses.finish_reasons import decode_reason
from dragoman.protocols.openai_responses.items import CONTENT, ItemReader
from dragoman.protocols.openai_responses.logprobs import decode_logprobs, read_logprobs
from dragoman.protocols.openai_responses.piece_form import form_of
from dragoman.protocols.openai_responses.slots import Items
from dragoman.protocols.openai_responses.usage import decode_usage
from dragoman.protocols.openai_shared.errors import failure_in, reported
from dragoman.protocols.openai_shared.family import answer_extra
from dragoman.protocols.speech import OURS
from dragoman.protocols.streams.delta_row import deltas
from dragoman.protocols.streams.joined_events import DONE
from dragoman.protocols.streams.lane import TextRows
from dragoman.protocols.streams.silent_events import SILENCE
from dragoman.protocols.streams.sse_decoder import SseDecoder
from dragoman.types import (
    AnyPart,
    OpaqueState,
    PartDelta,
    Reasoning,
    Refusal,
    ResponseEnd,
    ResponseStart,
    StreamEvent,
    Text,
)
from dragoman.wire import json
from dragoman.wire.sse import SseEvent, usual_event
from dragoman.wire.utf8 import BLANKS

LATEST = 1 << 40
"""Seconds since 1970 (the year 36,812): a larger `created_at` is not a time."""

EMPTY: dict[str, AnyPart] = {
    TEXT: Text(text=""),
    REFUSAL: Refusal(text=""),
    SUMMED: Reasoning(text="", form="summary"),
    THOUGHT: Reasoning(text=""),
}
"""The part that a piece begins; a call begins by its name."""

INDEXES = {SUMMED: "summary_index"}
"""The field with a part's number in its item, if it is not `content_index`."""

OF_ITEMS = frozenset({ADDED, ITEM_DONE, PART_DONE, SUMMARY_DONE, ANNOTATED, *TEXT_DONE})

ECHO = frozenset(
    {
        "background",
        "completed_at",
        "conversation",
        "frequency_penalty",
        "instructions",
        "max_output_tokens",
        "max_tool_calls",
        "metadata",
        "parallel_tool_calls",
        "presence_penalty",
        "previous_response_id",
        "prompt",
        "prompt_cache_key",
        "prompt_cache_options",
        "prompt_cache_retention",
        "reasoning",
        "safety_identifier",
        "store",
        "temperature",
        "text",
        "tool_choice",
        "tools",
        "top_logprobs",
        "top_p",
        "truncation",
        "user",
    }
)
"""Fields of an answer that repeat the request."""
RESPONSE = "response"
"""Where these are kept, under our own key of `extra`."""
TEXT_BESIDE = "output_text"
"""The answer's text once more, beside its items, as OpenAI's SDK joins it. Some services have it there alone
(NousResearch/hermes-agent#5707)."""
KNOWN = ECHO | {
    "id",
    "object",
    "created_at",
    "status",
    "error",
    "incomplete_details",
    "model",
    "output",
    "usage",
    TEXT_BESIDE,
}

CALLERS = frozenset(
    {"invalid_prompt", "bio_policy", "cyber_policy", "misalignment_policy_violation", "data_residency_mismatch"}
)
"""Codes of failures that are the caller's fault, besides those that begin with `invalid_` or name an image."""


class ReplyDecoder(SseDecoder):
    """Events from the answer to one request. `origin`: whose opaque state it holds.

    An answer ends with the event that repeats all of it, and with nothing else.
    """

    def __init__(self, origin: str | None = None) -> None:
        super().__init__()
        self._origin = origin
        self._items = Items(ItemReader(self._state, answered=True))
        self._started = False
        self._plain = False
        """The last event was a piece of the open text."""
        self.unexplained = False
        """The answer has failed, and no reason has come yet."""

    def _state(self, text: str) -> OpaqueState:
        return OpaqueState(NAME, text, self._origin)

    def _is_plain(self) -> bool:
        return self._plain and self._items.plain

    def _rows_like(self, event: bytes) -> TextRows | None:
        return None if usual_event(event) is None else form_of(event)

    def _row(self, words: list[str], row: bytes, out: list[StreamEvent]) -> None:
        self._items.count += sum(map(len, words))
        self._items.last = words[-1]
        out += deltas(words, in_row=self.in_rows)

    def _event(self, event: SseEvent, out: list[StreamEvent]) -> None:
        self._plain = False
        if self.done:
            return
        data = event.data
        if event.stray:
            # No event; but some services write so when they fail.
            if data.startswith(b"<"):
                raise a_page("an event")
            if data.lstrip(BLANKS).startswith(b"{"):
                self._failure(data, strange=False)
            elif b":" not in data and (words := data.strip(BLANKS)):
                said = cut(scrub(words.decode("utf-8", "replace")))
                self._skip(UpstreamError(f"the service wrote {said!r} in the place of an event"))
            return
        name = name_of(event.event, data)
        kind = PIECES.get(name)
        if kind is not None:
            self._piece(kind, data, out)
        elif name == ERROR:
            raise _error(_said(data))
        elif name.startswith(PREFIX):
            self._named(name, data, out)
        elif (bare := data.strip(BLANKS)) not in SILENCE and bare != DONE:
            self._failure(data, strange=not event.event)

    def _failure(self, data: bytes, *, strange: bool) -> None:
        """Raises the failure that an event of another name reports; if it is `strange`, it must be an object."""
        if not strange and b'"error"' not in data:
            return
        value = json.decode_event(data)
        if not isinstance(value, dict):
            raise BadEventError("expected an event of an answer, got other JSON")
        if (failure := failure_in(value)) is not None:
            raise reported(NAME, failure)

    def _named(self, name: str, data: bytes, out: list[StreamEvent]) -> None:
        if name in CREATED:
            if not self._started:
                self._start(_object(_object(data).get("response")), out)
        elif name == FAILED:
            self._fail(_object(_object(data).get("response")))
        elif name in ENDS:
            self._finish(_object(_object(data).get("response")), ENDS[name], out)
        elif name in OF_ITEMS:
            self._of_item(name, _object(data), out)
        elif not is_repeated(name):
            self._leave_out(name)

    def _of_item(self, name: str, value: dict[str, Any], out: list[StreamEvent]) -> None:
        if not self._started:
            self._start({}, out)
        items, item = self._items, value.get("item")
        index = index_of(value.get("output_index"))
        if name == ADDED:
            items.add(index, item, out)
            return
        named = value.get("item_id")
        if isinstance(item, dict):
            named = item.get("id")
        number = items.number(index, named)
        if name in TEXT_DONE:
            self._end_text(number, name, value, out)
        elif name == ITEM_DONE:
            items.end(number, item, out)
        elif name == ANNOTATED:
            if (citation := decode_annotation(value.get("annotation"))) is not None:
                items.cite(number, (CONTENT, index_of(value.get("content_index")) or 0), citation, out)
        else:
            self._end_part(number, value, out)

    def _end_text(self, number: int, name: str, value: dict[str, Any], out: list[StreamEvent]) -> None:
        """A text is complete: what of it has not come goes out, and its part stays open."""
        kind, field = TEXT_DONE[name]
        if isinstance(text := value.get(field), str):
            key = (number, PLACES[kind], index_of(value.get(INDEXES.get(kind, "content_index"))) or 0)
            self._items.end_text(key, EMPTY.get(kind), text, decode_logprobs(value.get("logprobs")), out)

    def _end_part(self, number: int, value: dict[str, Any], out: list[StreamEvent]) -> None:
        """A part of an item is complete: of a message, or of the summary of reasoning."""
        match value.get("part"):
            case {"type": "output_text" | "refusal"} as part:
                kind, field, index = "message", "content", value.get("content_index")
            case {"type": "reasoning_text"} as part:
                kind, field, index = "reasoning", "content", value.get("content_index")
            case {"type": "summary_text"} as part:
                kind, field, index = "reasoning", "summary", value.get("summary_index")
            case _:
                return
        for (place, _), read in ItemReader(self._state, answered=True).read_loosely({"type": kind, field: [part]}):
            self._items.end_part(number, (place, index_of(index) or 0), read, out)

    def _piece(self, kind: str, data: bytes, out: list[StreamEvent]) -> None:
        items = self._items
        try:
            piece, strict = decode_delta(data), True
        except json.NOT_STRICT:
            piece, strict = read_loosely(data), False
        number = piece.summary_index if kind == SUMMED else piece.content_index
        index = piece.output_index
        if index is None or items.moved:
            index = items.number(index, piece.item_id)
        key = (index, PLACES[kind], number or 0)
        if kind == REFUSAL and piece.delta:
            items.refused = True
        if key == items.open and strict and items.plain:
            items.count += len(piece.delta)
            items.last = piece.delta
            if tokens := piece.logprobs:
                items.tokens = True
                out.append(PartDelta(piece.delta, read_logprobs(tokens)))
            else:
                out.append(PartDelta(piece.delta))
                self._plain = True
            return
        if not self._started:
            self._start({}, out)
        items.met(piece.item_id, index)
        said = piece.tokens if isinstance(piece, LooseDelta) else read_logprobs(piece.logprobs or ())
        items.piece(key, EMPTY.get(kind), piece.delta, said, out)

    def _whole(self, body: bytes, out: list[StreamEvent]) -> None:
        value = json.decode_event(body)
        if (failure := failure_in(value)) is not None:
            raise reported(NAME, failure)
        if not isinstance(value, dict) or not isinstance(value.get("output"), list):
            raise BadEventError("expected an answer, got other JSON")
        self._finish(value, "completed", out)

    def _start(self, response: dict[str, Any], out: list[StreamEvent]) -> None:
        self._started = True
        named, model, created = response.get("id"), response.get("model"), response.get("created_at")
        out.append(
            ResponseStart(
                id=named if isinstance(named, str) and named else None,
                model=model if isinstance(model, str) and model else None,
                created=int(created) if isinstance(created, int | float) and 0 < created < LATEST else None,
            )
        )

    def _fail(self, response: dict[str, Any]) -> None:
        """The answer has failed. Azure says why in an event of its own after this one (maximhq/bifrost#6419)."""
        failure, error = response.get("error"), _failure_of(response)
        if any(failure.values()) if isinstance(failure, dict) else failure:
            raise error
        self.unexplained = True
        self._skip(error)

    def _finish(self, response: dict[str, Any], usual: str, out: list[StreamEvent]) -> None:
        status = response.get("status")
        if not isinstance(status, str) or not status:
            status = usual
        if response.get("error") or status == "failed":
            raise _failure_of(response)
        if not self._started:
            self._start(response, out)
        output, text = response.get("output"), response.get(TEXT_BESIDE)
        items = output if isinstance(output, list) else []
        if not items and not self._items.begun and isinstance(text, str) and text:
            items = [{"type": "message", "content": text}]  # an odd form, which is mended
        self._items.close(items, out)
        reason, native = decode_reason(
            status, response.get("incomplete_details"), tool_call=self._items.called, refusal=self._items.refused
        )
        if self._items.differs:
            self._leave_out(ITEM_DONE)
        rest = {name: value for name, value in response.items() if name not in KNOWN and value is not None}
        more = answer_extra(NAME, rest)
        if echo := {name: value for name, value in response.items() if name in ECHO}:
            more |= {OURS: {RESPONSE: echo}}
        usage = decode_usage(response.get("usage"))
        out.append(ResponseEnd(reason, usage, native, losses=self._left_out, extra=more))
        self.done = True

    def _close(self, out: list[StreamEvent]) -> None:
        raise UpstreamError("expected the event that ends an answer")  # `_finish` has set `done`: never called


def _object(data: object) -> dict[str, Any]:
    """The object that an event is, or that stands in one; an empty one if it is something else."""
    value = json.decode_event(data) if isinstance(data, bytes) else data
    if not isinstance(value, dict):
        if isinstance(data, bytes):
            raise BadEventError("expected an event of an answer, got other JSON")
        return {}
    return value


def _said(data: bytes) -> dict[str, Any]:
    """What an event named `error` says: an object, or plain words."""
    try:
        value = json.decode_event(data)
    except BadEventError:
        value = data.decode("utf-8", "replace")
    return value if isinstance(value, dict) else {"message": value if isinstance(value, str) else ""}


def _failure_of(response: dict[str, Any]) -> DragomanError:
    """The error of an answer that says that it has failed."""
    failure = response.get("error")
    return _error(failure if isinstance(failure, dict) else {"message": failure})


def _error(said: dict[str, Any]) -> DragomanError:
    """The error that an event reports: in an object of its own, or beside the event's name."""
    inner = said.get("error")
    failure = inner if inner else {name: said[name] for name in said if name not in {"type", "sequence_number"}}
    code = failure.get("code") if isinstance(failure, dict) else None
    callers = isinstance(code, str) and (code in CALLERS or code.startswith("invalid_") or "image" in code)
    return reported(NAME, failure, 400 if callers and code != "invalid_api_key" else _status(said))


def _status(said: dict[str, Any]) -> int | None:
    """The status that stands beside an error: raine/claude-code-proxy#139."""
    found = said.get("status", said.get("status_code"))
    return found if isinstance(found, int) and 400 <= found < 600 else None
