"""The server: listens, holds its connections, and stops without breaking answers that can still be completed."""

import asyncio
import logging
import os
import signal
import socket
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress

from dragoman.errors import OverloadedError
from dragoman.gateway.app import Admitted, Gateway
from dragoman.gateway.http.application import Application, Peer
from dragoman.gateway.http.connection import ServerConnection
from dragoman.gateway.metrics.table import CONNECTIONS
from dragoman.gateway.overload import SOON
from dragoman.gateway.serving.acceptor import Acceptor
from dragoman.gateway.serving.cover import Cover
from dragoman.gateway.serving.descriptors import room
from dragoman.gateway.serving.generation import LATER, Generation
from dragoman.gateway.serving.lag import LagWatch
from dragoman.gateway.serving.lasting.colleagues import Colleagues
from dragoman.gateway.serving.lasting.lasting_generation import generation_for
from dragoman.gateway.serving.lasting.reception import Reception
from dragoman.loop.outbox import Outbox
from dragoman.types import Outcome

MINUTE = 60.0
"""Seconds in which it is logged once that the processor has too much to do: it may change many times."""

STOP, NOW, REOPEN, RELOAD, KEYS, COVER, OWN, GONE = b"snrhkco!"
"""Orders of a parent to its workers, a byte each; the last one stands for the end of the pipe."""

log = logging.getLogger("dragoman.gateway")


