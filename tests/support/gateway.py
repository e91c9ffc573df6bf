"""A gateway in the test's own loop, and a caller that shows each chunk and how the answer ended."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from urllib.parse import urlsplit

from msgspec import Struct

from dragoman.client import Client
from dragoman.config import Config, GatewayConfig
from dragoman.gateway import Gateway, ServerTimeouts
from dragoman.gateway.observe import Observer
from dragoman.gateway.serving.lasting.colleagues import Colleagues
from dragoman.gateway.serving.listening import bind
from dragoman.gateway.serving.server import Server
from dragoman.gateway.telemetry import Pipelines, exporting
from dragoman.wire import json

LOCAL = Config(gateway=GatewayConfig(port=0))
"""Nothing but the offline models."""


class Running(Struct, frozen=True):
    """A gateway that listens at `url`."""

    url: str
    gateway: Gateway
    server: Server


@asynccontextmanager
async def running(
    config: Config = LOCAL,
    *,
    client: Client | None = None,
    timeouts: ServerTimeouts | None = None,
    observers: Sequence[Observer] = (),
    pipelines: Callable[[], Pipelines] = exporting,
    colleagues: Colleagues | None = None,
) -> AsyncIterator[Running]:
    """A gateway that serves until the block ends."""
    gateway = Gateway(
        config, client=client, timeouts=timeouts or ServerTimeouts(grace=0), observers=observers, pipelines=pipelines
    )
    server = Server(gateway, colleagues)
    ready = asyncio.Event()
    listeners = bind(config.gateway.host, 0)
    serving = asyncio.create_task(server.run(listeners, ready.set))
    try:
        await ready.wait()
        yield Running(f"http://127.0.0.1:{listeners[0].getsockname()[1]}", gateway, server)
    finally:
        server.stop()
        await serving


@asynccontextmanager
async def running_gateway(
    config: Config = LOCAL, *, client: Client | None = None, timeouts: ServerTimeouts | None = None
) -> AsyncIterator[str]:
    """The URL of a gateway that serves until the block ends."""
    async with running(config, client=client, timeouts=timeouts) as up:
        yield up.url


class Got(Struct, frozen=True):
    """An answer as it came."""

    status: int
    headers: dict[str, str]
    chunks: list[bytes]
    """The chunks of HTTP."""
    clean: bool
    """Whether the end of the transfer has come."""

    @property
    def body(self) -> bytes:
        """All chunks."""
        return b"".join(self.chunks)

    @property
    def text(self) -> str:
        """All chunks, as text."""
        return self.body.decode()


class CallerConnection:
    """One connection of a caller, read piece by piece."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, host: str) -> None:
        self.reader = reader
        self.writer = writer
        self.headers: dict[str, str] = {}
        self._host = host

    def send(
        self,
        method: str,
        path: str,
        headers: Mapping[str, str] | None = None,
        body: bytes = b"",
        *,
        length: bool = True,
    ) -> None:
        """A request; a header of the value "" is left out."""
        said = {"Host": self._host} | ({"Content-Length": str(len(body))} if length and body else {})
        said |= headers or {}
        lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in said.items() if value)]
        self.writer.write("\r\n".join([*lines, "\r\n"]).encode("latin-1") + body)

    async def head(self) -> int:
        """The status of the answer; its headers are kept."""
        lines = (await self.reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        self.headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:-2])}
        return int(lines[0].split(" ")[1])

    async def chunk(self) -> bytes:
        """The next chunk; b"" is the clean end. Raises asyncio.IncompleteReadError where there is no end."""
        size = int((await self.reader.readuntil(b"\r\n"))[:-2], 16)
        return (await self.reader.readexactly(size + 2))[:-2]

    async def answer(self) -> Got:
        """The whole answer."""
        return await self.rest(await self.head())

    async def rest(self, status: int) -> Got:
        """The answer whose head was read, as far as it was not."""
        if "content-length" in self.headers:
            body = await self.reader.readexactly(int(self.headers["content-length"]))
            return Got(status, self.headers, [body], clean=True)
        if status == 204:
            return Got(status, self.headers, [], clean=True)
        chunks: list[bytes] = []
        try:
            while chunk := await self.chunk():
                chunks.append(chunk)
        except asyncio.IncompleteReadError:
            return Got(status, self.headers, chunks, clean=False)
        return Got(status, self.headers, chunks, clean=True)


@asynccontextmanager
async def connect(url: str) -> AsyncIterator[CallerConnection]:
    """A connection to `url`."""
    parts = urlsplit(url)
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
    try:
        yield CallerConnection(reader, writer, parts.netloc)
    finally:
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()


async def ask(url: str, method: str, path: str, headers: Mapping[str, str] | None = None, body: bytes = b"") -> Got:
    """The whole answer to one request over a connection of its own."""
    async with connect(url) as wire:
        wire.send(method, path, headers, body)
        return await wire.answer()


def chat_body(text: str, model: str = "offline/script", *, stream: bool = False, **more: object) -> bytes:
    """The body of a question in OpenAI's protocol."""
    return json.encode({"model": model, "stream": stream, "messages": [{"role": "user", "content": text}]} | more)


async def chat(
    url: str,
    text: str,
    model: str = "offline/script",
    *,
    stream: bool = False,
    headers: Mapping[str, str] | None = None,
) -> Got:
    """The whole answer to `text`, asked in OpenAI's protocol."""
    return await ask(url, "POST", "/v1/chat/completions", headers, chat_body(text, model, stream=stream))
