"""Which requests can pass as they came to a service that differs from others: the rest is translated.

A translation says what such a service refuses, or reads otherwise, as it takes it, and names what is lost. Of a request
little is read here: in the bytes of a field stands a word, or not. If it stands there and means something else, the
request is translated in vain, and nothing else happens.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec
from msgspec import Raw, Struct

from dragoman.protocols.asked_effort import value_of
from dragoman.protocols.openai_chat.variant import EVERY_CHOICE, USUAL, ChoiceMode, Variant
from dragoman.protocols.relay_body import LARGE, text_of
from dragoman.wire.floats import reader

Mark = tuple[str, bytes]
"""A field, and what must not stand in it; empty: anything but null."""

FIELDS: dict[str, tuple[Mark, ...]] = {
    "top_logprobs": (("logprobs", b"true"), ("top_logprobs", b"")),
    "cache_key": (("prompt_cache_key", b""),),
    "reasoning": (("messages", b'"reasoning_content"'), ("messages", b'"reasoning"')),
}
"""Where a field of ChatRequest, or a kind of part, stands in a request. What is not listed has the same name there."""

CHOICES: dict[ChoiceMode, bytes] = {"auto": b'"auto"', "none": b'"none"', "required": b'"required"', "tool": b"{"}
"""What stands in `tool_choice`."""

THINKING: dict[str, bytes] = {"thinking": b'"none"', "thinking_or_effort": b'"none"', "enable_thinking": b""}
"""A field for thinking to what stands in `reasoning_effort` if the service needs that field. `reasoning` is not needed:
https://openrouter.ai/docs/client-sdks/typescript/models/chatrequestreasoningeffort.md, seen 2026-11-27."""

LIMITS = ("max_tokens", "max_completion_tokens")

MEDIA = (b'"image_url"', b'"input_audio"', b'"file"')
"""What stands in a list of parts that are not all texts."""


class _Head(Struct):
    """What is looked at of a message."""

    role: Any = None
    name: Any = None
    content: Raw = Raw(b"")
    reasoning_content: Any = None


class _Listed(Struct):
    """What is looked at of a tool, and of a message: which kind of tool it is or calls."""

    type: Any = None
    tool_calls: Any = None


_heads = reader(list[_Head])
_listed = reader(list[_Listed])

CUSTOM, FREEFORM = "custom", b'"custom"'


def renamed(variant: Variant) -> dict[str, str]:
    """Fields to the service's own names of them."""
    if variant == USUAL:
        return {}  # nothing is known of the service
    limit = {name: variant.max_tokens_field for name in LIMITS if name != variant.max_tokens_field}
    return limit if variant.seed_field == "seed" else limit | {"seed": variant.seed_field}


def marks(variant: Variant) -> tuple[Mark, ...]:
    """What stands in requests that the service would not take as they come."""
    return tuple(_marks(variant))


def passes(fields: Mapping[str, Any], variant: Variant, marked: tuple[Mark, ...]) -> bool:
    """Whether a request with these `fields`, each as JSON text or as a value, can pass. `marked`: `marks(variant)`."""
    messages = text_of(fields.get("messages"))
    for name, mark in marked:
        if name in fields:
            text = messages if name == "messages" else text_of(fields[name])
            if text.find(mark) >= 0 if mark else text != b"null":
                return False
    if variant.most_stops is not None and not _few(fields.get("stop"), variant.most_stops):
        return False
    if variant.service_tiers is not None and not _tier_passes(fields.get("service_tier"), variant.service_tiers):
        return False
    if variant.json_word and not _word_passes(messages, fields):
        return False
    return _names_pass(messages, variant) and _results_pass(messages, variant) and _reasoning_passes(messages, variant)


