"""The gateway under another server, which is a real one."""

import asyncio
from contextlib import closing
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from starlette.applications import Starlette
from starlette.routing import Mount

from dragoman.client import Client
from dragoman.config import Config, GatewayConfig, ProviderConfig
from dragoman.config.limits import MAX_BODY
from dragoman.errors import ConfigurationError, InvalidRequestError
from dragoman.gateway import Gateway, ServerTimeouts
from dragoman.gateway.asgi import AsgiGateway, Message, application
from dragoman.types import Outcome
from dragoman.wire import json
from tests.support.asgi import under_uvicorn
from tests.support.gateway import LOCAL, ask, chat, chat_body, connect
from tests.support.packing import PACKERS
from tests.support.raw import chunked, post, talk
from tests.support.server import Exchange, serve

CHAT = "/v1/chat/completions"
SMALL = Config(gateway=GatewayConfig(port=0, max_body=2000))
KEYED = Config(gateway=GatewayConfig(port=0, api_keys=("s3cret",)))
BEGINNING = b'data: {"choices":[{"index":0,"delta":{"role":"assistant","content":"half"}}]}\n\n'


class Watched(Client):
    """A client that tells that it was closed."""

    closed = False

    async def aclose(self) -> None:
        self.closed = True
        await super().aclose()


@pytest.mark.parametrize("http", ["httptools", "h11"])
async def test_answers_whole_and_streamed(http: str) -> None:
    async with under_uvicorn(http=http) as url:
        live = await ask(url, "GET", "/health/live", {"X-Request-Id": "mine"})
        whole = await chat(url, "text: hi")
        stream = await chat(url, "text: hi", stream=True)
        missing = await ask(url, "GET", "/nothing")
        refused = await chat(url, "error: 429 retry_after=7 Slow!", stream=True)
    assert (live.status, live.text, live.headers["x-request-id"]) == (200, '{"status":"ok"}', "mine")
    assert json.decode_event(whole.body)["choices"][0]["message"]["content"] == "hi"
    assert (stream.status, stream.clean, stream.body.endswith(b"data: [DONE]\n\n")) == (200, True, True)
    assert stream.headers["x-accel-buffering"] == "no"
    assert missing.status == 404
    assert (refused.status, refused.headers["retry-after"]) == (429, "7")


@pytest.mark.parametrize("ending", ["cut", "error: 500 Broken"])
async def test_a_broken_answer_has_no_end_mark(ending: str) -> None:
    async with under_uvicorn() as url:
        got = await chat(url, f"text: half\n{ending}", stream=True)
    assert (got.status, got.clean, b"[DONE]" in got.body) == (200, True, False)
    assert b'{"error":{"message":' in got.chunks[-1]


async def test_requests_have_their_limits() -> None:
    async with under_uvicorn(SMALL, timeouts=ServerTimeouts(body=0.02, linger=0.02)) as url:
        said = [
            await ask(url, "POST", CHAT, {"Content-Length": "2001"}),
            (await talk(url, chunked(b"x" * 2001, b"Connection: close", size=500)))[0],
            (await talk(url, post(b"{}", CHAT, b"Connection: close")[:-1]))[0],
            await ask(url, "POST", CHAT, {"Content-Encoding": "rot13"}, b"{}"),
            await ask(url, "GET", "/v1/models", {"X": "a" * 17_000}),
            await ask(url, "POST", CHAT, body=b"{"),
            await ask(url, "GET", "/v1/models", {"Host": "evil.example"}),
        ]
    assert [got.status for got in said] == [413, 413, 408, 415, 431, 400, 421]
    assert [got.headers.get("connection") for got in said] == [*["close"] * 5, None, None]


@pytest.mark.parametrize("http", ["httptools", "h11"])
@pytest.mark.parametrize(("key", "size", "status"), [("wrong", 5 << 20, 401), ("s3cret", MAX_BODY + 1, 413)])
async def test_a_caller_who_sends_all_of_a_refused_body_reads_why(http: str, key: str, size: int, status: int) -> None:
    async with under_uvicorn(KEYED, http=http) as url:
        caller = HTTPConnection(urlsplit(url).netloc)  # sends all, and then reads

        def asked() -> int:
            with closing(caller):
                caller.request("POST", CHAT, b" " * size, {"Authorization": f"Bearer {key}"})
                return caller.getresponse().status

        assert await asyncio.to_thread(asked) == status


