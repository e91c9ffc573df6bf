"""A request's body to a ChatRequest, and back. https://platform.claude.com/docs/en/api/messages"""

from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import Struct

from dragoman.errors import InvalidRequestError
from dragoman.protocols.anthropic.cache import decode_breakpoint, encode_breakpoint
from dragoman.protocols.anthropic.extra import NAME, THREAD, note, to_extra
from dragoman.protocols.anthropic.messages import (
    arranged,
    decode_messages,
    decode_system,
    encode_system,
    encode_turns,
)
from dragoman.protocols.anthropic.thinking import FIELD, decode_thinking, encode_thinking
from dragoman.protocols.anthropic.tools import (
    FORMAT,
    OLD_FORMAT,
    decode_choice,
    decode_format,
    decode_tools,
    encode_choice,
    encode_format,
    encode_tools,
)
from dragoman.protocols.anthropic.write_blocks import encode_parts
from dragoman.protocols.carrier import Carrier
from dragoman.protocols.compaction import asked_of
from dragoman.protocols.extra import merged, without_none
from dragoman.protocols.json_fields import Fields, refused, wrong_type
from dragoman.protocols.placed import placed
from dragoman.types import AnyTool, ChatRequest, Extra, Message, UnknownTool

FIRST_VERSION, NEWEST_VERSION = "2023-06-01", "2026-10-21"
"""Values of `anthropic-version`. The newest one takes no sampling settings, and has turns of the role `system`."""

BODY_VERSION = "anthropic_version"
"""The field of a body that names the version, for services that read it there."""

X_API_KEY = Carrier("x-api-key")

MAX_TOKENS = 16_384
"""Tokens of an answer if the caller sets no limit, since this protocol requires one. Models of 2025 and later give at
least 32,000; gateways send 4096 to 64,000."""

SILENT = ("diagnostics",)
"""Fields that mean nothing to the model."""
EAGER = "eager_input_streaming"
"""That of a tool: its arguments are to come as the model writes them, as they do in every other protocol."""
COMPACTION = "compaction"
"""The field that asks for a summary in place of an answer, with which the caller replaces the conversation."""
ESSENTIAL = (THREAD,)
"""Fields that refer to what only the service stores."""

TIERS: dict[str, str] = {"standard_only": "standard"}
"""This protocol's service tiers to ours, if the two differ."""
NATIVE_TIERS: dict[str, str] = {"auto": "auto", "standard": "standard_only", "priority": "auto"}
FAST = "fast"
"""A tier of ours, and a value of the field `speed`."""


class Variant(Struct, frozen=True):
    """How a service is asked."""

    version: str = FIRST_VERSION
    max_tokens: int = MAX_TOKENS
    carrier: Carrier = X_API_KEY
    """What holds the key."""
    body_version: str = ""
    """The value of `anthropic_version` in each body that stands for the first version; then the path names the model,
    as in Vertex AI. Empty: neither."""

    @property
    def newest(self) -> bool:
        """Whether the rules of the newest version hold. Versions are dates."""
        return self.version >= NEWEST_VERSION


USUAL = Variant()


def with_version(body: Mapping[str, Any], variant: Variant, version: str) -> dict[str, Any]:
    """The body, which says the version too, if that is where the service reads it."""
    if not variant.body_version:
        return dict(body)
    return {**body, BODY_VERSION: variant.body_version if version == FIRST_VERSION else version}


def without_model(body: Mapping[str, Any]) -> dict[str, Any]:
    """The body for a service whose path names the model."""
    return {name: value for name, value in body.items() if name != "model"}


def decode_body(body: Mapping[str, Any], *, limited: bool = True) -> ChatRequest:
    """The request in `body`. Unknown fields go to `extra`. Raises InvalidRequestError.

    `limited`: it must limit the length of its answer.
    """
    fields = Fields(body)
    tools = decode_tools(fields)
    choice, parallel = decode_choice(fields, tools)
    config = Fields(fields.any("output_config") or {}, "output_config")
    effort, form = config.text("effort"), decode_format(fields, config)
    reasoning = decode_thinking(fields, effort)
    system, messages = decode_system(fields), _messages(fields)
    user = _user(fields)
    compact = fields.rest.get(COMPACTION) is not None
    asked = _compaction(fields) if compact else {}
    if config.rest:
        fields.rest["output_config"] = config.rest
    return ChatRequest(
        model=fields.text("model") or "",
        messages=(*system, *messages),
        tools=tools,
        tool_choice=choice,
        parallel_tool_calls=parallel,
        response_format=form,
        max_output_tokens=_max_tokens(fields, needed=limited),
        temperature=_share(fields, "temperature"),
        top_p=_share(fields, "top_p"),
        top_k=fields.integer("top_k"),
        stop=fields.strings("stop_sequences"),
        reasoning=reasoning,
        service_tier=_tier(fields),
        user=user,
        cache=decode_breakpoint(fields),
        stream=fields.boolean("stream") or False,
        compact=compact,
        extra=to_extra(fields.rest) | asked,
        essential=(*(name for name in ESSENTIAL if fields.rest.get(name) is not None), *_container(fields)),
        silent=(*_silent(fields, tools), *((COMPACTION,) if compact else ())),
    )


