"""The server: listens, holds its connections, and stops without breaking answers that can still be completed."""

import asyncio
import logging
import os
import signal
import socket
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any

from dragoman.errors import DragomanError, OverloadedError
from dragoman.gateway.app import Admitted, Gateway
from dragoman.gateway.fronts.endpoints import LARGE
from dragoman.gateway.http.application import Peer, ServerContext
from dragoman.gateway.http.connection import ServerConnection
from dragoman.gateway.http.direct_writer import DirectWriter
from dragoman.gateway.http.heads import ID, fields
from dragoman.gateway.http.response_writer import DisconnectedError
from dragoman.gateway.http.unpacking import unpacked
from dragoman.gateway.metrics.table import CONNECTIONS
from dragoman.gateway.serving.descriptors import room
from dragoman.gateway.serving.relay import Relays
from dragoman.types import Outcome, ServerRequest, ServerResponse

LATER = 1.0
"""Seconds in which answers can report that they were interrupted, before their connections are closed."""

STOP, NOW, REOPEN, GONE = b"snr!"
"""Orders of a parent to its workers, a byte each; the last one stands for the end of the pipe."""

log = logging.getLogger("dragoman.gateway")


class Server:
    """Serves a gateway on listening sockets.

    `stop` ends it: answers under way get their grace. A second `stop` ends them at once.
    """

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self._relays = Relays(gateway, self._spawn)
        self._loop = asyncio.get_running_loop()
        self._shared: ServerContext[Admitted] = ServerContext(
            self._loop, gateway.timeouts, gateway.max_body, gateway.keys
        )
        self.new_request_id = gateway.request_ids.new
        self.release = gateway.release
        self._connections: set[Peer] = set()
        if gateway.metrics is not None:
            gateway.metrics.watch(CONNECTIONS, lambda: len(self._connections))
            gateway.metrics.begin()
        self._tasks: set[asyncio.Task[None]] = set()
        self._room = room()
        self._full = False
        self._turned_away: dict[Peer, None] = {}
        self._closed = False
        self._stopping = asyncio.Event()
        self._hurry = asyncio.Event()
        self._orders = {STOP: self._stopping.set, NOW: self._stop_now, REOPEN: gateway.reopen, GONE: self._orphaned}
        self._empty = asyncio.Event()

    async def run(self, listeners: list[socket.socket], ready: Callable[[], None] | None = None) -> int:
        """Serves until it was stopped and all is over. The number of answers that were interrupted."""
        backlog = self._room.backlog
        servers = [await self._loop.create_server(self._connect, sock=each, backlog=backlog) for each in listeners]
        if ready is not None:
            ready()
        await self._stopping.wait()
        await self._say_goodbye()
        for server in servers:
            server.close()
        for each in listeners:
            each.close()  # uvloop listens on a duplicate, and leaves ours open
        self._closed = True
        self._gateway.drain()
        self._tell_who_waits()
        await self._drain()
        await self._gateway.aclose()
        return self._gateway.interrupted

    def stop(self) -> None:
        """No more requests. Called again: no more answers."""
        if self._stopping.is_set():
            self._stop_now()
        self._stopping.set()

    def heed_signals(self) -> None:
        """SIGINT, SIGTERM and SIGQUIT stop it, a second one at once; SIGUSR1 opens the request log again.

        SIGHUP stops it too, but never at once, because the end of a session also sends it. A signal that this process
        was started to ignore stays ignored.
        """
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGQUIT):
            self._heed(number, self.stop)
        self._heed(signal.SIGHUP, self._stopping.set)
        self._heed(signal.SIGUSR1, self._gateway.reopen)
        self._heed(signal.SIGUSR2, lambda: None)

    def heed_parent(self, words: int) -> None:
        """The same by orders of the parent of several workers, which come through the pipe `words`.

        If the parent has died, it stops, and frees the address at once for the process that takes the parent's place.
        """

        def heard() -> None:
            for word in os.read(words, 100) or b"!":
                self._orders[word]()
                if word == GONE:
                    self._loop.remove_reader(words)

        self._loop.add_reader(words, heard)
        self._heed(signal.SIGTERM, self._stopping.set)
        self._heed(signal.SIGUSR1, self._gateway.reopen)

    def _heed(self, number: signal.Signals, what: Callable[[], None]) -> None:
        if signal.getsignal(number) is not signal.SIG_IGN:
            self._loop.add_signal_handler(number, what)

    def _stop_now(self) -> None:
        self._hurry.set()
        self._gateway.interrupt()

    def _orphaned(self) -> None:
        log.error("the process that started this worker is gone; it stops")
        self._hurry.set()
        self._stopping.set()

    async def _say_goodbye(self) -> None:
        """Still serves for a while, but reports that it is not ready, so that a load balancer sees it."""
        self._gateway.draining = True
        if self._gateway.drains and not self._hurry.is_set():
            log.info("draining: not ready, and accepting for %d s more", self._gateway.drains)
            with suppress(TimeoutError):
                async with asyncio.timeout(self._gateway.drains):
                    await self._hurry.wait()

    def _tell_who_waits(self) -> None:
        number = self._gateway.under_way
        if number and not self._gateway.stopped:
            grace = self._gateway.timeouts.grace
            time = "as long as they take" if grace is None else f"{grace:g} s"
            log.info("answers under way: %d, which get %s; press Ctrl-C or signal again to stop now", number, time)

    # What a connection asks.

    def outcome(self, call: ServerRequest, remote: str) -> Outcome:
        return self._gateway.outcome(call, remote)

    def admit(self, call: ServerRequest, outcome: Outcome) -> Admitted | ServerResponse:
        return self._gateway.admit(call, outcome)

    def fields(self, call: ServerRequest) -> bytes:
        return fields(self._gateway.headers(call, ID))

    def serve(self, admitted: Admitted, call: ServerRequest, writer: DirectWriter) -> None:
        if len(call.body) > LARGE:
            self._spawn(self._serve_large(admitted, call, writer))
        elif not self._relays.begin(admitted, call, writer):
            self._spawn(self._gateway.answer(admitted, call, writer))

    async def _serve_large(self, admitted: Admitted, call: ServerRequest, writer: DirectWriter) -> None:
        try:
            begun = await self._relays.begin_large(admitted, call, writer)
        except DisconnectedError:
            return
        except DragomanError as exc:  # the gateway was stopped
            await self._gateway.refuse(admitted.front, exc, writer)
        except BaseException:  # a bug of ours: the response ends, and the loop's handler reports it
            writer.abort()
            raise
        else:
            if not begun:
                await self._gateway.answer(admitted, call, writer)

    def unpack(self, admitted: Admitted, call: ServerRequest, writer: DirectWriter) -> None:
        self._spawn(self._unpack(admitted, call, writer))

    async def _unpack(self, admitted: Admitted, call: ServerRequest, writer: DirectWriter) -> None:
        try:
            plain = await unpacked(call, self._gateway.max_body)
        except DragomanError as exc:
            writer.outcome.error = exc.code
            writer.send_nowait(self._gateway.refusal(call, exc, writer.outcome))
        else:
            if not writer.disconnected:
                self.serve(admitted, plain, writer)

    def refusal(self, call: ServerRequest, error: DragomanError, outcome: Outcome) -> ServerResponse:
        return self._gateway.refusal(call, error, outcome)

    def _connect(self) -> ServerConnection[Admitted]:
        return ServerConnection(self, self._shared)

    def opened(self, connection: Peer) -> None:
        self._connections.add(connection)
        if self._closed:
            connection.drain()  # accepted just before the listeners closed
        elif connection.descriptor >= self._room.most:
            self._turn_away(connection)
        elif self._full and connection.descriptor < self._room.enough:
            self._full = False
            log.warning("there are descriptors again")

    def closed(self, connection: Peer) -> None:
        self._connections.discard(connection)
        if self._turned_away:
            self._turned_away.pop(connection, None)
        if not self._connections:
            self._empty.set()

    def _turn_away(self, connection: Peer) -> None:
        """Tells a caller that there are too few descriptors to serve it."""
        if not self._full:
            self._full = True
            log.error(
                "descriptors are exhausted: %d are in use, and what is left of %d is kept; callers get 503 (ulimit -n)",
                connection.descriptor,
                self._room.limit,
            )
        connection.turn_away(OverloadedError("the gateway has no room for another connection", provider="dragoman"))
        self._turned_away[connection] = None
        if len(self._turned_away) > self._room.parting:
            next(iter(self._turned_away)).drain()

    def _spawn(self, coroutine: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = self._loop.create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _drain(self) -> None:
        for connection in tuple(self._connections):
            connection.drain()
        grace = self._gateway.timeouts.grace
        for seconds in (None if grace is None else grace + LATER, LATER):
            try:
                async with asyncio.timeout(seconds):
                    while self._connections:
                        self._empty.clear()
                        await self._empty.wait()
                break
            except TimeoutError:
                for connection in tuple(self._connections):
                    connection.abort()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=LATER)
