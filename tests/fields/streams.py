"""The events of the five dialects' streams: their types, as the vendors' SDKs have them, and the streams around them.

A leaf's path begins with its event: `[message_delta].delta.stop_reason`. Dialects with one kind of event have it at the
beginning of an answer, in its midst, and after the reason to stop.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from anthropic.types.beta import BetaRawMessageStreamEvent
from msgspec import Struct
from msgspec.structs import replace
from ollama._types import ChatResponse
from openai.types.chat import ChatCompletionChunk
from openai.types.responses import Response, ResponseStreamEvent
from pydantic import BaseModel, create_model

from tests.fields import answers
from tests.fields.makers import json_text
from tests.fields.schema import Leaf, Samples, Walk, fields_of, members, tag

Event = dict[str, Any]


class Streams(Struct, frozen=True):
    """A dialect's streams."""

    events: Mapping[str, Any]
    """Names and types of what is put into a stream."""
    samples: Samples
    around: Callable[[str, Event | None], list[Event]]
    """A stream with the event of a name; None: without it."""
    written: Callable[[list[Event]], bytes]
    skipped: tuple[str, ...] = ()
    """Beginnings of paths that no service could write there."""

    def leaves(self) -> Iterator[Leaf]:
        """All leaves of all events, each in a stream."""
        walk = Walk(self.samples)
        for name, kind in self.events.items():
            around = self.around(name, None)
            for leaf in walk.leaves(kind):
                path = f"[{name}].{leaf.path}"
                if not path.startswith(self.skipped):
                    body, without = self.around(name, leaf.body), self.around(name, leaf.without)
                    yield Leaf(path, leaf.mark, body, without, around)


PLACES = ("first", "middle", "last")


def data(events: list[Event], end: str = "\n\n") -> bytes:
    return "".join(f"data: {json.dumps(each)}{end}" for each in events).encode()


def named(events: list[Event]) -> bytes:
    return "".join(f"event: {each['type']}\ndata: {json.dumps(each)}\n\n" for each in events).encode()


def placed(name: str, event: Event | None, pieces: list[Event], end: Event) -> list[Event]:
    """The event before the pieces of an answer, between them, or after its end."""
    given = [] if event is None else [event]
    match name:
        case "first":
            return [*given, *pieces, end]
        case "middle" | "beside":
            return [*pieces, *given, pieces[-1], end]
        case _:
            return [*pieces, end, *given]


# OpenAI Chat.


def of_chat(said: Event, **more: Any) -> Event:
    choice = {"index": 0, "delta": said, "finish_reason": None} | more
    return {
        "id": "c",
        "object": "chat.completion.chunk",
        "created": 1234567,
        "model": "m",
        "choices": [choice],
    }


def around_chat(name: str, event: Event | None) -> list[Event]:
    ended = event is not None and any(each.get("finish_reason") for each in event["choices"])
    if event is not None and not event["choices"] and name != "beside":
        event = event | {"choices": of_chat({"content": "c"})["choices"]}
    pieces = [of_chat({"role": "assistant", "content": "a"}), of_chat({"content": "b"})]
    return placed(name, event, pieces, of_chat({}, finish_reason=None if ended else "stop"))


CHAT = Streams(
    dict.fromkeys((*PLACES, "beside"), ChatCompletionChunk),
    replace(
        answers.CHAT.samples,
        beside={
            **answers.CHAT.samples.beside,
            "ChatCompletionChunk": {"choices": [], "created": 1234567, "id": "c", "model": "m"},
            "Choice": {"index": 0, "delta": {}},
            "ChoiceDeltaToolCall": {"index": 0, "id": "call_1", "type": "function", "function": {"name": "f"}},
            "ChoiceDeltaToolCall.function": {},
            "ChoiceDeltaToolCallFunction": {"name": "f", "arguments": "{}"},
            "ChoiceDeltaFunctionCall": {"name": "f", "arguments": "{}"},
        },
    ),
    around_chat,
    lambda events: data(events) + b"data: [DONE]\n\n",
)