@pytest.mark.parametrize(("version", "held"), [("1.1", b"}"), ("2", b"")])
async def test_a_refusal_ends_after_the_request(version: str, held: bytes) -> None:
    order: list[object] = []
    rest = [{"type": "http.request", "body": b" ", "more_body": more} for more in (True, True, False)]

    async def receive() -> Message:
        order.append("read")
        return rest.pop(0)

    async def send(message: Message) -> None:
        order.append(message.get("status", message.get("body")))

    gateway = Gateway(KEYED)
    head = [(b"host", b"localhost"), (b"content-length", b"3")]
    scope = {"type": "http", "http_version": version, "method": "POST", "path": CHAT, "query_string": b""}
    await AsgiGateway(gateway)({**scope, "headers": head}, receive, send)
    await gateway.aclose()
    status, beginning, *reads, end = order
    assert (status, reads) == (401, ["read"] * 3)
    assert isinstance(beginning, bytes)
    assert isinstance(end, bytes)
    assert end == held
    assert json.decode_event(beginning + end)["error"]


@pytest.mark.parametrize("coding", PACKERS)
async def test_a_packed_body_is_unpacked(coding: str) -> None:
    async with under_uvicorn() as url:
        got = await ask(url, "POST", CHAT, {"Content-Encoding": coding}, PACKERS[coding](chat_body("text: hi")))
    assert json.decode_event(got.body)["choices"][0]["message"]["content"] == "hi"


@pytest.mark.parametrize("root", ["/llm", "/llm/", "/v1"])
@pytest.mark.parametrize("whole", [True, False])
async def test_it_may_be_mounted_under_a_path(root: str, whole: bool) -> None:
    app = AsgiGateway(Gateway(LOCAL))
    for path, status in {"/v1/models": 200, "/v1/models/offline/echo": 200, "/models": 404, "": 200, "/": 200}.items():
        scope = {
            "type": "http",
            "method": "GET",
            "root_path": root,
            "path": root.rstrip("/") + path if whole else path or "/",
            "query_string": b"",
            "headers": [(b"host", b"localhost")],
        }
        sent: list[Message] = []

        async def receive() -> Message:
            return await asyncio.Future[Message]()

        async def send(message: Message, sent: list[Message] = sent) -> None:
            sent.append(message)

        await app(scope, receive, send)
        if root == "/v1" and not whole:
            continue  # a path without its prefix that begins like it: nobody can tell which one is meant
        assert sent[0]["status"] == status, path


async def test_pages_of_listed_sites_may_call() -> None:
    config = Config(gateway=GatewayConfig(port=0, cors_origins=("https://page.example",)))
    page = {"Origin": "https://page.example"}
    async with under_uvicorn(config) as url:
        before = await ask(url, "OPTIONS", CHAT, page | {"Access-Control-Request-Method": "POST"})
        answers = [
            await chat(url, "text: hi", headers=page),
            await chat(url, "text: hi", headers=page, stream=True),
            await ask(url, "GET", "/nothing", page),
        ]
    assert (before.status, before.body) == (204, b"")
    assert [got.status for got in answers] == [200, 200, 404]
    for got in (before, *answers):
        assert got.headers["access-control-allow-origin"] == "https://page.example"


async def test_a_key_is_asked_before_the_body() -> None:
    async with under_uvicorn(KEYED) as url, connect(url) as wire:
        wire.send("POST", CHAT, {"Content-Length": "1000"})
        assert await wire.head() == 401


async def test_a_silence_is_broken_by_a_heartbeat() -> None:
    async with under_uvicorn(timeouts=ServerTimeouts(heartbeat=0.01)) as url, connect(url) as wire:
        wire.send("POST", CHAT, body=chat_body("text: now\nhang", stream=True))
        await wire.head()
        await wire.chunk()
        assert (await wire.chunk()).startswith(b":")


