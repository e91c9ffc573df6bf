"""Without a descriptor left no service can be reached, which is ours to say, and nobody else's fault."""

import os
import resource
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from dragoman.errors import OverloadedError
from dragoman.transport.base import Route, Transport, read_all
from tests.support.proxy import run_proxy
from tests.support.server import Exchange, serve
from tests.transport.foreign import ALL, PATIENT, Make, ask, browser, closing, native

pytestmark = pytest.mark.usefixtures("event_loop_kind")


@contextmanager
def no_descriptor() -> Iterator[None]:
    """Nothing more can be opened."""
    "known".encode("idna")  # Python reads its own code for that when it is first asked
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    free = os.open(os.devnull, os.O_RDONLY)
    os.close(free)
    resource.setrlimit(resource.RLIMIT_NOFILE, (free, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


async def fine(exchange: Exchange) -> None:
    await exchange.reply(headers={"connection": "close"}, body=b"fine")


async def exhausted_error(transport: Transport, url: str, way: Route) -> OverloadedError:
    """What is said while nothing can be opened."""
    with no_descriptor(), pytest.raises(OverloadedError) as caught:
        await transport.send(ask(url), way)
    return caught.value


@pytest.mark.parametrize("make", ALL)
@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "service.invalid"])
@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_says_that_the_fault_is_ours(make: Make, host: str, scheme: str) -> None:
    async with serve(fine) as server, closing(make()) as transport:
        error = await exhausted_error(transport, f"{scheme}://{host}:{server.port}", PATIENT)
        assert (error.status, error.code, error.provider) == (503, "overloaded", "dragoman")
        assert not error.retryable  # what fallback goes by: all other targets would fail alike
        assert await read_all(await transport.send(ask(server.url), PATIENT)) == b"fine"


@pytest.mark.parametrize("make", [native, browser])
@pytest.mark.parametrize("scheme", ["http", "socks5"])
async def test_a_proxy_is_not_blamed_either(make: Make, scheme: str) -> None:
    async with run_proxy(scheme) as proxy, closing(make()) as transport:
        error = await exhausted_error(transport, "http://service.invalid/", Route(proxy=proxy.url))
    assert error.provider == "dragoman"
