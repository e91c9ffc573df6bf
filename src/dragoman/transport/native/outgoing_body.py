"""A large body on its way into a socket, a piece in each turn of the loop. Knows no HTTP.

To hand a socket some megabytes at once takes milliseconds: the kernel copies what fits, and TLS encrypts all of it. So
the next piece is written in the next turn or, if the last one did not fit, as soon as the peer has read it.
"""

import asyncio

SMALL = 64 << 10
"""A body of at most so many bytes is joined with its head: to copy it costs less than a second write."""

PIECE = 128 << 10
"""Bytes of a piece: some fifty microseconds, with TLS a few hundred. It is more than the mark at which a transport
pauses, so that a piece that waits has stopped the next one."""

NOTHING = memoryview(b"")


class OutgoingBody:
    """What is still to be written of one body. Its transport's protocol passes on `pause` and `resume`."""

    __slots__ = ("_loop", "_paused", "_rest", "_transport")

    def __init__(self, body: bytes, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._rest = memoryview(body)
        self._transport = transport
        self._loop = loop
        self._paused = False

    @property
    def unwritten(self) -> int:
        """Bytes that the transport has not got yet."""
        return len(self._rest)

    def begin(self, head: bytes) -> None:
        """Writes `head` and the first piece."""
        self._transport.writelines((head, self._take()))
        self._go_on()

    def pause(self) -> None:
        """The transport has more than its socket takes."""
        self._paused = True

    def resume(self) -> None:
        """The socket has taken it."""
        self._paused = False
        self._write()

    def _write(self) -> None:
        if self._rest and not self._paused and not self._transport.is_closing():
            self._transport.write(self._take())
            self._go_on()

    def _take(self) -> memoryview:
        rest = self._rest
        self._rest = rest[PIECE:] or NOTHING  # an empty part would keep all of the body in memory
        return rest[:PIECE]

    def _go_on(self) -> None:
        # If it has paused, `resume` goes on.
        if self._rest and not self._paused:
            self._loop.call_soon(self._write)
