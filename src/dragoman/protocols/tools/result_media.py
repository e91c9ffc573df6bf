"""What the results of tools hold that a service takes from users only: it follows in a user's turn.

Which parts these are the protocol says: `moves`.
"""

from collections.abc import Callable, Iterator, Sequence

from msgspec.structs import replace

from dragoman.types import AnyPart, Message, MovedPart, Text, ToolCall, ToolResult

Moves = Callable[[AnyPart], bool]

ABOUT = "The tool {name} gave this:"
"""What stands before the parts that follow, so that the model knows which tool gave them."""


def moved(messages: Sequence[Message], moves: Moves) -> Iterator[MovedPart]:
    """The place of each part that `apart` moves."""
    for i, message in enumerate(messages):
        for j, part in enumerate(message.parts):
            if type(part) is ToolResult:
                for k, inner in enumerate(part.parts):
                    if moves(inner):
                        yield MovedPart(f"messages[{i}].parts[{j}].parts[{k}]")


def apart(messages: Sequence[Message], moves: Moves) -> tuple[Message, ...]:
    """The conversation with what may stand in results; what else they had stands after the last of them."""
    if next(moved(messages, moves), None) is None:
        return tuple(messages)
    calls = (part for message in messages for part in message.parts if type(part) is ToolCall)
    names = {call.id: call.name for call in calls}
    out: list[Message] = []
    waiting: list[AnyPart] = []
    for message in messages:
        results = [part for part in message.parts if type(part) is ToolResult]
        if waiting and not results:
            out.append(Message("user", tuple(waiting)))
            waiting = []
        for result in results:
            if media := [inner for inner in result.parts if moves(inner)]:
                waiting += [Text(text=ABOUT.format(name=names.get(result.id, result.id))), *media]
        others = [part for part in message.parts if type(part) is not ToolResult]
        left = tuple(_left(result, moves) for result in results)
        if others and results:  # the user says more in this turn
            out += [Message("tool", left), replace(message, role="user", parts=(*waiting, *others))]
            waiting = []
        else:
            out.append(replace(message, parts=(*left, *others)))
    return (*out, Message("user", tuple(waiting))) if waiting else tuple(out)


def _left(result: ToolResult, moves: Moves) -> ToolResult:
    return replace(result, parts=tuple(inner for inner in result.parts if not moves(inner)))
