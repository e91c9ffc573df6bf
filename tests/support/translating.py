"""What an answer says, in a form in which the answer of a service and what a caller is told of it can be compared."""

import base64
import json
import re
from collections.abc import Sequence
from typing import Any

from msgspec import Struct

from dragoman.errors import DragomanError
from dragoman.protocols.answer_losses import AnswerLosses
from dragoman.protocols.base import ClientCodec, ServerCodec
from dragoman.protocols.opaque import DOTTED, MARK, STATELESS
from dragoman.protocols.registry import DIALECTS
from dragoman.types import (
    AnyPart,
    ChatRequest,
    ChatResponse,
    HostedCall,
    HostedResult,
    Media,
    OpaqueState,
    Reasoning,
    Refusal,
    StreamEvent,
    Text,
    Tool,
    ToolCall,
    Unknown,
    fold,
    unfold,
    user,
)
from tests.support.cuts import drive
from tests.support.env import fixed_env

FRONTS = ("openai-chat", "openai-responses", "anthropic", "gemini", "ollama")
TOOLS = (Tool("patch", input_format="text"), Tool("weather"))
REQUEST = ChatRequest(model="m", messages=(user("x"),), tools=TOOLS)
WRAPPED = re.compile(r"dragomanMark\.[^.]+\.([a-z-]+)(?:[+]\w+|[<>])?\.(.*)", re.DOTALL)
"""Opaque state on its way to a caller: the protocol of its service, its place if that is not its part, and itself."""


def client_of(dialect: str) -> ClientCodec:
    """The half that calls a service."""
    made: Any = DIALECTS[dialect].client
    codec: ClientCodec = made("http://h")
    return codec


def server_of(dialect: str) -> ServerCodec:
    """The half that answers a caller."""
    made: Any = DIALECTS[dialect].server
    codec: ServerCodec = made()
    return codec


class Said(Struct, frozen=True):
    """What an answer says. `words`: text and refusal as they follow each other; `places`: the texts of its sources."""

    text: str
    refusal: str
    words: str
    thoughts: str
    calls: list[tuple[str, Any]]
    ids: list[str]
    reason: str
    tokens: tuple[int | None, int | None]
    counts: dict[str, int]
    sources: list[tuple[str, str]]
    places: list[tuple[str, str]]
    state: list[tuple[str, str]]
    media: list[str | None]
    hosted: list[str]
    stop_sequence: str | None
    order: list[str]
    ends_with_text: bool


def said(answer: ChatResponse) -> Said:
    """What `answer` says."""
    texts = [part for part in answer.parts if isinstance(part, Text)]
    calls = answer.tool_calls
    cited = [(part, each) for part in texts for each in part.citations]
    usage = answer.usage
    counts: dict[str, int | None] = {}
    if usage is not None:
        counts = {**usage.details, "reasoning": usage.reasoning_tokens, "read": usage.cache_read_tokens}
    return Said(
        text=answer.text,
        refusal="".join(part.text for part in answer.parts if isinstance(part, Refusal)),
        words="".join(part.text for part in answer.parts if isinstance(part, Text | Refusal)),
        thoughts="".join(part.text for part in answer.parts if isinstance(part, Reasoning)),
        calls=[(call.name, arguments(call)) for call in calls],
        ids=[call.id for call in calls],
        reason=answer.finish_reason,
        tokens=(None, None) if usage is None else (usage.input_tokens, usage.output_tokens),
        counts={name: count for name, count in counts.items() if count},
        sources=sorted((each.url or "", each.title or "") for _, each in cited),
        places=sorted((each.url or "", part.text[slice(*each.text_range)]) for part, each in cited if each.text_range),
        state=[state for part in answer.parts if part.opaque for state in states(part.opaque)],
        media=[part.url or part.data or part.file_id for part in answer.parts if isinstance(part, Media)],
        hosted=[part.tool for part in answer.parts if isinstance(part, HostedCall | HostedResult)],
        stop_sequence=answer.stop_sequence,
        order=order(answer.parts),
        ends_with_text=bool(answer.parts) and isinstance(last := answer.parts[-1], Text) and last.text != "",
    )


def arguments(call: ToolCall) -> Any:
    """The arguments as a value; the text, if it is none."""
    try:
        return json.loads(call.arguments or "{}") if call.input_format == "json" else call.arguments
    except ValueError:
        return call.arguments


def states(opaque: OpaqueState) -> list[tuple[str, str]]:
    """The protocol and the data of each state that a caller is given in one place."""
    data = opaque.data
    if data == STATELESS:
        return []
    if opaque.protocol == "openai-chat" and MARK in data:
        carried = [entry.get("signature") or entry.get("data") for entry in json.loads(data)]
    elif data.startswith(MARK) and not data.startswith(DOTTED):
        carried = [DOTTED + base64.urlsafe_b64decode(data.removeprefix(MARK)).decode()]
    else:
        carried = [data]
    found = [WRAPPED.search(each) for each in carried]
    return [(each[1], each[2]) if each else (opaque.protocol, data) for each in found]


def order(parts: Sequence[AnyPart]) -> list[str]:
    """The kinds of parts as they follow each other; texts beside each other are one."""
    kinds: list[str] = []
    for part in parts:
        if isinstance(part, ToolCall) or (isinstance(part, Text | Refusal | Reasoning) and part.text):
            kind = type(part).__name__
            if kind == "ToolCall" or kinds[-1:] != [kind]:
                kinds.append(kind)
    return kinds


class Told(Struct, frozen=True):
    """What a caller is told: its bytes, the losses by their names, or why nothing can be told."""

    body: bytes = b""
    lost: frozenset[str] = frozenset()
    error: DragomanError | str | None = None


def streamed(front: str, batches: Sequence[Sequence[StreamEvent]]) -> Told:
    """An answer as a stream."""
    server = server_of(front)
    losses, encoder = AnswerLosses(server.expresses, front, server.family), server.encoder(REQUEST, fixed_env())
    out: list[bytes] = []
    try:
        for events in batches:
            losses.read(events)
            out.append(encoder.send(events))
    except DragomanError as exc:
        return Told(error=exc)
    return Told(b"".join(out), frozenset(loss.name for loss in losses.found), losses.unsaid)


def whole(front: str, answer: ChatResponse) -> Told:
    """An answer as one document."""
    server = server_of(front)
    losses = AnswerLosses(server.expresses, front, server.family)
    losses.read(unfold(answer))
    try:
        body = server.encode_response(answer, REQUEST, fixed_env()).body
    except DragomanError as exc:
        return Told(error=exc)
    return Told(body, frozenset(loss.name for loss in losses.found), losses.unsaid)


def read(front: str, body: bytes) -> ChatResponse | None:
    """The answer that a caller reads; None if it is not a good one."""
    events, error = drive(client_of(front).decoder(REQUEST), [body])
    return fold(events) if error is None and events else None


def is_plain(answer: ChatResponse) -> bool:
    """Whether no part of `answer` is of a kind that nobody knows: such a part may be read as another one."""
    return not any(isinstance(part, Unknown) for part in answer.parts)
