"""HTTP/2, which libcurl speaks over TLS: what becomes of a request that is not answered, and if it is sent again."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import pytest

from dragoman.errors import ConnectError, TruncatedStreamError
from dragoman.transport.base import Route, Timeouts, Transport
from tests.faults.certificates import authority, trusted
from tests.faults.h2 import (
    ALPN,
    INTERNAL_ERROR,
    NO_ERROR,
    REFUSED_STREAM,
    Act,
    Acts,
    H2Service,
    data,
    end,
    go_away,
    headers,
    reset,
)
from tests.faults.wire import Fin, Rst, Unheard, Wait
from tests.transport.foreign import ask, browser, closing, pieces_of

HEAD = headers(200, ("content-type", "text/plain"))
WELL: Acts = (HEAD, data(b"one"), data(b"two"), end())


@pytest.fixture(scope="module")
def ca_file(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Who signs what the service presents."""
    path = tmp_path_factory.mktemp("trust") / "ca.pem"
    authority().cert_pem.write_to_path(str(path))
    return str(path)


@asynccontextmanager
async def answering(port: Unheard, acts: Acts) -> AsyncIterator[H2Service]:
    """A service at `port` until the block ends; then its connections are closed, and nobody says so in HTTP/2."""
    service = H2Service(acts)
    await port.listen(service, trusted(ALPN))
    try:
        yield service
    finally:
        await service.close()


@pytest.fixture
def port() -> Iterator[Unheard]:
    """Where the services of a test listen, one after another."""
    made = Unheard()
    yield made
    made.close()


async def answer(transport: Transport, port: Unheard, ca_file: str, **timeouts: float) -> bytes:
    """The whole body. Raises DragomanError."""
    route = Route(timeouts=Timeouts(**{"total": 30.0, **timeouts}), ca_file=ca_file)
    reply = await transport.send(ask(f"https://127.0.0.1:{port.port}/x"), route)
    pieces, error = await pieces_of(reply)
    if error is not None:
        raise error
    return b"".join(pieces)


async def test_requests_share_a_connection(port: Unheard, ca_file: str) -> None:
    async with closing(browser()) as transport, answering(port, WELL) as service:
        for _ in range(3):
            assert await answer(transport, port, ca_file) == b"onetwo"
        assert len(service.wires) == 1


async def test_a_kept_connection_that_was_closed_is_replaced(port: Unheard, ca_file: str) -> None:
    async with closing(browser()) as transport:
        for _ in range(3):
            async with answering(port, WELL) as service:
                assert await answer(transport, port, ca_file) == b"onetwo"
                assert len(service.wires) == 1


@pytest.mark.parametrize("last", [Fin(), Rst()], ids=["fin", "rst"])
async def test_a_request_is_sent_once_more_and_not_again(last: Act, port: Unheard, ca_file: str) -> None:
    async with closing(browser()) as transport:
        async with answering(port, WELL):
            await answer(transport, port, ca_file)
        async with answering(port, (last,)) as service:
            with pytest.raises(TruncatedStreamError) as caught:
                await answer(transport, port, ca_file)
            assert len(service.wires) == 1
        assert caught.value.maybe_billed


@pytest.mark.parametrize(
    "acts",
    [(reset(INTERNAL_ERROR),), (headers(103), Rst()), (HEAD, Fin()), (HEAD, data(b"one"), Rst())],
    ids=["refused", "early hint", "head", "content"],
)
async def test_what_was_answered_in_part_is_not_sent_again(acts: Acts, port: Unheard, ca_file: str) -> None:
    async with closing(browser()) as transport, answering(port, WELL) as service:
        await answer(transport, port, ca_file)
        service.steps = acts
        with pytest.raises(TruncatedStreamError):
            await answer(transport, port, ca_file)
        assert service.requests == 2


async def test_what_a_service_had_time_to_run_is_not_sent_again(
    port: Unheard, ca_file: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # After a reset libcurl sends it again by itself.
    monkeypatch.setattr("dragoman.transport.browser.browser.AT_ONCE", 0.1)
    async with closing(browser()) as transport, answering(port, WELL) as service:
        await answer(transport, port, ca_file)
        service.steps = (Wait(0.3), Fin())
        with pytest.raises(TruncatedStreamError):
            await answer(transport, port, ca_file)
        assert service.requests == 2


@pytest.mark.parametrize(
    "acts",
    [(reset(REFUSED_STREAM),), (go_away(NO_ERROR, served=False), Fin())],
    ids=["RST_STREAM", "GOAWAY"],
)
async def test_what_was_not_processed_has_not_run(acts: Acts, port: Unheard, ca_file: str) -> None:
    async with closing(browser()) as transport, answering(port, acts) as service:
        with pytest.raises(ConnectError, match="took no request") as caught:
            await answer(transport, port, ca_file)
        assert not caught.value.maybe_billed
        assert service.requests == 6
