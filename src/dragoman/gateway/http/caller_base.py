"""The caller of one request: what is sent to it, and what happens once it is gone. Knows no protocol and no server."""

import asyncio
from abc import ABC, abstractmethod
from types import TracebackType
from typing import Self

from dragoman.types import Headers, Outcome, ServerResponse


class CallerGoneError(Exception):
    """The caller has hung up: nobody is there to be told anything."""


def address(peer: object) -> str:
    """The host of a socket's other end, as `getpeername` and ASGI's `client` say it; empty if they do not."""
    return peer[0] if isinstance(peer, tuple | list) and peer and isinstance(peer[0], str) else ""


class Caller(ABC):
    """One request's other end. `started`: a status has been sent. `gone`: it has hung up. `whole`: all has been sent.

    `outcome`: what is known of request and answer. `broken`: it was told that its answer broke off, so that this is not
    whole however its transfer ends.

    `heartbeat`: bytes that the server may send in a silence. `opening`: status and headers with which a silence begins
    the answer, though nothing of it is there yet.

    `async with caller` holds work that ends at once when the caller hangs up (CallerGoneError), or by `interrupt`.
    """

    # Slots, here and below: a stream costs some KiB less, and each look at an attribute a third.
    __slots__ = (
        "__weakref__",
        "_cancelling",
        "_reason",
        "_work",
        "broken",
        "gone",
        "heartbeat",
        "opening",
        "outcome",
        "started",
        "whole",
    )

    def __init__(self, outcome: Outcome) -> None:
        self.outcome = outcome
        self.started = self.gone = self.whole = self.broken = False
        self.heartbeat = b""
        self.opening: tuple[int, Headers] | None = None
        self._work: asyncio.Task[object] | None = None
        self._cancelling = 0
        self._reason: Exception | None = None

    @abstractmethod
    async def start(self, status: int, headers: Headers) -> None:
        """The status, unless a silence has begun the answer; from here on no error can become one.

        Raises CallerGoneError.
        """

    @abstractmethod
    async def say(self, data: bytes, *, more: bool = True) -> None:
        """A piece of the body; waits while the caller does not read. Without `more` the answer ends well.

        Raises CallerGoneError.
        """

    async def break_off(self, words: bytes, *, clean: bool) -> None:
        """The words of a failure, the last of an answer. If there are any and it is `clean`, the transfer ends well.

        Raises CallerGoneError.
        """
        self.broken = True
        await self.say(words, more=not (clean and words))

    async def answer(self, answer: ServerResponse, *more: tuple[str, str]) -> None:
        """A whole answer, with `more` headers."""
        self.outcome.error = answer.error or self.outcome.error
        length = (("content-length", str(len(answer.body))),) if answer.status != 204 else ()
        await self.start(answer.status, (*answer.headers, *more, *length))
        await self.say(answer.body, more=False)

    @abstractmethod
    def cut(self) -> None:
        """The work is over: an answer that has not ended by now goes without the end that would make it look whole."""

    def interrupt(self, reason: Exception) -> None:
        """Ends the work at once, with `reason`. Nothing happens where none is under way."""
        if self._work is not None and self._reason is None:
            self._reason = reason
            self._work.cancel()

    async def __aenter__(self) -> Self:
        if self.gone:
            raise CallerGoneError
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
