"""Messages that say what is wrong with a value, and show no secret. Knows no key."""

import re
from datetime import date, time

import msgspec

from dragoman.config.keys import Keys
from dragoman.error_words import CUT
from dragoman.wire.utf8 import well_formed

DIGITS = 40
"""Digits of a number that are shown: more than any setting needs, and not too many to read."""

LARGEST = 1 << 16
"""Bytes of a secret that is read: 64 KiB are enough for hundreds of keys, so more was named by mistake."""

REFERENCE = r"\$\{?[A-Z_][A-Z0-9_]*\}?$|os\.environ/|\{env:"
"""A regular expression for what other programs read as the name of a variable, at the beginning of a text: `$NAME`,
LiteLLM's `os.environ/NAME`, opencode's `{env:NAME}`."""

IN_QUOTES = r"(?:\"[^\"]*\"|'[^']*')$"
"""A regular expression for a text in quotes: `docker run --env-file` and lists of `environment` in a compose file leave
them around a value. https://github.com/topoteretes/cognee/issues/1721"""


class WrongError(Exception):
    """A value is not what its key may hold; `below`: the path to the fault inside the value."""

    def __init__(self, expected: str, got: str, hint: str = "", below: Keys = ()) -> None:
        super().__init__(f"expected {expected}, got {got}{hint}")
        self.below = below


def shown(value: object, *, secret: bool = False) -> str:
    """The value as a message shows it; of a secret only the type is shown."""
    match value:
        case "":
            return "empty text"
        case str():
            return _concealed(value) if secret else quoted(value)
        case bool():
            return "true or false" if secret else str(value).lower()
        case int() | float():
            return "a number" if secret else _number(value)
        case []:
            return "an empty list"
        case list():
            return "a list"
        case dict():
            return "a table"
        case date() | time():
            return "a date or time"
        case _:
            return f"a value of type {type(value).__name__}"


def quoted(text: str) -> str:
    """`text` in quotes, cut if it is long."""
    shown = well_formed(text if len(text) <= CUT else f"{text[: CUT - 1]}…")
    return msgspec.json.encode(shown).decode()


def _concealed(text: str) -> str:
    """Why a secret may be wrong: only white space, quotes and the form of a name are described."""
    if text.endswith(("\n", "\r")):
        return "one that ends with a line break"
    if re.match(REFERENCE, text):
        return "the name of a variable as other programs write it"
    if re.match(IN_QUOTES, text):
        return "one in quotes"
    if "\n" in text.strip():
        return "several lines"
    return "one with spaces around it" if text.strip() != text else "other text"


def _number(value: int | float) -> str:
    if isinstance(value, float):
        return str(value)
    return str(value) if abs(value) < 10**DIGITS else f"a number of more than {DIGITS} digits"
