"""A service that plays scripts over real sockets, and a proxy that plays one on what passes. Knows no dialect.

A script is a row of steps: bytes, which are sent, and actions. Each connection keeps a record of all bytes, both ways,
with their times.

    Service   reads a request, and answers it by the script under the first part of its path
    Proxy     passes both ways; after so many bytes of answers it plays its script, then goes on if that did not end it
"""

import asyncio
import re
import socket
import ssl
import struct
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from functools import partial
from typing import Literal, assert_never

from msgspec import Struct

from tests.faults.tls import Spoken, TlsProtocol

RESET = struct.pack("ii", 1, 0)
"""SO_LINGER on, for zero seconds: closing sends RST."""


WHOLE_URL = re.compile(r"^http://[^/]*")
"""What stands before the path if a request is sent to a proxy, whose part the service then plays."""


class Wait(Struct, frozen=True):
    """Nothing is sent for so many seconds."""

    seconds: float


class Drip(Struct, frozen=True):
    """These bytes, `size` at a time, and `gap` seconds between."""

    data: bytes
    size: int = 1
    gap: float = 0.0


class Stall(Struct, frozen=True):
    """Nothing more is sent; the connection stays until the peer closes it."""


class Fin(Struct, frozen=True):
    """The connection is closed, after what was sent."""


class Rst(Struct, frozen=True):
    """The connection is reset."""


LIMIT = 1 << 20
"""Bytes of a peer that are held unread."""
SHUTDOWN = 0.01
"""Seconds for the end of TLS, which a peer that does not look at its idle connections would never answer."""

Step = bytes | Wait | Drip | Stall | Fin | Rst
Steps = tuple[Step, ...]


class Script(Struct, frozen=True):
    """How one request is answered."""

    steps: Steps
    again: Steps | None = None
    """The steps for a request that is not the first of its script on its connection; None: the same."""
    reads: int | None = None
    """Bytes of the request's body that are read before; None: all."""


class Moment(Struct, frozen=True):
    """Bytes that passed, at a time of the loop's clock. `way`: towards the service, or from it."""

    at: float
    way: Literal["up", "down"]
    data: bytes


