"""A scripted HTTP/1.1 server over real sockets: says exactly the bytes that a test wants. Knows nothing above HTTP."""

import asyncio
import socket
import ssl
import struct
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import cast

from msgspec import Struct, field

RESET = struct.pack("ii", 1, 0)
"""SO_LINGER on, for zero seconds: closing sends RST."""


class ReceivedRequest(Struct, frozen=True):
    """A request as it came. Header names are lower case; the lines of one name are joined."""

    method: str
    path: str
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""


class Exchange:
    """One request, and the means to answer it. A handler that returns without `end` closes the connection."""

    def __init__(self, connection: "Connection", request: ReceivedRequest) -> None:
        self.request = request
        self.ended = False
        self._connection = connection
        self._chunked = False
        self._until_close = False

    async def head(
        self,
        status: int = 200,
        headers: Mapping[str, str] | None = None,
        *,
        chunked: bool = True,
        length: int | None = None,
    ) -> None:
        """The head of a chunked body, of one of `length` bytes, or (`chunked=False`) of one that ends with FIN."""
        self._chunked = chunked and length is None
        self._until_close = not chunked and length is None
        lines = [f"HTTP/1.1 {status} Scripted", *(f"{name}: {value}" for name, value in (headers or {}).items())]
        if length is not None:
            lines.append(f"content-length: {length}")
        elif self._chunked:
            lines.append("transfer-encoding: chunked")
        else:
            lines.append("connection: close")
        await self.raw("\r\n".join([*lines, "\r\n"]).encode("latin-1"))

    async def chunk(self, data: bytes) -> None:
        """A piece of the body; one HTTP chunk where the body is chunked."""
        await self.raw(b"%x\r\n%b\r\n" % (len(data), data) if self._chunked else data)

    async def raw(self, data: bytes) -> None:
        """These bytes. Waits while the peer does not read; ConnectionResetError where it has left."""
        await self._connection.write(data)

    async def end(self) -> None:
        """The end of the answer; the connection lives on, unless the body ends with it."""
        self.ended = True
        if self._chunked:
            await self.raw(b"0\r\n\r\n")
        if self._until_close:
            self.close()

    async def reply(self, status: int = 200, headers: Mapping[str, str] | None = None, body: bytes = b"") -> None:
        """A whole answer of known length."""
        await self.head(status, headers, length=len(body))
        if self.request.method != "HEAD":
            await self.raw(body)
        await self.end()

    def close(self) -> None:
        """FIN, behind what was written."""
        self._connection.end()

    def reset(self) -> None:
        """RST, at once."""
        self._connection.end(reset=True)

    async def closed(self) -> None:
        """Returns once the peer has gone."""
        await self._connection.gone.wait()


Handler = Callable[[Exchange], Awaitable[None]]


