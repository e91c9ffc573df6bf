"""What is sent in one turn of the loop, sent together. Knows nothing of what it says."""

import asyncio

MOST = 16
"""Messages that wait for one another: some hundred microseconds of a busy loop."""


class Outbox:
    """Sends at the end of the loop's turn.

    A peer that sleeps is woken by the kernel of whoever sends to it, which costs more than all the rest of a small
    write; sent in a row, one waking serves many. Whoever closes a transport flushes first, or means to lose what waits.
    """

    __slots__ = ("_letters", "_loop")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._letters: list[tuple[asyncio.Transport, bytes]] = []

    def post(self, transport: asyncio.Transport, data: bytes) -> None:
        """Sends `data` soon: in this turn of the loop, and before what is posted later."""
        letters = self._letters
        letters.append((transport, data))
        if len(letters) == 1:
            self._loop.call_soon(self.flush)
        elif len(letters) >= MOST:
            self.flush()

    def flush(self) -> None:
        """Sends what waits."""
        letters, self._letters = self._letters, []
        for transport, data in letters:
            if not transport.is_closing():
                transport.write(data)
