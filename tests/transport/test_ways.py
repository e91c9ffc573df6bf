"""Ways to a service through other libraries: TLS, certificates of one's own, proxies."""

import asyncio
import socket
import ssl
import traceback
from pathlib import Path

import pytest
import trustme

from dragoman.errors import ConfigurationError, ConnectError, DragomanError, TimeoutError, TruncatedStreamError
from dragoman.transport.aiohttp import AiohttpTransport
from dragoman.transport.base import Route, Timeouts, read_all
from dragoman.transport.browser import BrowserTransport
from dragoman.types import HttpRequest
from tests.support.proxy import run_proxy
from tests.support.server import Exchange, serve
from tests.transport.foreign import BOTH, PATIENT, SOON, Make, aiohttp, ask, browser, closing, route

both = pytest.mark.parametrize("make", BOTH)


async def fine(exchange: Exchange) -> None:
    await exchange.reply(body=b"fine")


async def endless(exchange: Exchange) -> None:
    await exchange.head()
    await exchange.chunk(b"hello")
    await exchange.closed()


@pytest.fixture(scope="module")
def ca() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def ca_file(ca: trustme.CA, tmp_path: Path) -> str:
    path = tmp_path / "ca.pem"
    ca.cert_pem.write_to_path(path)
    return str(path)


def context(ca: trustme.CA, name: str = "localhost") -> ssl.SSLContext:
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ca.issue_cert(name).configure_cert(made)
    return made


@both
async def test_trusts_the_certificates_of_the_given_file(make: Make, ca: trustme.CA, ca_file: str) -> None:
    async with serve(fine, context(ca)) as server, closing(make()) as transport:
        for _ in range(2):
            reply = await transport.send(ask(server.url), Route(ca_file=ca_file))
            assert await read_all(reply) == b"fine"


@both
async def test_trusts_no_certificate_of_an_unknown_hand(make: Make, ca: trustme.CA) -> None:
    async with serve(fine, context(ca)) as server, closing(make()) as transport:
        with pytest.raises(ConnectError) as caught:
            await transport.send(ask(server.url), PATIENT)
    assert (caught.value.code, caught.value.retryable) == ("tls_error", False)


@both
async def test_trusts_no_certificate_of_another_host(make: Make, ca: trustme.CA, ca_file: str) -> None:
    async with serve(fine, context(ca, "elsewhere.example")) as server, closing(make()) as transport:
        with pytest.raises(ConnectError) as caught:
            await transport.send(ask(server.url), Route(ca_file=ca_file))
    assert (caught.value.code, caught.value.retryable) == ("tls_error", False)


@both
async def test_an_early_close_reaches_the_server_through_tls(make: Make, ca: trustme.CA, ca_file: str) -> None:
    async with serve(endless, context(ca)) as server, closing(make()) as transport:
        reply = await transport.send(ask(server.url), Route(ca_file=ca_file))
        assert await reply.read() == [b"hello"]
        reply.close()
        await asyncio.wait_for(server.peer_closed(), 5)


async def test_names_the_wait_for_tls() -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        async with closing(BrowserTransport("chrome107")) as transport:
            url = f"https://127.0.0.1:{silent.getsockname()[1]}"
            with pytest.raises(TimeoutError) as caught:
                await transport.send(ask(url), route(connect=SOON * 6, tls=SOON))
    assert caught.value.phase == "tls"


async def test_names_the_wait_for_the_proxy() -> None:
    async with run_proxy() as proxy, closing(BrowserTransport("chrome107")) as transport:
        proxy.silent = True
        way = Route(timeouts=Timeouts(connect=SOON * 6, tls=SOON, proxy=SOON), proxy=proxy.url)
        with pytest.raises(TimeoutError) as caught:
            await transport.send(ask("https://service.example/"), way)
    assert caught.value.phase == "proxy"


@both
async def test_sends_the_whole_url_to_an_http_proxy(make: Make) -> None:
    async with serve(fine) as proxy, closing(make()) as transport:
        way = Route(proxy=f"http://ada:lovelace@127.0.0.1:{proxy.port}")
        reply = await transport.send(ask("http://service.example/chat"), way)
        assert await read_all(reply) == b"fine"
    seen = proxy.requests[0]
    assert (seen.path, seen.headers["host"]) == ("http://service.example/chat", "service.example")
    assert seen.headers["proxy-authorization"] == "Basic YWRhOmxvdmVsYWNl"


@both
async def test_goes_through_a_tunnel_to_an_https_service(make: Make, ca: trustme.CA, ca_file: str) -> None:
    async with serve(fine, context(ca)) as server, run_proxy() as proxy, closing(make()) as transport:
        reply = await transport.send(ask(server.url), Route(ca_file=ca_file, proxy=proxy.url))
        assert (reply.head.status, await read_all(reply)) == (200, b"fine")
        assert proxy.targets == [f"localhost:{server.port}"]


