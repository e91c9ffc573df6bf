"""The sockets of a worker that is missing."""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import cast

import pytest

from dragoman.gateway.serving.acceptor import Acceptor
from dragoman.gateway.serving.cover import Cover
from dragoman.gateway.serving.listening import bind
from dragoman.gateway.serving.serve import new_loop

LOOPS = {"asyncio": asyncio.new_event_loop, "the best there is": new_loop}


class Greeter(asyncio.Protocol):
    """Sends a byte to whoever is accepted."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        sender = cast(asyncio.Transport, transport)  # uvloop's are none by class
        sender.write(b"x")
        sender.close()


@asynccontextmanager
async def calling(listener: socket.socket) -> AsyncIterator[asyncio.StreamReader]:
    """A connection to `listener`, which may wait to be accepted."""
    reader, writer = await asyncio.open_connection(*listener.getsockname())
    try:
        yield reader
    finally:
        writer.close()


@pytest.mark.parametrize("loop", LOOPS.values(), ids=LOOPS)
def test_callers_wait_for_whoever_listens_next(loop: Callable[[], asyncio.AbstractEventLoop]) -> None:
    async def test() -> None:
        told: list[str] = []
        others = bind("127.0.0.1", 0)
        for each in others:
            each.listen(8)
        acceptor = Acceptor(asyncio.get_running_loop(), Greeter, 8)
        cover = Cover([each.dup() for each in others], acceptor, lambda: told.append("missing"))
        for _ in range(2):
            async with calling(others[0]) as reader:
                cover.begin()
                cover.begin()
                assert await reader.read() == b"x"
            cover.end()
        cover.begin()
        async with calling(others[0]) as reader:
            assert await reader.read() == b"x"
        assert not told
        cover.close()
        cover.begin()
        cover.end()
        assert told == ["missing", "missing"]
        async with calling(others[0]) as reader:
            await asyncio.sleep(0)
            acceptor.begin(others[0])
            assert await reader.read() == b"x"
        await acceptor.aclose()
        for each in others:
            each.close()

    with asyncio.Runner(loop_factory=loop) as runner:
        runner.run(test())
