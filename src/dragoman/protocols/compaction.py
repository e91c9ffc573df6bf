"""Compaction: one summary stands in place of a conversation. Knows no protocol by name.

A summary that we had a model write is an Unknown part of our own protocol. A caller gets it in the place that the
caller's protocol has for compacted conversations, and sends it back; then it is a message with plain words.
"""

from collections.abc import Iterator, Mapping
from itertools import chain, groupby
from typing import Any

from msgspec.structs import replace

from dragoman.errors import UpstreamError
from dragoman.protocols.speech import OURS
from dragoman.types import AnyPart, ChatRequest, Extra, Message, Text, Unknown

SUMMARY = "summary"
"""The field that has the text; also the mark, under our own key of `extra`, of a message that is a summary."""

EXPRESSED = "compact"
"""A protocol lists this if a service of it compacts conversations itself."""

ASKED = "compaction"
"""The note, under our own key of `extra`, of a request that asks for a summary in a way that only one protocol has."""

SUMMARY_PART = f"unknown.{OURS}"
"""A protocol lists this if its answers can hold a summary of ours."""

BEFORE = "The conversation so far was replaced by this summary of it:\n\n"


def asked_of(protocol: str, instructions: str | None) -> Extra:
    """The note of a request that asks for a summary in a way which `protocol` alone has. `instructions`: how the caller
    wants it written; None if it does not say."""
    return {OURS: {ASKED: {"by": protocol, "instructions": instructions}}}


def asked_by(request: ChatRequest) -> str | None:
    """The protocol that such a note of a request names."""
    by = _note(request).get("by")
    return by if isinstance(by, str) else None


def instructions_in(request: ChatRequest) -> str | None:
    """How the caller wants the summary written; None if it does not say."""
    said = _note(request).get("instructions")
    return said if isinstance(said, str) and said.strip() else None


def _note(request: ChatRequest) -> Mapping[str, Any]:
    note = request.extra.get(OURS, {}).get(ASKED)
    return note if isinstance(note, Mapping) else {}


def summary_part(text: str) -> Unknown:
    """The part of an answer that is the summary `text`."""
    return Unknown(protocol=OURS, data={SUMMARY: text})


def summary_in(part: AnyPart) -> str | None:
    """The text, if `part` is a summary of ours."""
    match part:
        case Unknown(protocol=protocol, data={"summary": str(text)}) if protocol == OURS:
            return text
        case _:
            return None


def summary_message(text: str) -> Message:
    """The message that tells a model the summary `text`."""
    return Message("user", (Text(text=BEFORE + text),), extra={OURS: {SUMMARY: True}})


def is_summary(message: Message) -> bool:
    """Whether `message` was made by `summary_message`."""
    return SUMMARY in message.extra.get(OURS, {})


def with_told_summaries(request: ChatRequest, own: str) -> ChatRequest:
    """`request` in which the user tells what was said before, and not the model; the same object if it need not.

    A summary may stand in the model's own turn, with a note of the protocol that has it so. Before a service of any
    other protocol than `own` the conversation would end with words of the model, or begin with them.
    """
    if not any(_tells(message, own) for message in request.messages):
        return request
    messages = chain.from_iterable(
        _turns(message, own) if _tells(message, own) else (message,) for message in request.messages
    )
    return replace(request, messages=tuple(messages))


def _tells(message: Message, own: str) -> bool:
    return message.role == "assistant" and any(_is_told(part, own) for part in message.parts)


def _turns(message: Message, own: str) -> Iterator[Message]:
    for told, group in groupby(message.parts, lambda part: _is_told(part, own)):
        parts = tuple(group)
        yield Message("user", parts) if told else replace(message, parts=parts)


def _is_told(part: AnyPart, own: str) -> bool:
    return type(part) is Text and part.extra.get(OURS, {}).get(SUMMARY, own) != own


def not_compacted(reason: str) -> UpstreamError:
    """The error for an answer that is no summary, in place of which no ordinary answer may stand."""
    return UpstreamError(f"compaction: expected a summary of the conversation, got {reason}", code="compaction_failed")
