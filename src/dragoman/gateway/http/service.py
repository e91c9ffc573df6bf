"""What stands behind a server's connections: who answers, and what they all have in common."""

import asyncio
from typing import Generic, Protocol

from dragoman.errors import DragomanError
from dragoman.gateway.http.head_cache import Admissions, HeadCache
from dragoman.gateway.http.http_writer import HttpResponseWriter
from dragoman.gateway.http.request import Admitted
from dragoman.gateway.http.timeouts import ServerTimeouts
from dragoman.loop.outbox import Outbox
from dragoman.types import Outcome, ServerRequest, ServerResponse


class Peer(Protocol):
    """A connection, as its server sees it."""

    @property
    def descriptor(self) -> int:
        """The number of its socket."""

    def turn_away(self, error: DragomanError) -> None:
        """Says `error` to a caller who has asked nothing yet, and closes."""

    def drain(self) -> None:
        """No more requests: closes once those under way are answered."""

    def abort(self) -> None:
        """Ends it at once."""


class Service(Protocol[Admitted]):
    """Who answers. All return at once."""

    def opened(self, connection: Peer) -> None:
        """There is one more."""

    def closed(self, connection: Peer) -> None:
        """There is one less."""

    def outcome(self, call: ServerRequest, remote: str) -> Outcome:
        """The outcome of a request with this head from the address `remote`, as far as it is known at its beginning."""

    def admit(self, call: ServerRequest, outcome: Outcome) -> Admitted | ServerResponse:
        """What answers a request with this head, or its refusal. Who asks is noted in its `outcome`."""

    def cors(self, call: ServerRequest) -> bytes:
        """Header fields of every answer to it, ready to send."""

    def new_request_id(self) -> str:
        """What a request is called in answers and logs that brings no name of its own."""

    def serve(self, admitted: Admitted, call: ServerRequest, writer: HttpResponseWriter) -> None:
        """Begins the answer to a whole request."""

    def unpack(self, admitted: Admitted, call: ServerRequest, writer: HttpResponseWriter) -> None:
        """The same, where its body is packed."""

    def release(self, writer: HttpResponseWriter) -> None:
        """Nothing more is done for the request of `writer`."""

    def refusal(self, call: ServerRequest, error: DragomanError) -> ServerResponse:
        """`error` in the words of whom the request was for."""


class Shared(Generic[Admitted]):
    """What the connections of a server have in common."""

    def __init__(
        self, loop: asyncio.AbstractEventLoop, timeouts: ServerTimeouts, max_body: int, admissions: Admissions
    ) -> None:
        self.loop = loop
        self.outbox = Outbox(loop)
        self.heads: HeadCache[Admitted] = HeadCache(admissions)
        self.timeouts = timeouts
        self.max_body = max_body
