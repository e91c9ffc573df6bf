"""A browser's likeness: its headers, its kept connections, and the event loops it lives in."""

import asyncio
import subprocess
import sys

import pytest
import uvloop
from curl_cffi import CurlECode, CurlError, CurlInfo

from dragoman.errors import ConfigurationError, TruncatedStreamError
from dragoman.transport.base import read_all
from dragoman.transport.browser import BrowserTransport
from dragoman.transport.browser.transfer import WINDOW
from dragoman.types import HttpRequest
from tests.support.server import Exchange, serve
from tests.transport.foreign import PATIENT, ask, closing, pieces_of

LARGEST, FRAMING = 16 << 10, 100
"""Bytes of what libcurl hands out at once, and of what may stand between a few chunks."""


async def fine(exchange: Exchange) -> None:
    await exchange.reply(body=b"fine")


async def test_looks_like_the_browser_that_was_named() -> None:
    async with serve(fine) as server, closing(BrowserTransport("chrome107")) as transport:
        await read_all(await transport.send(ask(server.url), PATIENT))
    headers = server.requests[0].headers
    assert "Chrome/107.0.0.0" in headers["user-agent"]
    assert '"Google Chrome";v="107"' in headers["sec-ch-ua"]
    assert headers["accept-encoding"] == "gzip, deflate, br"
    assert "upgrade" not in headers