def _silent(fields: Fields, tools: Sequence[AnyTool]) -> tuple[str, ...]:
    eager = any(EAGER in tool.extra.get(NAME, {}) for tool in tools if not isinstance(tool, UnknownTool))
    return (*(name for name in SILENT if name in fields.rest), *((EAGER,) if eager else ()))


def encode_body(request: ChatRequest, variant: Variant, most: int | None = None) -> dict[str, Any]:
    """The request as JSON. Always streamed. `most`: the largest limit of an answer that the model takes, if known."""
    conversation = arranged(request.messages, system_turns=variant.newest)
    try:
        system, turns = encode_system(conversation.system), encode_turns(conversation.turns)
    except InvalidRequestError as exc:
        raise placed(exc, request.messages, lambda part: encode_parts((part,))) from exc
    if not turns:
        raise InvalidRequestError("messages: expected at least one with content", param="messages")
    if turns[-1]["role"] == "assistant" != conversation.turns[-1].role:
        # Without what the user says last, the service would go on with its own answer.
        raise refused(f"messages[{len(request.messages) - 1}]", "expected content that the service takes")
    thinking, effort = (None, None) if request.reasoning is None else encode_thinking(request.reasoning)
    form = None if request.response_format is None else encode_format(request.response_format)
    old = request.response_format is not None and note(request.response_format.extra, OLD_FORMAT) is True
    user = request.safety_identifier if request.user is None else request.user
    tools = encode_tools(request.tools)
    said: dict[str, Any] = {
        "system": system,
        "tools": tools or None,
        "tool_choice": encode_choice(request, offered=bool(tools)),
        "stop_sequences": list(request.stop) or None,
        FIELD: thinking,
        "output_config": without_none({"effort": effort, FORMAT: None if old else form}) or None,
        OLD_FORMAT: form if old else None,
        "metadata": None if user is None else {"user_id": user},
        "service_tier": NATIVE_TIERS.get(request.service_tier or ""),
        "speed": FAST if request.service_tier == FAST else None,
    }
    if not variant.newest:
        temperature = None if request.temperature is None else min(1.0, max(0.0, request.temperature))
        said |= {"temperature": temperature, "top_p": request.top_p, "top_k": request.top_k}
    body: dict[str, Any] = {
        "model": request.model,
        "max_tokens": _limit(request, thinking, variant, most),
        "messages": turns,
    }
    body |= without_none(said) | encode_breakpoint(request.cache) | {"stream": True}
    more = request.extra.get(NAME, {})
    if not request.compact:
        more = {name: value for name, value in more.items() if name != COMPACTION}
    return merged(body, more)


def _limit(request: ChatRequest, thinking: Mapping[str, Any] | None, variant: Variant, most: int | None) -> int:
    """The largest number of tokens; thinking counts as well, so that a budget is added to what nobody has limited."""
    if request.max_output_tokens is not None:
        return request.max_output_tokens
    limit = variant.max_tokens + ((thinking or {}).get("budget_tokens") or 0)
    return limit if most is None else min(limit, most)


def _messages(fields: Fields) -> tuple[Message, ...]:
    value = fields.any("messages")
    if not isinstance(value, list | tuple):
        raise wrong_type("messages", "a list of messages", value)
    if not value:
        raise refused("messages", "expected at least one message")
    return decode_messages(value, complete=fields.rest.get(THREAD) is None)


def _max_tokens(fields: Fields, *, needed: bool) -> int | None:
    limit = fields.integer("max_tokens")
    if limit is None and needed:
        raise wrong_type("max_tokens", "an integer", None)
    if limit is not None and limit < 0:
        raise refused("max_tokens", f"expected at least 0, got {limit}")
    return limit


def _share(fields: Fields, name: str) -> float | None:
    value = fields.number(name)
    if value is not None and not 0 <= value <= 1:
        raise refused(name, f"expected 0 to 1, got {value:g}")
    return value


def _user(fields: Fields) -> str | None:
    if fields.rest.get("metadata") is None:
        fields.any("metadata")
        return None
    metadata = fields.fields("metadata")
    user = metadata.text("user_id")
    if metadata.rest:
        fields.rest["metadata"] = metadata.rest
    return user


def _tier(fields: Fields) -> str | None:
    tier = fields.text("service_tier")
    if tier is None and fields.rest.get("speed") == FAST:
        return fields.text("speed")
    return None if tier is None else TIERS.get(tier, tier)


def _compaction(fields: Fields) -> Extra:
    """How a summary is asked for. The field stays, for the vendor's service."""
    whole = fields.rest[COMPACTION]
    asked = asked_of(NAME, fields.fields(COMPACTION).text("instructions"))
    fields.rest[COMPACTION] = whole
    return asked


def _container(fields: Fields) -> tuple[str, ...]:
    """The name of the field that refers to a container of the service, if it refers to one that exists."""
    value = fields.rest.get("container")
    known = isinstance(value, str) or (isinstance(value, dict) and isinstance(value.get("id"), str))
    return ("container",) if known else ()