# OpenAI Responses.

BEGUN: Event = {"id": "resp_1", "object": "response", "created_at": 1234567, "model": "m", "output": []}
ITEMS: dict[str, Event] = {
    "message": {"type": "message", "id": "msg_1", "role": "assistant", "status": "in_progress", "content": []},
    "reasoning": {"type": "reasoning", "id": "rs_1", "summary": []},
    "function_call": {"type": "function_call", "id": "fc_1", "call_id": "call_1", "name": "f", "arguments": ""},
    "custom_tool_call": {"type": "custom_tool_call", "id": "ct_1", "call_id": "call_1", "name": "f", "input": ""},
}
BEFORE = {
    "response.output_text": "message",
    "response.refusal": "message",
    "response.content_part": "message",
    "response.reasoning_": "reasoning",
    "response.function_call_arguments": "function_call",
    "response.custom_tool_call_input": "custom_tool_call",
}
"""Beginnings of the names of events, and the items that they are of."""
BEGINS = ("response.created", "response.queued", "response.in_progress")
ENDS = ("response.completed", "response.incomplete", "response.failed")
AFTER: Event = {"type": "response.output_item.done", "output_index": 1, "item": answers.SAID | {"id": "msg_2"}}


def around_responses(name: str, event: Event | None) -> list[Event]:
    given = [] if event is None else [event]
    begun: Event = {"type": "response.created", "response": BEGUN | {"status": "in_progress"}}
    end: Event = {"type": "response.completed", "response": BEGUN | {"status": "completed"}}
    if name in BEGINS:
        return [*given, AFTER, end]
    if name in ENDS:
        return [begun, AFTER, *(given or [end])]
    items = [ITEMS[item] for start, item in BEFORE.items() if name.startswith(start)]
    added = [{"type": "response.output_item.added", "output_index": 0, "item": item} for item in items]
    return [begun, *added, *given, AFTER, end]


def with_fields(kind: Any, **fields: Any) -> Any:
    """The same type with other types of these fields; None: without the field."""
    kept = {field.name: (field.type, ... if field.required else None) for field in fields_of(kind)}
    found = {name: each for name, each in {**kept, **fields}.items() if each is not None}
    return create_model(kind.__name__, __base__=BaseModel, **found)


ABOUT = with_fields(Response, output=None)
"""An answer without its items, each of which has an event of its own."""


def responses_events() -> dict[str, Any]:
    kinds = {tag(kind): kind for kind in members(ResponseStreamEvent)}
    around = {name: with_fields(kind, response=(ABOUT, ...)) for name, kind in kinds.items() if name in BEGINS + ENDS}
    return {**kinds, **around}


INDEXES = ("output_index", "content_index", "summary_index", "annotation_index", "command_index")

RESPONSES = Streams(
    responses_events(),
    replace(
        answers.RESPONSES.samples,
        values={**answers.RESPONSES.samples.values, "ResponseFunctionCallArgumentsDeltaEvent.delta": json_text},
        beside={
            **answers.RESPONSES.samples.beside,
            **{
                kind.__name__: {name: 0 for field in fields_of(kind) if (name := field.name) in INDEXES}
                for kind in members(ResponseStreamEvent)
            },
            "LogprobTopLogprob": {"token": "a", "logprob": -0.5},
            "Response": BEGUN | {"status": "completed"},
        },
    ),
    around_responses,
    named,
)

# Anthropic.

MESSAGE: Event = {"id": "m", "type": "message", "role": "assistant", "model": "m", "content": []}
START: Event = {"type": "message_start", "message": MESSAGE | {"usage": {"input_tokens": 9, "output_tokens": 1}}}
BLOCKS: dict[str, Event] = {
    "text_delta": {"type": "text", "text": ""},
    "citations_delta": {"type": "text", "text": ""},
    "input_json_delta": {"type": "tool_use", "id": "toolu_1", "name": "f", "input": {}},
    "thinking_delta": {"type": "thinking", "thinking": "", "signature": ""},
    "signature_delta": {"type": "thinking", "thinking": "", "signature": ""},
    "compaction_delta": {"type": "compaction", "content": None},
}


