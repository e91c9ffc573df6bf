"""What a transport is: sends one request, hands out one reply as it arrives. Knows no protocol but HTTP."""

from abc import ABC, abstractmethod
from typing import ClassVar

from msgspec import Struct

from dragoman.errors import BadEventError, DragomanError
from dragoman.types import HttpRequest, ResponseHead
from dragoman.types.redacted import Redacted


class Timeouts(Struct, frozen=True):
    """The longest waits, in seconds; None: no limit.

    Five seconds to get a connection are what LiteLLM, httpx and Envoy give; a first token may take 30 s of thinking; a
    silence of a minute means that nobody is there; 15 minutes outlast every answer known.

    `first_token`: from sending the request until the first content of a stream, whatever else comes before it: models
    that think in silence take up to two minutes, and one that sends nothing but heartbeats would else last to the
    `total`. `end`: a silence behind a reason to stop, from where on only usage and the end mark are due; the answer is
    then whole, and five seconds are far more than any service takes to count.
    """

    pool: float | None = 5.0
    connect: float | None = 5.0
    tls: float | None = 5.0
    proxy: float | None = 5.0
    first_byte: float | None = 30.0
    idle: float | None = 60.0
    total: float | None = 900.0
    first_token: float | None = 120.0
    end: float | None = 5.0


class Route(Redacted, frozen=True):
    """How to reach a service.

    `proxy`: an http, https, socks5 or socks5h URL. `ca_file`: a PEM file to trust besides the system's own.
    """

    hidden: ClassVar[frozenset[str]] = frozenset({"proxy"})
    timeouts: Timeouts = Timeouts()
    proxy: str | None = None
    ca_file: str | None = None


class Reply(ABC):
    """A reply as it arrives."""

    head: ResponseHead

    @abstractmethod
    async def read(self) -> list[bytes]:
        """What has arrived since the last call, waiting for at least one piece; [] at the clean end.

        A piece never spans two HTTP chunks; where the request asked to mark chunks, an empty piece follows each.
        Reading pauses while nobody calls this. Raises TruncatedStreamError where the body broke off (after what came
        before it was handed out), and TimeoutError.
        """

    @abstractmethod
    def close(self) -> None:
        """Ends it at once: a whole reply's connection may serve again, any other is closed. May be called twice."""


class Transport(ABC):
    """Sends requests."""

    @abstractmethod
    async def send(self, request: HttpRequest, route: Route) -> Reply:
        """The reply, once its head is here. Raises ConnectError, TimeoutError, TruncatedStreamError.

        Follows no redirect. Leaves no connection behind where the caller is cancelled.
        """

    @abstractmethod
    def close(self) -> None:
        """Ends every connection. May be called twice."""


MAX_BODY = 64 << 20
"""Bytes of a reply that is read whole: 64 MiB, above any answer that a service gives."""


async def read_all(reply: Reply, limit: int = MAX_BODY) -> bytes:
    """The rest of the body; closes the reply. Raises BadEventError where that is more than `limit` bytes."""
    pieces: list[bytes] = []
    size = 0
    try:
        while batch := await reply.read():
            pieces += batch
            size += sum(map(len, batch))
            if size > limit:
                raise BadEventError(f"expected a body of at most {limit} bytes", code="upstream_too_large")
    finally:
        reply.close()
    return b"".join(pieces)


async def read_beginning(reply: Reply, limit: int) -> bytes:
    """As much of the rest of a body as came well, `limit` bytes at most; closes the reply.

    For a failure's words: they stand at its beginning, and how it ended changes nothing.
    """
    pieces: list[bytes] = []
    size = 0
    try:
        while size < limit and (batch := await reply.read()):
            pieces += batch
            size += sum(map(len, batch))
    except DragomanError:
        return b"".join(pieces)[:limit]
    finally:
        reply.close()
    return b"".join(pieces)[:limit]
