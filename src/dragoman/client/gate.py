"""How many calls run at a time. Each waits until few enough are under way; knows nothing of calls."""

import asyncio
from collections import deque
from os import getpid
from weakref import WeakKeyDictionary

from dragoman.loop.running import running_loop


class Gate:
    """Counts what is under way in one event loop."""

    def __init__(self) -> None:
        self.under_way = 0
        self._waiting: deque[tuple[int, asyncio.Future[None]]] = deque()

    async def enter(self, limit: int | None) -> None:
        """Waits until fewer than `limit` are under way, in the order in which they came. `leave` follows."""
        if limit is None or (self.under_way < limit and not self._waiting):
            self.under_way += 1
            return
        turn = asyncio.get_running_loop().create_future()
        self._waiting.append((limit, turn))
        self._admit()
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self.leave()
            else:
                self._waiting = deque(each for each in self._waiting if each[1] is not turn)
                self._admit()
            raise

    def leave(self) -> None:
        """One that had entered is over."""
        self.under_way -= 1
        self._admit()

    def _admit(self) -> None:
        """Lets those in that may be. One that waits for a lower number holds nobody up who came after it."""
        still: deque[tuple[int, asyncio.Future[None]]] = deque()
        for limit, turn in self._waiting:
            if turn.done():
                continue
            if self.under_way < limit:
                self.under_way += 1
                turn.set_result(None)
            else:
                still.append((limit, turn))
        self._waiting = still


class Gates:
    """A gate for each event loop, because a client may be used in several, one after another."""

    def __init__(self) -> None:
        self._process = getpid()
        self._gates: WeakKeyDictionary[asyncio.AbstractEventLoop, Gate] = WeakKeyDictionary()

    def here(self) -> Gate:
        """That of the running loop.

        Raises RuntimeError if calls are under way in another loop that runs: connections belong to one loop, and a
        client that moves to the next one ends those of the last.
        """
        loop = running_loop()
        gate = self._gates.get(loop)
        if gate is None:
            gate = self._gates[loop] = Gate()
        if self._process != getpid():
            # The loops of the process that was forked are not run here, although they say so.
            self._process, self._gates = getpid(), WeakKeyDictionary({loop: gate})
        if len(self._gates) > 1 and any(self._is_busy(each()) for each in self._gates.keyrefs() if each() is not loop):
            raise RuntimeError(
                "this client has calls under way in the event loop of another thread: "
                "use a SyncClient, which all threads may share, or make a client for each loop"
            )
        return gate

    def _is_busy(self, loop: asyncio.AbstractEventLoop | None) -> bool:
        gate = None if loop is None else self._gates.get(loop)
        return loop is not None and gate is not None and gate.under_way > 0 and loop.is_running()
