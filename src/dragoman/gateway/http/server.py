"""The server: listens, holds its connections, and stops without breaking what can still be whole."""

import asyncio
import signal
import socket
from collections.abc import Callable, Coroutine
from typing import Any

from dragoman.errors import DragomanError
from dragoman.gateway.app import Admitted, Gateway
from dragoman.gateway.http.caller import HttpCaller
from dragoman.gateway.http.connection import Connection
from dragoman.gateway.http.heads import fields
from dragoman.gateway.http.service import Peer, Shared
from dragoman.gateway.packing import unpacked
from dragoman.gateway.relay import Relays
from dragoman.types import HttpAnswer, HttpCall

BACKLOG = 4096
"""Connections that may wait to be accepted; the kernel caps it at its own somaxconn."""

LATER = 1.0
"""Seconds that answers have to say that they were interrupted, before their connections are closed."""


class Server:
    """Serves a gateway on listening sockets.

    `stop` ends it: answers under way get their grace; a second `stop` ends them at once.
    """

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self._relays = Relays(gateway, self._spawn)
        self._loop = asyncio.get_running_loop()
        self._shared = Shared(self._loop, gateway.waits, gateway.max_body)
        self.fresh_name = gateway.names.fresh
        self.over = gateway.over
        self._connections: set[Peer] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._stopping = asyncio.Event()
        self._empty = asyncio.Event()

    async def run(self, listeners: list[socket.socket], ready: Callable[[], None] | None = None) -> None:
        """Returns once it was stopped and all is over."""
        servers = [await self._loop.create_server(self._connect, sock=each, backlog=BACKLOG) for each in listeners]
        if ready is not None:
            ready()
        await self._stopping.wait()
        for server in servers:
            server.close()
        for each in listeners:
            each.close()  # uvloop listens on a duplicate, and leaves ours open
        self._gateway.drain()
        await self._drain()
        await self._gateway.aclose()

    def stop(self) -> None:
        """No more requests. Called again: no more answers."""
        if self._stopping.is_set():
            self._gateway.interrupt()
        self._stopping.set()

    def stop_on_signals(self) -> None:
        """SIGINT and SIGTERM stop it, unless they are ignored."""
        for number in (signal.SIGINT, signal.SIGTERM):
            if signal.getsignal(number) is not signal.SIG_IGN:
                self._loop.add_signal_handler(number, self.stop)

    # What a connection asks.

    def admit(self, call: HttpCall) -> Admitted | HttpAnswer:
        return self._gateway.admit(call)

    def cors(self, call: HttpCall) -> bytes:
        return fields(self._gateway.cors.headers(call))

    def name(self, call: HttpCall) -> str:
        return self._gateway.names.name(call)

    def serve(self, admitted: Admitted, call: HttpCall, caller: HttpCaller) -> None:
        if not self._relays.begin(admitted, call, caller):
            self._spawn(self._gateway.answer(admitted, call, caller))

    def unpack(self, admitted: Admitted, call: HttpCall, caller: HttpCaller) -> None:
        self._spawn(self._unpack(admitted, call, caller))

    async def _unpack(self, admitted: Admitted, call: HttpCall, caller: HttpCaller) -> None:
        try:
            plain = await unpacked(call, self._gateway.max_body)
        except DragomanError as exc:
            caller.failure = exc.code
            caller.give(self._gateway.refusal(call, exc))
        else:
            if not caller.gone:
                self.serve(admitted, plain, caller)

    def refusal(self, call: HttpCall, error: DragomanError) -> HttpAnswer:
        return self._gateway.refusal(call, error)

    def _connect(self) -> Connection:
        return Connection(self, self._shared)

    def opened(self, connection: Peer) -> None:
        self._connections.add(connection)
        if self._stopping.is_set():
            connection.drain()  # accepted just before the listeners closed

    def closed(self, connection: Peer) -> None:
        self._connections.discard(connection)
        if not self._connections:
            self._empty.set()

    def _spawn(self, coroutine: Coroutine[Any, Any, None]) -> None:
        task = self._loop.create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _drain(self) -> None:
        for connection in tuple(self._connections):
            connection.drain()
        for seconds in (self._gateway.waits.grace + LATER, LATER):
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