@pytest.mark.parametrize("stream", [True, False])
async def test_a_caller_who_hangs_up_closes_the_upstream(stream: bool) -> None:
    reached, left = asyncio.Event(), asyncio.Event()

    async def upstream(exchange: Exchange) -> None:
        await exchange.head(headers={"content-type": "text/event-stream"})
        await exchange.chunk(BEGINNING)
        reached.set()
        await exchange.closed()
        left.set()

    async with serve(upstream) as service:
        provider = ProviderConfig(protocol="openai-chat", url=service.url, models=("m",))
        async with under_uvicorn(Config(gateway=GatewayConfig(port=0), providers={"up": provider})) as url:
            async with connect(url) as wire:
                wire.send("POST", CHAT, body=chat_body("hi", "up/m", stream=stream))
                await reached.wait()
                if stream:
                    assert await wire.head() == 200
            await left.wait()


async def test_a_caller_who_leaves_while_it_asks_is_let_go() -> None:
    async with under_uvicorn() as url:
        async with connect(url) as wire:
            wire.send("POST", CHAT, {"Content-Length": "1000"}, b"{")
        assert (await ask(url, "GET", "/health/live")).status == 200


@pytest.mark.parametrize("body", [b"{", chat_body("hang")])
async def test_a_caller_who_has_left_is_no_failure_of_the_application(body: bytes) -> None:
    """A middleware of Starlette takes a call that ends without a response for a bug."""
    received: list[Message] = [{"type": "http.request", "body": body, "more_body": body == b"{"}]
    sent: list[Message] = []

    async def receive() -> Message:
        return received.pop(0) if received else {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        sent.append(message)

    outcomes: list[Outcome] = []
    gateway = Gateway(LOCAL, observers=[outcomes.append])
    scope = {"type": "http", "method": "POST", "path": CHAT, "query_string": b"", "headers": [(b"host", b"localhost")]}
    await AsgiGateway(gateway)(scope, receive, send)
    await gateway.aclose()
    assert [message.get("status") for message in sent] == [499, None]
    assert [(outcome.status, outcome.end) for outcome in outcomes] == [(None, "gone")]


async def test_the_client_is_closed_with_the_server() -> None:
    client = Watched(LOCAL)
    async with under_uvicorn(client=client) as url:
        assert (await ask(url, "GET", "/health/live")).status == 200
        assert not client.closed
    assert client.closed


async def test_an_application_that_it_is_mounted_in_closes_it() -> None:
    client = Watched(LOCAL)
    inner = AsgiGateway(Gateway(LOCAL, client=client))
    outer = Starlette(routes=[Mount("/llm", inner)], lifespan=inner.lifespan)
    async with outer.router.lifespan_context(outer):
        assert not client.closed
    assert client.closed


async def test_an_application_has_the_configuration_that_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "dragoman.toml"
    monkeypatch.setenv("DRAGOMAN_CONFIG", str(path))
    path.write_text('[gateway]\ndefault_model = "offline/nobody"\n')
    with pytest.raises(ConfigurationError, match=r"no model .nobody."):
        application()
    path.write_text('[gateway]\ndefault_model = "offline/echo"\n')
    app = application()
    sent: list[Message] = []
    received = [{"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}]

    async def receive() -> Message:
        return received.pop(0)

    async def send(message: Message) -> None:
        sent.append(message)

    await app({"type": "lifespan"}, receive, send)
    assert [message["type"] for message in sent] == ["lifespan.startup.complete", "lifespan.shutdown.complete"]
    with pytest.raises(InvalidRequestError, match="telephone"):
        await app({"type": "telephone"}, receive, send)


@pytest.mark.parametrize(("extensions", "said"), [({"websocket.http.response": {}}, 426), ({}, None)])
async def test_a_websocket_is_refused(extensions: dict[str, object], said: int | None) -> None:
    sent: list[Message] = []

    async def receive() -> Message:
        return {"type": "websocket.connect"}

    async def send(message: Message) -> None:
        sent.append(message)

    gateway = Gateway(LOCAL)
    head = [(b"host", b"localhost"), (b"upgrade", b"websocket"), (b"connection", b"Upgrade")]
    scope = {"type": "websocket", "path": "/v1/responses", "query_string": b"", "headers": head, "scheme": "ws"}
    await AsgiGateway(gateway)({**scope, "extensions": extensions}, receive, send)
    await gateway.aclose()
    if said is None:
        assert sent == [{"type": "websocket.close"}]
    else:
        assert [message["type"] for message in sent] == [
            "websocket.http.response.start",
            "websocket.http.response.body",
        ]
        assert sent[0]["status"] == said
