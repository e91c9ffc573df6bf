"""What a transport is: it sends one request, and returns one reply as it arrives. Knows no protocol except HTTP.

There are two ways to get a reply. A `Reply` is read by a task, which waits for each piece (translation). An `Exchange`
calls its receiver, without a task, and without a turn of the loop between a read and what it causes (relay). Native and
replay have both. If a transport has no templates, every request over it is translated.
"""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable
from enum import Enum
from typing import ClassVar, Protocol

from msgspec import Struct

from dragoman.errors import BadEventError, DragomanError
from dragoman.types import Headers, HttpRequest, ResponseHead
from dragoman.types.redacted import Redacted


class State(Enum):
    """What a connection does with its present request."""

    IDLE = "no request"
    HEAD = "waiting for the head"
    BODY = "in the body"
    COMPLETE = "the reply is whole"
    FAILED = "failed; see `error`"


IDLE, HEAD, BODY, COMPLETE, FAILED = State


class Timeouts(Struct, frozen=True):
    """The longest waits, in seconds; None: no limit."""

    pool: float | None = 5.0
    """For a free connection, when all are in use."""
    connect: float | None = 5.0
    """For the connection; LiteLLM, httpx and Envoy wait as long."""
    tls: float | None = 5.0
    """For the TLS handshake."""
    proxy: float | None = 5.0
    """For the way through a proxy."""
    first_byte: float | None = 30.0
    """For the first byte of the reply: models may think for 30 s before it."""
    idle: float | None = 60.0
    """For the next byte: after a minute of silence the peer is gone."""
    total: float | None = 900.0
    """For the whole exchange; no known answer takes 15 minutes."""
    first_token: float | None = 120.0
    """From the request to the first content of a stream, whatever else comes before it. Models that think in silence
    take up to two minutes; without this limit a stream of heartbeats alone would last until `total`."""
    end: float | None = 5.0
    """A silence after the reason to stop, when only usage and the end mark are missing. The answer is then complete; no
    service takes five seconds to count."""


class Route(Redacted, frozen=True):
    """How to reach a service."""

    hidden: ClassVar[frozenset[str]] = frozenset({"proxy"})
    timeouts: Timeouts = Timeouts()
    proxy: str | None = None
    """An http, https, socks5 or socks5h URL."""
    ca_file: str | None = None
    """A PEM file with certificates to trust in addition to the system's own."""


TakePieces = Callable[[list[bytes]], bool]
"""Takes the pieces of one read in a callback, not the list; False if it wants no more for now. May raise."""


SHORT = 2 << 10
"""Bytes of a read that may be a few events that came alone, with the frames of their HTTP chunks. In longer reads are
rows, which are parsed faster than one by one."""


class Bypass(Protocol):
    """What may take reads of a reply as they come, before they are parsed."""

    def take(self, data: bytes, now: float) -> bool:
        """True if it has dealt with `data`; else that is parsed, and it is asked no more.

        `data` begins between two HTTP chunks, and must end so if it is taken. `now`: the loop's time.
        """


class Reply(ABC):
    """A reply as it arrives."""

    head: ResponseHead

    @property
    def ready(self) -> bool:
        """Whether `read` would not wait, as far as that is known: then nothing need limit the wait."""
        return False

    @abstractmethod
    async def read(self) -> list[bytes]:
        """What has arrived since the last call, waiting for at least one piece; [] at the clean end.

        A piece never spans two HTTP chunks. If the request asked to mark chunks, an empty piece follows each chunk.
        Reading pauses while nobody calls this. Raises TimeoutError, and TruncatedStreamError if the body broke off: but
        first it returns the pieces that came before.
        """

    def follow(self, take: TakePieces) -> Awaitable[None] | None:
        """Gives the pieces of each read to `take` as they come, for as long as this is awaited.

        None if this reply cannot be followed, or has something to read first.

        It is over when `read` must be asked again: `take` wants no more, or the body has ended or failed. Raises what
        `take` raises.
        """
        return None

    def open_bypass(self, bypass: Bypass, last: bytes) -> None:
        """From now on each short read is offered to `bypass` first, until this is followed no more.

        Who follows calls it in `take`; see `Exchange.open_bypass`.
        """
        return

    @abstractmethod
    def close(self) -> None:
        """Ends it at once: the connection is kept if the reply is complete, else closed. May be called twice."""


