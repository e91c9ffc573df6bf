"""What a server's connections need: the service that answers, and the objects that they share."""

import asyncio
from collections.abc import Callable
from typing import Any, Generic, Protocol

from dragoman.errors import DragomanError
from dragoman.gateway.http.direct_writer import DirectWriter
from dragoman.gateway.http.head_cache import Admissions, HeadCache
from dragoman.gateway.http.parsers import Parsers
from dragoman.gateway.http.request import Admitted
from dragoman.gateway.http.request_limits import RequestLimits
from dragoman.gateway.http.timeouts import ServerTimeouts
from dragoman.loop.alarms import Alarms
from dragoman.loop.outbox import Outbox
from dragoman.types import Outcome, ServerRequest, ServerResponse


class Peer(Protocol):
    """A connection, as its server sees it."""

    @property
    def descriptor(self) -> int:
        """The number of its socket."""

    @property
    def remote(self) -> str:
        """The caller's address; empty if it has none."""

    def turn_away(self, error: DragomanError) -> None:
        """Sends `error` to a caller that has not sent a request yet, and closes."""

    def drain(self) -> None:
        """No more requests: closes once those under way are answered."""

    def abort(self) -> None:
        """Ends it at once."""

    def adopt(self, service: "Application[Any]", shared: "ServerContext[Any]") -> "Application[Any] | None":
        """From the next request on `service` answers. The earlier service that has one under way here, if there is."""


class Application(Protocol[Admitted]):
    """What answers. All methods return at once."""

    begun: Callable[[Outcome], None] | None
    """Told of each outcome that `outcome` has not made, because the head was read before; None: nobody wants it."""

    def opened(self, connection: Peer) -> None:
        """A connection was opened."""

    def closed(self, connection: Peer) -> None:
        """A connection was closed."""

    def outcome(self, call: ServerRequest, remote: str) -> Outcome:
        """The outcome of a request with this head from the address `remote`, as far as it is known at its beginning."""

    def admit(self, call: ServerRequest, outcome: Outcome) -> Admitted | ServerResponse:
        """What answers a request with this head, or its refusal. Who asks is noted in its `outcome`."""

    def fields(self, call: ServerRequest) -> bytes:
        """Header fields of every answer to requests with this head, ready to send except for the id (`heads.ID`)."""

    def new_request_id(self) -> str:
        """An id, for answers and logs, of a request that has none."""

    def serve(self, admitted: Admitted, call: ServerRequest, writer: DirectWriter) -> None:
        """Begins the answer to a complete request."""

    def unpack(self, admitted: Admitted, call: ServerRequest, writer: DirectWriter) -> None:
        """The same for a request whose body is packed."""

    def release(self, writer: DirectWriter) -> None:
        """Nothing more is done for the request of `writer`: its response was sent, or is lost."""

    def postpone(self, writer: DirectWriter) -> None:
        """The response of `writer` has ended, and waits for a caller who reads slowly: its release follows."""

    def resign(self, writer: DirectWriter) -> None:
        """The request of `writer` goes on, and is another service's."""

    def hold(self, writer: DirectWriter, call: ServerRequest) -> None:
        """The request `call` of `writer` is this one's from now on."""

    def refusal(self, call: ServerRequest, error: DragomanError, outcome: Outcome) -> ServerResponse:
        """`error` in the protocol of the front that the request was for."""


class ServerContext(Generic[Admitted]):
    """What the connections of a server have in common."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        timeouts: ServerTimeouts,
        limits: RequestLimits,
        admissions: Admissions,
        outbox: Outbox | None = None,
    ) -> None:
        self.alarms = Alarms(loop)
        self.outbox = Outbox(loop) if outbox is None else outbox
        """One for each loop."""
        self.heads: HeadCache[Admitted] = HeadCache(admissions)
        self.parsers: Parsers[Admitted] = Parsers()
        self.timeouts = timeouts
        self.limits = limits
