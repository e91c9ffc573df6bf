"""Told when an event loop ends. Knows nothing of what lives in it."""

from collections.abc import AsyncGenerator, Callable
from contextlib import suppress


class Watch:
    """Calls `ended` once: while the running loop comes to its end, or when it is told to.

    A transport may outlive its loop (`asyncio.run` twice with one client), its sockets may not: nobody could close them
    any more. A loop that ends well closes each asynchronous generator that began in it, so that one of those listens.
    """

    def __init__(self, ended: Callable[[], None]) -> None:
        self._generator = _wait(ended)

    async def begin(self) -> None:
        """Listens to the running loop. Called once."""
        await anext(self._generator)

    def end(self) -> None:
        """Does not wait for the loop, which may have ended without a word. May be called twice."""
        with suppress(StopIteration):
            self._generator.aclose().send(None)


async def _wait(ended: Callable[[], None]) -> AsyncGenerator[None, None]:
    try:
        yield
    finally:
        ended()
