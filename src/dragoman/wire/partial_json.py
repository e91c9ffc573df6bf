"""JSON that is not complete yet, as the value that has come so far. Knows no schema.

Text up to a place where a value has just ended, or a bracket has just opened, becomes JSON if the brackets that are
open there are closed. A text that still grows is shown as far as it has come. A number or a word is shown once
something follows it, because `12` may become `123`; a name is shown with its value.

Each look reads the whole text again. So a long text is looked at each time it has grown by a share of its length, and
not with each piece: what all looks cost together grows with the text, and not with its square.
"""

import re
from typing import Any

from dragoman.wire import floats, json

TOKEN = re.compile(
    r"""
    \s+
    | (?P<text>"[^"\\]*+(?:\\.[^"\\]*+)*+")
    | (?P<open>[{\[])
    | (?P<close>[}\]])
    | (?P<mark>[,:])
    | (?P<word>[^\s{}\[\],:"]+)(?=[\s{}\[\],:"])
    """,
    re.VERBOSE | re.DOTALL,
)
"""What is complete, with its kind."""

CLOSERS = {"{": "}", "[": "]"}

HALF = re.compile(
    r"(?<!\\)((?:\\\\)*+)\\(?:u[0-9a-fA-F]{0,3}|u[dD][89abAB][0-9a-fA-F]{2}(?:\\(?:u[0-9a-fA-F]{0,3})?)?)?\Z"
)
"""An escape at the end of a text that grows: half of it, or the first half of a pair."""


SHORT = 4096
"""Characters of a text that is looked at with each piece."""

SHARES = 32
"""A longer text is looked at once a share of what is beyond `SHORT` is new."""


def complete_part(text: str) -> str:
    """The JSON of what is complete in a text that ends too early: whole values alone."""
    partial = PartialJson()
    partial.feed(text, is_last=True)
    return partial.complete


class PartialJson:
    """`feed` takes the next piece, `value` is what has come; None before anything can be shown."""

    def __init__(self) -> None:
        self.value: Any = None
        self._text = ""
        self._new: list[str] = []
        """The pieces that came after the last look."""
        self._waiting = 0
        """Characters in them."""
        self._read = 0
        """Where the first token begins that is not complete."""
        self._open: list[str] = []
        self._before = ""
        """The last mark or bracket."""
        self._good = 0
        """Where the text ends that becomes JSON if the open brackets are closed."""

    def feed(self, text: str, *, is_last: bool = False) -> bool:
        """Takes the next piece; whether `value` is another one now. Text that is no JSON changes nothing. `value` is
        behind a long text by a share of it, until the last piece."""
        self._new.append(text)
        self._waiting += len(text)
        if not is_last and self._waiting * SHARES < len(self._text) - SHORT:
            return False
        self._text += "".join(self._new)
        self._new.clear()
        self._waiting = 0
        while (found := TOKEN.match(self._text, self._read)) is not None:
            self._read = found.end()
            self._take(found)
        try:
            value = floats.decode(self._shown())
        except json.NOT_STRICT:
            return False
        changed = bool(value != self.value or type(value) is not type(self.value))
        self.value = value
        return changed

    @property
    def complete(self) -> str:
        """The JSON of the values that are complete."""
        return self._text[: self._good] + self._closed()

    def _take(self, token: re.Match[str]) -> None:
        kind = token.lastgroup
        if kind is None:
            return
        if kind == "open":
            self._open.append(CLOSERS[token[0]])
        elif kind == "close" and self._open:
            self._open.pop()
        is_name = kind == "text" and self._names()
        if kind in {"mark", "open", "close"}:
            self._before = token[0]
        if kind != "mark" and not is_name:
            self._good = self._read

    def _names(self) -> bool:
        """Whether a text that stands here is the name of a property."""
        return self._open[-1:] == ["}"] and self._before != ":"

    def _shown(self) -> str:
        rest = self._text[self._read :]
        if not rest.startswith('"') or self._names():
            return self.complete
        return self._text[: self._read] + HALF.sub(r"\1", rest) + '"' + self._closed()

    def _closed(self) -> str:
        return "".join(reversed(self._open))
