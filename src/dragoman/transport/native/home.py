"""What belongs to one event loop: alarms, outbox, buffer, lookups, and connections that end with it. Knows no HTTP."""

import asyncio
from contextlib import suppress
from functools import partial
from typing import Self
from weakref import WeakSet

from dragoman.loop.alarms import Alarms
from dragoman.loop.end import LoopEnd
from dragoman.loop.outbox import Outbox
from dragoman.transport.native.buffer import Buffer
from dragoman.transport.native.keeper import Keeper
from dragoman.transport.native.lookup import Lookups, Resolver


class Home:
    """What the connections of one loop share, and who has them."""

    def __init__(self, loop: asyncio.AbstractEventLoop, resolver: Resolver) -> None:
        self.loop = loop
        self.lookups = Lookups(loop, resolver)
        self.alarms = Alarms(loop)
        self.outbox = Outbox(loop)
        self.buffer = Buffer()
        self._keepers: WeakSet[Keeper] = WeakSet()
        self._loop_end = LoopEnd(partial(_end, self._keepers, self.lookups, loop))

    @classmethod
    async def here(cls, resolver: Resolver) -> Self:
        """A home in the running loop; it ends with the loop."""
        home = cls(asyncio.get_running_loop(), resolver)
        await home._loop_end.begin()
        return home

    def add(self, keeper: Keeper) -> None:
        """The connections in this loop that `keeper` has, or will have, end with the loop."""
        self._keepers.add(keeper)

    def leave(self) -> None:
        """Ends the connections. May be called twice."""
        if self.loop.is_running() and self.loop is not _running():
            self.loop.call_soon_threadsafe(self._loop_end.end)  # it runs in another thread, and so do they
        else:
            self._loop_end.end()


def _running() -> asyncio.AbstractEventLoop | None:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None


def _end(keepers: WeakSet[Keeper], lookups: Lookups, loop: asyncio.AbstractEventLoop) -> None:
    lookups.close()
    for keeper in list(keepers):
        for connection in keeper.connections(loop):
            # If the loop is closed, its transports cannot call back.
            with suppress(RuntimeError):
                connection.abort()
