"""TOML text as a dictionary, with the line of each key; messages for mistakes in plain words. Knows no setting."""

import re
import tomllib
from pathlib import Path
from typing import Any

from msgspec import Struct

from dragoman.config.file import ConfigFile
from dragoman.config.keys import Keys, dotted
from dragoman.config.toml_lines import lines, repeated
from dragoman.error_words import cut
from dragoman.errors import ConfigurationError
from dragoman.wire.utf8 import BOM

UTF_16 = (b"\xff\xfe", b"\xfe\xff")
PLACE = re.compile(r" \(at (?:line (\d+), column (\d+)|end of document)\)$")
TYPOGRAPHIC = re.compile("[“”„‟‘’‚‛«»]")
"""Quotation marks of word processors and web pages, which are no straight ones."""

WORDS: tuple[tuple[str, str], ...] = (
    ("Invalid value", "expected a value: text in quotes, a number, true or false, a list or a table"),
    ("Expected '=' after a key", "expected = after the key"),
    ("Invalid statement", "expected a key or a [table]"),
    ("Expected newline or end of document", "expected the line to end after the value; text needs quotes"),
    (
        "Invalid initial character for a key part",
        "expected a key; one with other signs than A-Z a-z 0-9 _ - needs quotes",
    ),
    ("Illegal character '\\n'", "expected a quote at the end of the text, on the same line"),
    ("Unterminated string", "expected a quote at the end of the text"),
    ('Expected "\'"', "expected a quote at the end of the text"),
    ("Unescaped '\\'", "expected \\\\ for each backslash of a text, or the text in single quotes"),
    ("Unclosed array", "expected ] at the end of the list"),
    ("Unclosed inline table", "expected } at the end of the table"),
    ("Cannot declare", "expected a table that does not stand elsewhere already"),
    ("Cannot overwrite", "expected a key that does not stand elsewhere already"),
    ("Cannot ", "expected nothing more for a table that is whole already"),
    ("Expected ']", "expected ] at the end of the table's name"),
)
"""The beginnings of the standard parser's messages, to messages in plainer words."""


class Document(Struct, frozen=True):
    """The content of a file."""

    label: str
    """The name of the file in messages."""
    data: dict[str, Any]
    lines: dict[Keys, int]
    """The line of each key; lines count from 1."""
    folder: Path = Path()
    """The folder of the file: relative paths start from it."""

    def origins(self) -> dict[Keys, str]:
        """The place of each key, as `dragoman.toml:12`; that of the empty path is the file."""
        whole: dict[Keys, str] = {(): self.label} if self.label else {}
        return whole | {keys: f"{self.label}:{line}" for keys, line in self.lines.items()}


def document(file: ConfigFile) -> Document:
    """The content of `file`. Raises ConfigurationError: not UTF-8, not TOML."""
    return parse(decode_text(file.data, file.label), file.label, file.path.parent)


def decode_text(data: bytes, label: str) -> str:
    """The text of a file. Raises ConfigurationError if it is not UTF-8, or begins with a byte order mark."""
    if data.startswith(BOM):
        raise ConfigurationError(f"{label}:1: expected UTF-8 without a byte order mark, got one")
    if data.startswith(UTF_16):
        raise ConfigurationError(f"{label}:1: expected UTF-8, got what looks like UTF-16; save it as UTF-8")
    try:
        return data.decode()
    except UnicodeDecodeError as exc:
        line = data.count(b"\n", 0, exc.start) + 1
        raise ConfigurationError(f"{label}:{line}: expected UTF-8, got the byte 0x{data[exc.start]:02x}") from exc


def parse(text: str, label: str, folder: Path = Path()) -> Document:
    """The content of `text`. Raises ConfigurationError with the line that is not TOML."""
    try:
        return Document(label, tomllib.loads(text), lines(text), folder)
    except RecursionError as exc:
        raise ConfigurationError(f"{label}: expected TOML, got lists or tables too deep in each other") from exc
    except ValueError as exc:
        message = str(exc)
        found = PLACE.search(message)
        if found is None:
            raise ConfigurationError(f"{label}: expected TOML, got: {cut(message)}") from exc
        line = int(found[1] or text.count("\n") + 1)
        column = int(found[2]) if found[2] else None
        raise ConfigurationError(f"{label}:{_described(text, line, column, message[: found.start()])}") from exc


def _described(text: str, line: int, column: int | None, message: str) -> str:
    """The number of the wrong line, and what is wrong there."""
    twice = repeated(text)
    if twice is not None and twice.again <= line:
        name = f"[{dotted(twice.keys)}]" if twice.table else dotted(twice.keys)
        return f"{twice.again}: {cut(name)} stands twice, first in line {twice.first}"
    quote = _typographic(text, line, column)
    if quote:
        return f"""{line}: expected TOML, got the typographic quote {quote}; straight ones are " and '"""
    where = f"column {column}" if column else "the end of the file"
    plain = next((words for beginning, words in WORDS if message.startswith(beginning)), None)
    return f"{line}: {plain} (at {where})" if plain else f"{line}: expected TOML, got at {where}: {cut(message)}"


def _typographic(text: str, line: int, column: int | None) -> str:
    """The typographic quote that caused the error, if one did: at its place, or in a text whose end is missing."""
    words = text.split("\n")[line - 1]
    if column is not None and column <= len(words) and TYPOGRAPHIC.match(words[column - 1]):
        return words[column - 1]
    found = TYPOGRAPHIC.search(words) if words.count('"') % 2 or words.count("'") % 2 else None
    return found[0] if found else ""
