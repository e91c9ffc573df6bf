"""A reply on a native connection, read by a task. Knows no pool."""

import asyncio
from collections.abc import Callable

from dragoman.errors import TruncatedStreamError
from dragoman.transport.base import BODY, COMPLETE, Reply
from dragoman.transport.native.connection import Connection


class NativeReply(Reply):
    """A reply on a connection, which goes back to the pool at the end."""

    def __init__(self, connection: Connection, give_back: Callable[[Connection], None]) -> None:
        self.head = connection.head
        self._connection: Connection | None = connection
        self._give_back = give_back
        self._ended = False

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

    def close(self) -> None:
        connection = self._connection
        if connection is not None:
            self._connection = None
            self._give_back(connection)

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
