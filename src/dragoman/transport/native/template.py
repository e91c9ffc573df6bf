"""A prepared request: sent again and again with another body; a listener is told of each reply, no task is needed."""

import asyncio
import math
from collections.abc import Callable

from dragoman.transport.base import Timeouts
from dragoman.transport.http.target import Target, head
from dragoman.transport.native.connection import Connection
from dragoman.transport.native.pool import Pool
from dragoman.types import HttpRequest


class RequestTemplate:
    """One kind of request to one service. The one who sends it owns the connection until `give_back`."""

    def __init__(self, request: HttpRequest, target: Target, pool: Pool, timeouts: Timeouts) -> None:
        self.name = target.origin.name
        self.origin = target.origin
        self.pool = pool
        self._timeouts = timeouts
        self._total = math.inf if timeouts.total is None else timeouts.total
        self._first_token = math.inf if timeouts.first_token is None else timeouts.first_token
        # The length of a body is the only thing in the head that changes with it.
        self._head = head(request, target).removesuffix(b"0\r\n\r\n")

    async def dial(self) -> Connection:
        """A fresh connection, or one that another has left, once there is a slot. Raises ConnectError, TimeoutError."""
        ends = self._ends()
        return await self.pool.slot(self._timeouts, ends) or await self.pool.dial(self._timeouts, ends)

    async def redial(self) -> Connection:
        """A fresh connection for the slot of one that was dropped."""
        return await self.pool.dial(self._timeouts, self._ends())

    def begin(self, connection: Connection, body: bytes, listener: Callable[[], None]) -> None:
        """Sends `body`; `listener` is called whenever there is news: the head, pieces, the end, an error or a silence.

        The wait for content is limited until the connection is told that there is some (`committed`).
        """
        connection.listener = listener
        head = b"%b%d\r\n\r\n" % (self._head, len(body))
        now = connection.now()
        connection.begin(head, body, self._timeouts, now + self._total, content=now + self._first_token)

    def give_back(self, connection: Connection) -> None:
        """Ends the exchange: a connection whose reply is whole may serve again, any other is closed."""
        connection.listener = None
        self.pool.give_back(connection)

    def _ends(self) -> float:
        return asyncio.get_running_loop().time() + self._total