class Wire:
    """One connection, as its server sees it."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.record: list[Moment] = []
        self.idle = True
        """Whether no request is under way, and all answers so far were complete."""
        self.closed = False
        """Whether both ends are closed."""
        self.names: list[str] = []
        """The scripts that it has played."""
        self.joined = False
        """Whether what is sent at one time is sent in one piece, and the end at once after it."""
        self._reader = reader
        self._writer = writer
        self._clock = asyncio.get_running_loop().time

    def passed(self, way: Literal["up", "down"]) -> bytes:
        """All that passed so far in one direction."""
        return b"".join(moment.data for moment in self.record if moment.way == way)

    async def read(self, until: bytes) -> bytes:
        """What comes, up to this mark. Raises IncompleteReadError if the peer closes before."""
        return self._noted(await self._reader.readuntil(until))

    async def read_exactly(self, size: int) -> bytes:
        """So many bytes. Raises IncompleteReadError if the peer closes before."""
        return self._noted(await self._reader.readexactly(size))

    async def read_some(self) -> bytes:
        """What comes next; empty at the end."""
        return self._noted(await self._reader.read(1 << 16))

    async def send(self, data: bytes) -> None:
        """Sends; waits while the peer does not read. Raises ConnectionError if it has left."""
        self.record.append(Moment(self._clock(), "down", data))
        self._writer.write(data)
        await self._writer.drain()

    async def play(self, steps: Sequence[Step]) -> bool:
        """Plays these steps; False if one of them ends the connection."""
        for step in joined(steps) if self.joined else steps:
            match step:
                case bytes():
                    await self.send(step)
                    if not self.joined:
                        await asyncio.sleep(0)  # so that the next piece is likely to be a read of its own
                case Wait(seconds):
                    await asyncio.sleep(seconds)
                case Drip(data, size, gap):
                    for begin in range(0, len(data), size):
                        await self.send(data[begin : begin + size])
                        await asyncio.sleep(gap)
                case Stall():
                    with suppress(ConnectionError):
                        while await self.read_some():
                            pass
                    return False
                case Fin():
                    return False
                case Rst():
                    self.reset()
                    return False
                case _:
                    assert_never(step)
        return True

    def reset(self) -> None:
        """RST, at once."""
        made = self._writer.get_extra_info("socket")
        if made is not None:
            with suppress(OSError):
                made.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        self._writer.transport.abort()

    async def close(self) -> None:
        """FIN, and waits until the connection is gone."""
        self._writer.close()
        with suppress(OSError):
            await self._writer.wait_closed()
        self.closed = True

    def _noted(self, data: bytes) -> bytes:
        if data:
            self.record.append(Moment(self._clock(), "up", data))
        return data


def joined(steps: Sequence[Step]) -> list[Step]:
    """The same, in as few pieces as possible."""
    found: list[Step] = []
    for step in steps:
        last = found[-1] if found else None
        if isinstance(step, bytes) and isinstance(last, bytes):
            found[-1] = last + step
        else:
            found.append(step)
    return found


def _bound() -> socket.socket:
    # Only if its protocol is named, asyncio switches Nagle's algorithm off: else a reset discards what waits.
    made = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    made.bind(("127.0.0.1", 0))
    return made


class Listening:
    """What listens, and its connections so far."""

    def __init__(self) -> None:
        self.wires: list[Wire] = []
        self.port = 0
        """The last at which it has begun to listen."""
        self._tasks: set[asyncio.Task[None]] = set()
        self._servers: list[asyncio.Server] = []

    @property
    def open(self) -> list[Wire]:
        """The connections that are not closed."""
        self.wires = [wire for wire in self.wires if not wire.closed]
        return self.wires

    async def listen(self, sock: socket.socket | None = None, tls: ssl.SSLContext | Spoken | None = None) -> None:
        """Accepts from now on, at `sock` or at a free port of 127.0.0.1. May be called again, for another port."""
        if isinstance(tls, Spoken):
            await self._listen_spoken(sock or _bound(), tls)
            return
        patience = None if tls is None else SHUTDOWN
        server = await asyncio.start_server(
            self._accepted, sock=sock or _bound(), ssl=tls, ssl_shutdown_timeout=patience, limit=LIMIT
        )
        self._began(server)

    async def _listen_spoken(self, sock: socket.socket, spoken: Spoken) -> None:
        accepted = partial(self._accepted, joined=spoken.speech.joined)
        loop = asyncio.get_running_loop()
        self._began(await loop.create_server(lambda: TlsProtocol(spoken, accepted, LIMIT), sock=sock))

    def _began(self, server: asyncio.Server) -> None:
        self._servers.append(server)
        self.port = server.sockets[0].getsockname()[1]

    async def close(self) -> None:
        """Closes it, and all connections."""
        for server in self._servers:
            server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for server in self._servers:
            await server.wait_closed()

    async def serve(self, wire: Wire) -> None:
        """Serves one connection until it ends."""
        raise NotImplementedError

    def _accepted(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, joined: bool = False) -> None:
        wire = Wire(reader, writer)
        wire.joined = joined
        self.wires.append(wire)
        task = asyncio.get_running_loop().create_task(self._run(wire))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _run(self, wire: Wire) -> None:
        try:
            await self.serve(wire)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass  # the peer has left, as it may at any time
        finally:
            await wire.close()


class Request(Struct, frozen=True):
    """A request as far as it was read."""

    name: str
    """The first part of its path."""
    path: str
    headers: dict[str, str]
    body: bytes


class Service(Listening):
    """A service that answers by scripts."""

    def __init__(self) -> None:
        super().__init__()
        self.scripts: dict[str, Script] = {}
        """By the first part of the path."""
        self.requests: list[Request] = []
        self.heard: Callable[[Request], None] = lambda request: None
        """Told of each request, before it is answered."""

    async def serve(self, wire: Wire) -> None:
        going = True
        while going:
            head = await wire.read(b"\r\n\r\n")
            wire.idle = False
            first, *fields = head.decode("latin-1").split("\r\n")
            path = WHOLE_URL.sub("", first.split(" ")[1])
            headers = {name.lower(): value.strip() for name, _, value in (each.partition(":") for each in fields)}
            name = path.split("/")[1]
            script = self.scripts[name]
            size = int(headers.get("content-length", "0"))
            body = await wire.read_exactly(size if script.reads is None else min(script.reads, size))
            request = Request(name, path, headers, body)
            self.requests.append(request)
            self.heard(request)
            steps = script.again if name in wire.names and script.again is not None else script.steps
            wire.names.append(name)
            going = await wire.play(steps)
            wire.idle = going


class Player(Listening):
    """Plays its steps on each connection at once, whatever comes."""

    def __init__(self, steps: Steps) -> None:
        super().__init__()
        self._steps = steps

    async def serve(self, wire: Wire) -> None:
        wire.idle = False
        await wire.play(self._steps)


class Proxy(Listening):
    """Passes all bytes to and from `port`; after `after` bytes of a connection's answers it plays `steps`.

    Both may be changed, and hold for the connections that are made from then on.
    """

    def __init__(self, port: int, after: int, steps: Steps) -> None:
        super().__init__()
        self._to = port
        self.after = after
        self.steps = steps

    async def serve(self, wire: Wire) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", self._to)
        rising = asyncio.get_running_loop().create_task(_pass_up(wire, writer))
        try:
            left: int | None = self.after
            while data := await reader.read(1 << 16):
                if left is None or len(data) < left:
                    await wire.send(data)
                    left = None if left is None else left - len(data)
                    continue
                await wire.send(data[:left])
                if not await wire.play(self.steps):
                    return
                await wire.send(data[left:])
                left = None
        finally:
            rising.cancel()
            await asyncio.gather(rising, return_exceptions=True)
            writer.close()
            with suppress(ConnectionError):
                await writer.wait_closed()


async def _pass_up(wire: Wire, writer: asyncio.StreamWriter) -> None:
    while data := await wire.read_some():
        writer.write(data)
        await writer.drain()
    writer.close()


class Unheard:
    """A port of 127.0.0.1 at which connections are refused, until something listens there."""

    def __init__(self) -> None:
        self._sock = _bound()
        self._waiting: list[socket.socket] = []
        self.port = int(self._sock.getsockname()[1])

    def fill(self) -> None:
        """From now on connections are neither accepted nor refused, because the queue is full."""
        self._sock.listen(0)
        for _ in range(2):
            waiting = socket.socket()
            waiting.setblocking(False)
            with suppress(BlockingIOError):
                waiting.connect(self._sock.getsockname())
            self._waiting.append(waiting)

    async def listen(self, listening: Listening, tls: ssl.SSLContext | Spoken | None = None) -> None:
        """From now on `listening` accepts here, and what has waited is closed."""
        self.empty()
        await listening.listen(self._sock.dup(), tls)

    def close(self) -> None:
        """Frees the port."""
        self.empty()
        self._sock.close()

    def empty(self) -> None:
        """Closes what has filled the queue."""
        while self._waiting:
            self._waiting.pop().close()


@asynccontextmanager
async def listening(*services: Listening, tls: ssl.SSLContext | Spoken | None = None) -> AsyncIterator[None]:
    """All of them accept until the block ends."""
    for each in services:
        await each.listen(tls=tls)
    try:
        yield
    finally:
        for each in services:
            await each.close()
