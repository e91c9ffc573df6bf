"""The order of results, for services that pair them with calls by it. Knows no protocol by name."""

from collections.abc import Mapping, Sequence
from itertools import groupby

from msgspec.structs import replace

from dragoman.types import Message, ToolCall, ToolResult


def in_order_of_calls(messages: Sequence[Message]) -> list[Message]:
    """`messages` in which the results after a turn of the model come in the order of its calls.

    Callers may send them in the order in which they were ready. One whose call is not in that turn, and all beside it,
    stay where they are.
    """
    out: list[Message] = []
    calls: dict[str, int] = {}
    """The ids of the calls of the turn, each with its number among them."""
    for role, group in groupby(messages, key=lambda message: message.role):
        turn = list(group)
        if role == "assistant":
            called = [part.id for message in turn for part in message.parts if isinstance(part, ToolCall)]
            calls = {call: number for number, call in reversed(list(enumerate(called)))}
        else:
            turn = [_arranged(message, calls) for message in turn]
        out += _ordered(turn, calls) if role == "tool" else turn
    return out


def _ordered(turn: list[Message], calls: Mapping[str, int]) -> list[Message]:
    """Messages of tools, by the first result of each."""
    first = [
        next((calls.get(part.id) for part in message.parts if isinstance(part, ToolResult)), None) for message in turn
    ]
    if any(number is None for number in first):
        return turn
    return [message for _, message in sorted(zip(first, turn, strict=True), key=lambda pair: pair[0] or 0)]


def _arranged(message: Message, calls: Mapping[str, int]) -> Message:
    """A message whose results are in order, in the places that results have."""
    results = [part for part in message.parts if isinstance(part, ToolResult)]
    numbers = [calls.get(part.id, -1) for part in results]
    if -1 in numbers or numbers == sorted(numbers):
        return message
    ordered = iter(sorted(results, key=lambda part: calls[part.id]))
    return replace(
        message, parts=tuple(next(ordered) if isinstance(part, ToolResult) else part for part in message.parts)
    )
