"""The place of a part that cannot be written, for an error that does not know it. Knows no protocol."""

from collections.abc import Callable, Sequence

from dragoman.errors import InvalidRequestError
from dragoman.protocols.json_fields import refused
from dragoman.types import AnyPart, Message


def placed(
    error: InvalidRequestError, messages: Sequence[Message], write: Callable[[AnyPart], object]
) -> InvalidRequestError:
    """`error`, for which a conversation cannot be written, with the place of the part for which `write` raises too."""
    if error.param is not None:
        return error
    for i, message in enumerate(messages):
        for j, part in enumerate(message.parts):
            try:
                write(part)
            except InvalidRequestError as exc:
                return refused(f"messages[{i}].parts[{j}]", exc.message)
    return error
