"""The response to one request on its way to the caller, and the caller's leaving. Knows no protocol and no server."""

import asyncio
from abc import ABC, abstractmethod
from types import TracebackType
from typing import Self

from dragoman.types import Headers, Outcome, ServerResponse


class DisconnectedError(Exception):
    """The caller has hung up: nobody is there to be told anything."""


def address(peer: object) -> str:
    """The host of a socket's other end, as `getpeername` and ASGI's `client` say it; empty if they do not."""
    return peer[0] if isinstance(peer, tuple | list) and peer and isinstance(peer[0], str) else ""


class ResponseWriter(ABC):
    """One request's other end: what is sent to its caller, and whether it still listens.

    `async with writer` holds work that ends at once when the caller hangs up (DisconnectedError), or by `interrupt`.
    """

    # Slots, here and below: a stream costs some KiB less, and each look at an attribute a third.
    __slots__ = (
        "__weakref__",
        "_cancelling",
        "_reason",
        "_work",
        "broken",
        "complete",
        "disconnected",
        "heartbeat",
        "opening",
        "outcome",
        "started",
    )

    def __init__(self, outcome: Outcome) -> None:
        self.outcome = outcome
        """What is known of request and response."""
        self.started = self.disconnected = self.complete = self.broken = False
        """A status has been sent; the caller has hung up; all has been sent; the caller was told that it breaks off,
        so that the response is not complete however its transfer ends."""
        self.heartbeat = b""
        """What the server may send in a silence."""
        self.opening: tuple[int, Headers] | None = None
        """Status and headers with which a silence begins the response, though nothing of it is there yet."""
        self._work: asyncio.Task[object] | None = None
        self._cancelling = 0
        self._reason: Exception | None = None

    @abstractmethod
    async def start(self, status: int, headers: Headers) -> None:
        """The status, unless a silence has begun the answer; from here on no error can become one.

        Raises DisconnectedError.
        """

    @abstractmethod
    async def write(self, data: bytes, *, more: bool = True) -> None:
        """A piece of the body; waits while the caller does not read. Without `more` the response ends well.

        Raises DisconnectedError.
        """

    async def break_off(self, words: bytes, *, clean: bool) -> None:
        """The words of a failure, the last of a response. If there are any and it is `clean`, the transfer ends well.

        Raises DisconnectedError.
        """
        self.broken = True
        await self.write(words, more=not (clean and words))

    async def send(self, response: ServerResponse, *more: tuple[str, str]) -> None:
        """A complete response, with `more` headers."""
        self.outcome.error = response.error or self.outcome.error
        length = (("content-length", str(len(response.body))),) if response.status != 204 else ()
        await self.start(response.status, (*response.headers, *more, *length))
        await self.write(response.body, more=False)

    @abstractmethod
    def abort(self) -> None:
        """The work is over: a response that has not ended goes without the end that would make it look complete."""

    def interrupt(self, reason: Exception) -> None:
        """Ends the work at once, with `reason`. Nothing happens where none is under way."""
        if self._work is not None and self._reason is None:
            self._reason = reason
            self._work.cancel()

    async def __aenter__(self) -> Self:
        if self.disconnected:
            raise DisconnectedError
        self._work = asyncio.current_task()
        self._cancelling = self._work.cancelling() if self._work else 0
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        work, self._work = self._work, None
        # As asyncio.timeout does: our own cancellation becomes its reason, anybody else's stays what it is.
        if work is not None and self._reason is not None and work.uncancel() <= self._cancelling:
            raise self._reason from None
