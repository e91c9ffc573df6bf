"""What the results of tools hold beside text, if services take it from users only: it follows in a user's turn.

The types of OpenAI's own SDK (3.57) allow text alone in a turn of the role `tool`. Most other services take pictures
there, and no other media. `pictures`: whether the service does.
"""

from collections.abc import Iterator, Sequence

from msgspec.structs import replace

from dragoman.protocols.openai_chat.extra import NAME
from dragoman.types import AnyPart, Audio, File, Image, Message, MovedPart, Text, ToolCall, ToolResult, Unknown

ABOUT = "The tool {name} gave this:"
"""Before the picture, so that the model knows where it is from."""


def moved(messages: Sequence[Message], *, pictures: bool) -> Iterator[MovedPart]:
    """The place of each part that `apart` moves."""
    for i, message in enumerate(messages):
        for j, part in enumerate(message.parts):
            if isinstance(part, ToolResult):
                for k, inner in enumerate(part.parts):
                    if _moves(inner, pictures=pictures):
                        yield MovedPart(f"messages[{i}].parts[{j}].parts[{k}]")


def apart(messages: Sequence[Message], *, pictures: bool) -> tuple[Message, ...]:
    """The conversation with what may stand in results; what else they had stands after the last of them."""
    if next(moved(messages, pictures=pictures), None) is None:
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
            if media := [inner for inner in result.parts if _moves(inner, pictures=pictures)]:
                waiting += [Text(text=ABOUT.format(name=names.get(result.id, result.id))), *media]
        others: list[AnyPart] = [part for part in message.parts if not isinstance(part, ToolResult)]
        if others and results:  # the user says more in this turn
            others, waiting = [*waiting, *others], []
        left = (_left(result, pictures=pictures) for result in results)
        out.append(replace(message, parts=(*left, *others)))
    return (*out, Message("user", tuple(waiting))) if waiting else tuple(out)


def _left(result: ToolResult, *, pictures: bool) -> ToolResult:
    return replace(result, parts=tuple(inner for inner in result.parts if not _moves(inner, pictures=pictures)))


def _moves(part: AnyPart, *, pictures: bool) -> bool:
    match part:
        case File() | Audio():
            return True
        case Image():
            return not pictures
        case Unknown(protocol=protocol):
            return not pictures and protocol == NAME
        case _:
            return False
