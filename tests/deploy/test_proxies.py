"""nginx and HAProxy as the examples set them up, in front of a gateway: for real, by `make deploy-check`."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from dragoman.config import Config, GatewayConfig, ProviderConfig
from dragoman.gateway import ServerTimeouts
from dragoman.types import Outcome
from tests.deploy.programs import proxy
from tests.gateway.http.test_smuggling import READ, REFUSED
from tests.support.gateway import Running, ask, chat_body, connect, running
from tests.support.raw import LAST, LIVE, answers
from tests.support.server import Exchange, serve

CHAT, MODELS = "/v1/chat/completions", "/v1/models"
OPEN = "/api/version"
"""A path as long as that of the corpus, which the proxies keep to themselves: lengths stay true."""
EVENTS = {"content-type": "text/event-stream"}
CHUNK = b'data: {"choices":[{"index":0,"delta":{"content":"%b"}}]}\n\n'
END = b'data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n'
PROXIES = ("nginx", "haproxy")

IMPATIENT = {
    "nginx": {"proxy_read_timeout 16m;": "proxy_read_timeout 400ms;"},
    "haproxy": {"timeout server 16m": "timeout server 400ms"},
}
"""A proxy that cuts an answer that is silent for a while, as most cut one after a minute."""

SCALED = {
    "nginx": {"header_timeout 10s;": "header_timeout 300ms;", "body_timeout 30s;": "body_timeout 300ms;"},
    "haproxy": {
        "timeout http-request 10s": "timeout http-request 300ms",
        "timeout http-keep-alive 60s": "timeout http-keep-alive 300ms",
        "timeout client 16m": "timeout client 600ms",
    },
}


@contextmanager
def behind(name: str, place: Path, up: Running, changes: dict[str, str] | None = None) -> Iterator[str]:
    with proxy(name, place, up.url.removeprefix("http://"), changes or {}) as url:
        yield url


def relaying(url: str) -> Config:
    return Config(gateway=GatewayConfig(port=0), providers={"up": ProviderConfig(protocol="openai-chat", url=url)})


@pytest.mark.parametrize("name", PROXIES)
async def test_text_arrives_event_by_event(name: str, tmp_path: Path) -> None:
    heard: asyncio.Queue[None] = asyncio.Queue()

    async def service(exchange: Exchange) -> None:
        await exchange.head(headers=EVENTS)
        for number in range(5):
            await exchange.chunk(CHUNK % b"word%d" % number)
            await heard.get()  # the next one is said once the caller has this one
        await exchange.chunk(END)
        await exchange.end()

    async with serve(service) as up, running(relaying(up.url)) as gateway:
        with behind(name, tmp_path, gateway) as url:
            async with connect(url) as wire:
                wire.send("POST", CHAT, body=chat_body("hi", "up/m", stream=True))
                assert await wire.head() == 200
                for number in range(5):
                    got = b""
                    while b"word%d" % number not in got:
                        got = await wire.chunk()
                    heard.put_nowait(None)
                rest = await wire.rest(200)
    assert rest.clean
    assert rest.body.endswith(b"data: [DONE]\n\n")


@pytest.mark.parametrize("beats", [True, False], ids=["with heartbeats", "without"])
@pytest.mark.parametrize("name", PROXIES)
async def test_a_silence_that_is_longer_than_the_proxy_bears(name: str, beats: bool, tmp_path: Path) -> None:
    async def service(exchange: Exchange) -> None:
        await asyncio.sleep(1.0)  # the proxy gives up after 0.4
        await exchange.head(headers=EVENTS)
        await exchange.chunk(CHUNK % b"late")
        await exchange.chunk(END)
        await exchange.end()

    wait = 0.1 if beats else 3600.0
    timeouts = ServerTimeouts(head_after=wait, heartbeat=wait, grace=0)
    async with serve(service) as up, running(relaying(up.url), timeouts=timeouts) as gateway:
        with behind(name, tmp_path, gateway, IMPATIENT[name]) as url:
            got = await ask(url, "POST", CHAT, body=chat_body("hi", "up/m", stream=True))
    if beats:
        assert (got.status, got.clean) == (200, True)
        assert b"late" in got.body
        assert got.body.endswith(b"data: [DONE]\n\n")
    else:
        assert got.status == 504


@pytest.mark.parametrize("name", PROXIES)
async def test_a_caller_that_leaves_is_known_to_the_service(name: str, tmp_path: Path) -> None:
    left = asyncio.Event()

    async def service(exchange: Exchange) -> None:
        await exchange.head(headers=EVENTS)
        await exchange.chunk(CHUNK % b"half")
        await exchange.closed()
        left.set()

    silent = ServerTimeouts(heartbeat=3600.0, grace=0)  # no write shows that nobody reads
    async with serve(service) as up, running(relaying(up.url), timeouts=silent) as gateway:
        with behind(name, tmp_path, gateway) as url:
            async with connect(url) as wire:
                wire.send("POST", CHAT, body=chat_body("hi", "up/m", stream=True))
                assert await wire.head() == 200
                await wire.chunk()
            await left.wait()


@pytest.mark.parametrize("name", PROXIES)
async def test_connections_are_kept_and_requests_keep_their_id(name: str, tmp_path: Path) -> None:
    outcomes: list[Outcome] = []
    async with running(observers=[outcomes.append]) as gateway:
        connections = 0
        with behind(name, tmp_path, gateway) as url:
            async with connect(url) as wire:
                for sent in ("mine-1", "mine-2", "not good", ""):
                    wire.send("GET", MODELS, {"X-Request-Id": sent})
                    got = await wire.answer()
                    assert got.status == 200
                    assert (got.headers["x-request-id"] == sent) is sent.startswith("mine")
                    connections = max(connections, len(gateway.server._connections))
    seen = [each for each in outcomes if each.path == MODELS]
    assert [each.request_id for each in seen[:2]] == ["mine-1", "mine-2"]
    assert len({each.request_id for each in seen}) == 4
    assert len(seen[3].request_id) >= 32  # the proxy's own
    assert connections <= 2  # and one of these is for checks of health


@pytest.mark.parametrize("name", PROXIES)
async def test_a_websocket_goes_through(name: str, tmp_path: Path) -> None:
    from websockets.asyncio.client import connect as socket_to

    async with running() as gateway:
        with behind(name, tmp_path, gateway) as url:
            async with socket_to(url.replace("http", "ws") + "/v1/responses", proxy=None) as socket:
                await socket.send('{"type":"response.create","model":"offline/echo","input":"Hello there"}')
                said = ""
                while "response.completed" not in said:
                    said = str(await socket.recv())
    assert "Hello there" in said


@pytest.mark.parametrize("name", PROXIES)
async def test_what_is_too_large_is_refused_and_the_caller_reads_why(name: str, tmp_path: Path) -> None:
    async with running(Config(gateway=GatewayConfig(port=0, max_body=2000))) as gateway:
        with behind(name, tmp_path, gateway) as url:
            got = await ask(url, "POST", CHAT, body=b" " * 3000)
    assert got.status == 413
    assert "request_too_large" in got.text


@pytest.mark.parametrize("name", PROXIES)
async def test_both_read_the_same_requests_or_none(name: str, tmp_path: Path) -> None:
    """Requests on whose end two servers might disagree: the gateway sees whole requests that were sent, or nothing.

    If they disagreed, the gateway would find the rest of a body where it expects a request.
    """
    outcomes: list[Outcome] = []
    wrong: dict[str, list[tuple[str, str, str]]] = {}
    async with running(observers=[outcomes.append]) as gateway:
        with behind(name, tmp_path, gateway, SCALED[name]) as url:
            for case, request in {**REFUSED, **READ}.items():
                outcomes.clear()
                data = (request + LIVE + LAST).replace(b"/health/live", OPEN.encode())
                async with connect(url) as wire:
                    wire.writer.write(data)
                    got = await answers(wire)
                seen = [(each.method, each.path, each.error) for each in outcomes if each.path != "/health/ready"]
                # A rest of a body that is taken for a request would be one too many, or no HTTP after what was.
                first, rest = seen[:1], seen[1:]
                if (
                    any(each != ("GET", OPEN, "") for each in rest)
                    or len(seen) > 3
                    or len(got) > 3
                    or (first and first[0][1] not in {CHAT, OPEN} and first[0][2] != "bad_http")
                ):
                    wrong[case] = seen
                if case in READ and got[0].status != 200:  # the proxy may refuse it by itself
                    assert (got[0].status, seen) in ((400, []), (501, [])), case
                again = await ask(url, "GET", MODELS)
                assert (again.status, '"offline/echo"' in again.text) == (200, True), case
    assert wrong == {}