class Exchange(ABC):
    """A request and its reply, whose head has arrived. It calls its receiver when something happens."""

    __slots__ = ()

    head: ResponseHead
    coding: str
    """How the body is packed; empty if it is not."""
    pieces: list[bytes]
    """Pieces of the body that were not read; the receiver takes them out."""
    state: State
    error: DragomanError | None
    """Why the reply failed, if `state` is FAILED."""
    quiet: bool
    """There was a silence of `Timeouts.end`. The receiver is called once for it, and need not do anything."""

    @abstractmethod
    def go_on(self) -> None:
        """All pieces were taken, and more are wanted. Until this is called, reading pauses."""

    def open_bypass(self, bypass: Bypass, last: bytes) -> None:
        """From now on each short read is offered to `bypass` first.

        The receiver calls it in `on_news`; `last` is the last of the pieces, an event. Nothing happens if there is no
        such way here, or if the read did not end with the HTTP chunk of that piece.
        """
        return

    def close_bypass(self) -> None:
        """All reads are parsed again."""
        return

    @abstractmethod
    def committed(self) -> None:
        """There is content: from now on only `idle`, `end` and `total` are limits."""

    @abstractmethod
    def release(self) -> None:
        """Ends it: the connection is kept if the reply is complete, else closed. Called once; calls nobody."""

    @abstractmethod
    def drain(self, seconds: float) -> None:
        """The same, but a reply that is not complete has `seconds` for its end; what still comes is dropped."""

    @abstractmethod
    def as_reply(self, taken: list[bytes]) -> "Reply":
        """The same exchange, to be read by a task instead: what was `taken` of the body is read again first.

        Raises ConnectError if the proxy refused the request, BadEventError for a coding that is unknown.
        """


class Receiver(Protocol):
    """What an exchange calls: either `on_failure`, once, or `on_news`, again and again."""

    def on_news(self, exchange: Exchange) -> None:
        """The head has come, or pieces, the end, an error, a silence. Called in the loop; returns at once."""

    def on_failure(self, error: DragomanError) -> None:
        """There is no reply: nothing came, or no complete head."""


class Sending(Protocol):
    """A request that is under way until the head of its reply has arrived."""

    def close(self) -> None:
        """Ends it without calling the receiver. Does nothing if the receiver was called already."""


class RequestTemplate(ABC):
    """A request to one service that is sent again and again, each time with another body."""

    @abstractmethod
    def send(self, body: bytes, receiver: Receiver, loop: asyncio.AbstractEventLoop, headers: Headers = ()) -> Sending:
        """Sends it, at once if a connection is idle. `loop` is the running one; `headers`: more for this request."""


class Transport(ABC):
    """Sends requests."""

    @abstractmethod
    async def send(self, request: HttpRequest, route: Route) -> Reply:
        """The reply, once its head has arrived. Raises ConnectError, TimeoutError, TruncatedStreamError.

        Follows no redirect. If the caller is cancelled, the connection is closed.
        """

    @abstractmethod
    def close(self) -> None:
        """Ends every connection. May be called twice."""


class CallbackTransport(Transport):
    """A transport over which answers can be relayed; over any other, every request is translated."""

    @abstractmethod
    def template(self, request: HttpRequest, route: Route) -> RequestTemplate:
        """A template for requests like this one, each with its own body."""


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
    """The rest of a body until its end or a failure, `limit` bytes at most; closes the reply.

    For the body of an error: its message is at the beginning, and it does not matter how the body ends.
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
