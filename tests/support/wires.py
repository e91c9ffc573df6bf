"""A gateway between a caller and a service that a test plays by hand, read by read, without sockets."""

import asyncio
import math
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any, cast

from dragoman.client import Client
from dragoman.config import Config, GatewayConfig, ProviderConfig
from dragoman.gateway import ServerTimeouts
from dragoman.gateway.app import Gateway
from dragoman.gateway.http.connection import ServerConnection
from dragoman.gateway.serving.server import Server
from dragoman.loop.alarms import Alarms
from dragoman.loop.outbox import Outbox
from dragoman.transport.base import CallbackTransport, Reply, Route, Timeouts
from dragoman.transport.http.target import head, parse
from dragoman.transport.native.buffer import Buffer
from dragoman.transport.native.connection import Connection
from dragoman.transport.native.exchange import sent
from dragoman.transport.native.keeper import Keeper
from dragoman.transport.native.outgoing_request import OutgoingRequest
from dragoman.transport.native.pool import Pool
from dragoman.transport.native.template import NativeTemplate
from dragoman.types import HttpRequest, Outcome

Make = Callable[[str, Alarms, Outbox, Buffer, Keeper], Connection]


class Plug:
    """The socket of a wire, as far as it is asked for."""

    def fileno(self) -> int:
        return 9

    def setsockopt(self, *_: object) -> None:
        """Takes every option."""