class Connection(asyncio.Protocol):
    """One accepted connection: reads requests one after another, hands each to the handler."""

    def __init__(self, server: "Server") -> None:
        self.gone = asyncio.Event()
        self.lost = asyncio.Event()
        self.task: asyncio.Task[None] | None = None
        self._server = server
        self._transport: asyncio.Transport
        self._bytes = bytearray()
        self._more = asyncio.Event()
        self._writable = asyncio.Event()
        self._writable.set()
        self._ending = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is no subclass of it
        self._server.connections.append(self)
        self.task = asyncio.get_running_loop().create_task(self._serve())

    def data_received(self, data: bytes) -> None:
        self._bytes += data
        self._more.set()

    def eof_received(self) -> bool:
        self._leave()
        return self._transport.get_extra_info("sslcontext") is None  # the handler ends what it has begun

    def connection_lost(self, exc: Exception | None) -> None:
        self._leave()
        self.lost.set()

    def pause_writing(self) -> None:
        self._writable.clear()

    def resume_writing(self) -> None:
        self._writable.set()

    def _leave(self) -> None:
        if not self.gone.is_set() and not self._ending:
            self._server.leavings.put_nowait(None)
        self.gone.set()
        self._more.set()
        self._writable.set()

    async def write(self, data: bytes) -> None:
        if self.lost.is_set() or self._ending:
            raise ConnectionResetError("the connection is closed")
        self._transport.write(data)
        await self._writable.wait()

    def end(self, *, reset: bool = False) -> None:
        self._ending = True
        if reset:
            made = self._transport.get_extra_info("socket")
            if made is not None:  # uvloop's is gone once it is closing
                made.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
            self._transport.abort()
        else:
            self._transport.close()

    async def _serve(self) -> None:
        try:
            while not self._ending:
                request = await self._request()
                self._server.requests.append(request)
                exchange = Exchange(self, request)
                await self._server.handler(exchange)
                if not exchange.ended:
                    self.end()
        except (ConnectionError, asyncio.IncompleteReadError):
            self.end()
        except Exception as error:  # noqa: BLE001  # a handler's failed assertion is raised where the server is closed
            self._server.failures.append(error)
            self.end(reset=True)

    async def _request(self) -> ReceivedRequest:
        lines = (await self._until(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        method, path, _ = lines[0].split(" ")
        headers: dict[str, str] = {}
        for name, _, value in (line.partition(":") for line in lines[1:]):
            headers[name.lower()] = ", ".join(filter(None, (headers.get(name.lower()), value.strip())))
        if "expect" in headers:
            await self.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        if headers.get("transfer-encoding") != "chunked":
            return ReceivedRequest(method, path, headers, await self._exactly(int(headers.get("content-length", "0"))))
        body = b""
        while size := int((await self._until(b"\r\n")).partition(b";")[0], 16):
            body += (await self._exactly(size + 2))[:-2]
        await self._until(b"\r\n")
        return ReceivedRequest(method, path, headers, body)

    async def _until(self, mark: bytes) -> bytes:
        while (end := self._bytes.find(mark)) < 0:
            await self._wait()
        return (await self._exactly(end + len(mark)))[: -len(mark)]

    async def _exactly(self, size: int) -> bytes:
        while len(self._bytes) < size:
            await self._wait()
        data = bytes(self._bytes[:size])
        del self._bytes[:size]
        return data

    async def _wait(self) -> None:
        if self.gone.is_set():
            raise asyncio.IncompleteReadError(bytes(self._bytes), None)
        self._more.clear()
        await self._more.wait()


class Server:
    """What a test sees of the server: its `url`, the `requests` so far, the `connections` so far."""

    def __init__(self, handler: Handler) -> None:
        self.handler = handler
        self.url = ""
        self.port = 0
        self.requests: list[ReceivedRequest] = []
        self.connections: list[Connection] = []
        self.leavings: asyncio.Queue[None] = asyncio.Queue()
        self.failures: list[Exception] = []

    async def peer_closed(self) -> None:
        """Returns once a peer has closed a connection: each such closing is told once."""
        await self.leavings.get()


@asynccontextmanager
async def serve(handler: Handler, ssl_context: ssl.SSLContext | None = None, port: int = 0) -> AsyncIterator[Server]:
    """A server on 127.0.0.1 that gives every request to `handler`. What a handler raised is raised at the end."""
    server = Server(handler)
    loop = asyncio.get_running_loop()
    listener = await loop.create_server(lambda: Connection(server), "127.0.0.1", port, ssl=ssl_context)
    server.port = listener.sockets[0].getsockname()[1]
    server.url = f"{'https' if ssl_context else 'http'}://{'localhost' if ssl_context else '127.0.0.1'}:{server.port}"
    try:
        yield server
    finally:
        listener.close()
        tasks = [connection.task for connection in server.connections if connection.task]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for connection in server.connections:
            connection.end(reset=not connection.lost.is_set())
            await connection.lost.wait()
        await listener.wait_closed()
    if server.failures:
        raise server.failures[0]
