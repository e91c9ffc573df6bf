"""Pictures in the results of tools, for a service that takes them from users only: they follow in a user's turn.

The types of OpenAI's own SDK (3.57) allow text alone in a turn of the role `tool`; most other services take pictures there.
"""

from collections.abc import Iterator, Sequence

from msgspec.structs import replace

from dragoman.types import AnyPart, Message, MovedPart, Text, ToolCall, ToolResult

ABOUT = "The tool {name} gave this:"
"""Before the picture, so that the model knows where it is from."""


def moved(messages: Sequence[Message]) -> Iterator[MovedPart]:
    """The place of each part that `apart` moves."""
    for i, message in enumerate(messages):
        for j, part in enumerate(message.parts):
            if isinstance(part, ToolResult):
                for k, inner in enumerate(part.parts):
                    if not isinstance(inner, Text):
                        yield MovedPart(f"messages[{i}].parts[{j}].parts[{k}]")


def apart(messages: Sequence[Message]) -> tuple[Message, ...]:
    """The conversation with texts only in results; what else they had stands after the last of them."""
    if next(moved(messages), None) is None:
        return tuple(messages)
    calls = (part for message in messages for part in message.parts if isinstance(part, ToolCall))
    names = {call.id: call.name for call in calls}
    out: list[Message] = []
    waiting: list[AnyPart] = []
    for message in messages:
        results = [part for part in message.parts if isinstance(part, ToolResult)]
        if waiting and not results:
            out.append(Message("user", tuple(waiting)))
            waiting = []
        for result in results:
            if media := [inner for inner in result.parts if not isinstance(inner, Text)]:
                waiting += [Text(text=ABOUT.format(name=names.get(result.id, result.id))), *media]
        others: list[AnyPart] = [part for part in message.parts if not isinstance(part, ToolResult)]
        if others and results:  # the user says more in this turn
            others, waiting = [*waiting, *others], []
        out.append(replace(message, parts=(*map(_texts, results), *others)))
    return (*out, Message("user", tuple(waiting))) if waiting else tuple(out)


def _texts(result: ToolResult) -> ToolResult:
    return replace(result, parts=tuple(inner for inner in result.parts if isinstance(inner, Text)))
