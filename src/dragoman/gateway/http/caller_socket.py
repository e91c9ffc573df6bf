"""The socket of one caller: what was sent, how it closes, and a caller that does not read. Knows no request."""

import asyncio
import socket
import struct
from abc import ABC, abstractmethod
from typing import cast

from dragoman.gateway.http.caller_handle import CallerHandle, Give
from dragoman.gateway.http.connection_state import CLOSE, CLOSED, OPEN, PART, TRANSITIONS, ConnectionEvent
from dragoman.gateway.http.direct_writer import DirectWriter
from dragoman.gateway.http.response_writer import address
from dragoman.gateway.http.stall import Stall
from dragoman.gateway.http.timeouts import ServerTimeouts
from dragoman.loop.alarms import Alarms
from dragoman.loop.outbox import Outbox
from dragoman.loop.outlet import Outlet
from dragoman.loop.timer import DeadlineTimer

UNSENT = 0
"""Bytes that may wait for a slow caller, beside its socket's buffer, before its service is no longer read. The last
write goes beyond, by what one read of the service brings. With none, `congested` also says whether an answer was sent.
The caller need not wait for its service then: its socket's buffer is two thirds full when the system takes bytes
again."""

CROWDED = 1024
"""Messages of a turn of the loop after which a caller who has its answer waits for the next turn with its next request.
As long as 1,024 sockets are ready each time, libuv looks for more up to 48 times before the loop runs anything else
(https://github.com/libuv/libuv/blob/v1.x/src/unix/linux.c, uv__io_poll). If callers ask again as soon as they are
answered, new callers, tasks and timers wait for 50,000 requests then."""

RESET, END = struct.pack("ii", 1, 0), struct.pack("ii", 0, 0)
"""How the kernel closes a connection: with a reset, or in an orderly way (the default); see SO_LINGER in socket(7)."""


class CallerSocket(asyncio.Protocol, ABC):
    """One accepted connection, in one of the states of `connection_state`.

    Whether the caller reads is no part of the state: it may stop reading in each of them, CLOSED too.
    """

    __slots__ = (
        "_alarm",
        "_loop",
        "_lost",
        "_outbox",
        "_reset_until_sent",
        "_sending",
        "_sent_at",
        "_stall",
        "_state",
        "_timeouts",
        "_transport",
        "congested",
        "remote",
    )

    _transport: asyncio.Transport

    def __init__(self, alarms: Alarms, outbox: Outbox, timeouts: ServerTimeouts) -> None:
        self.congested: asyncio.Event | None = None
        """None while the socket takes all that is written; else an event that is set when it has."""
        self._loop = alarms.loop
        self._outbox = outbox
        self._timeouts = timeouts
        self.remote = ""
        """The caller's address; empty if it has none."""
        self._state = OPEN
        self._sent_at = 0.0
        """When something was last sent, in the loop's time."""
        self._stall: Stall | None = None
        """The wait for a caller that does not read; None: it has always read."""
        self._sending: list[DirectWriter] | None = None
        """Those whose response has ended, and not been sent."""
        self._lost = False
        self._reset_until_sent = False
        self._alarm = DeadlineTimer(alarms, self)

    @abstractmethod
    def late(self) -> None:
        """The present wait has taken too long."""

    @property
    def descriptor(self) -> int:
        """The number of its socket."""
        number: int = self._transport.get_extra_info("socket").fileno()
        return number

    def abort(self) -> None:
        """Ends it at once."""
        self._transport.abort()

    def write(self, data: bytes) -> None:
        self._sent_at = self._loop.time()
        self._outbox.write(self._transport, data)

    def connect(self, outlet: Outlet) -> None:
        outlet.outbox, outlet.transport = self._outbox, self._transport

    def reset_on_close(self, on: bool) -> None:
        if not on:
            self._outbox.flush()
            if self.congested is not None:
                self._reset_until_sent = True
                return
        connected = self._transport.get_extra_info("socket")
        connected.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET if on else END)

    def has_sent(self, writer: DirectWriter) -> bool:
        """See ConnectionPort. Not to be asked after the socket was closed by `_close`."""
        if self._outbox.pending:
            writer.unsent = True
            self._outbox.receipts.append((self._transport, writer))
            return False
        if self.congested is None and not self._transport.is_closing():
            return True
        self.await_sending(writer)
        return False

    def await_sending(self, writer: DirectWriter) -> None:
        writer.unsent = True
        if self._lost:
            writer.lose()
            return
        writer.service.postpone(writer)
        if self._sending is None:
            self._sending = []
        self._sending.append(writer)

    def _all_sent(self) -> None:
        """The socket has taken all that was written."""
        if self._reset_until_sent:
            self._reset_until_sent = False
            self.reset_on_close(False)
        sending, self._sending = self._sending, None
        for writer in sending or ():
            writer.sent()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self.remote = address(transport.get_extra_info("peername"))
        self._transport.set_write_buffer_limits(high=UNSENT)
        self._alarm.set(self._loop.time() + self._timeouts.head)

    def connection_lost(self, exc: Exception | None) -> None:
        self._enter(CLOSE)
        self._alarm.stop()
        self._lost = True
        sending, self._sending = self._sending, None
        for writer in sending or ():
            writer.lose()

    def _enter(self, event: ConnectionEvent) -> None:
        self._state = TRANSITIONS[self._state][event]

    def _part(self) -> None:
        """Closes our sending half. What still comes is read for a moment, and dropped."""
        self._enter(PART)
        self._outbox.flush()
        self._transport.write_eof()
        self._alarm.set(self._loop.time() + self._timeouts.linger)

    def _wait_for_turn(self) -> None:
        """Reads no more in this turn of the loop."""
        self._transport.pause_reading()
        self._loop.call_soon(self._read_on)

    def _read_less(self) -> None:
        """Reads no more while the caller does not: it asks, or pings, and the answers would pile up here."""
        if self.congested is not None and self._state is not CLOSED:
            self._transport.pause_reading()

    def _read_on(self) -> None:
        if self.congested is None:
            self._transport.resume_reading()

    def _close(self) -> None:
        """Closes it once the caller has read what waits. Does nothing if it is closed already."""
        if self._state is not CLOSED:
            self._enter(CLOSE)
            self._outbox.flush()
            self._transport.close()
            self._await_reading()

    def _give(self, caller: CallerHandle, give: Give) -> bool:
        """Gives the socket away and closes this process's copy of it, if nothing waits there to be sent."""
        self._outbox.flush()
        if self._transport.get_write_buffer_size() or not give(caller):
            return False
        self._enter(CLOSE)
        self._transport.abort()  # who has got it has a copy, which stays open
        return True

    def _await_reading(self) -> None:
        """From now on the caller must read some of what waits for it."""
        self._stall = Stall(self._transport, self._loop.time(), self._timeouts.stall)
        self._alarm.set(self._stall.ends)

    def _check_reading(self) -> bool:
        """False if nothing waits for the caller to read. Else waits again if it has read some, and if not, ends it."""
        stall = self._stall
        if stall is None or (self.congested is None and self._state is not CLOSED):
            return False
        if stall.look(self._loop.time()):
            self._alarm.set(stall.ends)
        else:
            self.abort()
        return True
