"""A question as callers write it in Python, to a ChatRequest."""

from collections.abc import Mapping, Sequence
from typing import Any, TypedDict

from msgspec.structs import replace

from dragoman.errors import InvalidRequestError
from dragoman.protocols.openai_chat import NAME as OPENAI_CHAT
from dragoman.protocols.openai_chat import decode_body
from dragoman.types import ChatRequest, Message, user


class ChatOptions(TypedDict, total=False):
    """What may be said beside model and messages, in OpenAI's words and shapes. None: not said."""

    tools: Sequence[Mapping[str, Any]] | None
    tool_choice: str | Mapping[str, Any] | None
    parallel_tool_calls: bool | None
    response_format: Mapping[str, Any] | None
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


Conversation = str | Sequence[Mapping[str, Any]] | Sequence[Message]
"""A single question, or messages: dictionaries in OpenAI's shape, or our own values."""


def build_request(
    model: str, messages: Conversation, options: Mapping[str, Any], protocol: str = OPENAI_CHAT
) -> ChatRequest:
    """The request.

    Fields that no protocol shares ride in `extra` under the name of `protocol`. Raises InvalidRequestError.
    """
    said = {name: value for name, value in options.items() if value is not None and name != "extra_body"}
    said |= options.get("extra_body") or {}
    if not isinstance(messages, str | Sequence):
        raise InvalidRequestError(f"messages: expected a text or a list of messages, got {type(messages).__name__}")
    ready = _ready(messages)
    body = {"model": model, "messages": [] if ready is not None else list(messages), "stream": True, **said}
    request = decode_body(body)
    if protocol != OPENAI_CHAT and OPENAI_CHAT in request.extra:
        request = replace(request, extra={protocol: request.extra[OPENAI_CHAT]})
    return request if ready is None else replace(request, messages=ready)


def _ready(messages: Conversation) -> tuple[Message, ...] | None:
    if isinstance(messages, str):
        return (user(messages),)
    own = tuple(message for message in messages if isinstance(message, Message))
    return own if own and len(own) == len(messages) else None