async def test_the_requests_own_headers_stand_in_place_of_the_browsers() -> None:
    lines: list[str] = []

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        lines.extend((await reader.readuntil(b"\r\n\r\n")).decode().lower().split("\r\n"))
        writer.write(b"HTTP/1.1 204 No Content\r\n\r\n")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(handler, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    own = (("User-Agent", "mine/1"), ("accept", "text/x"), ("Content-Type", "application/json"))
    async with server, closing(BrowserTransport("chrome107")) as transport:
        await read_all(await transport.send(HttpRequest(url=url, headers=own, body=b"{}"), PATIENT))
    names = [line.partition(":")[0] for line in lines[1:-2]]
    assert len(names) == len(set(names))
    assert {"user-agent: mine/1", "accept: text/x", "content-type: application/json", "content-length: 2"} <= set(lines)


async def test_a_whole_replys_connection_serves_again() -> None:
    async with serve(fine) as server, closing(BrowserTransport("chrome107")) as transport:
        for _ in range(3):
            reply = await transport.send(ask(server.url), PATIENT)
            assert await read_all(reply) == b"fine"
    assert len(server.requests) == 3
    assert len(server.connections) == 1


async def test_a_kept_connection_that_has_died_costs_nothing() -> None:
    async with serve(fine) as server, closing(BrowserTransport("chrome107")) as transport:
        await read_all(await transport.send(ask(server.url), PATIENT))
        server.connections[0].end()
        await server.connections[0].lost.wait()
        assert await read_all(await transport.send(ask(server.url), PATIENT)) == b"fine"


async def test_an_answer_that_ends_while_it_is_paused_is_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    async def handler(exchange: Exchange) -> None:
        await exchange.head(chunked=True)
        await exchange.chunk(b"x" * (4 * WINDOW))
        await exchange.end()

    browser = BrowserTransport("chrome107")
    async with serve(handler) as server, closing(browser) as transport:
        reply = await transport.send(ask(server.url), PATIENT)
        (transfer,) = browser._browser._transfers
        while not transfer._paused:  # noqa: ASYNC110  # nobody tells of it
            await asyncio.sleep(0)
        go_on = transfer._curl.pause

        def refused(flags: int) -> int:
            go_on(flags)
            raise CurlError("bad argument", CurlECode.BAD_FUNCTION_ARGUMENT)

        monkeypatch.setattr(transfer._curl, "pause", refused)
        assert len(await read_all(reply)) == 4 * WINDOW


@pytest.mark.parametrize("chunked", [True, False])
async def test_libcurl_holds_nothing_for_a_slow_reader(chunked: bool) -> None:
    total, piece = 24 << 20, 1 << 20  # more than all of the system's own buffers hold

    async def handler(exchange: Exchange) -> None:
        await exchange.head(chunked=chunked, length=None if chunked else total)
        for _ in range(total // piece):
            await exchange.chunk(b"x" * piece)
        await exchange.end()

    browser = BrowserTransport("chrome107")
    async with serve(handler) as server, closing(browser) as transport:
        reply = await transport.send(ask(server.url), PATIENT)
        (transfer,) = browser._browser._transfers
        while not transfer._paused:  # noqa: ASYNC110  # nobody tells of it
            await asyncio.sleep(0)
        for _ in range(100):
            await asyncio.sleep(0)
        held = sum(map(len, transfer._pieces))
        assert WINDOW <= held <= WINDOW + LARGEST
        assert held <= transfer._number(CurlInfo.SIZE_DOWNLOAD_T) <= held + FRAMING
        assert len(await read_all(reply)) == total
    assert len(server.connections) == 1


async def test_many_replies_at_once() -> None:
    async def handler(exchange: Exchange) -> None:
        await exchange.head()
        for _ in range(20):
            await exchange.chunk(exchange.request.path.encode() * 100)
            await asyncio.sleep(0)
        await exchange.end()

    async with serve(handler) as server, closing(BrowserTransport("chrome107")) as transport:

        async def one(n: int) -> bytes:
            return await read_all(await transport.send(HttpRequest(url=f"{server.url}/{n}"), PATIENT))

        assert await asyncio.gather(*map(one, range(50))) == [f"/{n}".encode() * 2000 for n in range(50)]


@pytest.mark.parametrize("name", ["chrom107", "netscape4"])
def test_an_unknown_browser_is_refused(name: str) -> None:
    with pytest.raises(ConfigurationError, match=name):
        BrowserTransport(name)


def test_an_unknown_browser_is_told_the_nearest() -> None:
    with pytest.raises(ConfigurationError, match="chrome107"):
        BrowserTransport("chrom107")


@pytest.mark.parametrize("alias", ["chrome", "firefox", "safari"])
def test_a_browser_may_be_named_without_its_version(alias: str) -> None:
    BrowserTransport(alias).close()


@pytest.mark.parametrize(
    ("module", "call"), [("browser", "BrowserTransport('chrome107')"), ("aiohttp", "AiohttpTransport()")]
)
def test_names_the_extra_that_is_missing(module: str, call: str) -> None:
    library = {"browser": "curl_cffi", "aiohttp": "aiohttp"}[module]
    code = f"import sys; sys.modules[{library!r}] = None; from dragoman.transport.{module} import *; {call}"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert "ConfigurationError" in ran.stderr
    assert "install the extra `web`" in ran.stderr


@pytest.mark.parametrize("module", ["browser", "aiohttp", "replay"])
def test_loads_no_library_before_it_is_needed(module: str) -> None:
    code = f"import sys, dragoman.transport.{module}; print({{'curl_cffi', 'aiohttp', 'httptools'}} & {{*sys.modules}})"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout == "set()\n"


async def _scene() -> None:
    async def handler(exchange: Exchange) -> None:
        await exchange.head()
        await exchange.chunk(b"x" * 300_000)
        await exchange.closed()

    async with serve(handler) as server, closing(BrowserTransport("chrome107")) as transport:
        reply = await transport.send(ask(server.url), PATIENT)
        got = 0
        while got < 300_000:
            got += sum(map(len, await reply.read()))
        reply.close()
        await asyncio.wait_for(server.peer_closed(), 5)
        assert isinstance((await pieces_of(reply))[1], TruncatedStreamError)


def test_lives_in_uvloop_too() -> None:
    uvloop.run(_scene())


def test_lives_in_one_loop_after_another() -> None:
    transport = BrowserTransport("chrome107")

    async def once() -> bytes:
        async with serve(fine) as server:
            return await read_all(await transport.send(ask(server.url), PATIENT))

    assert asyncio.run(once()) == b"fine"
    assert asyncio.run(once()) == b"fine"
    transport.close()
