"""A request of ours until the head of its reply has come: sent over an idle connection, or over a fresh one.

A connection that was idle may have been closed by the service just as the request went out. If it ends at once, and not
a byte of a reply came, the request is sent once more, over a fresh connection.
"""

import asyncio

from dragoman.errors import ConnectError, DragomanError, TruncatedStreamError
from dragoman.transport.base import FAILED, HEAD, Exchange, Receiver
from dragoman.transport.farewell import AT_ONCE
from dragoman.transport.native.connection import Connection
from dragoman.transport.native.outgoing_request import OutgoingRequest
from dragoman.transport.native.pool import Pool


class NativeSending:
    """Holds a slot of the pool until it calls the receiver; from then on the connection holds it."""

    __slots__ = ("_connection", "_holds_slot", "_pool", "_receiver", "_request", "_reused", "_sent_at", "_task")

    def __init__(self, pool: Pool, request: OutgoingRequest, receiver: Receiver) -> None:
        self._pool = pool
        self._request = request
        self._receiver = receiver
        self._connection: Connection | None = None
        self._task: asyncio.Task[None] | None = None
        self._reused = self._holds_slot = False
        self._sent_at = 0.0
        """In the loop's time; known if the connection was idle before."""

    def start(self, loop: asyncio.AbstractEventLoop) -> None:
        """Sends it, at once if a connection is idle. `loop` is the running one."""
        connection = self._pool.take(loop)
        if connection is None:
            self._task = loop.create_task(self._dial_and_send())
        else:
            self._reused = True
            self._sent_at = loop.time()
            self._connection = connection  # as `_send` does, without the call
            connection.listener = self._on_news
            connection.begin(self._request)

    def close(self) -> None:
        """Ends it without calling the receiver."""
        if self._task is not None:
            self._task.cancel()
        if self._holds_slot:
            # The task has not begun to run, so that it does not give the slot back.
            self._holds_slot = False
            self._pool.give_back(None)
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.release()

    async def _dial(self) -> Connection:
        pool, request = self._pool, self._request
        waited = None
        if self._holds_slot:
            self._holds_slot = False  # `Pool.dial` gives it back if it fails
        else:
            waited = await pool.slot(request.timeouts, request.ends)
            self._reused = waited is not None
        return waited or await pool.dial(request.timeouts, request.ends)

    async def _dial_and_send(self) -> None:
        try:
            connection = await self._dial()
        except DragomanError as exc:
            self._task = None
            self._receiver.on_failure(exc)
            return
        except Exception as exc:
            self._receiver.on_failure(ConnectError(f"no connection: {type(exc).__name__}"))
            raise
        self._task = None
        self._send(connection)

    def _send(self, connection: Connection) -> None:
        self._sent_at = connection.loop.time()
        self._connection = connection
        connection.listener = self._on_news
        connection.begin(self._request)

    def _on_news(self, connection: Connection) -> None:
        if connection.state is HEAD:
            connection.expect()
        elif connection.state is FAILED and not connection.pieces:
            self._failed(connection)
        else:
            self._connection = None
            connection.listener = self._receiver.on_news
            self._receiver.on_news(connection)

    def _failed(self, connection: Connection) -> None:
        error = connection.error or TruncatedStreamError("the connection was closed without an answer")
        self._connection = None
        connection.listener = None
        again = (
            self._reused
            and not connection.received
            and isinstance(error, TruncatedStreamError)
            and connection.loop.time() - self._sent_at < AT_ONCE
        )
        if again and not self._pool.closed:
            self._reused = False
            self._pool.drop(connection)
            self._holds_slot = True
            self._task = asyncio.get_running_loop().create_task(self._dial_and_send())
        else:
            connection.release()
            self._receiver.on_failure(error)


async def sent(pool: Pool, request: OutgoingRequest, loop: asyncio.AbstractEventLoop) -> Connection:
    """The connection on which the head of the reply has come; the caller releases it. Raises DragomanError."""
    waiting = _HeadWaiter(loop)
    sending = NativeSending(pool, request, waiting)
    sending.start(loop)
    try:
        return await waiting.head
    except asyncio.CancelledError:
        sending.close()
        head = waiting.head
        if head.done() and not head.cancelled() and head.exception() is None:
            head.result().release()  # the head came just before the cancellation
        raise


class _HeadWaiter:
    """A receiver that a task waits for."""

    __slots__ = ("head",)

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.head: asyncio.Future[Connection] = loop.create_future()

    def on_news(self, exchange: Exchange) -> None:
        assert isinstance(exchange, Connection)  # noqa: S101  # only connections call it
        exchange.listener = None
        if self.head.cancelled():
            exchange.release()
        else:
            self.head.set_result(exchange)

    def on_failure(self, error: DragomanError) -> None:
        if not self.head.cancelled():
            self.head.set_exception(error)
