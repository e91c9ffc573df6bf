"""What is sent in one turn of the loop, sent together. Knows nothing of what it says."""

import asyncio

MAX_MESSAGES = 16
"""Messages that wait for one another: some hundred microseconds of a busy loop."""


MAX_BYTES = 512 << 10
"""Bytes that wait for one another, of all transports of a loop together: what costs most of a larger write is the write
itself. A transport that has not been given its bytes yet cannot say that its peer is slow."""


class Outbox:
    """Sends at the end of the loop's turn; at once, while a turn brings no more than one message.

    A peer that sleeps is woken by the kernel of whoever sends to it, which costs more than all the rest of a small
    write; sent in a row, one waking serves many. Whoever closes a transport flushes first, or means to lose what waits.
    """

    __slots__ = ("_alone", "_loop", "_pending", "_size", "_written")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._pending: list[tuple[asyncio.Transport, bytes]] = []
        self._written = 0
        self._size = 0
        self._alone = True

    def write(self, transport: asyncio.Transport, data: bytes) -> None:
        """Sends `data` in this turn of the loop, and before what is posted later."""
        self._written += 1
        if self._written == 1:
            self._loop.call_soon(self._end)
            if self._alone:
                if not transport.is_closing():
                    transport.write(data)
                return
        self._pending.append((transport, data))
        self._size += len(data)
        if len(self._pending) >= MAX_MESSAGES or self._size >= MAX_BYTES:
            self.flush()

    def flush(self) -> None:
        """Sends what waits."""
        letters, self._pending = self._pending, []
        self._size = 0
        for transport, data in letters:
            try:
                if not transport.is_closing():
                    transport.write(data)
            except Exception as exc:  # noqa: BLE001  # what is wrong with one must not cost the others what was promised them
                self._loop.call_exception_handler({"message": "a message could not be sent", "exception": exc})
                transport.abort()

    def _end(self) -> None:
        if self._pending:
            self.flush()
        self._alone = self._written == 1
        self._written = len(self._pending)
        if self._pending:
            # Posted by whom sending woke: the next turn's.
            self._loop.call_soon(self._end)
