"""Accepting callers of other workers, while one of these is missing. Does not know when that is so.

Each worker has TCP sockets of its own. If it dies, those who called stay in the sockets' queues, because the parent has
the sockets too, and its successor answers them at once. If there is no successor yet, or if it was told to stop and
still answers what is under way, all other workers listen on its sockets as well:

    a worker cannot start ───────────────────────> parent ── COVER ──> all workers
    a worker alone was told to stop ── SIGUSR2 ──> parent ── COVER ──> all workers
    all are there again ─────────────────────────> parent ── OWN ────> all workers

A worker that is still stopping when it hears OWN reports that again. To cover is harmless: callers are spread less
evenly.
"""

import asyncio
import socket
from collections.abc import Awaitable, Callable, Sequence

Listen = Callable[[socket.socket], Awaitable[asyncio.AbstractServer]]
"""Begins to accept callers of a socket, as this worker accepts its own."""


class Cover:
    """Listens on the sockets `others` from `begin` to `end`, as often as that is wanted.

    `tell` is called when this worker is missing itself, and whenever it still is when `end` is called.
    """

    def __init__(self, others: Sequence[socket.socket], listen: Listen, tell: Callable[[], None]) -> None:
        self._others = others
        for each in others:
            each.setblocking(False)  # `dup` would make them block for all processes that accept there
        self._listen = listen
        self._tell = tell
        self._over = asyncio.Event()
        self._over.set()
        self._task: asyncio.Task[None] | None = None
        self._closed = False

    def begin(self) -> None:
        """From now on."""
        if self._over.is_set() and not self._closed:
            self._over = asyncio.Event()
            self._task = asyncio.get_running_loop().create_task(self._accept(self._over, self._task))

    def end(self) -> None:
        """Until now."""
        self._over.set()
        if self._closed:
            self._tell()

    async def aclose(self) -> None:
        """For the last time: this worker listens no more."""
        self._over.set()
        self._closed = True
        if self._task is not None:
            await self._task
        for each in self._others:
            each.close()
        self._tell()

    async def _accept(self, over: asyncio.Event, earlier: asyncio.Task[None] | None) -> None:
        if earlier is not None:
            await earlier
        copies = [each.dup() for each in self._others]  # asyncio closes the socket on which it listens
        servers = [await self._listen(each) for each in copies]
        await over.wait()
        for server in servers:
            server.close()
        for each in copies:
            each.close()  # uvloop does not
