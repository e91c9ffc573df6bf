"""A reply whose reader has left is read to its end, so that its connection can serve again. Knows no HTTP."""

from typing import TYPE_CHECKING

from dragoman.transport.base import BODY

if TYPE_CHECKING:
    from dragoman.transport.native.connection import Connection


def linger(connection: "Connection", seconds: float) -> None:
    """Drops what comes on `connection` until the end of its reply, for which it has `seconds`; then releases it."""
    late = connection.loop.call_later(seconds, connection.release)

    def drop(_: "Connection") -> None:
        connection.drop()
        if connection.state is not BODY:
            late.cancel()
            connection.release()

    connection.listener = drop
    drop(connection)
