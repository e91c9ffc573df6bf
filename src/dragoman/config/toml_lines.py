"""The line of every key in a TOML text, which the standard parser does not report."""

import re
import tomllib

from msgspec import Struct

from dragoman.config.keys import Keys

BLANK = re.compile(r"(?:[ \t\n]|#[^\n]*)*")
BARE = re.compile(r"[A-Za-z0-9_-]+")
STRING = re.compile(
    r'"""(?:[^"\\]|\\.|"{1,2}(?!"))*"{3,5}' r"|'''(?:[^']|'{1,2}(?!'))*'{3,5}" r'|"(?:[^"\\\n]|\\.)*"' r"|'[^'\n]*'",
    re.DOTALL,
)
SCALAR = re.compile(r"[^,\]}\n#]+")
DOT = re.compile(r"[ \t]*\.[ \t]*")
EQUALS = re.compile(r"[ \t]*=[ \t]*")
HEADER, HEADER_END = re.compile(r"\[\[?[ \t]*"), re.compile(r"[ \t]*\]\]?")
ARRAY, ARRAY_END = re.compile(r"\["), re.compile(r"\]")
TABLE, TABLE_END = re.compile(r"\{"), re.compile(r"\}")
COMMA = re.compile(r",")


class Repeated(Struct, frozen=True):
    """A key or table that is set twice."""

    keys: Keys
    table: bool
    """Whether it is a table."""
    first: int
    """The line in which it is set first."""
    again: int
    """The line in which it is set again."""


def lines(text: str) -> dict[Keys, int]:
    """The line in which each key, table and list entry of `text` first occurs; lines count from 1."""
    return _Search(text.replace("\r\n", "\n")).found


def repeated(text: str) -> Repeated | None:
    """The first table or key of `text` that is set twice, which TOML forbids."""
    return _Search(text.replace("\r\n", "\n")).repeated


class _Search:
    """Reads the text once. It stops at what it cannot read; the lines found until then are right."""

    def __init__(self, text: str) -> None:
        self.found: dict[Keys, int] = {}
        self.repeated: Repeated | None = None
        self._written: dict[Keys, int] = {}
        self._text = text
        self._at = 0
        self._line = 1
        table: Keys = ()
        while self._more():
            line = self._line
            if header := self._skip(HEADER):
                table = self._key()
                self._note(table, line)
                self._write(table, line, is_table=True, is_list=header.startswith("[["))
                self._take(HEADER_END)
            else:
                self._pair(table)

    def _more(self) -> bool:
        self._skip(BLANK)
        return self._at < len(self._text)

    def _skip(self, pattern: re.Pattern[str]) -> str:
        match = pattern.match(self._text, self._at)
        if match is None:
            return ""
        self._line += self._text.count("\n", self._at, match.end())
        self._at = match.end()
        return match[0]

    def _take(self, pattern: re.Pattern[str]) -> str:
        found = self._skip(pattern)
        if not found:
            self._at = len(self._text)
        return found

    def _note(self, keys: Keys, line: int) -> None:
        for size in range(1, len(keys) + 1):
            self.found.setdefault(keys[:size], line)

    def _write(self, keys: Keys, line: int, *, is_table: bool = False, is_list: bool = False) -> None:
        if is_list:
            # Each table of a list of tables has keys of its own.
            self._written = {each: at for each, at in self._written.items() if each[: len(keys)] != keys}
        elif keys in self._written and self.repeated is None:
            self.repeated = Repeated(keys, is_table, self._written[keys], line)
        else:
            self._written[keys] = line

    def _key(self) -> tuple[str, ...]:
        words: list[str] = []
        while not words or self._skip(DOT):
            quoted = self._skip(STRING)
            words.append(self._unquoted(quoted) if quoted else self._take(BARE))
        return tuple(words)

    def _unquoted(self, quoted: str) -> str:
        try:
            word: str = tomllib.loads(f"key = {quoted}")["key"]
        except ValueError:
            # The standard parser stops here too.
            self._at = len(self._text)
            return ""
        return word

    def _pair(self, table: Keys) -> None:
        line = self._line
        keys = table + self._key()
        self._note(keys, line)
        self._write(keys, line)
        self._take(EQUALS)
        self._value(keys)

    def _value(self, keys: Keys) -> None:
        if self._skip(ARRAY):
            index = 0
            while self._more() and not self._skip(ARRAY_END):
                self._note((*keys, index), self._line)
                self._value((*keys, index))
                index += 1
                self._skip(BLANK)
                self._skip(COMMA)
        elif self._skip(TABLE):
            while self._more() and not self._skip(TABLE_END):
                self._pair(keys)
                self._skip(BLANK)
                self._skip(COMMA)
        elif not self._skip(STRING):
            self._take(SCALAR)
