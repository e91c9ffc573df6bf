"""A caller's own aiohttp session or connector is really used, and stays the caller's."""

import pytest
from aiohttp import BaseConnector, ClientSession, ClientTimeout, TCPConnector
from aiohttp.client_reqrep import ClientRequest
from aiohttp.connector import Connection
from aiohttp.tracing import Trace

from dragoman.errors import ConfigurationError
from dragoman.transport.aiohttp import AiohttpTransport
from dragoman.transport.base import read_all
from tests.support.server import Exchange, serve
from tests.transport.foreign import PATIENT, ask, closing


class Counting(TCPConnector):
    """Counts how often a connection is asked for."""

    asked = 0

    async def connect(self, req: ClientRequest, traces: list[Trace], timeout: ClientTimeout) -> Connection:
        self.asked += 1
        return await super().connect(req, traces, timeout)


async def fine(exchange: Exchange) -> None:
    await exchange.reply(body=b"fine")


async def test_uses_a_callers_connector_and_leaves_it_open() -> None:
    connector = Counting()
    async with serve(fine) as server:
        for _ in range(2):
            async with closing(AiohttpTransport(connector=connector)) as transport:
                assert await read_all(await transport.send(ask(server.url), PATIENT)) == b"fine"
        assert connector.asked == 2
        assert not connector.closed
        assert len(server.connections) == 1
        await connector.close()


async def test_uses_a_callers_session_and_leaves_it_open() -> None:
    connector = Counting()
    async with serve(fine) as server, ClientSession(connector=connector, headers={"x-session": "mine"}) as session:
        async with closing(AiohttpTransport(session=session)) as transport:
            assert await read_all(await transport.send(ask(server.url), PATIENT)) == b"fine"
        assert connector.asked == 1
        assert not session.closed
        assert server.requests[0].headers["x-session"] == "mine"


async def test_a_session_and_a_connector_are_one_too_many() -> None:
    async with ClientSession() as session:
        connector: BaseConnector = TCPConnector()
        with pytest.raises(ConfigurationError, match="got both"):
            AiohttpTransport(session=session, connector=connector)
        await connector.close()


async def test_adds_nothing_to_the_requests_headers_but_what_http_needs() -> None:
    async with serve(fine) as server, closing(AiohttpTransport()) as transport:
        await read_all(await transport.send(ask(server.url), PATIENT))
    assert set(server.requests[0].headers) == {
        "host",
        "accept-encoding",
        "connection",
        "content-length",
        "content-type",
    }
    assert server.requests[0].headers["accept-encoding"] == "identity"


async def test_a_reply_read_to_its_end_gives_the_connection_back() -> None:
    connector = TCPConnector()
    async with serve(fine) as server, closing(AiohttpTransport(connector=connector)) as transport:
        for _ in range(3):
            assert await read_all(await transport.send(ask(server.url), PATIENT)) == b"fine"
        assert len(server.connections) == 1
        await connector.close()