def _marks(variant: Variant) -> Iterator[Mark]:
    switches: dict[Mark, bool] = {
        ("messages", b'"developer"'): variant.developer_role,
        ("tools", b'"strict"'): variant.strict_tools,
        ("response_format", b'"json_schema"'): variant.json_schema,
        ("response_format", b'"json_object"'): variant.json_object,
        ("messages", b'"prompt_cache_breakpoint"'): variant.breakpoints == "prompt_cache_breakpoint",
    }
    yield from (mark for mark, has in switches.items() if not has)
    for field in variant.refused_fields:
        yield from FIELDS.get(field, ((field, b""),))
    for mode in EVERY_CHOICE:
        if mode not in variant.tool_choices or mode not in variant.thinking_choices:
            yield "tool_choice", CHOICES[mode]
    if variant.thinking_field in THINKING:
        yield "reasoning_effort", THINKING[variant.thinking_field]
    if variant.reasoning_field != "reasoning_content":
        yield "messages", b'"reasoning_content"'
    if variant.thinking_parts:
        yield from FIELDS["reasoning"]
    else:
        yield "messages", b'"thinking"'


def _word_passes(messages: bytes, fields: Mapping[str, Any]) -> bool:
    """Whether the word JSON stands in the messages, if it must."""
    form = fields.get("response_format")
    return form is None or b'"json_object"' not in text_of(form) or b"json" in messages.lower()


def _tier_passes(field: Any, tiers: Sequence[tuple[str, str]]) -> bool:
    """Whether the service takes the tier; True if none is asked for."""
    return (tier := value_of(field)) is None or any(tier == own for _, own in tiers)


def _few(field: Any, most: int) -> bool:
    """Whether a field has a list of at most so many; True if it has no list."""
    value = value_of(field)
    return not isinstance(value, list) or len(value) <= most


def _names_pass(messages: bytes, variant: Variant) -> bool:
    if variant.message_names or b'"name"' not in messages:
        return True
    return (heads := _read(messages)) is not None and all(head.name is None for head in heads)


def _results_pass(messages: bytes, variant: Variant) -> bool:
    if variant.result_media or b'"tool"' not in messages or not _has_media(messages):
        return True
    if (heads := _read(messages)) is None:
        return False
    return not any(head.role == "tool" and _has_media(bytes(head.content)) for head in heads)


def _reasoning_passes(messages: bytes, variant: Variant) -> bool:
    if variant.missing_reasoning is None or b'"assistant"' not in messages:
        return True
    heads = _read(messages)
    taken = (lambda said: said is not None) if variant.missing_reasoning == "" else bool
    return heads is not None and all(head.role != "assistant" or taken(head.reasoning_content) for head in heads)


def _has_media(text: bytes) -> bool:
    return any(mark in text for mark in MEDIA)


def _read(messages: bytes) -> list[_Head] | None:
    """None if the translation must look at them: there are too many, or they are wrong."""
    try:
        return _heads(messages) if len(messages) <= LARGE else None
    except msgspec.MsgspecError:
        return None


def has_only_functions(text: bytes, fields: Mapping[str, Any]) -> bool:
    """Whether there are neither freeform tools nor, in a request without tools, calls of such.

    `text`: the whole request, if it is at hand. A function may have a parameter, or a value of one, of the same name.
    Messages beside tools are not looked at: they are most of an agent's request, which has the tools that it calls.
    """
    tools = text_of(fields.get("tools"))
    if not _is_of_functions(tools):
        return False
    if b"{" in tools or (text and FREEFORM not in text):
        return True
    return _is_of_functions(text_of(fields.get("messages")))


def _is_of_functions(listed: bytes) -> bool:
    if FREEFORM not in listed:
        return True
    try:
        found = _listed(listed) if len(listed) <= LARGE else None
    except msgspec.MsgspecError:
        found = None
    return found is not None and not any(each.type == CUSTOM or _calls_freeform(each.tool_calls) for each in found)


def _calls_freeform(calls: Any) -> bool:
    return isinstance(calls, list) and any(isinstance(call, dict) and call.get("type") == CUSTOM for call in calls)
