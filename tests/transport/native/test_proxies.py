"""Every kind of proxy, with every kind of target; and what a refusal says."""

import asyncio
import socket
import ssl
from contextlib import AsyncExitStack

import pytest
import trustme

from dragoman.errors import ConfigurationError, ConnectError, TimeoutError
from dragoman.transport.base import Route
from dragoman.transport.native import NativeTransport, Stats
from tests.support.proxy import Proxy, run_proxy
from tests.support.server import Exchange, Server, serve
from tests.transport.native.reading import get, whole, within

KINDS = ["http", "https", "socks5", "socks5h"]


async def echo(exchange: Exchange) -> None:
    await exchange.reply(200, {}, exchange.request.body)


@pytest.fixture
def context(authority: trustme.CA) -> ssl.SSLContext:
    """A server's context with a certificate for localhost."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    return context


async def between(
    stack: AsyncExitStack, kind: str, tls: bool, context: ssl.SSLContext, credentials: tuple[str, str] | None = None
) -> tuple[Server, Proxy]:
    """A server and a proxy, both up."""
    server = await stack.enter_async_context(serve(echo, context if tls else None))
    proxy = await stack.enter_async_context(
        run_proxy(kind, credentials=credentials, ssl_context=context if kind == "https" else None)
    )
    return server, proxy


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("tls", [False, True])
async def test_leads_to_the_target_and_is_used_again(
    kind: str, tls: bool, context: ssl.SSLContext, ca_file: str
) -> None:
    async with AsyncExitStack() as stack:
        server, proxy = await between(stack, kind, tls, context)
        transport = NativeTransport()
        route = Route(proxy=proxy.url, ca_file=ca_file)
        for body in (b"one", b"x" * 1_000_000, b"three"):
            assert await whole(await transport.send(get(server.url, "/path", body=body), route)) == body
        assert transport.stats() == Stats(1, 0, 0)
        assert len(server.connections) == 1
        asked = {"http": f"127.0.0.1:{server.port}", "https": f"localhost:{server.port}"}["https" if tls else "http"]
        if kind in {"http", "https"} and not tls:
            asked = f"http://{asked}/path"
        if kind == "socks5":
            asked = f"127.0.0.1:{server.port}"
        assert proxy.targets == [asked]
        assert server.requests[0].path == "/path"
        transport.close()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("tls", [False, True])
async def test_credentials_open_it_and_are_never_told(
    kind: str, tls: bool, context: ssl.SSLContext, ca_file: str
) -> None:
    async with AsyncExitStack() as stack:
        server, proxy = await between(stack, kind, tls, context, ("user", "canary/1"))
        transport = NativeTransport()
        good = Route(proxy=proxy.with_credentials("user", "canary%2F1"), ca_file=ca_file)
        assert await whole(await transport.send(get(server.url, body=b"x"), good)) == b"x"
        seen = len(server.requests)
        for url in (proxy.with_credentials("user", "canary2"), proxy.url):
            with pytest.raises(ConnectError) as caught:
                await transport.send(get(server.url), Route(proxy=url, ca_file=ca_file))
            assert caught.value.code == "proxy_error"
            assert "canary" not in repr(caught.value) + repr(caught.value.__cause__) + str(caught.value.__context__)
        assert "canary" not in repr(transport._pools)
        assert len(server.requests) == seen
        assert transport.stats().active == 0
        transport.close()


async def test_credentials_do_not_reach_the_server(context: ssl.SSLContext, ca_file: str) -> None:
    async with AsyncExitStack() as stack:
        server, proxy = await between(stack, "http", True, context, ("user", "pass"))
        transport = NativeTransport()
        route = Route(proxy=proxy.with_credentials("user", "pass"), ca_file=ca_file)
        await whole(await transport.send(get(server.url), route))
        assert "proxy-authorization" not in server.requests[0].headers
        transport.close()


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 403 Forbidden\r\n\r\n",
        b"HTTP/1.1 302 Found\r\nlocation: http://x/\r\n\r\n",
        b"SSH-2.0-OpenSSH\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n\r\nearly bytes",
        b"x" * 100_000,
    ],
)
async def test_no_way_through_is_an_error(answer: bytes, context: ssl.SSLContext, ca_file: str) -> None:
    async with AsyncExitStack() as stack:
        server, proxy = await between(stack, "http", True, context)
        proxy.answer = answer
        transport = NativeTransport()
        with pytest.raises(ConnectError) as caught:
            await transport.send(get(server.url), Route(proxy=proxy.url, ca_file=ca_file))
        assert caught.value.code == "proxy_error"
        assert transport.stats() == Stats(0, 0, 0)
        await proxy.left.wait()
        transport.close()


@pytest.mark.parametrize("kind", KINDS)
async def test_a_dead_proxy_and_a_dead_target_are_told(kind: str, context: ssl.SSLContext, ca_file: str) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        nobody = unused.getsockname()[1]
        async with AsyncExitStack() as stack:
            server, proxy = await between(stack, kind, True, context)
            transport = NativeTransport()
            dead = proxy.url.replace(str(proxy.port), str(nobody))
            for url, route in (
                (server.url, Route(proxy=dead)),
                (f"https://127.0.0.1:{nobody}", Route(proxy=proxy.url, ca_file=ca_file)),
            ):
                with pytest.raises(ConnectError) as caught:
                    await transport.send(get(url), route)
                assert caught.value.code == "proxy_error"
            assert transport.stats() == Stats(0, 0, 0)
            transport.close()


@pytest.mark.parametrize("kind", ["http", "socks5h"])
async def test_a_silent_proxy_has_a_limit(kind: str, context: ssl.SSLContext, ca_file: str) -> None:
    async with AsyncExitStack() as stack:
        server, proxy = await between(stack, kind, True, context)
        proxy.silent = True
        transport = NativeTransport()
        with pytest.raises(TimeoutError) as caught:
            await transport.send(get(server.url), Route(within(proxy=0.03), proxy.url, ca_file))
        assert caught.value.phase == "proxy"
        assert transport.stats() == Stats(0, 0, 0)
        await proxy.left.wait()
        transport.close()


@pytest.mark.parametrize("kind", ["http", "https", "socks5"])
async def test_cancelling_on_the_way_leaves_nothing_open(kind: str, context: ssl.SSLContext, ca_file: str) -> None:
    async with AsyncExitStack() as stack:
        server, proxy = await between(stack, kind, True, context)
        transport = NativeTransport()
        route = Route(proxy=proxy.url, ca_file=ca_file)
        for turns in range(0, 60, 3):
            task = asyncio.create_task(transport.send(get(server.url), route))
            for _ in range(turns):
                await asyncio.sleep(0)
            task.cancel()
            (ended,) = await asyncio.gather(task, return_exceptions=True)
            if not isinstance(ended, BaseException):
                ended.close()
            assert transport.stats().active == 0
        assert await whole(await transport.send(get(server.url, body=b"x"), route)) == b"x"
        transport.close()


async def test_another_proxy_means_another_connection(context: ssl.SSLContext, ca_file: str) -> None:
    async with AsyncExitStack() as stack:
        server, first = await between(stack, "http", False, context)
        second = await stack.enter_async_context(run_proxy("socks5"))
        transport = NativeTransport()
        for url in (first.url, second.url, None):
            await whole(await transport.send(get(server.url), Route(proxy=url)))
        assert transport.stats().idle == 3
        transport.close()


@pytest.mark.parametrize(
    "url", ["ftp://x:1", "http://", "nonsense", "http://x:port", "http://a b", "http://u:canary@x:99999"]
)
async def test_a_bad_proxy_url_is_a_fault_of_the_configuration(url: str) -> None:
    transport = NativeTransport()
    with pytest.raises(ConfigurationError) as caught:
        await transport.send(get("http://127.0.0.1:1"), Route(proxy=url))
    assert "canary" not in str(caught.value)
    transport.close()


async def test_a_socks_user_beyond_ascii_is_told_without_showing_it() -> None:
    async with run_proxy("socks5") as proxy:
        transport = NativeTransport()
        url = proxy.with_credentials("u", "%D0%BF" + "canary")
        proxy._credentials = ("u", "x")
        with pytest.raises(ConnectError) as caught:
            await transport.send(get("http://127.0.0.1:1"), Route(proxy=url))
        assert "canary" not in repr(caught.value)
        transport.close()
