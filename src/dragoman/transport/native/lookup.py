"""The addresses of hosts' names, found by the system's resolver. Knows no connection.

The resolver cannot be interrupted, and if the servers of a name are silent, it takes 10 s or more. A loop has few
threads for all lookups (uvloop two, asyncio some that it needs for other work too): two such names would make every
other service unreachable. So each lookup has a thread of its own; one thread stays for the next lookup. All who want
the same name at the same port meanwhile wait for the same lookup, so that there are no more threads than such pairs,
however many requests come. The threads are daemons, so that the end of the process does not wait for them.
"""

import asyncio
import errno
import socket
from collections.abc import Callable, Sequence
from queue import SimpleQueue
from threading import Thread

from dragoman.transport.native.sockets import Address, alternating

Resolver = Callable[[str, int], Sequence[Address]]
"""Host and port to addresses. Blocks; is called in several threads. Raises OSError (gaierror is one)."""

Key = tuple[str, int]
Found = Sequence[Address] | OSError


def by_system(host: str, port: int) -> Sequence[Address]:
    """What the system knows: its file of hosts, the DNS."""
    return socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)


class Lookups:
    """The lookups of one loop. Its methods are called in that loop only."""

    __slots__ = ("_closed", "_idle", "_loop", "_resolver", "_under_way", "_work")

    def __init__(self, loop: asyncio.AbstractEventLoop, resolver: Resolver) -> None:
        self._loop = loop
        self._resolver = resolver
        self._under_way: dict[Key, asyncio.Future[Found]] = {}
        self._work: SimpleQueue[Key | None] = SimpleQueue()
        self._idle = False
        """Whether a thread waits for work."""
        self._closed = False

    async def addresses(self, host: str, port: int) -> list[Address]:
        """The addresses of `host`, best first. Raises OSError (gaierror is one)."""
        if literal := _literal(host, port):
            return list(literal)
        key = host, port
        lookup = self._under_way.get(key)
        if lookup is None:
            self._begin(key)
            lookup = self._under_way[key] = self._loop.create_future()
        found = await asyncio.shield(lookup)  # others may wait for it too
        if isinstance(found, OSError):
            raise type(found)(*found.args)  # each gets an error of its own: an error collects those who raised it
        return alternating(found)

    def close(self) -> None:
        """Ends the thread that waits; the others end after their lookup. May be called twice."""
        if self._closed:
            return
        self._closed = True
        for _ in range(len(self._under_way) + self._idle):
            self._work.put(None)
        self._idle = False

    def _begin(self, key: Key) -> None:
        if self._idle:
            self._idle = False
            self._work.put(key)
            return
        try:
            Thread(target=self._look, args=(key,), name="lookup", daemon=True).start()
        except RuntimeError as error:  # "can't start new thread"
            raise OSError(errno.ENOMEM, "no thread is left for a lookup") from error

    def _look(self, first: Key) -> None:
        """Looks up one name after another, in a thread."""
        key: Key | None = first
        while key is not None:
            found: Found
            try:
                found = self._resolver(*key)
            except OSError as error:
                found = error
            except Exception as error:  # noqa: BLE001  # those who wait must be told of any failure
                found = OSError(errno.EINVAL, f"the lookup failed: {type(error).__name__}")
            try:
                self._loop.call_soon_threadsafe(self._ended, key, found)
            except RuntimeError:  # the loop has ended
                return
            key = self._work.get()

    def _ended(self, key: Key, found: Found) -> None:
        self._under_way.pop(key).set_result(found)
        if self._closed:
            return  # `close` has told its thread
        if self._idle:
            self._work.put(None)
        else:
            self._idle = True


def _literal(host: str, port: int) -> Sequence[Address]:
    """The address that `host` is itself; empty if it is a name. Asks nobody, so that it takes no time."""
    try:
        return socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST)
    except socket.gaierror:
        return []
