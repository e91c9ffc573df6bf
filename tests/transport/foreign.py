"""What the tests of several transports share: how to make each, and routes with short timeouts."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from dragoman.errors import DragomanError
from dragoman.transport.aiohttp import AiohttpTransport
from dragoman.transport.base import Reply, Route, Timeouts, Transport
from dragoman.transport.browser import BrowserTransport
from dragoman.transport.native import NativeTransport
from dragoman.types import HttpRequest

Make = Callable[[], Transport]


def browser() -> Transport:
    return BrowserTransport("chrome107")


def aiohttp() -> Transport:
    return AiohttpTransport()


def native() -> Transport:
    return NativeTransport()


BOTH = [browser, aiohttp]
ALL = [native, browser, aiohttp]

SOON = 0.05
"""Seconds: a limit that is meant to pass."""

PATIENT = Route(timeouts=Timeouts(total=30.0))


def route(**timeouts: float | None) -> Route:
    """A route with these timeouts."""
    return Route(timeouts=Timeouts(**timeouts))


@asynccontextmanager
async def closing(transport: Transport) -> AsyncIterator[Transport]:
    """`transport`, closed at the end."""
    try:
        yield transport
    finally:
        transport.close()


def ask(url: str, *, mark_chunks: bool = False) -> HttpRequest:
    """A small POST."""
    return HttpRequest(url=url, headers=(("content-type", "text/plain"),), body=b"hello", mark_chunks=mark_chunks)


async def pieces_of(reply: Reply) -> tuple[list[bytes], DragomanError | None]:
    """All pieces, and what the end raised."""
    pieces: list[bytes] = []
    try:
        while batch := await reply.read():
            pieces += batch
    except DragomanError as error:
        return pieces, error
    return pieces, None