def block(index: int, body: Event) -> list[Event]:
    return [
        {"type": "content_block_start", "index": index, "content_block": body},
        {"type": "content_block_stop", "index": index},
    ]


def around_anthropic(name: str, event: Event | None) -> list[Event]:
    given = [] if event is None else [event]
    said = block(1, {"type": "text", "text": "a"})
    end: Event = {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 9}}
    stop: Event = {"type": "message_stop"}
    match name:
        case "message_start":
            return [*given, *said, end, stop]
        case "content_block_start":
            return [START, *given, {"type": "content_block_stop", "index": 0}, *said, end, stop]
        case "content_block_delta":
            start, ended = block(0, BLOCKS["text_delta" if event is None else event["delta"]["type"]])
            return [START, start, *given, ended, *said, end, stop]
        case "content_block_stop":
            start, _ = block(0, BLOCKS["text_delta"])
            return [START, start, *given, *said, end, stop]
        case "message_delta":
            return [START, *said, *(given or [end]), stop]
        case _:
            return [START, *said, end, *(given or [stop])]


ANTHROPIC = Streams(
    {tag(kind): kind for kind in members(BetaRawMessageStreamEvent)},
    replace(
        answers.ANTHROPIC.samples,
        values={**answers.ANTHROPIC.samples.values, "partial_json": json_text},
        beside={
            **answers.ANTHROPIC.samples.beside,
            "BetaRawContentBlockStartEvent": {"index": 0},
            "BetaRawContentBlockDeltaEvent": {"index": 0},
            "BetaRawContentBlockStopEvent": {"index": 0},
            "BetaMessageDeltaUsage": {"output_tokens": 90002},
            "Delta": {"stop_reason": "end_turn"},
            "Delta.stop_sequence": {"stop_reason": "stop_sequence"},
        },
    ),
    around_anthropic,
    named,
)

# Gemini.


def of_gemini(text: str, **more: Any) -> Event:
    candidate = {"content": {"parts": [{"text": text}], "role": "model"}, "index": 0} | more
    return {"candidates": [candidate], "modelVersion": "m", "responseId": "r", "createTime": "2026-01-01T00:00:00Z"}


def around_gemini(name: str, event: Event | None) -> list[Event]:
    ended = False
    if event is not None:
        blocked = "blockReason" in event.get("promptFeedback", {})
        ended = blocked or any("finishReason" in each for each in event["candidates"])
    end = of_gemini("c") if ended else of_gemini("c", finishReason="STOP")
    return placed(name, event, [of_gemini("a"), of_gemini("b")], end)


GEMINI = Streams(
    dict.fromkeys(PLACES, answers.GenerateContentResponse),
    answers.GEMINI.samples,
    around_gemini,
    lambda events: data(events, "\r\n\r\n"),
)

# Ollama.


def of_ollama(text: str, **more: Any) -> Event:
    said = {"role": "assistant", "content": text}
    return {"model": "m", "created_at": "2026-01-01T00:00:00Z", "message": said, "done": False} | more


def around_ollama(name: str, event: Event | None) -> list[Event]:
    end = of_ollama("c", done=True, done_reason="stop")
    if name == "last":
        return [of_ollama("a"), of_ollama("b"), event or end]
    if event is not None:
        event = {field: value for field, value in event.items() if field != "done_reason"} | {"done": False}
    return placed(name, event, [of_ollama("a"), of_ollama("b")], end)


OLLAMA = Streams(
    dict.fromkeys(PLACES, ChatResponse),
    answers.OLLAMA.samples,
    around_ollama,
    lambda events: b"".join(json.dumps(each).encode() + b"\n" for each in events),
    skipped=("[first].done", "[middle].done"),
)

STREAMS: Mapping[str, Streams] = {
    "openai-chat": CHAT,
    "openai-responses": RESPONSES,
    "anthropic": ANTHROPIC,
    "gemini": GEMINI,
    "ollama": OLLAMA,
}
