"""A chat request's body to a ChatRequest, and back."""

from collections.abc import Mapping
from typing import Any

from msgspec.structs import replace

from dragoman.errors import InvalidRequestError
from dragoman.protocols.extra import merged
from dragoman.protocols.json_fields import Fields, refused, wrong_type
from dragoman.protocols.openai_chat.controls import noted, returned, taken
from dragoman.protocols.openai_chat.extra import FAMILY, NAME, request_extra
from dragoman.protocols.openai_chat.functions import (
    decode_function_choice,
    decode_functions,
    marked,
    takes_functions,
)
from dragoman.protocols.openai_chat.messages import decode_messages, encode_messages, is_beginning, written
from dragoman.protocols.openai_chat.result_media import moves
from dragoman.protocols.openai_chat.thinking import decode_thinking, encode_thinking
from dragoman.protocols.openai_chat.tools import (
    decode_choice,
    decode_format,
    decode_tools,
    encode_choice,
    encode_format,
    encode_tools,
    encode_web_search,
)
from dragoman.protocols.openai_chat.turn_order import with_words
from dragoman.protocols.openai_chat.variant import Variant, thinks_not
from dragoman.protocols.openai_shared.family import NATIVE_TIERS, TIERS
from dragoman.protocols.openai_shared.user import cache_key_of, user_of
from dragoman.protocols.placed import placed
from dragoman.protocols.tools.freeform import with_functions
from dragoman.protocols.tools.result_media import apart
from dragoman.types import ChatRequest, ModelProfile

MAX_MESSAGES = 10_000
"""Messages of a request that is translated. OpenAI takes 2048; each takes 10 µs, in which nobody else is served."""


def decode_body(body: Mapping[str, Any]) -> ChatRequest:
    """The request in `body`. Unknown fields go to `extra`. Raises InvalidRequestError."""
    fields = Fields(body)
    old = takes_functions(fields)
    parallel = fields.boolean("parallel_tool_calls")
    stream = fields.boolean("stream") or False
    reasoning, asked = decode_thinking(fields)
    cache, note = taken(fields)
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
        reasoning=reasoning,
        top_logprobs=_top_logprobs(fields),
        candidate_count=fields.integer("n"),
        verbosity=fields.text("verbosity"),
        service_tier=_tier(fields),
        modalities=_modalities(fields),
        metadata=_metadata(fields),
        user=fields.text("user"),
        safety_identifier=fields.text("safety_identifier"),
        cache=cache,
        cache_key=fields.text("prompt_cache_key"),
        store=fields.boolean("store"),
        stream=stream,
        include_usage=_include_usage(fields, stream),
        extra=noted(marked(request_extra(fields.rest)) if old else request_extra(fields.rest), note),
        silent=(*asked, *(name for name in SILENT if name in fields.rest)),
    )


