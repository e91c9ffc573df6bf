"""The response to one request, and what happens if its caller leaves. Knows no protocol and no server."""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Callable
from enum import Enum
from types import TracebackType
from typing import TYPE_CHECKING, Self

from dragoman.types import Headers, Outcome, ServerRequest, ServerResponse

if TYPE_CHECKING:
    from dragoman.gateway.http.websocket import WebSocket


class DisconnectedError(Exception):
    """The caller has hung up: nobody is left to answer."""


UNIX = "unix"
"""What stands in place of an address if a caller came through a Unix socket."""


def address(peer: object) -> str:
    """The host of a socket's other end, as `getpeername` and ASGI's `client` give it; empty if they give none."""
    if isinstance(peer, str | bytes):  # the path of the caller's own socket, which is empty as a rule
        return UNIX
    return peer[0] if isinstance(peer, tuple | list) and peer and isinstance(peer[0], str) else ""


class ResponseState(Enum):
    """What was sent of a response."""

    NEW = "nothing: an error can still become a status"
    STARTED = "the status, perhaps more"
    ENDED = "all was sent, or the response breaks off"
    GONE = "nobody receives more: the caller has hung up"


class ResponseEvent(Enum):
    """What changes that."""

    START = "a head is to be sent"
    WRITE = "a piece of the body is to be sent"
    END = "nothing more follows"
    LEAVE = "the caller hangs up"


NEW, STARTED, ENDED, GONE = ResponseState
START, WRITE, END, LEAVE = ResponseEvent

TRANSITIONS: dict[ResponseState, dict[ResponseEvent, ResponseState]] = {
    NEW: {START: STARTED, END: ENDED, LEAVE: GONE},
    STARTED: {WRITE: STARTED, END: ENDED, LEAVE: GONE},
    ENDED: {START: ENDED, WRITE: ENDED, LEAVE: GONE},
    GONE: {START: GONE, WRITE: GONE, END: GONE, LEAVE: GONE},
}
"""An event that is missing in a state's row is a bug of ours; the KeyError says which. In ENDED and GONE nothing is
sent. Work that goes on all the same is not disturbed in ENDED, and ends with DisconnectedError in GONE."""


class ResponseWriter(ABC):
    """Sends the response to one caller, and knows whether the caller is still there.

    Work inside of `async with writer` ends at once if the caller hangs up (DisconnectedError), or by `interrupt`.
    """

    # Slots, here and below: a stream takes some KiB less, and reading an attribute a third of the time.
    __slots__ = (
        "__weakref__",
        "_cancelling",
        "_reason",
        "_work",
        "broken",
        "call",
        "complete",
        "first_heartbeat",
        "heartbeat",
        "opening",
        "outcome",
        "remarks",
        "state",
    )

    _cancelling: int
    _reason: Exception | None
    """Why `_work` was ended; both are set as that begins."""

    def __init__(self, outcome: Outcome) -> None:
        self.outcome = outcome
        """What is known of request and response."""
        self.state = NEW
        self.complete = self.broken = False
        """Two facts beside the state, for an answer is not its transfer. `complete`: all of it has been sent. `broken`:
        the caller was told that it broke off; it is then incomplete, even if its transfer ends well."""
        self.heartbeat = b""
        """What the server may send when nothing has been sent for long."""
        self.first_heartbeat: bytes | None = None
        """The same while nothing of the answer has been sent, if this caller needs another one then."""
        self.opening: tuple[int, Headers] | None = None
        """Status and headers with which a heartbeat begins the response, although nothing of the answer has come."""
        self.call: ServerRequest | None = None
        """The whole request, once somebody answers it."""
        self.remarks: Callable[[ResponseWriter], Headers] | None = None
        """Makes more header fields of what `send` sends, from what is known of the request by then."""
        self._work: asyncio.Task[object] | None = None

    @property
    def started(self) -> bool:
        """Whether a status was sent, whatever came after it."""
        return self.outcome.status is not None

    @property
    def unheard(self) -> bool:
        """Whether the work goes on for the sake of its account alone, because the caller has left."""
        return False

    @property
    def disconnected(self) -> bool:
        """Whether the caller has hung up."""
        return self.state is GONE

    def enter(self, event: ResponseEvent) -> None:
        """`event` has happened."""
        self.state = TRANSITIONS[self.state][event]

    @abstractmethod
    async def start(self, status: int, headers: Headers) -> None:
        """The head, unless a heartbeat has sent one already. From now on no error can become a status.

        Raises DisconnectedError.
        """

    @abstractmethod
    async def write(self, data: bytes, *, more: bool = True) -> None:
        """A piece of the body; waits while the caller does not read. Without `more` the response ends well.

        Raises DisconnectedError.
        """

    async def break_off(self, words: bytes, *, clean: bool) -> None:
        """Sends a failure's words, the last bytes. If there are any and it is `clean`, the transfer ends well.

        Raises DisconnectedError.
        """
        self.broken = True
        await self.write(words, more=not (clean and words))

    async def send(self, response: ServerResponse, *more: tuple[str, str]) -> None:
        """A complete response, with `more` headers."""
        self.outcome.error = response.error or self.outcome.error
        length = (("content-length", str(len(response.body))),) if response.status != 204 else ()
        remarks = () if self.remarks is None else self.remarks(self)
        await self.start(response.status, (*response.headers, *more, *remarks, *length))
        await self.write(response.body, more=False)

    def upgrade(self, make: "Callable[[], WebSocket]") -> "WebSocket | None":
        """The WebSocket that `make` gives, which has the connection now; None if there are none here."""
        return None

    @abstractmethod
    def abort(self) -> None:
        """The work is over: a response that has not ended breaks off, because an end would make it look complete."""

    def interrupt(self, reason: Exception) -> None:
        """Ends the work at once, with `reason`. Nothing happens if no work is under way."""
        if self._work is not None and self._reason is None:
            self._reason = reason
            self._work.cancel()

    async def __aenter__(self) -> Self:
        if self.state is GONE:
            raise DisconnectedError
        self._work = asyncio.current_task()
        self._cancelling = self._work.cancelling() if self._work else 0
        self._reason = None
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        work, self._work = self._work, None
        # As asyncio.timeout does: our own cancellation becomes its reason, any other cancellation stays one.
        reason, self._reason = self._reason, None
        if work is not None and reason is not None and work.uncancel() <= self._cancelling:
            try:
                raise reason from None
            finally:
                del reason  # its traceback has this frame: they would keep each other until a collection of garbage
