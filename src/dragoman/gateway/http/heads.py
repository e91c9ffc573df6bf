"""Heads: those of requests checked and read, those of answers as bytes. Knows no connection."""

import time
from email.utils import formatdate
from functools import lru_cache
from http import HTTPStatus
from urllib.parse import unquote, urlsplit

from dragoman.errors import DragomanError
from dragoman.types import Headers

CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"

ID = "\x01"
"""Stands for a request's id in header fields that are made once for many requests; no value holds this character."""


class BadHeadError(Exception):
    """The head of a request is not valid in HTTP/1.1; the message says why."""


class FirstLine:
    """Checks the blanks in the first line of a request, which the parser does not count.

    https://www.rfc-editor.org/rfc/rfc9112#section-3 demands exactly one between two words.
    """

    __slots__ = ("_line",)

    def __init__(self) -> None:
        self._line: bytes | None = None

    def begin(self) -> None:
        """What is fed next begins with a request."""
        self._line = b""

    def feed(self, data: bytes) -> bool:
        """False if the line, as far as it has come, has two blanks in a row."""
        if self._line is None:
            return True
        line = (self._line + data if self._line else data).lstrip(b"\r\n")
        end = line.find(b"\r\n")
        self._line = line if end < 0 else None
        return line.find(b"  ", 0, end if end >= 0 else len(line)) < 0


def split_target(url: bytes) -> tuple[str, str, bytes | None]:
    """Path and query of a request's target, and the host that its absolute form names. Raises BadHeadError.

    https://www.rfc-editor.org/rfc/rfc9112#section-3.2
    """
    if url.startswith(b"/") or b"://" not in url:
        path, _, query = url.partition(b"?")
        text = path.decode("latin-1")
        return unquote(text) if b"%" in path else text, query.decode("latin-1"), None
    try:
        parts = urlsplit(url.decode("latin-1"))
    except ValueError as exc:
        raise BadHeadError("expected a path or a URL as the request's target") from exc
    return unquote(parts.path) or "/", parts.query, parts.netloc.encode("latin-1")


def check_head(headers: tuple[tuple[bytes, bytes], ...], version: str) -> None:
    """Raises BadHeadError for a head about which servers disagree: where the request ends, or which host it is for.

    The parser accepts what is refused here. https://www.rfc-editor.org/rfc/rfc9112#section-6.1
    """
    names = [name for name, _ in headers]
    hosts = names.count(b"host")
    if version == "1.1":
        if hosts != 1:
            raise BadHeadError("expected one Host field")
    elif version != "1.0" or hosts > 1:
        raise BadHeadError("expected an HTTP/1.1 request")
    if b"transfer-encoding" in names and (
        version == "1.0" or headers[names.index(b"transfer-encoding")][1].strip().lower() != b"chunked"
    ):
        raise BadHeadError("expected no transfer coding but chunked")


@lru_cache(maxsize=1)
def _dated(second: int) -> bytes:
    return b"date: " + formatdate(second, usegmt=True).encode() + b"\r\n"


def date() -> bytes:
    """The `date` header, made once a second."""
    return _dated(int(time.time()))


@lru_cache(maxsize=64)
def status_line(status: int) -> bytes:
    """`HTTP/1.1 200 OK` and its line end."""
    try:
        phrase = HTTPStatus(status).phrase
    except ValueError:
        phrase = "Unknown"
    return f"HTTP/1.1 {status} {phrase}\r\n".encode()


@lru_cache(maxsize=256)
def fields(headers: Headers) -> bytes:
    """Header fields, each with its line end. Raises DragomanError if a value holds a line end."""
    text = "".join([f"{name}: {value}\r\n" for name, value in headers])
    if not text.count("\r\n") == text.count("\r") == text.count("\n") == len(headers) or "\0" in text:
        raise DragomanError("expected header fields of one line each")
    return text.encode("latin-1", "replace")


def with_id(lines: bytes, request_id: str) -> bytes:
    """Header fields with the id in each place of ID."""
    return lines.replace(ID.encode(), request_id.encode())
