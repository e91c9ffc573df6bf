"""Words of the system in one message at the beginning, for models that refuse others. Knows no protocol by name.

Such models have a template that ends a request with "System message must be at the beginning.", if there is a second
one, and knows no role `developer`. Yet agents tell the model in the midst of a conversation what has changed.
"""

from collections.abc import Iterator, Sequence

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from dragoman.types import AnyPart, ChatRequest, Extra, LostDetail, Message, ModelProfile, Text
from dragoman.types.messages import SYSTEM_ROLES, leading_system
from dragoman.wire.json import NOT_STRICT

BETWEEN = "\n\n"
"""What stands between two messages that become one."""


def with_leading_system(request: ChatRequest, profile: ModelProfile) -> ChatRequest:
    """`request` as a model of `profile` takes its messages of the system; the same object if it takes them as they are.

    Those at the beginning become one. The user says a later one, in `<system>`.
    """
    if profile.system_anywhere is not False:
        return request
    leading = request.messages[: leading_system(request.messages)]
    others = request.messages[len(leading) :]
    taken = not leading or (len(leading) == 1 and leading[0].role == "system")
    if taken and all(message.role not in SYSTEM_ROLES for message in others):
        return request
    told = (_told(message) if message.role in SYSTEM_ROLES else message for message in others)
    return replace(request, messages=(*_joined(leading), *(message for message in told if message is not None)))


def lost_details(request: ChatRequest) -> Iterator[LostDetail]:
    """What is lost if messages become one: another name than that of the first, and fields that an earlier one has."""
    leading = request.messages[: leading_system(request.messages)]
    kept = _extra(leading)
    for i, message in enumerate(leading):
        if message.name not in {None, leading[0].name}:
            yield LostDetail(f"messages[{i}].name")
        for protocol, further in message.extra.items():
            for name, value in further.items():
                if kept[protocol][name] != value:
                    yield LostDetail(f"messages[{i}].{name}")


def _joined(messages: Sequence[Message]) -> tuple[Message, ...]:
    if not messages:
        return ()
    parts: list[AnyPart] = []
    for message in messages:
        if parts and isinstance(last := parts[-1], Text):
            parts[-1] = replace(last, text=last.text + BETWEEN)
        parts += message.parts
    return (replace(messages[0], role="system", parts=tuple(parts), extra=_extra(messages)),)


def _extra(messages: Sequence[Message]) -> Extra:
    """The further fields of all; of several values of a field, the first."""
    extra: Extra = {}
    for message in messages:
        for protocol, further in message.extra.items():
            kept = extra.setdefault(protocol, {})
            for name, value in further.items():
                kept.setdefault(name, value)
    return extra


def _told(message: Message) -> Message | None:
    """`message` as the user says it; None if it says nothing at all."""
    if not message.parts:
        return message if message.extra else None
    parts = told_parts(message)
    return Message("user", parts, name=message.name, extra=message.extra) if parts else None


def told_parts(message: Message) -> tuple[AnyPart, ...]:
    """What the user says in place of a message of the system: its words, in `<system>`, and what else is in it."""
    others = tuple(part for part in message.parts if not isinstance(part, Text))
    if not message.text:
        return others
    cached = (part.cache for part in reversed(message.parts) if isinstance(part, Text) and part.cache is not None)
    return Text(text=f"<system>\n{message.text}\n</system>", cache=next(cached, None)), *others


class _Turn(Struct):
    role: str = ""


_turns = msgspec.json.Decoder(list[_Turn]).decode


def is_leading(messages: bytes, *, beside: bool = False) -> bool:
    """Whether the JSON of a conversation has one message of the system at most, and at its beginning.

    `beside`: the protocol has words of the system beside the conversation, which may have none. True for what is no
    conversation: the service says what is wrong with it.
    """
    try:
        roles = [turn.role for turn in _turns(messages)]
    except NOT_STRICT:
        return True
    return SYSTEM_ROLES.isdisjoint(roles if beside or roles[:1] != ["system"] else roles[1:])
