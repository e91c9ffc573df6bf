"""A TCP proxy that cuts a connection on which nothing has passed for a while, as load balancers do. Knows no HTTP."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from urllib.parse import urlsplit

PIECE = 1 << 16


class IdleProxy:
    """What a test sees of it: its `url`, and how many connections it has cut."""

    def __init__(self, target: str, idle: float) -> None:
        parts = urlsplit(target)
        self.url = ""
        self.cut = 0
        self._host, self._port = parts.hostname, parts.port
        self._idle = idle
        self._tasks: set[asyncio.Task[None]] = set()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Passes both ways of one connection on, until one end closes or both are silent."""
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        up_reader, up_writer = await asyncio.open_connection(self._host, self._port)
        try:
            async with asyncio.timeout(self._idle) as limit:
                both = [self._pass(reader, up_writer, limit), self._pass(up_reader, writer, limit)]
                ways = [asyncio.ensure_future(each) for each in both]
                try:
                    await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
                finally:
                    for way in ways:
                        way.cancel()
                    await asyncio.gather(*ways, return_exceptions=True)
        except TimeoutError:
            self.cut += 1
        except asyncio.CancelledError:
            pass  # the test is over
        finally:
            for each in (writer, up_writer):
                each.close()
                with suppress(OSError):
                    await each.wait_closed()
            self._tasks.discard(task)

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, limit: asyncio.Timeout) -> None:
        with suppress(OSError):
            while data := await reader.read(PIECE):
                limit.reschedule(asyncio.get_running_loop().time() + self._idle)
                writer.write(data)
                await writer.drain()

    async def close(self) -> None:
        """Ends all connections."""
        tasks = tuple(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


@asynccontextmanager
async def idle_proxy(target: str, idle: float) -> AsyncIterator[IdleProxy]:
    """A proxy before `target`, a URL, that cuts after `idle` seconds of silence."""
    proxy = IdleProxy(target, idle)
    listener = await asyncio.start_server(proxy.serve, "127.0.0.1", 0)
    proxy.url = f"http://127.0.0.1:{listener.sockets[0].getsockname()[1]}"
    try:
        yield proxy
    finally:
        listener.close()
        await proxy.close()
        await listener.wait_closed()
