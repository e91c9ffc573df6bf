"""What a call may be given besides a model and what is asked of it. Sends nothing."""

from collections.abc import Iterable, Mapping, Sequence
from math import inf
from typing import Any, TypedDict

from msgspec import Struct
from msgspec.structs import replace

from dragoman.client.functions import FunctionTool, tools_of
from dragoman.errors import InvalidRequestError
from dragoman.protocols.openai_chat import NAME as OPENAI_CHAT
from dragoman.providers.plain import plain
from dragoman.providers.request import ChatOptions, Conversation, build_request, check_names, more_fields
from dragoman.types import ChatRequest, EmbedRequest, Tool, system

Texts = str | Sequence[str | Sequence[int]]
"""One text or several, each as text or as the model's tokens."""

RETRIES = 2
"""How often a call is asked again: as the SDKs of OpenAI and Anthropic do."""

MAX_RETRIES = 100
"""More attempts are a mistake: with the longest waits, these take a quarter of an hour."""


MAX_CONCURRENCY = 10_000
"""Each has a task; more connections than these no machine holds by default."""


class LimitOptions(TypedDict, total=False):
    """How long a call may take, and how often it is tried. None: as the client does."""

    timeout: float | None
    """Seconds for the whole call, with its retries and its waiting; `inf` is no limit."""
    retries: int | None
    """How often it is asked again after an error that is `retryable`, before the first content."""
    output_retries: int | None
    """How often an answer that is no value of `output` is asked for again, with what is wrong with it."""
    max_parallel: int | None
    """It waits until fewer calls of this client than these are under way."""


class CallOptions(ChatOptions, LimitOptions, total=False):
    """The options of a chat."""

    system: str | None
    """The system's message, before all others."""


class EmbedOptions(LimitOptions, total=False):
    """The options of embeddings. None: not set."""

    dimensions: int | None
    """How many numbers a vector has."""
    task: str | None
    """What the vectors are for: `search_query`, `search_document`, `similarity`, or another word of the service."""
    title: str | None
    """The title of the document that the texts are from."""
    truncate: bool | None
    """Whether the service may shorten a text that is too long."""
    user: str | None
    extra_body: Mapping[str, Any] | None
    """Further fields, for services with OpenAI's protocol."""


LIMITS = frozenset(LimitOptions.__annotations__)
CALL = frozenset(CallOptions.__annotations__)
EMBED = frozenset(EmbedOptions.__annotations__)


class Limits(Struct, frozen=True):
    """How long one call may take, how often it is tried, and beside how many others it may run."""

    timeout: float = inf
    """Seconds."""
    retries: int = RETRIES
    output_retries: int = 1
    max_parallel: int | None = None

    def given(self, options: Mapping[str, Any]) -> "Limits":
        """These limits, except those that `options` set. Raises InvalidRequestError."""
        timeout, retries, output_retries, parallel = (options.get(name) for name in Limits.__struct_fields__)
        return Limits(
            self.timeout if timeout is None else _seconds(timeout),
            self.retries if retries is None else _count(retries, "retries", 0, MAX_RETRIES),
            self.output_retries if output_retries is None else _count(output_retries, "output_retries", 0, MAX_RETRIES),
            self.max_parallel if parallel is None else _count(parallel, "max_parallel", 1),
        )


def chat_request(model: str, messages: Conversation, options: Mapping[str, Any]) -> ChatRequest:
    """The request of a chat. Raises InvalidRequestError."""
    said = {name: value for name, value in options.items() if name in ChatOptions.__annotations__}
    if isinstance(tools := said.get("tools"), list | tuple):
        said["tools"], _ = tools_of(tools)
    if isinstance(said.get("response_format"), type):
        raise InvalidRequestError("response_format: expected an object, got a class, which is for `output`")
    first = options.get("system")
    if not isinstance(first, str | None):
        raise InvalidRequestError(f"system: expected text, got {type(first).__name__}")
    request = build_request(model, messages, said)
    if first is not None:
        request = replace(request, messages=(system(first), *request.messages))
    if not request.messages:
        raise InvalidRequestError("messages: expected at least one message, got none", param="messages")
    return request


