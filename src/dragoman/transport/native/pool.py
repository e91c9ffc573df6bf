"""The connections of one origin, idle and busy. Does not know how one is opened."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable

from dragoman.errors import ConnectError
from dragoman.transport.base import Reply, Timeouts
from dragoman.transport.http.coding import unpacked_reply
from dragoman.transport.http.proxy_auth import check_proxy
from dragoman.transport.http.target import Origin
from dragoman.transport.native.connection import Connection
from dragoman.transport.native.keeper import Keeper
from dragoman.transport.native.reply import NativeReply
from dragoman.transport.timeout import timeout

Dial = Callable[[Timeouts, float, Keeper], Awaitable[Connection]]


class Pool:
    """Every request holds one slot, from `take` or `slot` until `give_back`; a connection belongs to its holder."""

    def __init__(self, origin: Origin, size: int, dial: Dial) -> None:
        self.origin = origin
        self._name = origin.name
        self._size = size
        self._dial = dial
        self._idle: list[Connection] = []
        self._busy: set[Connection] = set()
        self._left: list[Connection] = []
        """Those that were idle in a loop which is not used any more."""
        self._slots = 0
        self._waiting: deque[asyncio.Future[Connection | None]] = deque()
        self._closed = False

    @property
    def idle(self) -> int:
        """Connections that wait for a request."""
        return len(self._idle)

    @property
    def active(self) -> int:
        """Slots held: connections that serve, or are being opened."""
        return self._slots

    @property
    def waiting(self) -> int:
        """Requests that wait for a slot."""
        return len(self._waiting)

    def take(self, loop: asyncio.AbstractEventLoop) -> Connection | None:
        """The idle connection that was used last, with a slot; None if there is none. `loop` is the running one."""
        while self._idle:
            connection = self._idle.pop()
            if connection.loop is not loop:
                self._left.append(connection)
            elif not connection.transport.is_closing():
                self._slots += 1
                self._busy.add(connection)
                return connection
        return None

    async def slot(self, timeouts: Timeouts, ends: float) -> Connection | None:
        """A slot, and the connection that its last holder gave back, if any. Raises TimeoutError(phase="pool")."""
        if self._closed:
            raise ConnectError("this transport is closed")
        if self._slots < self._size:
            self._slots += 1
            return None
        turn: asyncio.Future[Connection | None] = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        try:
            async with timeout(timeouts.pool, ends, "pool", self._name):
                return await turn
        except BaseException:
            if turn in self._waiting:
                self._waiting.remove(turn)
            elif turn.done() and not turn.cancelled() and turn.exception() is None:
                self.give_back(turn.result())  # its turn came just before the cancellation
            raise

    async def dial(self, timeouts: Timeouts, ends: float) -> Connection:
        """A fresh connection for a slot that is held; gives the slot back if it fails."""
        try:
            connection = await self._dial(timeouts, ends, self)
        except BaseException:
            self.give_back(None)
            raise
        if self._closed:
            connection.abort()
            self.give_back(None)
            raise ConnectError("this transport is closed")
        self._busy.add(connection)
        return connection

    def drop(self, connection: Connection) -> None:
        """Closes a connection; its slot stays held."""
        self._busy.discard(connection)
        connection.abort()

    def give_back(self, connection: Connection | None) -> None:
        """Frees a slot. If the reply on its connection is complete, that may serve again; else it is closed."""
        if connection is not None:
            self._busy.discard(connection)
            if self._closed or not connection.rest():
                connection.abort()
                connection = None
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():
                if connection is not None:
                    self._busy.add(connection)
                turn.set_result(connection)
                return
        self._slots -= 1
        if connection is not None:
            self._idle.append(connection)

    def as_reply(self, connection: Connection, method: str = "POST") -> Reply:
        """The reply on a connection, unpacked; the connection comes back at its end.

        Raises ConnectError if the proxy refused the request, BadEventError for a coding that is unknown.
        """
        reply: Reply = NativeReply(connection, self.give_back)
        check_proxy(reply, self.origin)
        return unpacked_reply(reply, method) if connection.coding else reply

    @property
    def closed(self) -> bool:
        """True once every connection was ended."""
        return self._closed

    def close(self) -> None:
        """Ends every connection."""
        self._closed = True
        for turn in self._waiting:
            if not turn.done():
                turn.set_exception(ConnectError("this transport is closed"))
        self._waiting.clear()
        for connection in [*self._idle, *self._busy]:
            connection.abort()
        self._idle.clear()
        self._left.clear()

    def connections(self, loop: asyncio.AbstractEventLoop) -> list[Connection]:
        found = [each for each in (*self._idle, *self._busy, *self._left) if each.loop is loop]
        # Nobody asks for a loop twice, and what is still held here would hold its loop.
        self._idle = [each for each in self._idle if each.loop is not loop]
        self._left = [each for each in self._left if each.loop is not loop]
        return found

    def ended(self, connection: Connection) -> None:
        """An idle connection has ended."""
        if connection in self._idle:
            self._idle.remove(connection)
