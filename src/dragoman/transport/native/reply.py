"""A reply on a native connection, read by a task. Knows no pool."""

import asyncio
from collections.abc import Awaitable, Callable

from dragoman.errors import TruncatedStreamError
from dragoman.transport.base import BODY, COMPLETE, Bypass, Reply, TakePieces
from dragoman.transport.native.connection import Connection


class NativeReply(Reply):
    """A reply on a connection, which goes back to the pool at the end."""

    def __init__(self, connection: Connection, give_back: Callable[[Connection], None]) -> None:
        self.head = connection.head
        self._connection: Connection | None = connection
        self._give_back = give_back
        self._ended = False
        self._take: TakePieces | None = None
        self._followed: asyncio.Future[None] | None = None
        """Done when nobody follows any more."""

    @property
    def ready(self) -> bool:
        connection = self._connection
        return connection is None or bool(connection.pieces) or connection.state is not BODY

    async def read(self) -> list[bytes]:
        connection = self._connection
        if connection is None:
            return self._after()
        pieces = connection.pieces
        while not pieces:
            if connection.state is not BODY:
                return self._end(connection)
            try:
                await connection.more()
            except asyncio.CancelledError:
                self.close()
                raise
            if self._connection is None:
                return self._after()
        batch = pieces.copy()
        pieces.clear()
        connection.taken()
        return batch

    def follow(self, take: TakePieces) -> Awaitable[None] | None:
        connection = self._connection
        if connection is None or connection.pieces or connection.state is not BODY:
            return None
        return self._follow(connection, take)

    async def _follow(self, connection: Connection, take: TakePieces) -> None:
        if self.head.headers:
            connection.committed()
            self.head = connection.head
        self._take = take
        self._followed = followed = connection.loop.create_future()
        connection.listener = self._on_news
        connection.go_on()
        try:
            await followed
        except asyncio.CancelledError:
            self.close()
            raise
        finally:
            del followed  # it holds what was raised, whose traceback holds this frame: a cycle

    def open_bypass(self, bypass: Bypass, last: bytes) -> None:
        if self._connection is not None and self._take is not None:
            self._connection.open_bypass(bypass, last)

    def close(self) -> None:
        connection = self._connection
        if connection is not None:
            self._leave(connection)
            self._connection = None
            self._give_back(connection)

    def _on_news(self, connection: Connection) -> None:
        take, pieces = self._take, connection.pieces
        if connection.quiet or take is None:
            return
        try:
            goes_on = bool(pieces) and take(pieces)
        except BaseException as exc:  # noqa: BLE001  # it is for the task that waits
            self._leave(connection, exc)
            return
        if self._connection is None:  # `take` has closed this
            return
        pieces.clear()
        if goes_on and connection.state is BODY:
            connection.go_on()
        else:
            self._leave(connection)
            connection.taken()

    def _leave(self, connection: Connection, error: BaseException | None = None) -> None:
        """From now on what comes is kept for `read`."""
        followed, self._followed, self._take = self._followed, None, None
        if followed is None:
            return
        connection.listener = None
        connection.close_bypass()
        if followed.done():
            return
        if error is None:
            followed.set_result(None)
        else:
            followed.set_exception(error)

    def _end(self, connection: Connection) -> list[bytes]:
        self._ended = connection.state is COMPLETE
        self.close()
        if not self._ended and connection.error is not None:
            raise connection.error
        return self._after()

    def _after(self) -> list[bytes]:
        if self._ended:
            return []
        raise TruncatedStreamError("the reply was closed before its end")
