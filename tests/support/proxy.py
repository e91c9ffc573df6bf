"""A tiny proxy for tests: CONNECT and whole URLs over HTTP, with TLS where a context is given, and SOCKS 5."""

import asyncio
import base64
import ssl
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class Proxy:
    """`url` has no credentials; `targets`: what was asked for, as it was written; `heads`: what HTTP callers said."""

    def __init__(self, kind: str, credentials: tuple[str, str] | None) -> None:
        self.kind = kind
        self.port = 0
        self.targets: list[str] = []
        self.heads: list[bytes] = []
        self.answer = b"HTTP/1.1 200 Connection established\r\n\r\n"
        self.silent = False
        self.left = asyncio.Event()  # a caller has gone
        self._credentials = credentials
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def url(self) -> str:
        host = "localhost" if self.kind == "https" else "127.0.0.1"
        return f"{self.kind}://{host}:{self.port}"

    def with_credentials(self, user: str, password: str) -> str:
        """The URL, holding these."""
        return self.url.replace("://", f"://{user}:{password}@")

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            await (self._socks(reader, writer) if self.kind.startswith("socks") else self._http(reader, writer))
        except (OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass  # the end of a connection, whoever ended it
        finally:
            self._tasks.discard(task)
            self.left.set()
            writer.transport.abort()

    async def _http(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        self.heads.append(head)
        method, target, _ = head.split(b" ", 2)
        self.targets.append(target.decode())
        if self.silent:
            await reader.read()
            return
        if self._credentials:
            expected = base64.b64encode(":".join(self._credentials).encode())
            if b"proxy-authorization: Basic " + expected not in head:
                writer.write(b"HTTP/1.1 407 Proxy Authentication Required\r\ncontent-length: 0\r\n\r\n")
                await writer.drain()
                await reader.read()
                return
        if method == b"CONNECT":
            answer = self.answer
            try:
                if answer.startswith(b"HTTP/1.1 200"):
                    await self._relay(reader, writer, target.decode(), b"", answer)
                    return
            except ConnectionRefusedError:
                answer = b"HTTP/1.1 502 Bad Gateway\r\n\r\n"
            writer.write(answer)
            await reader.read()
            return
        place, _, path = target.removeprefix(b"http://").partition(b"/")
        await self._relay(reader, writer, place.decode(), head.replace(target, b"/" + path))

    async def _socks(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        _, methods = await reader.readexactly(2)
        offered = await reader.readexactly(methods)
        if self.silent:
            await reader.read()
            return
        if self._credentials and 2 in offered:
            writer.write(b"\x05\x02")
            user = await reader.readexactly((await reader.readexactly(2))[1])
            password = await reader.readexactly((await reader.readexactly(1))[0])
            good = (user.decode(), password.decode()) == self._credentials
            writer.write(b"\x01\x00" if good else b"\x01\x01")
        else:
            writer.write(b"\x05\xff" if self._credentials else b"\x05\x00")
        _, _, _, kind = await reader.readexactly(4)
        if kind == 3:
            host = (await reader.readexactly((await reader.readexactly(1))[0])).decode()
        else:
            host = ".".join(map(str, await reader.readexactly(4)))
        (port,) = struct.unpack(">H", await reader.readexactly(2))
        self.targets.append(f"{host}:{port}")
        try:
            await self._relay(reader, writer, f"{host}:{port}", b"", b"\x05\x00\x00\x01\x7f\x00\x00\x01\x00\x00")
        except ConnectionRefusedError:
            writer.write(b"\x05\x05\x00\x01\x00\x00\x00\x00\x00\x00")
            await writer.drain()

    async def _relay(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        place: str,
        first: bytes,
        opened: bytes = b"",
    ) -> None:
        host, _, port = place.rpartition(":")  # raises ConnectionRefusedError before anything is answered
        there_reader, there_writer = await asyncio.open_connection(
            "127.0.0.1" if host == "localhost" else host, int(port)
        )
        writer.write(opened)
        there_writer.write(first)
        try:
            async with asyncio.TaskGroup() as group:
                back = group.create_task(_pour(there_reader, writer))
                await _pour(reader, there_writer)
                back.cancel()
        finally:
            there_writer.transport.abort()

    async def stop(self) -> None:
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


async def _pour(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65536):
        writer.write(data)
        await writer.drain()


@asynccontextmanager
async def run_proxy(
    kind: str = "http", *, credentials: tuple[str, str] | None = None, ssl_context: ssl.SSLContext | None = None
) -> AsyncIterator[Proxy]:
    """A proxy of `kind` (http, https, socks5, socks5h) on a free port; with `credentials`, for no one else."""
    proxy = Proxy(kind, credentials)
    server = await asyncio.start_server(proxy.serve, "127.0.0.1", 0, ssl=ssl_context)
    proxy.port = server.sockets[0].getsockname()[1]
    try:
        yield proxy
    finally:
        server.close()
        await proxy.stop()
        await server.wait_closed()
