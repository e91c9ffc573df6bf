"""A request's body to a ChatRequest, and back."""

from collections.abc import Iterable, Mapping
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from dragoman.protocols.extra import merged, without_none
from dragoman.protocols.json_fields import Fields, refused, wrong_type
from dragoman.protocols.openai_responses.compaction import TRIGGER, wants_compaction
from dragoman.protocols.openai_responses.conversation import decode_input
from dragoman.protocols.openai_responses.extra import NAME, to_extra
from dragoman.protocols.openai_responses.sayable import Sayable
from dragoman.protocols.openai_responses.tools import (
    decode_choice,
    decode_format,
    decode_tools,
    encode_choice,
    encode_format,
    encode_tools,
)
from dragoman.protocols.openai_responses.write_input import encode_input
from dragoman.protocols.openai_shared.family import FAMILY, NATIVE_TIERS, TIERS, request_extra
from dragoman.protocols.openai_shared.user import cache_key_of, user_of
from dragoman.protocols.reasoning import said_effort
from dragoman.types import ChatRequest, Message, ReasoningConfig, ResponseFormat, Text

LOGPROBS, ENCRYPTED = "message.output_text.logprobs", "reasoning.encrypted_content"
"""Words of `include`."""

REFERENCES = ("previous_response_id", "conversation", "prompt")
"""Fields that refer to an earlier part of the conversation, which the service stores."""
ESSENTIAL = (*REFERENCES, "background")
FORMS: dict[str, tuple[type | tuple[type, ...], str]] = {
    "previous_response_id": (str, "a string"),
    "conversation": ((str, Mapping), "a string or an object"),
    "prompt": (Mapping, "an object"),
    "background": (bool, "a boolean"),
}
"""What these are, and the words for it."""
SILENT = ("status", "message.status")
"""Fields of items that mean nothing to the model."""

LEAST_TOKENS = 16
"""Of `max_output_tokens`: OpenAI refuses less."""
MOST_LOGPROBS = 20
SUMMARIES = {"summary": "auto", "full": "detailed"}
"""What is to be shown of the reasoning, to the word for it."""

UNSTORED = {"store": None}
"""Notes that the caller left it to the service to store the answer: for calls from elsewhere, it is said not to."""


class Variant(Struct, frozen=True):
    """How a service differs from others of this protocol."""

    penalties: bool = True
    """Whether it takes penalties: Open Responses has them, OpenAI refuses them."""
    own_ids: bool = False
    """Whether it refuses ids in another form than its own."""
    breakpoints: bool = False
    """Whether it has cache breakpoints, and so does not refuse a field of OpenAI's."""
    json_word: bool = False
    """Whether it refuses `json_object` unless a message has the word JSON."""


USUAL = Variant()
"""A service of which nothing is known."""


def decode_body(body: Mapping[str, Any]) -> ChatRequest:
    """The request in `body`. Unknown fields go to `extra`. Raises InvalidRequestError."""
    compact = wants_compaction(body.get("input"))
    fields = Fields({**body, "input": body["input"][:-1]} if compact else body)
    _check_forms(fields)
    stateful = any(_is_said(fields, name) for name in REFERENCES)
    if compact and not stateful and len(body["input"]) == 1:
        raise refused("input", "expected items before `compaction_trigger`, got none")
    display, verbosity, form = _text(fields)
    include = _include(fields)
    store, truncation = fields.boolean("store"), fields.text("truncation")
    said, found = decode_input(fields, stateful=stateful)
    messages = (*_instructions(fields), *said)
    return ChatRequest(
        model=fields.text("model") or "",
        messages=messages,
        tools=(*decode_tools(fields), *found),
        tool_choice=decode_choice(fields),
        parallel_tool_calls=fields.boolean("parallel_tool_calls"),
        response_format=form,
        max_output_tokens=_limit(fields),
        temperature=fields.number("temperature"),
        top_p=fields.number("top_p"),
        frequency_penalty=fields.number("frequency_penalty"),
        presence_penalty=fields.number("presence_penalty"),
        reasoning=_reasoning(fields),
        top_logprobs=_top_logprobs(fields, wanted=LOGPROBS in include),
        verbosity=verbosity,
        service_tier=TIERS.get(tier, tier) if (tier := fields.text("service_tier")) is not None else None,
        metadata=_metadata(fields),
        user=fields.text("user"),
        safety_identifier=fields.text("safety_identifier"),
        cache_key=fields.text("prompt_cache_key"),
        store=store,
        truncate={"auto": True, "disabled": False}.get(truncation or ""),
        compact=compact,
        stream=fields.boolean("stream") or False,
        extra=request_extra(NAME, _rest(fields, include, display, truncation, store=store)),
        essential=tuple(name for name in ESSENTIAL if _is_said(fields, name)),
        silent=_silent(fields, include, messages),
    )


