"""A caller's own aiohttp session or connector is really used, and stays the caller's."""

from pathlib import Path

import pytest
from aiohttp import BaseConnector, ClientSession, ClientTimeout, TCPConnector
from aiohttp.client_reqrep import ClientRequest
from aiohttp.connector import Connection
from aiohttp.tracing import Trace

from dragoman.errors import ConfigurationError, TruncatedStreamError
from dragoman.transport.aiohttp import AiohttpTransport
from dragoman.transport.base import Route, read_all
from tests.faults.certificates import authority as certificates
from tests.faults.certificates import certificate
from tests.faults.tls import End, Secrets, Speech
from tests.faults.wire import Fin, Script, Service, Wait, listening
from tests.support.server import Exchange, serve
from tests.transport.foreign import PATIENT, ask, closing, pieces_of


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


@pytest.mark.parametrize("end", ["alert", "a bad record"])
@pytest.mark.parametrize("complete", [True, False])
async def test_what_came_before_a_failure_of_tls_is_read(complete: bool, end: End, tmp_path: Path) -> None:
    """Text and failure come in one read, of which event loops drop all if the last of it is a failure."""
    answer = b"5\r\nhello\r\n" + b"0\r\n\r\n" * complete
    service = Service()
    service.scripts["x"] = Script((b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n", Wait(0.01), answer, Fin()))
    secrets = Secrets(certificate(), tmp_path)
    certificates().cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    async with (
        listening(service, tls=secrets.spoken(Speech(joined=True, end=end))),
        closing(AiohttpTransport()) as transport,
    ):
        route = Route(ca_file=str(tmp_path / "ca.pem"))
        pieces, error = await pieces_of(await transport.send(ask(f"https://127.0.0.1:{service.port}/x"), route))
    assert pieces == [b"hello"]
    assert (error is None) is complete
    assert error is None or isinstance(error, TruncatedStreamError)
    secrets.close()
