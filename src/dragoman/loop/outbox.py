"""Writes of one turn of the loop, sent together at its end. Does not know what it sends.

A peer that sleeps is woken by the kernel in the time of the process that sends to it, and that costs more than all the
rest of a small write. If several messages are sent directly after one another, one waking serves many. So messages that
are written in one turn wait for its end. A message that has the turn for itself would gain nothing by waiting, and must
not be late. Whether a turn brings more than one message is not known at the first; the turn before is a good guess:

    the turn before   this turn writes   A goes out           B, C go out
    one message       A, B, C            at once              in a row at the turn's end
    several           A, B, C            in a row at the turn's end

A turn begins with the first write and ends when the loop has run the callbacks that were due then. Too many messages or
bytes (MAX_MESSAGES, MAX_BYTES) go out before that.

What must not be forgotten: a transport that is closed drops what still waits for it. Call `flush` first, unless that is
intended. And a transport that waits for its bytes cannot report that its peer is slow: who must know whether they have
gone leaves a receipt.
"""

import asyncio
from typing import Protocol

MAX_MESSAGES = 16
"""Messages that wait for one another: some hundred microseconds of a busy loop."""


MAX_BYTES = 512 << 10
"""Bytes that wait for one another, of all transports of a loop together: a larger write costs more than the waking."""


class Receipt(Protocol):
    """Something that waits until a transport has sent all its bytes."""

    def sent(self) -> None:
        """All of them are sent."""

    def wait(self) -> None:
        """Some are not sent yet, or the transport is closing and they may be lost."""


class Outbox:
    """Sends at the end of the loop's turn, or at once as long as each turn brings one message."""

    __slots__ = ("_alone", "_loop", "_size", "pending", "receipts", "written")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self.pending: list[tuple[asyncio.Transport, bytes]] = []
        """What waits for the turn's end."""
        self.receipts: list[tuple[asyncio.Transport, Receipt]] = []
        """What waits until a transport has sent all its bytes: added only while something is `pending`, and told by the
        next `flush`."""
        self.written = 0
        """Messages of this turn, so far."""
        self._size = 0
        """Bytes that wait."""
        self._alone = True
        """The last turn brought one message."""

    def write(self, transport: asyncio.Transport, data: bytes) -> None:
        """Sends `data` in this turn of the loop, and before what is written later."""
        self.written += 1
        if self.written == 1:
            self._loop.call_soon(self._end)
            if self._alone:
                if not transport.is_closing():
                    transport.write(data)
                return
        self.pending.append((transport, data))
        self._size += len(data)
        if len(self.pending) >= MAX_MESSAGES or self._size >= MAX_BYTES:
            self.flush()

    def flush(self) -> None:
        """Sends what waits."""
        letters, self.pending = self.pending, []
        self._size = 0
        for transport, data in letters:
            try:
                if not transport.is_closing():
                    transport.write(data)
            except Exception as exc:  # noqa: BLE001  # a failure of one transport must not lose the others' messages
                self._loop.call_exception_handler({"message": "a message could not be sent", "exception": exc})
                transport.abort()
        if self.receipts:
            self._tell()

    def _tell(self) -> None:
        receipts, self.receipts = self.receipts, []
        for transport, receipt in receipts:
            try:
                if transport.is_closing() or transport.get_write_buffer_size():
                    receipt.wait()
                else:
                    receipt.sent()
            except Exception as exc:  # noqa: BLE001  # a bug in one must not keep the others waiting
                self._loop.call_exception_handler({"message": "a receipt has failed", "exception": exc})

    def _end(self) -> None:
        if self.pending:
            self.flush()
        self._alone = self.written == 1
        self.written = len(self.pending)
        if self.pending:
            # Written by callbacks while these were being sent: they belong to the next turn.
            self._loop.call_soon(self._end)
