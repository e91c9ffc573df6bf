"""Whether a caller reads what waits for it. Knows no request."""

import asyncio

from dragoman.loop.timer import EARLY


class Stall:
    """A slow caller: it must read some of what waits in `transport` within `timeout` seconds, and then again."""

    def __init__(self, transport: asyncio.Transport, now: float, timeout: float) -> None:
        self._transport = transport
        self._timeout = timeout
        self._unsent = transport.get_write_buffer_size()
        self.ends = now + timeout
        """The end of the present wait, in the loop's time."""

    def look(self, now: float) -> bool:
        """False if the caller has read nothing until the end; if it has read some, it has the same time again."""
        unsent = self._transport.get_write_buffer_size()
        if unsent < self._unsent:
            self._unsent = unsent
            self.ends = now + self._timeout
        return self.ends > now + EARLY