def encode_body(request: ChatRequest, variant: Variant, sayable: Sayable) -> dict[str, Any]:
    """The request as JSON. Always streamed, unless `extra` says otherwise."""
    instructions, messages = told_beside(request.messages)
    items = [*encode_input(messages, request.tools, sayable), *([TRIGGER] if request.compact else ())]
    if request.messages and not items and request.extra.get(NAME, {}).keys().isdisjoint(REFERENCES):
        raise refused("messages", "expected at least one with content that the service takes")
    return encode_settings(request, variant, {"instructions": instructions, "input": items})


def encode_settings(request: ChatRequest, variant: Variant, said: Mapping[str, Any]) -> dict[str, Any]:
    """The same with what is `said` in place of the conversation, of which nothing is read here."""
    own = request.extra.get(NAME, {})
    fields: dict[str, Any] = {
        **said,
        "tools": encode_tools(request.tools) or None,
        "tool_choice": None if request.tool_choice is None else encode_choice(request.tool_choice, request.tools),
        "parallel_tool_calls": request.parallel_tool_calls,
        "text": _encode_text(request),
        "max_output_tokens": None
        if request.max_output_tokens is None
        else max(request.max_output_tokens, LEAST_TOKENS),
        "temperature": request.temperature,
        "top_p": request.top_p,
        "frequency_penalty": request.frequency_penalty if variant.penalties else None,
        "presence_penalty": request.presence_penalty if variant.penalties else None,
        "reasoning": encode_reasoning(request.reasoning),
        "top_logprobs": request.top_logprobs or None,
        "include": _encode_include(request, own),
        "service_tier": NATIVE_TIERS.get(request.service_tier or "", request.service_tier),
        "metadata": request.metadata,
        "user": user_of(request),
        "safety_identifier": request.safety_identifier,
        "prompt_cache_key": cache_key_of(request),
        "truncation": None if request.truncate is None else "auto" if request.truncate else "disabled",
        # The service stores answers unless it is told not to.
        "store": request.store or False,
        "stream": True,
    }
    body = {"model": request.model} | {name: value for name, value in fields.items() if value is not None}
    more = {name: value for name, value in own.items() if name != "include"}
    body = merged(merged(body, request.extra.get(FAMILY, {})), more)
    if body.get("store") is None:
        del body["store"]
    return body


def _check_forms(fields: Fields) -> None:
    for name, (form, words) in FORMS.items():
        value = fields.rest.get(name)
        if value is not None and not isinstance(value, form):
            raise wrong_type(fields.path(name), words, value)


def _is_said(fields: Fields, name: str) -> bool:
    """Whether a field is there, and means something: an empty id refers to an answer that does not exist."""
    value = fields.rest.get(name)
    return value is not None and value is not False


def _instructions(fields: Fields) -> tuple[Message, ...]:
    text = fields.text("instructions")
    return () if text is None else (Message("system", (Text(text=text),), top_level=True),)


def told_beside(messages: tuple[Message, ...]) -> tuple[str | None, tuple[Message, ...]]:
    """The text that stands beside the conversation, and the other messages."""
    first = messages[0] if messages else None
    if first is not None and first.top_level and not any(message.top_level for message in messages[1:]):
        match first.parts:
            case [Text(text=text, cache=None, extra=extra)] if not extra and not first.extra:
                return text, messages[1:]
    return None, messages


def _include(fields: Fields) -> tuple[str, ...]:
    words: list[str] = []
    for path, value in fields.items("include"):
        if not isinstance(value, str):
            raise wrong_type(path, "a string", value)
        words.append(value)
    return tuple(words)


def _encode_include(request: ChatRequest, own: Mapping[str, Any]) -> list[str] | None:
    words = own.get("include")
    include = list(words) if isinstance(words, list) else []
    if request.top_logprobs is not None and LOGPROBS not in include:
        include.append(LOGPROBS)
    if "include" not in own and _thinks(request.reasoning) and ENCRYPTED not in include:
        # Nothing is stored, so that the next request must bring the reasoning back.
        include.append(ENCRYPTED)
    return include or None