def run_request(
    model: str, messages: Conversation, options: Mapping[str, Any], max_turns: int
) -> tuple[ChatRequest, dict[str, FunctionTool]]:
    """The first request of a run, and its functions by name. Raises InvalidRequestError.

    Tools of the service may stand among them, but no other tools of the caller's, whose calls nobody would run.
    """
    _count(max_turns, "max_turns", 1)
    _, functions = tools_of(options.get("tools"))
    request = chat_request(model, messages, options)
    for i, tool in enumerate(request.tools):
        if isinstance(tool, Tool) and tool.name not in functions:
            raise InvalidRequestError(f"tools[{i}]: expected a function, got {tool.name!r} without one")
    return request, functions


def embed_request(model: str, texts: Texts, options: Mapping[str, Any]) -> EmbedRequest:
    """The request for vectors of `texts`: one, or several, each as text or as the model's tokens.

    Raises InvalidRequestError.
    """
    check_names(options, EMBED)
    for name, kind in EMBED_TYPES.items():
        value = options.get(name)
        if value is not None and type(value) is not kind:
            raise InvalidRequestError(f"{name}: expected {kind.__name__}, got {type(value).__name__}")
    if (size := options.get("dimensions")) is not None:
        _count(size, "dimensions", 1)
    extra = plain(more_fields(options.get("extra_body"), frozenset({"model", "input"})), "extra_body")
    if not isinstance(model, str):
        raise InvalidRequestError(f"model: expected a string, got {type(model).__name__}")
    said: dict[str, Any] = {name: options.get(name) for name in EMBED_TYPES}
    return EmbedRequest(model=model, inputs=_inputs(texts), extra={OPENAI_CHAT: extra} if extra else {}, **said)


EMBED_TYPES: dict[str, type] = {"dimensions": int, "task": str, "title": str, "truncate": bool, "user": str}


def check_many(prompts: object, concurrency: object) -> None:
    """Raises InvalidRequestError for what is no number of calls at a time, and for one prompt in place of several."""
    if isinstance(prompts, str | Mapping | Struct) or not isinstance(prompts, Iterable):
        raise InvalidRequestError(f"prompts: expected several prompts, got {_shown(prompts)}")
    _count(concurrency, "concurrency", 1, MAX_CONCURRENCY)


def _inputs(texts: object) -> tuple[str | tuple[int, ...], ...]:
    given = [texts] if isinstance(texts, str) else texts
    if not isinstance(given, list | tuple) or not given:
        raise InvalidRequestError(f"texts: expected a text, or texts in a list, got {_shown(texts)}")
    return tuple(_input(each, f"texts[{i}]") for i, each in enumerate(given))


def _input(value: object, path: str) -> str | tuple[int, ...]:
    if isinstance(value, str):
        return value
    if isinstance(value, list | tuple) and value and all(type(each) is int for each in value):
        return tuple(value)
    raise InvalidRequestError(f"{path}: expected a text or a list of tokens, got {_shown(value)}")


def _seconds(value: object) -> float:
    if isinstance(value, int | float) and not isinstance(value, bool) and value > 0:
        return float(value)
    raise InvalidRequestError(f"timeout: expected seconds above 0, got {_shown(value)}")


def _count(value: object, name: str, least: int, most: int | None = None) -> int:
    if isinstance(value, int) and not isinstance(value, bool) and least <= value and (most is None or value <= most):
        return value
    limit = f"of {least} or more" if most is None else f"from {least} to {most}"
    raise InvalidRequestError(f"{name}: expected a number {limit}, got {_shown(value)}")


def _shown(value: object) -> str:
    """What came: a number as it is, and of anything else the type, because it may be a prompt."""
    if isinstance(value, int | float):
        return repr(value)
    return f"an empty {type(value).__name__}" if isinstance(value, list | tuple) and not value else type(value).__name__