class Server:
    """Serves a gateway on listening sockets; `replace` puts another in its place, between two requests.

    `stop` ends it: answers under way get their grace. A second `stop` ends them at once. `colleagues`: other workers,
    which pass callers on to this one.
    """

    def __init__(self, gateway: Gateway, colleagues: Colleagues | None = None) -> None:
        self._loop = asyncio.get_running_loop()
        self._outbox = Outbox(self._loop)
        self._colleagues = colleagues
        self._reception = None if colleagues is None else Reception(colleagues, lambda: self.current)
        self.current: Generation = generation_for(gateway, self, self._outbox, None, colleagues)
        """What answers new requests."""
        self._retired: list[Generation] = []
        """Those before it that still have something under way, the oldest first."""
        self._holdouts: dict[Peer, Application[Admitted]] = {}
        """Connections with a request of a retired generation."""
        self._interrupted = 0
        """Answers of generations that are closed."""
        self._closing: set[asyncio.Task[None]] = set()
        self._lag: LagWatch | None = None
        self._connections: set[Peer] = set()
        self._watch_connections(gateway)
        self._room = room()
        self._acceptor = Acceptor(self._loop, self._connect, self._room.at_once)
        self._full = False
        self._silent_until = 0.0
        """When it may be logged again that the processor has too much to do."""
        self._turned_away: dict[Peer, None] = {}
        self._peers: dict[str, int] = {}
        """Connections of each address."""
        self._stopping = asyncio.Event()
        self._hurry = asyncio.Event()
        self._cut: asyncio.TimerHandle | None = None
        """After a second `stop`: when what its caller does not read is cut."""
        self._cover: Cover | None = None
        self._orders = {STOP: self._stopping.set, NOW: self._stop_now, REOPEN: self._reopen, GONE: self._orphaned}
        for word in (RELOAD, KEYS, COVER, OWN):
            self._orders[word] = lambda: None
        self._empty = asyncio.Event()

    async def run(
        self,
        listeners: list[socket.socket],
        ready: Callable[[], None] | None = None,
        stopping: Callable[[], None] | None = None,
        left: Callable[[], None] | None = None,
    ) -> int:
        """Serves until it was stopped and all is over. The number of answers that were interrupted.

        It calls `ready` once it listens, `stopping` when it is to stop, and `left` once it listens no more.
        """
        for each in listeners:
            self._acceptor.begin(each)
        self._watch_lag()
        if self._reception is not None:
            self._reception.open()
        if ready is not None:
            ready()
        await self._stopping.wait()
        if stopping is not None:
            stopping()
        await self._say_goodbye()
        if self._cover is not None:
            self._cover.close()
        await self._acceptor.aclose()
        for each in listeners:
            each.close()
        if left is not None:
            left()
        if self._reception is not None:
            await self._reception.leave()
        for generation in (*self._retired, self.current):
            generation.drain()
        self._tell_who_waits()
        await self._drain()
        if self._cut is not None:
            self._cut.cancel()
        if self._reception is not None:
            await self._reception.aclose()
        if self._lag is not None:
            self._lag.stop()
        interrupted = self._interrupted + sum(gateway.interrupted for gateway in self._gateways)
        for generation in (*self._retired, self.current):
            await generation.aclose()
        if self._closing:
            await asyncio.wait(self._closing)
        return interrupted

    @property
    def gateway(self) -> Gateway:
        """What answers new requests."""
        return self.current.gateway

    @property
    def stopping(self) -> bool:
        """Whether it was told to stop."""
        return self._stopping.is_set()

    def replace(self, gateway: Gateway) -> None:
        """From now on `gateway`, a successor of the present one, answers every request whose head has not been read.

        Those under way are answered by the old one, which is closed after the last of them.
        """
        old = self.current
        new = generation_for(gateway, self, self._outbox, old, self._colleagues)
        gateway.draining = old.gateway.draining
        self.current = new
        self._retired.append(old)
        self._watch_connections(gateway, old.gateway)
        old.gateway.retire(gateway, self._released)
        self._watch_lag()
        self._hold_out(self._connections)
        self._close_retired()

    def _hold_out(self, connections: Iterable[Peer]) -> None:
        """Notes which of `connections` have a request of a retired generation; the others take the current one."""
        new = self.current
        found = [(each, each.adopt(new, new.shared)) for each in connections]
        self._holdouts = {each: earlier for each, earlier in found if earlier is not None}

    @property
    def _gateways(self) -> list[Gateway]:
        return [generation.gateway for generation in (*self._retired, self.current)]

    def _released(self, outcome: Outcome) -> None:
        """An answer of a retired generation is over: soon its connection is free."""
        self._loop.call_soon(self._close_retired)

    def _close_retired(self) -> None:
        """Closes those that are over, in their order, because each may use what the one after it has taken over."""
        while self._retired:
            oldest = self._retired[0]
            if oldest.gateway.under_way:
                return
            self._hold_out(self._connections & self._holdouts.keys())
            if oldest in self._holdouts.values():
                return
            self._retired.pop(0)
            self._interrupted += oldest.gateway.interrupted
            task = self._loop.create_task(oldest.aclose())
            self._closing.add(task)
            task.add_done_callback(self._closing.discard)

    def stop(self) -> None:
        """No more requests. Called again: no more answers."""
        if self._stopping.is_set():
            self._stop_now()
        self._stopping.set()

    def leave(self) -> None:
        """No more requests, as `stop`; but called again it does nothing."""
        self._stopping.set()

    def heed_signals(self, hung_up: Callable[[], None] | None = None) -> None:
        """SIGINT, SIGTERM and SIGQUIT stop it, a second one at once; SIGUSR1 opens the request log again.

        SIGHUP calls `hung_up`. Without that it stops too, but never at once, because the end of a session also sends
        it. A signal that this process was started to ignore stays ignored.
        """
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGQUIT):
            self._heed(number, self.stop)
        self._heed(signal.SIGHUP, hung_up or self.leave)
        self._heed(signal.SIGUSR1, self._reopen)
        self._heed(signal.SIGUSR2, lambda: None)

    def heed_parent(self, words: int, more: Mapping[int, Callable[[], None]]) -> None:
        """The same by orders of the parent of several workers, which come through the pipe `words`; and `more` orders.

        If the parent has died, it stops, and frees the address at once for the process that takes the parent's place.
        """
        self._orders |= more

        def heard() -> None:
            for word in os.read(words, 100) or b"!":
                self._orders[word]()
                if word == GONE:
                    self._loop.remove_reader(words)

        self._loop.add_reader(words, heard)
        self._heed(signal.SIGTERM, self._stopping.set)
        self._heed(signal.SIGUSR1, self._reopen)

    def stand_in(self, others: Sequence[socket.socket]) -> None:
        """Accepts callers of `others`, the sockets of the other workers, when the parent orders that; see `Cover`."""
        parent = os.getppid()

        def missing() -> None:
            if os.getppid() == parent:
                os.kill(parent, signal.SIGUSR2)

        cover = self._cover = Cover(others, self._acceptor, missing)
        self._orders |= {COVER: cover.begin, OWN: cover.end}

    def _heed(self, number: signal.Signals, what: Callable[[], None]) -> None:
        if signal.getsignal(number) is not signal.SIG_IGN:
            self._loop.add_signal_handler(number, what)

    def _stop_now(self) -> None:
        self._hurry.set()
        for gateway in self._gateways:
            gateway.interrupt()
        if self._cut is None:
            # A caller that does not read would keep its connection, and us, for all of the grace.
            self._cut = self._loop.call_later(LATER, self._abort)

    def _abort(self) -> None:
        for connection in tuple(self._connections):
            connection.abort()

    def _reopen(self) -> None:
        for gateway in self._gateways:
            gateway.reopen()

    def _watch_connections(self, gateway: Gateway, earlier: Gateway | None = None) -> None:
        """From now on `gateway` counts the connections, and no longer `earlier`."""
        counted = None if earlier is None else earlier.metrics
        known = 0.0 if counted is None else counted.unwatch(CONNECTIONS)
        if gateway.metrics is not None:
            gateway.metrics.watch(CONNECTIONS, lambda: len(self._connections), known)
            gateway.metrics.begin()

    def _watch_lag(self) -> None:
        """From now on the lag is compared with the limit of the present gateway."""
        if self._lag is not None:
            self._lag.stop()
        limit = self.gateway.max_lag
        self._lag = None if limit is None else LagWatch(self._loop, limit, self._lags)

    def _lags(self, on: bool) -> None:
        self.gateway.gate.lags(on)
        if on and self._loop.time() >= self._silent_until:
            self._silent_until = self._loop.time() + MINUTE
            log.warning("overloaded: the processor has too much to do; new requests get 503 (gateway.max_lag)")

    def _orphaned(self) -> None:
        log.error("the process that started this worker is gone; it stops")
        self._hurry.set()
        self._stopping.set()

    async def _say_goodbye(self) -> None:
        """Still serves for a while, but reports that it is not ready, so that a load balancer sees it."""
        seconds = self.gateway.drains
        for gateway in self._gateways:
            gateway.draining = True
        if seconds and not self._hurry.is_set():
            log.info("draining: not ready, and accepting for %d s more", seconds)
            with suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await self._hurry.wait()

    def _tell_who_waits(self) -> None:
        number = sum(gateway.under_way for gateway in self._gateways)
        if number and not self.gateway.stopped:
            grace = self._grace
            time = "as long as they take" if grace is None else f"{grace:g} s"
            log.info("answers under way: %d, which get %s; press Ctrl-C or signal again to stop now", number, time)

    def _connect(self) -> ServerConnection[Admitted]:
        return ServerConnection(self.current, self.current.shared)

    def opened(self, connection: Peer) -> None:
        # It may have been made for a generation that was replaced before the loop had its socket.
        connection.adopt(self.current, self.current.shared)
        self._connections.add(connection)
        number = self._peers[connection.remote] = self._peers.get(connection.remote, 0) + 1
        most = self.gateway.max_connections_per_peer
        if connection.descriptor >= self._room.most:
            self._note_full(connection)
            self._turn_away(connection, "the gateway has no room for another connection")
        elif most is not None and number > most:
            self._turn_away(connection, f"expected at most {most} connections from one address")
        elif self._full and connection.descriptor < self._room.enough:
            self._full = False
            log.warning("there are descriptors again")

    def closed(self, connection: Peer) -> None:
        self._connections.discard(connection)
        number = self._peers[connection.remote] - 1
        if number:
            self._peers[connection.remote] = number
        else:
            del self._peers[connection.remote]
        if self._turned_away:
            self._turned_away.pop(connection, None)
        if not self._connections:
            self._empty.set()

    def _note_full(self, connection: Peer) -> None:
        if not self._full:
            self._full = True
            log.error(
                "descriptors are exhausted: %d are in use, and what is left of %d is kept; callers get 503 (ulimit -n)",
                connection.descriptor,
                self._room.limit,
            )

    def _turn_away(self, connection: Peer, why: str) -> None:
        """Tells a caller that its connection is one too many."""
        connection.turn_away(OverloadedError(why, provider="dragoman", retry_after=SOON))
        self._turned_away[connection] = None
        if len(self._turned_away) > self._room.parting:
            next(iter(self._turned_away)).drain()

    async def _drain(self) -> None:
        for connection in tuple(self._connections):
            connection.drain()
        grace = self._grace
        for seconds in (None if grace is None else grace + LATER, LATER):
            try:
                async with asyncio.timeout(seconds):
                    while self._connections:
                        self._empty.clear()
                        await self._empty.wait()
                break
            except TimeoutError:
                self._abort()

    @property
    def _grace(self) -> float | None:
        """The longest of all generations."""
        each = [gateway.timeouts.grace for gateway in self._gateways]
        return None if None in each else max(seconds for seconds in each if seconds is not None)
