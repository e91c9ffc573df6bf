"""What comes on a connection at rest, over our own transport, libcurl and a caller's connector of aiohttp."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from itertools import product
from pathlib import Path

import pytest
import trustme
from aiohttp import TCPConnector

from dragoman.transport.aiohttp import AiohttpTransport
from dragoman.transport.base import Route, Timeouts, Transport, read_all
from tests.support.raw import turns
from tests.support.server import Exchange, serve
from tests.transport.foreign import ask, browser, closing, native

pytestmark = pytest.mark.usefixtures("event_loop_kind")

ANSWERS = {
    "sized": b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello",
    "chunked": b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
}
UNASKED = {
    "an answer": b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nEVIL",
    "a part of one": b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nEV",
    "no HTTP": b"more",
}

Make = Callable[[], AbstractAsyncContextManager[Transport]]


@asynccontextmanager
async def kept() -> AsyncIterator[Transport]:
    """aiohttp that keeps connections, as a caller's own connector does."""
    async with TCPConnector() as connector, closing(AiohttpTransport(connector=connector)) as transport:
        yield transport


MAKES: dict[str, Make] = {"native": lambda: closing(native()), "libcurl": lambda: closing(browser()), "aiohttp": kept}


CASES = [
    (name, what, together)
    for name, what, together in product(MAKES, UNASKED, (False, True))
    if (name, what, together) != ("aiohttp", "no HTTP", True)  # it refuses the answer itself
]
"""The last: whether it comes with the answer before it."""


@pytest.fixture(params=[False, True], ids=["plain", "TLS"])
def certified(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[ssl.SSLContext | None, str | None]:
    """The context of a service, and the file of who has signed its certificate; None twice: it speaks no TLS."""
    if not request.param:
        return None, None
    ca, path = trustme.CA(), tmp_path / "ca.pem"
    ca.cert_pem.write_to_path(path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ca.issue_cert("localhost").configure_cert(context)
    return context, str(path)


@pytest.mark.parametrize(("name", "what", "together"), CASES)
@pytest.mark.parametrize("framing", ANSWERS)
async def test_what_nobody_asked_for_is_no_answer_to_the_next_request(
    name: str, what: str, together: bool, framing: str, certified: tuple[ssl.SSLContext | None, str | None]
) -> None:
    rests, sent = asyncio.Event(), asyncio.Event()

    async def handler(exchange: Exchange) -> None:
        exchange.ended = True
        first = not sent.is_set()
        await exchange.raw(ANSWERS[framing] + UNASKED[what] * (first and together))
        if first and not together:
            await rests.wait()
            await exchange.raw(UNASKED[what])
        sent.set()

    context, ca_file = certified
    async with asyncio.timeout(20), serve(handler, context) as server, MAKES[name]() as transport:
        route = Route(timeouts=Timeouts(first_byte=20.0, idle=20.0), ca_file=ca_file)
        assert await read_all(await transport.send(ask(server.url), route)) == b"hello"
        rests.set()
        await sent.wait()
        await turns(5)  # it has come
        assert await read_all(await transport.send(ask(server.url), route)) == b"hello"
        assert len(server.requests) == len(server.connections) == 2
