"""What a request asks, in a form in which a caller's request and what a service is asked can be compared."""

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

from msgspec import Struct

from dragoman.types import (
    ChatRequest,
    HostedTool,
    HttpRequest,
    Media,
    Message,
    Reasoning,
    Refusal,
    ServerRequest,
    Text,
    Tool,
    ToolCall,
    ToolResult,
)
from tests.support.readings import CALLS
from tests.support.translating import arguments, states

SETTINGS = (
    *("max_output_tokens", "temperature", "top_p", "top_k", "frequency_penalty", "presence_penalty", "stop", "seed"),
    *("top_logprobs", "verbosity", "service_tier", "modalities", "metadata", "cache_key"),
    *("truncate", "compact", "parallel_tool_calls", "candidate_count", "store"),
)
"""Fields of a request that are compared as they are."""


OFF: dict[str | None, str] = {"off": "none"}
"""Modes of thinking that are an effort in some protocols."""


class Question(Struct, frozen=True):
    """What is asked. White space between texts is not compared, nor what stands where results do."""

    settings: dict[str, Any]
    texts: dict[str, str]
    """By role; a refusal is text."""
    thoughts: str
    calls: list[tuple[str, Any]]
    results: list[tuple[str, bool]]
    media: list[str]
    state: list[tuple[str, str]]
    tools: list[tuple[str, str, Any]]
    hosted: list[str]
    choice: tuple[str, str | None] | None
    """None: as the model likes."""
    form: tuple[str, Any] | None
    effort: tuple[str | None, int | None]
    order: list[str]


def question(request: ChatRequest) -> Question:
    """What `request` asks."""
    parts = [part for message in request.messages for part in message.parts]
    results = [part for part in parts if isinstance(part, ToolResult)]
    calls = [part for part in parts if isinstance(part, ToolCall)]
    inner = [*parts, *(each for result in results for each in result.parts)]
    tools = [tool for tool in request.tools if isinstance(tool, Tool)]
    choice, form, effort = request.tool_choice, request.response_format, request.reasoning
    return Question(
        settings={name: getattr(request, name) for name in SETTINGS}
        | {"user": request.user or request.safety_identifier},
        texts={role: "".join(words.split()) for role, words in texts(request)},
        thoughts="".join(part.text for part in parts if isinstance(part, Reasoning)),
        calls=[(call.name, arguments(call)) for call in calls],
        results=sorted(("".join(words_in(result).split()), result.is_error) for result in results),
        media=sorted(part.url or part.data or part.file_id or "" for part in inner if isinstance(part, Media)),
        state=[state for part in parts if part.opaque for state in states(part.opaque)],
        tools=[(each.name, each.description or "", each.parameters or {}) for each in tools],
        hosted=[tool.tool for tool in request.tools if isinstance(tool, HostedTool)],
        choice=None if choice is None or choice.mode == "auto" else (choice.mode, choice.name),
        form=None if form is None else (form.kind, untitled(form.schema)),
        effort=(None, None) if effort is None else (effort.effort or OFF.get(effort.mode), effort.budget_tokens),
        order=order(request),
    )


def words_in(result: ToolResult) -> str:
    """The texts of a result."""
    return "".join(part.text for part in result.parts if isinstance(part, Text))


def role_of(message: Message) -> str:
    """Who speaks: developers are the system, and results are apart."""
    return "system" if message.role == "developer" else message.role


def texts(request: ChatRequest) -> Iterator[tuple[str, str]]:
    """All texts of each role."""
    for role in ("system", "user", "assistant"):
        told = [part for message in request.messages if role_of(message) == role for part in message.parts]
        yield role, "".join(part.text for part in told if isinstance(part, Text | Refusal))


def order(request: ChatRequest) -> list[str]:
    """Who says something, and whether it is a call; what follows itself comes once."""
    out: list[str] = []
    for message in request.messages:
        for part in message.parts:
            said = isinstance(part, Text | Refusal) and part.text.strip()
            kind = "call" if isinstance(part, ToolCall) else role_of(message) if said else ""
            if kind and out[-1:] != [kind]:
                out.append(kind)
    return out


def untitled(schema: dict[str, Any] | None) -> dict[str, Any]:
    """A schema without its title, in which some protocols have the name of a form."""
    return {name: value for name, value in (schema or {}).items() if name != "title"}


def as_call(dialect: str, body: bytes) -> ServerRequest:
    """The body, as a caller of this dialect sends it."""
    path, query, _ = CALLS[dialect]
    headers = ((b"content-type", b"application/json"),)
    return ServerRequest(method="POST", path=path, query=query, headers=headers, body=body)


def as_received(message: HttpRequest) -> ServerRequest:
    """What a service is sent, as a request that a front of ours gets."""
    address = urlsplit(message.url)
    path = address.path if address.path.startswith(("/v1", "/api")) else f"/v1{address.path}"
    headers = tuple((name.lower().encode(), value.encode()) for name, value in message.headers)
    return ServerRequest(method="POST", path=path, query=address.query, headers=headers, body=message.body)
