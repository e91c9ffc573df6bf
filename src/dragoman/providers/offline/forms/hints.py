"""What a message offers for the values of a schema: its quoted texts, its numbers and its words."""

import re
from collections.abc import Iterator, Sequence
from typing import Any, TypeVar

T = TypeVar("T")

MAX_READ = 8_000
"""Characters at the end of a message that are looked at: people ask there, and what they attach stands before it."""

_QUOTED = re.compile(
    r"""(?<!\w) (?: "([^"\n]{1,500})" | '([^'\n]{1,500})' | `([^`\n]{1,500})`
        | “([^”\n]{1,500})” | ‘([^’\n]{1,500})’ | «([^»\n]{1,500})» ) (?!\w)""",
    re.VERBOSE,
)
_NUMBER = re.compile(r"(?<![\w.])-?\d{1,15}(?:\.\d{1,15})?(?![\w]|\.\d)")
_WORD = re.compile(r"\w+")


class Hints:
    """Values that are used in the order in which they stand in the message, each once."""

    def __init__(self, message: str = "", texts: Sequence[str] = ()) -> None:
        message = message[-MAX_READ:]
        quoted = [next(text for text in found.groups() if text) for found in _QUOTED.finditer(message)]
        rest = _QUOTED.sub(" ", message)
        self._texts = [*texts, *quoted]
        self._numbers: list[int | float] = [_number(found[0]) for found in _NUMBER.finditer(rest)]
        self._words = set(_WORD.findall(message.lower()))
        self.quoted = tuple(quoted)

    def texts(self) -> Iterator[str]:
        """Texts that are not yet used. One that is not rejected by asking for the next is used."""
        return _offered(self._texts)

    def numbers(self) -> Iterator[int | float]:
        """Numbers, in the same way."""
        return _offered(self._numbers)

    def named_first(self, values: Sequence[Any]) -> list[Any]:
        """`values`, those before the others whose words stand in the message."""
        return sorted(values, key=lambda value: not self._names(value))

    def _names(self, value: Any) -> bool:
        words = set(_WORD.findall(value.lower())) if isinstance(value, str) else set()
        return bool(words) and words <= self._words


def _offered(values: list[T]) -> Iterator[T]:
    for value in list(values):
        if value in values:
            place = values.index(value)
            values.pop(place)
            yield value
            values.insert(place, value)


def _number(text: str) -> int | float:
    return float(text) if "." in text else int(text)
