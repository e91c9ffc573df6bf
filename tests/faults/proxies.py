"""Proxies on the way to a service: each opens a tunnel, or plays a script instead. They know no dialect.

What passes through a tunnel is not changed, and its end is not either: the service's reset arrives as a reset.
"""

import asyncio
import socket
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Literal

from msgspec import Struct

from tests.faults.wire import Listening, Steps, Wire

Kind = Literal["connect", "socks5", "forward"]
"""CONNECT of HTTP, for services with TLS; SOCKS 5; or requests with whole URLs, which the service itself is sent."""

SCHEMES: dict[Kind, str] = {"connect": "http", "socks5": "socks5h", "forward": "http"}


class Way(Struct, frozen=True):
    """The proxy on the way to a service, and what is wrong with it."""

    kind: Kind
    steps: Steps | None = None
    """What it plays in place of an answer; None: it opens the tunnel."""
    turn: int = 0
    """In place of which of its answers: SOCKS has three."""
    there: bool = True
    """Whether it listens."""


async def _head(wire: Wire) -> None:
    await wire.read(b"\r\n\r\n")


async def _greeting(wire: Wire) -> None:
    _, methods = await wire.read_exactly(2)
    await wire.read_exactly(methods)


async def _credentials(wire: Wire) -> None:
    _, user = await wire.read_exactly(2)
    await wire.read_exactly(user)
    (password,) = await wire.read_exactly(1)
    await wire.read_exactly(password)


async def _target(wire: Wire) -> None:
    await wire.read_exactly(4)
    await wire.read_exactly(6)  # an IPv4 address and a port


TURNS: dict[Kind, tuple[tuple[Callable[[Wire], Awaitable[None]], bytes], ...]] = {
    "connect": ((_head, b"HTTP/1.1 200 Connection established\r\n\r\n"),),
    "socks5": (
        (_greeting, b"\x05\x02"),
        (_credentials, b"\x01\x00"),
        (_target, b"\x05\x00\x00\x01\x7f\x00\x00\x01\x00\x00"),
    ),
}
"""What each reads, and its answer that leads on."""


class Tunnels(Listening):
    """A proxy that leads to `port` of this machine, whatever is asked for."""

    def __init__(self, way: Way, port: int) -> None:
        super().__init__()
        self._way = way
        self._to = port

    async def serve(self, wire: Wire) -> None:
        wire.idle = False
        way = self._way
        for number, (read, answer) in enumerate(TURNS[way.kind]):
            await read(wire)
            steps = way.steps if way.steps is not None and number == way.turn else (answer,)
            if not await wire.play(steps):
                return
        with socket.socket() as service:
            service.setblocking(False)
            await asyncio.get_running_loop().sock_connect(service, ("127.0.0.1", self._to))
            wire.idle = True  # the service's own connection says more
            await _pass(wire, service)


async def _pass(wire: Wire, service: socket.socket) -> None:
    # Read without a buffer, because asyncio's streams drop what they hold when a reset comes.
    loop = asyncio.get_running_loop()
    rising = loop.create_task(_pass_up(wire, service))
    try:
        while data := await loop.sock_recv(service, 1 << 16):
            await wire.send(data)
    except ConnectionResetError:
        wire.reset()
    finally:
        rising.cancel()
        await asyncio.gather(rising, return_exceptions=True)


async def _pass_up(wire: Wire, service: socket.socket) -> None:
    while data := await wire.read_some():
        await asyncio.get_running_loop().sock_sendall(service, data)
    with suppress(OSError):
        service.shutdown(socket.SHUT_WR)
