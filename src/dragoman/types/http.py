"""HTTP messages as values. Knows no vendor and no socket."""

from collections.abc import Set
from functools import lru_cache
from typing import Any, ClassVar

from msgspec import Struct
from msgspec.structs import replace

from dragoman.types.redacted import Redacted

Headers = tuple[tuple[str, str], ...]
JSON: Headers = (("content-type", "application/json"),)
"""What the head of a message says whose body is JSON."""


def without(headers: Headers, names: Set[str]) -> Headers:
    """The header fields whose names, in lower case, are not among `names`."""
    return tuple(field for field in headers if field[0].lower() not in names)


class HttpRequest(Redacted, frozen=True, kw_only=True):
    """A request to a service. Printed without what may hold a key or a prompt."""

    hidden: ClassVar[frozenset[str]] = frozenset({"headers", "body"})
    method: str = "POST"
    url: str
    """Absolute."""
    headers: Headers = ()
    """Without `content-length` and `host`: the transport adds them."""
    body: bytes = b""
    mark_chunks: bool = False
    """Whether the protocol gives HTTP chunks a meaning: then an empty piece follows each chunk of the reply's body."""

    def with_headers(self, headers: Headers, lists: frozenset[str] = frozenset()) -> "HttpRequest":
        """The same with these header fields, whose names are in lower case, in place of those of the same names.

        `lists`: names of fields that are lists, of which both stay.
        """
        if not headers:
            return self
        return replace(self, headers=(*without(self.headers, dict(headers).keys() - lists), *headers))

    def __rich_repr__(self) -> list[tuple[str, Any]]:
        address, asked, _ = self.url.partition("?")
        return [(name, f"{address}?…" if asked and name == "url" else value) for name, value in super().__rich_repr__()]


class ResponseHead(Struct, frozen=True):
    """Status and headers of a reply; header names as they came."""

    status: int
    headers: tuple[tuple[bytes, bytes], ...] = ()

    def header(self, name: str) -> str | None:
        """The first header of that name, whatever its case; None if there is none."""
        wanted = name.lower().encode()
        for key, value in self.headers:
            if key.lower() == wanted:
                return value.decode("latin-1").strip(" \t")
        return None

    @property
    def media_type(self) -> str:
        """`text/html` of `Text/HTML; charset=utf-8`; empty if there is none."""
        for key, value in self.headers:
            if len(key) == 12 and key.lower() == b"content-type":
                return _media_type(value)
        return ""


@lru_cache(maxsize=256)
def _media_type(value: bytes) -> str:
    return value.decode("latin-1").partition(";")[0].strip().lower()


class HttpResponse(Struct, frozen=True):
    """A whole reply."""

    head: ResponseHead
    body: bytes = b""


class ServerResponse(Struct, frozen=True, kw_only=True):
    """A whole answer of ours to a caller."""

    status: int = 200
    headers: Headers = ()
    """Without `content-length`: the server adds it."""
    body: bytes = b""
    error: str = ""
    """The code of the failure that it reports, for logs; empty if it reports none."""


class ServerRequest(Redacted, frozen=True, kw_only=True):
    """A caller's request to one of our fronts. Printed without keys and prompts."""

    hidden: ClassVar[frozenset[str]] = frozenset({"query", "headers", "body"})
    method: str
    path: str
    scheme: str = "http"
    """How it came to the server: `http` or `https`."""
    query: str = ""
    """What follows the `?`."""
    headers: tuple[tuple[bytes, bytes], ...] = ()
    """Names are in lower case."""
    body: bytes = b""

    def header(self, name: bytes) -> str | None:
        """The first header called `name` (lower case); None if there is none."""
        for key, value in self.headers:
            if key == name:
                return value.decode("latin-1").strip(" \t")
        return None