def wants_encrypted(request: ChatRequest) -> bool:
    """Whether the caller wants reasoning in a form that it can send back."""
    words = request.extra.get(NAME, {}).get("include")
    return isinstance(words, list) and ENCRYPTED in words


def without_encrypted(request: ChatRequest) -> ChatRequest:
    """`request` that does not ask for encrypted reasoning, which models that never think refuse."""
    if not wants_encrypted(request):
        return request
    own = request.extra[NAME]
    left = own | {"include": [word for word in own["include"] if word != ENCRYPTED]}
    return replace(request, extra={**request.extra, NAME: left})


def _thinks(config: ReasoningConfig | None) -> bool:
    if config is None or config.mode == "off" or config.effort == "none":
        return False
    return any(said is not None for said in (config.mode, config.effort, config.budget_tokens, config.display))


def _limit(fields: Fields) -> int | None:
    limit = fields.integer("max_output_tokens")
    if limit is not None and limit < LEAST_TOKENS:
        raise refused("max_output_tokens", f"expected at least {LEAST_TOKENS}, got {limit}")
    return limit


def _top_logprobs(fields: Fields, *, wanted: bool) -> int | None:
    count = fields.integer("top_logprobs")
    if count is not None and not 0 <= count <= MOST_LOGPROBS:
        raise refused("top_logprobs", f"expected 0 to {MOST_LOGPROBS}, got {count}")
    if wanted:
        return count or 0
    if count:
        fields.rest["top_logprobs"] = count
    return None


def _text(fields: Fields) -> tuple[dict[str, Any], str | None, ResponseFormat | None]:
    """The fields of `text` without a value of their own, the verbosity, and the form of the answer."""
    if fields.rest.get("text") is None:
        fields.any("text")
        return {}, None, None
    text = fields.fields("text")
    verbosity, form = text.text("verbosity"), decode_format(text)
    return text.rest, verbosity, form


def _encode_text(request: ChatRequest) -> dict[str, Any] | None:
    form = None if request.response_format is None else encode_format(request.response_format)
    return without_none({"format": form, "verbosity": request.verbosity}) or None


def _reasoning(fields: Fields) -> ReasoningConfig | None:
    if fields.rest.get("reasoning") is None:
        fields.any("reasoning")
        return None
    said = fields.fields("reasoning")
    effort = said.text("effort")
    word = said.text("summary")
    rest = {name: value for name, value in said.rest.items() if value is not None}
    if word is not None and word != "auto":
        rest["summary"] = word
    return ReasoningConfig(effort=effort, display=None if word is None else "summary", extra=to_extra(rest))


def encode_reasoning(config: ReasoningConfig | None) -> dict[str, Any] | None:
    """How much to think, and what to show of it; None if that is left to the service."""
    if config is None:
        return None
    said = without_none({"effort": said_effort(config, alone=True), "summary": SUMMARIES.get(config.display or "")})
    return merged(said, config.extra.get(NAME, {})) or None


def _metadata(fields: Fields) -> dict[str, str] | None:
    found = fields.object("metadata")
    for name, value in (found or {}).items():
        if not isinstance(value, str):
            raise wrong_type(f"metadata.{name}", "a string", value)
    return found


def _rest(
    fields: Fields, include: tuple[str, ...], text: dict[str, Any], truncation: str | None, *, store: bool | None
) -> dict[str, Any]:
    """The fields that have no value of their own, and what must be remembered of those that have."""
    rest = {name: value for name, value in fields.rest.items() if value is not None}
    rest["include"] = [word for word in include if word != LOGPROBS]
    if said := without_none(text):
        rest["text"] = said
    if truncation not in {None, "auto", "disabled"}:
        rest["truncation"] = truncation
    return rest | ({} if store is not None else UNSTORED)


def _silent(fields: Fields, include: tuple[str, ...], messages: Iterable[Message]) -> tuple[str, ...]:
    """The names of what is there and means nothing to the model."""
    silent = [name for name in ("stream_options",) if name in fields.rest]
    if fields.rest.get("background") is False:
        silent.append("background")
    if set(include) == {ENCRYPTED}:
        # An answer brings the reasoning in any case.
        silent.append("include")
    return (*silent, *silent_in(messages))


def silent_in(messages: Iterable[Message]) -> tuple[str, ...]:
    """The same of the items of a conversation."""
    said = [part.extra[NAME] for message in messages for part in message.parts if NAME in part.extra]
    return tuple(name for name in SILENT if any(name in extra for extra in said))