@both
@pytest.mark.parametrize("url", ["https://service.example/", "http://service.example/"])
async def test_says_that_the_proxy_refused(make: Make, url: str) -> None:
    async def refuse(exchange: Exchange) -> None:
        await exchange.reply(407)

    async with serve(refuse) as proxy, closing(make()) as transport:
        way = Route(proxy=f"http://ada:lovelace@127.0.0.1:{proxy.port}")
        with pytest.raises(ConnectError, match="407") as caught:
            await transport.send(ask(url), way)
    assert caught.value.code == "proxy_error"
    assert "lovelace" not in str(caught.value)


@both
async def test_says_that_there_is_no_proxy(make: Make) -> None:
    async with closing(make()) as transport:
        with pytest.raises(ConnectError) as caught:
            await transport.send(ask("http://service.example/"), Route(proxy="http://ada:lovelace@127.0.0.1:1"))
    assert caught.value.code == "proxy_error"
    assert "lovelace" not in str(caught.value)


@both
@pytest.mark.parametrize("proxy", ["gopher://ada:lovelace@127.0.0.1:1", "http://", "ada:lovelace@127.0.0.1"])
async def test_refuses_what_is_no_proxy(make: Make, proxy: str) -> None:
    async with closing(make()) as transport:
        with pytest.raises(ConfigurationError) as caught:
            await transport.send(ask("http://127.0.0.1:1"), Route(proxy=proxy))
    assert "lovelace" not in str(caught.value)


@pytest.mark.parametrize("scheme", ["socks5", "socks5h"])
async def test_a_browser_goes_through_socks(scheme: str) -> None:
    async with (
        serve(fine) as server,
        run_proxy(scheme, credentials=("ada", "lovelace")) as proxy,
        closing(BrowserTransport("chrome107")) as transport,
    ):
        way = Route(proxy=proxy.with_credentials("ada", "lovelace"))
        reply = await transport.send(ask(server.url), way)
        assert await read_all(reply) == b"fine"
        assert proxy.targets == [f"127.0.0.1:{server.port}"]


async def test_aiohttp_says_that_it_cannot_speak_socks() -> None:
    async with closing(AiohttpTransport()) as transport:
        with pytest.raises(ConfigurationError, match="SOCKS"):
            await transport.send(ask("http://127.0.0.1:1"), Route(proxy="socks5://127.0.0.1:1"))


GARBAGE = b"SSH-2.0-OpenSSH\r\n\r\n"


@pytest.mark.parametrize(
    ("make", "answer"),
    # aiohttp does not say whether a connection ended before the tunnel was open or after it.
    [(aiohttp, GARBAGE), (browser, GARBAGE), (browser, b"HTTP/1.1 200 Connec"), (browser, b"")],
)
async def test_a_proxy_that_does_not_answer_in_http_is_told_as_such(make: Make, answer: bytes) -> None:
    async def garbled(exchange: Exchange) -> None:
        await exchange.raw(answer)

    async with serve(garbled) as proxy, closing(make()) as transport:
        way = Route(proxy=f"http://ada:lovelace@127.0.0.1:{proxy.port}")
        with pytest.raises(ConnectError) as caught:
            await transport.send(ask("https://service.example/"), way)
    assert (caught.value.code, caught.value.sent) == ("proxy_error", False)


@both
@pytest.mark.parametrize("answer", [b"", b"HTTP/1.1 200"])
@pytest.mark.parametrize("tunnel", [False, True], ids=["forwarded", "tunnelled"])
async def test_what_breaks_off_after_the_request_was_sent_is_no_failure_of_the_proxy(
    make: Make, tunnel: bool, answer: bytes, ca: trustme.CA, ca_file: str
) -> None:
    """The service may have worked on it, and may charge for it."""

    async def breaks_off(exchange: Exchange) -> None:
        await exchange.raw(answer)

    tls = context(ca) if tunnel else None
    async with serve(breaks_off, tls) as server, run_proxy() as proxy, closing(make()) as transport:
        url, way = (server.url, proxy.url) if tunnel else ("http://service.example/", server.url)
        with pytest.raises(TruncatedStreamError) as caught:
            await transport.send(ask(url), Route(ca_file=ca_file if tunnel else None, proxy=way))
    assert caught.value.maybe_billed


@pytest.mark.parametrize("url", ["https://service.example/chat?key=canary", "http://127.0.0.1:1/chat?key=canary"])
@pytest.mark.parametrize("status", [b"407 Not for lovelace", b"garbage"])
async def test_no_cause_of_an_error_of_aiohttp_shows_a_secret(url: str, status: bytes) -> None:
    async def refuse(exchange: Exchange) -> None:
        await exchange.raw(b"HTTP/1.1 %b\r\ncontent-length: 0\r\n\r\n" % status)

    async with serve(refuse) as proxy, closing(AiohttpTransport()) as transport:
        request = HttpRequest(url=url, headers=(("authorization", "canary"),))
        with pytest.raises(DragomanError) as caught:
            await transport.send(request, Route(proxy=f"http://ada:lovelace@127.0.0.1:{proxy.port}"))
    shown = repr(caught.value.__cause__) + "".join(traceback.format_exception(caught.value))
    assert not [word for word in ("canary", "YWRhOmxvdmVsYWNl") if word in shown]