def encode_body(request: ChatRequest, variant: Variant, profile: ModelProfile) -> dict[str, Any]:
    """The request as JSON, for a model of `profile`. Always streamed, and with usage, unless `extra` says otherwise."""
    request = _without_forbidden_tools(request, variant)
    if not variant.custom_tools or profile.freeform_tools is False:
        request = with_functions(request, NAME)
    tools, choice = encode_tools(request.tools, strict=variant.strict_tools), variant.choice(request)
    if not tools and choice is not None and not choice.forces:
        choice = None  # OpenAI refuses a choice without tools, even one that says nothing
    said: dict[str, Any] = {
        "tools": tools or None,
        "tool_choice": None if choice is None else encode_choice(choice, request.tools),
        "parallel_tool_calls": request.parallel_tool_calls if tools else None,
        "response_format": None if request.response_format is None else encode_format(request.response_format, variant),
        variant.max_tokens_field: request.max_output_tokens,
        "temperature": request.temperature,
        "top_p": request.top_p,
        "top_k": request.top_k,
        "frequency_penalty": request.frequency_penalty,
        "presence_penalty": request.presence_penalty,
        "stop": list(request.stop) or None,
        variant.seed_field: request.seed,
        **encode_thinking(request.reasoning, variant.thinking_field),
        "logprobs": None if request.top_logprobs is None else True,
        "top_logprobs": request.top_logprobs or None,
        "n": request.candidate_count,
        "verbosity": request.verbosity,
        "service_tier": _written_tier(request.service_tier, variant),
        "modalities": list(request.modalities) or None,
        "metadata": request.metadata,
        "web_search_options": encode_web_search(request.tools) if variant.web_search else None,
        "user": user_of(request),
        "safety_identifier": request.safety_identifier,
        "prompt_cache_key": cache_key_of(request) if variant.cache_keys else request.cache_key,
        "store": request.store,
        "stream": True,
        "stream_options": {"include_usage": True} if variant.stream_usage else None,
    }
    missing = variant.missing_reasoning if profile.reasoning_returns and not thinks_not(request) else None
    messages = apart(request.messages, moves(pictures=variant.result_media))
    if profile.user_after_results is False:
        messages = with_words(messages)
    try:
        turns = encode_messages(messages, variant, missing)
    except InvalidRequestError as exc:
        raise placed(exc, request.messages, written) from exc
    if not turns:
        raise refused("messages", "expected at least one with content")
    if variant.partial and request.response_format is None and is_beginning(messages):
        turns[-1].setdefault("partial", True)
    body = {"model": request.model, "messages": turns}
    body |= {name: value for name, value in said.items() if value is not None} | returned(request.extra)
    more = request.extra.get(NAME, {})
    whole = merged(merged(body, request.extra.get(FAMILY, {})), more)
    if not whole["stream"] and "stream_options" not in more:
        # OpenAI refuses stream options if there is no stream.
        whole.pop("stream_options", None)
    return whole


NEAREST_TIERS = {"ultrafast": "fast"}
"""Service tiers that only Responses has (openai 3.57), to the nearest here."""
WRITTEN_TIERS = NATIVE_TIERS | NEAREST_TIERS
READ_TIERS = TIERS | {"standard_only": "standard"}
"""Mistral's clients have a word of their own: mistralai/client-python `RequestedServiceTier`."""

SILENT = ("include_obfuscation", "stream_options")
"""Fields that mean nothing to the model."""

MOST_LOGPROBS = 20


def _without_forbidden_tools(request: ChatRequest, variant: Variant) -> ChatRequest:
    """`request` without its tools, if none may be called and the service cannot be told so."""
    choice = request.tool_choice
    if choice is None or choice.mode != "none" or "none" in variant.tool_choices:
        return request
    return replace(request, tools=(), tool_choice=None, parallel_tool_calls=None)


def _top_logprobs(fields: Fields) -> int | None:
    wanted, count = fields.boolean("logprobs"), fields.integer("top_logprobs")
    if count is not None and not 0 <= count <= MOST_LOGPROBS:
        raise refused("top_logprobs", f"expected 0 to {MOST_LOGPROBS}, got {count}")
    if count and not wanted:
        raise refused("top_logprobs", "expected it with `logprobs` only")
    return (count or 0) if wanted else None


def _tier(fields: Fields) -> str | None:
    tier = fields.text("service_tier")
    return None if tier is None else READ_TIERS.get(tier, tier)


def _written_tier(tier: str | None, variant: Variant) -> str | None:
    if variant.service_tiers is not None:
        return dict(variant.service_tiers).get(tier or "")
    return WRITTEN_TIERS.get(tier or "", tier)


def _modalities(fields: Fields) -> tuple[str, ...]:
    return fields.strings("modalities")


def _metadata(fields: Fields) -> dict[str, str] | None:
    """The notes; those that are not texts, which some services take, are left in the fields' rest."""
    found = fields.object("metadata")
    if found is not None and not all(isinstance(value, str) for value in found.values()):
        fields.rest["metadata"] = found
        return None
    return found


def _messages(fields: Fields) -> Any:
    value = fields.any("messages")
    if not isinstance(value, list | tuple):
        raise wrong_type("messages", "a list of messages", value)
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
    return fields.strings("stop", alone=True)


def _include_usage(fields: Fields, stream: bool) -> bool:
    if fields.rest.get("stream_options") is None:
        fields.any("stream_options")
        return not stream
    options = fields.fields("stream_options")
    said = options.boolean("include_usage") or False
    if options.rest:
        fields.rest["stream_options"] = options.rest
    return said
