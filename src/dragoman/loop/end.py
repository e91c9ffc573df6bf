"""A callback for the end of an event loop. Does not know what runs in the loop."""

from collections.abc import AsyncGenerator, Callable
from contextlib import suppress


class LoopEnd:
    """Calls `ended` once: when the running loop comes to its end, or when `end` is called.

    A transport may outlive its loop (`asyncio.run` twice with one client), but its sockets may not: without the loop
    nobody could close them. asyncio has no callback for the end of a loop. What it has: a loop that ends in an orderly
    way closes every asynchronous generator that was begun in it. So this begins one, which waits to be closed.
    """

    def __init__(self, ended: Callable[[], None]) -> None:
        self._generator = _wait(ended)

    async def begin(self) -> None:
        """Listens to the running loop. Called once."""
        await anext(self._generator)

    def end(self) -> None:
        """Calls `ended` now; the loop may have ended without closing its generators. May be called twice."""
        with suppress(StopIteration):
            self._generator.aclose().send(None)


async def _wait(ended: Callable[[], None]) -> AsyncGenerator[None, None]:
    try:
        yield
    finally:
        ended()
