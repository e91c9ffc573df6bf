"""What a caller wrote, so that it is known which words of an error only repeat it. Knows no protocol."""

import json
import string
from collections.abc import Callable, Iterator, Mapping
from typing import Any
from urllib.parse import unquote, unquote_plus

import msgspec

from dragoman.errors import DragomanError
from dragoman.protocols.relay import RelayRequest
from dragoman.types import ChatRequest, EmbedRequest
from dragoman.wire.json import decode_loosely

LOWER = str.maketrans(string.ascii_uppercase, string.ascii_lowercase)
"""Letters are compared without case (host names, `%2F` and `%2f`). Unlike `lower`, this keeps the length of a text."""

BETWEEN = "\0"
"""Stands between two values, so that nothing is found that spans both."""


class CallerWords:
    """The words of one request, in lower case. They are collected when they are first searched, which is seldom."""

    __slots__ = ("_found", "_read", "_request", "_text")

    def __init__(self, read: Callable[[Any], Any], request: object) -> None:
        self._read = read
        """Returns the caller's JSON as values."""
        self._request = request
        self._text: str | None = None
        self._found: dict[str, bool]  # with the text: most requests have no error to search

    def have(self, said: str) -> bool:
        """Whether the caller wrote `said`, which is in lower case, and may be escaped for a URL or for JSON."""
        if self._text is None:
            self._text = BETWEEN.join(_words(self._read(self._request))).translate(LOWER)
            self._found = {}
        text, found = self._text, self._found.get(said)
        if found is None:
            found = self._found[said] = any(each in text for each in _unescaped(said))
        return found


def words_of(request: ChatRequest | EmbedRequest) -> CallerWords:
    """The words of a request that is translated. An open stream holds its bytes, if there are any, not its values."""
    if isinstance(request, ChatRequest) and request.source:
        return CallerWords(_written, (request.source, (request.model, *(value for _, value in request.trace))))
    return CallerWords(msgspec.to_builtins, request)


def relayed_words(request: RelayRequest) -> CallerWords:
    """The words of a request that is relayed: its body, its model, which may be in the URL alone, and its headers."""
    return CallerWords(_relayed, request)


def _relayed(request: RelayRequest) -> list[Any]:
    model = request.model
    try:
        body = request.body_for(model)
    except DragomanError:
        body = b""
    return _written((body, (model, *(value for _, value in request.headers))))


def _written(said: tuple[bytes, tuple[str, ...]]) -> list[Any]:
    body, others = said
    try:
        return [decode_loosely(body), *others]
    except DragomanError:
        return list(others)


def _words(value: Any) -> Iterator[str]:
    match value:
        case str():
            yield value
        case list() | tuple():
            for each in value:
                yield from _words(each)
        case Mapping():
            for name, each in value.items():
                yield from _words(name)
                yield from _words(each)
        case int() | float():
            yield str(value)
        case _:
            pass


def _unescaped(said: str) -> Iterator[str]:
    yield said
    if "%" in said or "+" in said:
        yield unquote(said).translate(LOWER)
        yield unquote_plus(said).translate(LOWER)
    if "\\" in said:
        try:
            yield json.loads(f'"{said}"').translate(LOWER)
        except ValueError:
            # The text begins or ends within an escape, or is none.
            return
