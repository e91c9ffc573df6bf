"""A request as callers write it in Python, to a ChatRequest."""

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, Protocol, TypedDict

from msgspec import Struct
from msgspec.structs import replace

from dragoman.error_words import nearest
from dragoman.errors import InvalidRequestError
from dragoman.protocols.openai_chat import NAME as OPENAI_CHAT
from dragoman.protocols.openai_chat import decode_body
from dragoman.providers.plain import plain
from dragoman.providers.turns import read_choice, read_format, read_messages, read_question, read_tools
from dragoman.types import AnyTool, ChatRequest, Message, ResponseFormat, ToolChoice


class ChatOptions(TypedDict, total=False):
    """The options besides model and messages, in OpenAI's names and shapes or as our own values. None: not set."""

    tools: Sequence[Mapping[str, Any] | AnyTool | Callable[..., Any]] | None
    tool_choice: str | Mapping[str, Any] | ToolChoice | None
    parallel_tool_calls: bool | None
    response_format: Mapping[str, Any] | ResponseFormat | None
    max_tokens: int | None
    max_completion_tokens: int | None
    temperature: float | None
    top_p: float | None
    top_k: int | None
    frequency_penalty: float | None
    presence_penalty: float | None
    stop: str | Sequence[str] | None
    seed: int | None
    reasoning_effort: str | None
    user: str | None
    extra_body: Mapping[str, Any] | None


class Model(Protocol):
    """A value of pydantic."""

    def model_dump(self) -> dict[str, Any]: ...


Conversation = str | Sequence[Mapping[str, Any] | Message | Struct | Model]
"""A single question, or messages: our own values, and dictionaries, pydantic models and structs in OpenAI's shape, in
any mixture."""

APART = frozenset({"model", "messages", "stream"})
"""Fields that `extra_body` may not have, because they are arguments of their own."""


CONFIGURED = "services stand in the configuration: `Client({'providers': {NAME: …}})`"

ELSEWHERE: dict[str, str] = {
    "stream": "`stream(…)` gives an answer as it comes",
    "max_turns": "`run(…)` has it",
    "fallbacks": "a route of the configuration has several targets: `Client({'models': {NAME: {'targets': […]}}})`",
    "functions": "`tools` takes functions",
    "n": "`map(…)` asks several times",
    "store": "it goes into `extra_body`",
    "drop_params": "what a service cannot take is left out, and named in the answer's `losses`",
    "function_call": "`tool_choice` is for that",
    "mock_response": "the model `offline/script` answers as a test wants",
    "thinking": "`reasoning_effort` is for every service, and a service's own form goes into `extra_body`",
    **dict.fromkeys(("api_key", "base_url", "api_base", "organization", "proxy"), CONFIGURED),
    **dict.fromkeys(("headers", "extra_headers", "default_headers"), f"{CONFIGURED}, with their `headers`"),
    **dict.fromkeys(("instructions", "system_prompt"), "`system` is for that"),
    **dict.fromkeys(("response_model", "output_type", "result_type", "text_format"), "`output` takes a type"),
}
"""What takes the place of options that the vendors' SDKs, and other libraries for many services, have."""


def check_names(
    options: Mapping[str, Any],
    known: Collection[str] = frozenset(ChatOptions.__annotations__),
    elsewhere: Mapping[str, str] = ELSEWHERE,
) -> None:
    """Raises TypeError, with the nearest known name, or what takes its place, for an unknown option."""
    for name in options:
        if name not in known:
            fields = "; fields that only the service knows go into `extra_body`" if "extra_body" in known else ""
            hint = f"; {elsewhere[name]}" if name in elsewhere else nearest(name, known)
            raise TypeError(f"there is no option {name!r}{hint or fields}")


def build_request(
    model: str, messages: Conversation, options: Mapping[str, Any], protocol: str = OPENAI_CHAT
) -> ChatRequest:
    """The request.

    Fields of one protocol only are kept in `extra` under the name of `protocol`. Raises InvalidRequestError.
    """
    said = {name: value for name, value in options.items() if value is not None and name != "extra_body"}
    further = more_fields(options.get("extra_body"))
    said |= further
    if isinstance(messages, str):
        bodies, own_turns = read_question(messages)
    else:
        bodies, own_turns = read_messages(_list(messages, "messages", "a text or a list of messages"))
    choice, form = said.get("tool_choice"), said.get("response_format")
    own: dict[str, Any] = {}
    if isinstance(choice, ToolChoice):
        own["tool_choice"] = read_choice(said.pop("tool_choice"))
    if isinstance(form, ResponseFormat):
        own["response_format"] = read_format(said.pop("response_format"))
    tools, own_tools = read_tools(_list(said.pop("tools", ()), "tools", "a list of tools"))
    more = {name: plain(value, f"extra_body.{name}" if name in further else name) for name, value in said.items()}
    if tools:
        more["tools"] = tools
    request = decode_body({"model": plain(model, "model"), "messages": bodies, "stream": True, **more})
    if protocol != OPENAI_CHAT and OPENAI_CHAT in request.extra:
        request = replace(request, extra={protocol: request.extra[OPENAI_CHAT]})
    if own_turns:
        own["messages"] = tuple(own_turns.get(i, message) for i, message in enumerate(request.messages))
    if own_tools:
        own["tools"] = tuple(own_tools.get(i, tool) for i, tool in enumerate(request.tools))
    return replace(request, **own) if own else request


def more_fields(body: object, apart: frozenset[str] = APART) -> dict[str, Any]:
    """The fields of `extra_body`, which may not have those of `apart`. Raises InvalidRequestError."""
    if body is None:
        return {}
    if not isinstance(body, Mapping):
        raise InvalidRequestError(f"extra_body: expected an object, got {type(body).__name__}")
    for name in body:
        if not isinstance(name, str):
            raise InvalidRequestError(f"extra_body: expected names that are strings, got {type(name).__name__}")
    if named := sorted(apart & body.keys()):
        raise InvalidRequestError(f"extra_body: expected no {named[0]!r}, which is an argument of its own")
    return dict(body)


def _list(value: object, path: str, expected: str) -> list[object]:
    if isinstance(value, Sequence) and not isinstance(value, str | bytes | bytearray | memoryview):
        return list(value)
    raise InvalidRequestError(f"{path}: expected {expected}, got {type(value).__name__}")
