"""Accepting callers on listening sockets, many of them in one turn of the event loop. Knows no HTTP.

libuv accepts one caller in a turn (https://github.com/libuv/libuv/pull/3696). If a thousand connections have something
to be read, a turn takes 30 ms or more, and 30 callers a second come in. The others wait in the socket's queue for as
long as that lasts, and when the queue is full, the kernel drops what they send to connect: they send it again after one
second, and after the next. So sockets are accepted here, and the loop gets them afterwards:

    turn 1   accept, accept, accept: a task each
    turn 2   the tasks give their sockets to the loop
    turn 3   `connection_made`; from now on the loop reads

Each time up to twice as many are accepted as the time before. An idle worker leaves most of those who call at once to
the other workers with which it shares the socket, and a busy one soon takes all who wait.
"""

import asyncio
import logging
import socket
from collections.abc import Callable

BACKLOG = 4096
"""Connections that may wait to be accepted; the kernel caps it at its own somaxconn."""

REST = 0.1
"""Seconds in which nobody is accepted after that has failed: a descriptor is soon free again."""

log = logging.getLogger("dragoman.gateway")


class Acceptor:
    """Makes a connection by `connect` for each caller of the sockets on which it has begun to accept.

    `most`: callers of all sockets together that are accepted in a row, before any of their connections exists.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, connect: Callable[[], asyncio.BaseProtocol], most: int) -> None:
        self._loop = loop
        self._connect = connect
        self._most = most
        self._next: dict[socket.socket, int] = {}
        """Those on which it accepts, with the number of callers that it will accept in a row."""
        self._connecting: set[asyncio.Task[None]] = set()
        self._failing = False

    def begin(self, listener: socket.socket) -> None:
        """Listens and accepts. Not for a socket on which it does already."""
        listener.listen(BACKLOG)
        listener.setblocking(False)
        self._next[listener] = 1
        self._loop.add_reader(listener, self._accept, listener)

    def end(self, listener: socket.socket) -> None:
        """Accepts no more. The socket stays open; its queue too."""
        if self._next.pop(listener, None) is not None:
            self._loop.remove_reader(listener)

    async def aclose(self) -> None:
        """Accepts nowhere any more, and waits until all who were accepted have their connections."""
        for listener in tuple(self._next):
            self.end(listener)
        if self._connecting:
            await asyncio.wait(self._connecting)

    def _accept(self, listener: socket.socket) -> None:
        most = self._next[listener]
        number = 0
        try:
            while number < most and len(self._connecting) < self._most:
                caller, _ = listener.accept()
                number += 1
                caller.setblocking(False)
                task = self._loop.create_task(self._take(caller))
                self._connecting.add(task)
                task.add_done_callback(self._connecting.discard)
        except (BlockingIOError, ConnectionAbortedError):
            pass  # nobody else waits, or the next one has left
        except OSError as exc:
            self._rest(listener, exc)
            return
        if number:
            self._failing = False
            self._next[listener] = min(2 * number, self._most)

    async def _take(self, caller: socket.socket) -> None:
        try:
            await self._loop.connect_accepted_socket(self._connect, caller)
        except OSError:  # the caller has left already
            caller.close()

    def _rest(self, listener: socket.socket, error: OSError) -> None:
        """Does not look for callers for a while: they still wait, so that the loop would do nothing else."""
        if not self._failing:
            self._failing = True
            log.error("no caller can be accepted: %s; they wait", error.strerror)
        self._loop.remove_reader(listener)
        self._loop.call_later(REST, self._resume, listener)

    def _resume(self, listener: socket.socket) -> None:
        if listener in self._next:
            self._loop.add_reader(listener, self._accept, listener)
