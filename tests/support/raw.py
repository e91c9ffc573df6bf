"""Requests as bytes, in whatever pieces, and all that is answered to them. Knows no model."""

import asyncio
from contextlib import suppress

from tests.support.gateway import CallerConnection, Got, connect

LIVE = b"GET /health/live HTTP/1.1\r\nHost: localhost\r\n\r\n"
LAST = b"GET /health/live HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
"""The same request, and as the last of its connection."""


def post(body: bytes, path: str = "/v1/chat/completions", *more: bytes) -> bytes:
    """A question with `more` header lines."""
    head = [b"POST %b HTTP/1.1" % path.encode(), b"Host: localhost", b"Content-Length: %d" % len(body), *more]
    return b"\r\n".join([*head, b"", body])


def chunked(body: bytes, *more: bytes, size: int = 7) -> bytes:
    """A question whose body comes in chunks of `size` bytes, with `more` header lines."""
    pieces = [body[at : at + size] for at in range(0, len(body), size)]
    head = [b"POST /v1/chat/completions HTTP/1.1", b"Host: localhost", b"Transfer-Encoding: chunked", *more]
    return b"\r\n".join([*head, b"", *(b"%x\r\n%b" % (len(piece), piece) for piece in pieces), b"0", b"", b""])


async def turns(number: int = 3) -> None:
    """Long enough for what was written to loopback to be read by a server in this loop."""
    for _ in range(number):
        await asyncio.sleep(0)


async def answers(wire: CallerConnection) -> list[Got]:
    """All answers until the connection closes, however it does."""
    found: list[Got] = []
    with suppress(asyncio.IncompleteReadError, ConnectionError):
        while True:
            found.append(await wire.answer())
    return found


async def talk(url: str, *pieces: bytes) -> list[Got]:
    """All answers to `pieces`, each of them a read of its own, until the connection closes."""
    async with connect(url) as wire:
        for number, piece in enumerate(pieces):
            if number:
                await turns()
            with suppress(ConnectionError):
                wire.writer.write(piece)
        return await answers(wire)


async def closing(wire: CallerConnection) -> bytes:
    """What is still said until the connection closes."""
    with suppress(ConnectionError):
        return await wire.reader.read()
    return b""
