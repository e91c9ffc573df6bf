"""Words of the model between what tools gave and what the user says next, for models that demand them.

Mistral's models refuse a conversation without them: "Unexpected role 'user' after role 'tool'". Yet users interrupt an
agent after a tool, and agents add reminders to what a tool gave. Such models also refuse a turn of their own in which
nothing is said.
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from dragoman.types import AddedWords, Message, Reasoning, Text, ToolResult
from dragoman.wire.json import NOT_STRICT

WORDS = "OK."


def added(messages: Sequence[Message]) -> Iterator[AddedWords]:
    """The turns before which, or in which, `with_words` adds some."""
    for i, (message, begins) in enumerate(_seen(messages)):
        if begins or _is_silent(message):
            yield AddedWords(f"messages[{i}]")


def with_words(messages: Sequence[Message]) -> tuple[Message, ...]:
    """The conversation with the words that are missing."""
    out: list[Message] = []
    for message, begins in _seen(messages):
        if _is_silent(message):
            out.append(replace(message, parts=(*message.parts, Text(text=WORDS))))
        elif begins:
            results = tuple(part for part in message.parts if isinstance(part, ToolResult))
            if results:
                out.append(replace(message, parts=results))
            others = tuple(part for part in message.parts if not isinstance(part, ToolResult))
            out += [Message("assistant", (Text(text=WORDS),)), replace(message, parts=others)]
        else:
            out.append(message)
    return tuple(out)


def _seen(messages: Iterable[Message]) -> Iterator[tuple[Message, bool]]:
    """Each turn, and whether another than the model speaks in it right after results, which come first in a turn."""
    given = False
    for message in messages:
        results = sum(isinstance(part, ToolResult) for part in message.parts)
        speaks = not 0 < results == len(message.parts)
        given = given or results > 0
        yield message, given and speaks and message.role not in {"assistant", "tool"}
        given = given and not speaks


def _is_silent(message: Message) -> bool:
    if message.role != "assistant":
        return False
    return all(isinstance(part, Reasoning) or (isinstance(part, Text) and not part.text) for part in message.parts)


class _Turn(Struct):
    role: str = ""


_turns = msgspec.json.Decoder(list[_Turn]).decode


def is_in_order(messages: bytes) -> bool:
    """Whether the JSON of a conversation in this protocol has no other turn than the model's after a result.

    True for what is no conversation: the service says what is wrong with it.
    """
    try:
        roles = [turn.role for turn in _turns(messages)]
    except NOT_STRICT:
        return True
    return all(after in {"assistant", "tool"} for before, after in pairwise(roles) if before == "tool")