class Wire(asyncio.Transport):
    """One end of a connection; the test is the other end."""

    def __init__(self, protocol: asyncio.BaseProtocol, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__()
        self.written = bytearray()
        """What was sent, and the test has not taken."""
        self.lost = False
        self._protocol = protocol
        self._loop = loop
        self._coming: deque[bytes | None] = deque()
        self._paused = self._closing = False

    # The test's side.

    def deliver(self, data: bytes | None) -> None:
        """Bytes arrive as one read, or the end (None); if reading pauses, they wait."""
        self._coming.append(data)
        self._flush()

    def lose(self) -> None:
        """The connection is gone."""
        if not self.lost:
            self.lost = self._closing = True
            self._protocol.connection_lost(None)

    def _flush(self) -> None:
        while self._coming and not self._paused and not self._closing:
            data = self._coming.popleft()
            protocol = self._protocol
            if data is None:
                if not cast("asyncio.Protocol", protocol).eof_received():
                    self.lose()
            elif isinstance(protocol, asyncio.BufferedProtocol):
                window = cast("memoryview", protocol.get_buffer(-1))
                window[: len(data)] = data
                protocol.buffer_updated(len(data))
            else:
                cast("asyncio.Protocol", protocol).data_received(data)

    # asyncio's side.

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.written += data

    def write_eof(self) -> None:
        """Nothing more is sent."""

    def get_write_buffer_size(self) -> int:
        return 0

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """The test says when its end does not read."""

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return Plug() if name == "socket" else default

    def is_closing(self) -> bool:
        return self._closing

    def close(self) -> None:
        self.abort()

    def abort(self) -> None:
        if not self._closing:
            self._closing = True
            self._loop.call_soon(self.lose)

    def pause_reading(self) -> None:
        self._paused = True

    def resume_reading(self) -> None:
        self._paused = False
        self._loop.call_soon(self._flush)


class PlayedTransport(CallbackTransport):
    """The native transport on wires. `make` makes its connections."""

    def __init__(self, make: Make = Connection) -> None:
        self.wires: list[Wire] = []
        self._make = make
        self._buffer = Buffer()
        self._pool: Pool | None = None
        self._alarms: Alarms | None = None

    async def send(self, request: HttpRequest, route: Route) -> Reply:
        return await self._sent(request, route, math.inf)

    def ask(self, request: HttpRequest, route: Route) -> Awaitable[Reply]:
        first_token = route.timeouts.first_token
        return self._sent(request, route, math.inf if first_token is None else first_token)

    async def _sent(self, request: HttpRequest, route: Route, first_token: float) -> Reply:
        pool = self._of(request.url)
        content = asyncio.get_running_loop().time() + first_token
        outgoing = OutgoingRequest(
            head(request, parse(request.url, None, None)), request.body, route.timeouts, math.inf, content
        )
        return pool.as_reply(await sent(pool, outgoing, asyncio.get_running_loop()))

    def template(self, request: HttpRequest, route: Route) -> NativeTemplate:
        return NativeTemplate(request, parse(request.url, None, None), self._of(request.url), route.timeouts)

    def close(self) -> None:
        if self._pool is not None:
            self._pool.close()

    def _of(self, url: str) -> Pool:
        if self._pool is None:
            self._pool = Pool(parse(url, None, None).origin, 10_000, self._dial)
        return self._pool

    async def _dial(self, timeouts: Timeouts, ends: float, keeper: Keeper) -> Connection:
        loop = asyncio.get_running_loop()
        if self._alarms is None:
            self._alarms = Alarms(loop)
        connection = self._make("up", self._alarms, Outbox(loop), self._buffer, keeper)
        wire = Wire(connection, loop)
        self.wires.append(wire)
        connection.connection_made(wire)
        return connection


class Stage:
    """A gateway in front of one service of `dialect`, called `up`."""

    def __init__(self, dialect: str, *, make: Make = Connection, max_answer: int | None = None) -> None:
        up = ProviderConfig(protocol=dialect, url="http://up.invalid/v1", api_key="k", max_answer=max_answer)
        config = Config(gateway=GatewayConfig(port=0), providers={"up": up})
        self.transport = PlayedTransport(make)
        self.outcomes: list[Outcome] = []
        client = Client(config, transport=self.transport)
        # No multiple of it is a timeout, so that no two timers fire at the same time.
        waits = ServerTimeouts(grace=0, heartbeat=13.37)
        self.gateway = Gateway(config, client=client, timeouts=waits, observers=(self.outcomes.append,))
        self.server = Server(self.gateway)

    async def ask(self, path: str, body: bytes, *, version: bytes = b"HTTP/1.1") -> "Play":
        """A new caller asks; returns once the service has been asked."""
        loop = asyncio.get_running_loop()
        current = self.server.current
        connection = ServerConnection(current, current.shared)
        caller = Wire(connection, loop)
        connection.connection_made(caller)
        fields = (
            b"host: localhost\r\nx-request-id: one\r\ncontent-type: application/json\r\ncontent-length: %d\r\n"
            % len(body)
        )
        caller.deliver(b"POST %b %b\r\n%b\r\n%b" % (path.encode(), version, fields, body))
        for _ in range(20):
            await asyncio.sleep(0)
            asked = [wire for wire in self.transport.wires if wire.written and not wire.lost]
            if asked:
                asked[0].written.clear()
                return Play(connection, caller, asked[0])
        raise AssertionError(f"the service was not asked: {bytes(caller.written)!r}")

    async def aclose(self) -> None:
        """Ends all."""
        self.transport.close()
        await self.gateway.aclose()


class Play:
    """One request: the caller's wire and the service's."""

    def __init__(self, connection: ServerConnection[Any], caller: Wire, service: Wire) -> None:
        self.caller = caller
        self.service = service
        self._connection = connection

    def pause(self) -> None:
        """The caller does not read."""
        if self._connection.congested is None and not self.caller.is_closing():
            self._connection.pause_writing()

    def resume(self) -> None:
        """The caller reads again."""
        if self._connection.congested is not None and not self.caller.is_closing():
            self._connection.resume_writing()


def unframed(sent: bytes) -> tuple[bytes, bytes, str]:
    """The head of a response, its body, and how it ends: `whole`, `open` between two chunks; fails within a chunk."""
    top, _, rest = sent.partition(b"\r\n\r\n")
    if b"transfer-encoding: chunked" not in top:
        return top, rest, "plain"
    body = bytearray()
    while rest:
        size, _, rest = rest.partition(b"\r\n")
        length = int(size, 16)
        if not length:
            assert rest == b"\r\n"
            return top, bytes(body), "whole"
        assert rest[length : length + 2] == b"\r\n", "half a chunk"
        body += rest[:length]
        rest = rest[length + 2 :]
    return top, bytes(body), "open"
