"""A chat request's body to a ChatRequest, and back."""

from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from dragoman.errors import UnsupportedFeatureError
from dragoman.protocols.json_fields import Fields, refused, wrong
from dragoman.protocols.openai_chat.extra import NAME, kept, merged
from dragoman.protocols.openai_chat.functions import (
    decode_function_choice,
    decode_functions,
    marked,
    takes_functions,
)
from dragoman.protocols.openai_chat.messages import decode_messages, encode_messages
from dragoman.protocols.openai_chat.tools import (
    decode_choice,
    decode_format,
    decode_tools,
    encode_choice,
    encode_format,
    encode_tools,
)
from dragoman.types import ChatRequest

MAX_MESSAGES = 10_000
"""Messages of a request that is translated. OpenAI takes 2048; each takes 10 µs, in which nobody else is served."""


class Variant(Struct, frozen=True):
    """How a service differs from others of this protocol."""

    max_tokens_field: str = "max_tokens"
    """OpenAI wants `max_completion_tokens`; most others know only `max_tokens`."""
    top_k: bool = True
    """Whether the service takes it; OpenAI refuses it."""


def decode_body(body: Mapping[str, Any]) -> ChatRequest:
    """The request in `body`. Unknown fields go to `extra`. Raises InvalidRequestError, UnsupportedFeatureError."""
    fields = Fields(body)
    if (count := fields.integer("n")) not in {None, 1}:
        raise UnsupportedFeatureError(f"n: expected 1 answer, {count} were asked for", param="n")
    old = takes_functions(fields)
    parallel = fields.boolean("parallel_tool_calls")
    stream = fields.boolean("stream") or False
    return ChatRequest(
        model=fields.text("model") or "",
        messages=_messages(fields),
        tools=decode_functions(fields) if old else decode_tools(fields),
        tool_choice=decode_function_choice(fields) if old else decode_choice(fields),
        parallel_tool_calls=False if old and parallel is None else parallel,
        response_format=decode_format(fields),
        max_output_tokens=_max_output_tokens(fields),
        temperature=fields.number("temperature"),
        top_p=fields.number("top_p"),
        top_k=fields.integer("top_k"),
        frequency_penalty=fields.number("frequency_penalty"),
        presence_penalty=fields.number("presence_penalty"),
        stop=_stop(fields),
        seed=fields.integer("seed"),
        reasoning_effort=fields.text("reasoning_effort"),
        user=fields.text("user"),
        stream=stream,
        include_usage=_include_usage(fields, stream),
        extra=marked(kept(fields.rest)) if old else kept(fields.rest),
    )


def encode_body(request: ChatRequest, dialect: Variant) -> dict[str, Any]:
    """The request as JSON. Always streamed, and with usage, unless `extra` says otherwise."""
    said: dict[str, Any] = {
        "tools": encode_tools(request.tools) or None,
        "tool_choice": None if request.tool_choice is None else encode_choice(request.tool_choice),
        "parallel_tool_calls": request.parallel_tool_calls,
        "response_format": None if request.response_format is None else encode_format(request.response_format),
        dialect.max_tokens_field: request.max_output_tokens,
        "temperature": request.temperature,
        "top_p": request.top_p,
        "top_k": request.top_k if dialect.top_k else None,
        "frequency_penalty": request.frequency_penalty,
        "presence_penalty": request.presence_penalty,
        "stop": list(request.stop) or None,
        "seed": request.seed,
        "reasoning_effort": request.reasoning_effort,
        "user": request.user,
        "stream": True,
        "stream_options": {"include_usage": True},
    }
    body = {"model": request.model, "messages": encode_messages(request.messages)}
    body |= {name: value for name, value in said.items() if value is not None}
    more = request.extra.get(NAME, {})
    whole = merged(body, more)
    if "tools" in body and "tools" in more:
        whole["tools"] = [*body["tools"], *more["tools"]]
    if not whole["stream"] and "stream_options" not in more:
        # OpenAI refuses stream options if there is no stream.
        del whole["stream_options"]
    return whole


def _messages(fields: Fields) -> Any:
    value = fields.any("messages")
    if not isinstance(value, list | tuple):
        raise wrong("messages", "a list of messages", value)
    if len(value) > MAX_MESSAGES:
        raise refused("messages", f"expected at most {MAX_MESSAGES}, got {len(value)}")
    return decode_messages(value)


def _max_output_tokens(fields: Fields) -> int | None:
    new, old = fields.integer("max_completion_tokens"), fields.integer("max_tokens")
    if new is not None and old is not None and new != old:
        raise refused("max_tokens", "expected only one of max_tokens and max_completion_tokens")
    limit = old if new is None else new
    if limit is not None and limit < 1:
        raise refused("max_tokens" if new is None else "max_completion_tokens", f"expected at least 1, got {limit}")
    return limit


def _stop(fields: Fields) -> tuple[str, ...]:
    if isinstance(fields.rest.get("stop"), str):
        return (fields.required_text("stop"),)
    words: list[str] = []
    for path, value in fields.items("stop"):
        if not isinstance(value, str):
            raise wrong(path, "a string", value)
        words.append(value)
    return tuple(words)


def _include_usage(fields: Fields, stream: bool) -> bool:
    if fields.rest.get("stream_options") is None:
        fields.any("stream_options")
        return not stream
    options = fields.fields("stream_options")
    said = options.boolean("include_usage") or False
    if options.rest:
        fields.rest["stream_options"] = options.rest
    return said
