"""What a transport is: sends one request, hands out one reply as it arrives. Knows no protocol but HTTP.

A reply is had in two ways. A `Reply` is read by a task, which waits for each piece (translation). An `Exchange` calls
its receiver, without a task and without a turn of the loop between a read and what it causes (relay). Native and replay
have both; where a transport has no template for a route, every request over it is translated.
"""

import asyncio
from abc import ABC, abstractmethod
from enum import Enum
from typing import ClassVar, Protocol

from msgspec import Struct

from dragoman.errors import BadEventError, DragomanError
from dragoman.types import Headers, HttpRequest, ResponseHead
from dragoman.types.redacted import Redacted


class State(Enum):
    """Where a connection stands with its present request."""

    IDLE = "no request"
    HEAD = "waiting for the head"
    BODY = "in the body"
    COMPLETE = "the reply is whole"
    FAILED = "failed; see `error`"


IDLE, HEAD, BODY, COMPLETE, FAILED = State


class Timeouts(Struct, frozen=True):
    """The longest waits, in seconds; None: no limit.

    Five seconds to get a connection are what LiteLLM, httpx and Envoy give; a first token may take 30 s of thinking; a
    silence of a minute means that nobody is there; 15 minutes outlast every answer known.

    `first_token`: from sending the request until the first content of a stream, whatever else comes before it: models
    that think in silence take up to two minutes, and one that sends nothing but heartbeats would else last to the
    `total`. `end`: a silence after a reason to stop, after which only usage and the end mark are due; the answer is
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
        Reading pauses while nobody calls this. Raises TruncatedStreamError if the body broke off (after what came
        before it was handed out), and TimeoutError.
        """

    @abstractmethod
    def close(self) -> None:
        """Ends it at once: a whole reply's connection may serve again, any other is closed. May be called twice."""


class Exchange(ABC):
    """A request and its reply, the head of which is here. Its receiver is called whenever there is news of it.

    `pieces`: the body's, unread; the receiver takes them out. `state`: where the reply stands; `error`: why it failed.
    `coding`: how the body is packed, empty if it is not. `quiet`: the news is a silence of `Timeouts.end`, which is
    told once; nothing need be done.
    """

    __slots__ = ()

    head: ResponseHead
    coding: str
    pieces: list[bytes]
    state: State
    error: DragomanError | None
    quiet: bool

    @abstractmethod
    def go_on(self) -> None:
        """All pieces were taken, and more are wanted: until then reading pauses."""

    @abstractmethod
    def committed(self) -> None:
        """There is content: from here on only the whole answer's time is limited, and its silences."""

    @abstractmethod
    def release(self) -> None:
        """Ends it, once: the connection of a whole reply may serve again, any other is closed. Nobody is called."""

    @abstractmethod
    def drain(self, seconds: float) -> None:
        """The same, but a reply that is not whole yet has so long for its end; what still comes is dropped."""

    @abstractmethod
    def as_reply(self, taken: list[bytes]) -> "Reply":
        """The same exchange, to be read by a task instead: what was `taken` of the body is read again first.

        Raises ConnectError if the proxy refused the request, BadEventError for a coding that is unknown.
        """


class Receiver(Protocol):
    """Who is told of an exchange. Exactly one of the two is called, `on_news` again and again."""

    def on_news(self, exchange: Exchange) -> None:
        """The head is here, or pieces, the end, an error, a silence. Called from within the loop; returns at once."""

    def on_failure(self, error: DragomanError) -> None:
        """There is no reply: not a byte of one came, or no whole head."""


class Sending(Protocol):
    """A request that is under way until the head of its reply is here."""

    def close(self) -> None:
        """Ends it; the receiver is told nothing. Does nothing once the receiver has been told."""


class RequestTemplate(ABC):
    """One kind of request to one service: sent again and again, each time with another body."""

    @abstractmethod
    def send(self, body: bytes, receiver: Receiver, loop: asyncio.AbstractEventLoop, headers: Headers = ()) -> Sending:
        """Sends it, at once if a connection is idle. `loop` is the running one; `headers` are of this one alone."""


class Transport(ABC):
    """Sends requests."""

    calls_back: ClassVar[bool] = False
    """Whether it has templates; if not, every request over it is translated."""

    def template(self, request: HttpRequest, route: Route) -> RequestTemplate:
        """What sends requests like this one, each with a body of its own."""
        raise NotImplementedError

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
    """The rest of the body; closes the reply. Raises BadEventError if that is more than `limit` bytes."""
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
