"""A request's body to a ChatRequest, and back. The model and the form of the answer are in the path."""

from collections.abc import Mapping, Sequence
from typing import Any

from dragoman.protocols.extra import merged, without_none
from dragoman.protocols.gemini.contents import decode_contents, encode_contents
from dragoman.protocols.gemini.extra import NAME, note, to_extra
from dragoman.protocols.gemini.names import camel
from dragoman.protocols.gemini.parts import SIGNATURE, Sign
from dragoman.protocols.gemini.raw_json import request_texts
from dragoman.protocols.gemini.relay import Target
from dragoman.protocols.gemini.settings import CONFIG, PREFIX, decode_settings, encode_settings
from dragoman.protocols.gemini.tools import FUNCTIONS, decode_choice, decode_tools, encode_choice, encode_tools
from dragoman.protocols.json_fields import Fields, wrong_type
from dragoman.types import ChatRequest, Extra, Message

ESSENTIAL = ("cachedContent", "continuationToken")
"""References to what only the service keeps: a part of the conversation."""

SILENT = ("role", SIGNATURE)
"""Of `systemInstruction`: SDKs write one, and no service reads it. Of a part: it says that there is none."""

TIERS = frozenset({"flex", "standard", "priority"})
"""The service's tiers, in our words as well."""

ARRAY = "array"
"""The note of a caller who wants a stream as a JSON array."""


def decode_body(body: Mapping[str, Any], text: bytes, target: Target, *, begun: bool = False) -> ChatRequest:
    """The request in `body`, which was read from `text`. Unknown fields go to `extra`. Raises InvalidRequestError.

    `begun`: it may be a part of a conversation, as what Gemini CLI has counted: a result without its call.
    """
    fields = Fields(camel(body))
    fields.any("model")  # the path has it; SDKs repeat it
    settings = decode_settings(fields)
    choice = decode_choice(fields)
    messages = decode_contents(
        fields.any("systemInstruction"),
        fields.any("contents"),
        request_texts(text),
        open_ended=begun or any(fields.rest.get(name) is not None for name in ESSENTIAL),
    )
    tools = decode_tools(fields)
    tier, store, metadata = _tier(fields), fields.boolean("store"), _labels(fields)
    extra: Extra = to_extra(fields.rest | settings.rest)
    return ChatRequest(
        model=target.model,
        messages=messages,
        tools=tools,
        tool_choice=choice,
        service_tier=tier,
        store=store,
        metadata=metadata,
        stream=target.stream,
        extra=extra | note(ARRAY, True) if target.array else extra,
        essential=tuple(name for name in ESSENTIAL if fields.rest.get(name) is not None),
        silent=_silent(messages),
        **settings.fields,
    )


def encode_body(request: ChatRequest, sign: Sign, *, enterprise: bool, levels: bool, signed: bool) -> dict[str, Any]:
    """The request as JSON. `enterprise`: the service takes labels, and names of files. `levels`: see `settings`.
    `signed`: see `encode_contents`.
    """
    body = encode_contents(request.messages, sign, names=enterprise, signed=signed)
    if tools := encode_tools(request.tools):
        body["tools"] = tools
    choice = request.tool_choice
    # "Function calling config is set without function_declarations": 400, whatever it says.
    if choice is not None and (choice.forces or any(FUNCTIONS in group for group in tools)):
        body |= without_none({"toolConfig": encode_choice(choice)})
    if config := encode_settings(request, levels=levels):
        body[CONFIG] = config
    if request.service_tier in TIERS:
        body["serviceTier"] = request.service_tier
    if request.store is not None:
        body["store"] = request.store
    if request.metadata is not None and enterprise:
        body["labels"] = request.metadata
    own = request.extra.get(NAME, {})
    return merged(body, {name: value for name, value in own.items() if not name.startswith(PREFIX)})


def _silent(messages: Sequence[Message]) -> tuple[str, ...]:
    """The names of what is there and means nothing to the model."""
    holders = (holder for message in messages for holder in (message, *message.parts))
    said = [holder.extra[NAME] for holder in holders if NAME in holder.extra]
    return tuple(name for name in SILENT if any(name in extra for extra in said))


def _tier(fields: Fields) -> str | None:
    """The tier; a word that is not known is left in the fields' rest."""
    tier = fields.text("serviceTier")
    if tier is not None and tier.lower() not in TIERS:
        fields.rest["serviceTier"] = tier
        return None
    return None if tier is None else tier.lower()


def _labels(fields: Fields) -> dict[str, str] | None:
    found = fields.object("labels")
    for name, value in (found or {}).items():
        if not isinstance(value, str):
            raise wrong_type(f"labels.{name}", "a string", value)
    return found
