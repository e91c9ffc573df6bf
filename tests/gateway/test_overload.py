"""Too many requests at a time: one more is refused in its front's own words, and those under way end well."""

import pytest
from websockets.asyncio.client import connect as socket_to

from dragoman.config import Config, GatewayConfig
from dragoman.gateway.overload import Gate
from dragoman.types import Identity, ServerRequest
from dragoman.wire import json
from tests.support.asgi import under_uvicorn
from tests.support.gateway import CallerConnection, ask, chat, chat_body, connect, running, running_gateway
from tests.support.raw import closing, turns

POST, GET = ServerRequest(method="POST", path="/"), ServerRequest(method="GET", path="/")
ONE, TWO = Identity("one"), Identity("two")
CHAT = "/v1/chat/completions"
HANGS = chat_body("text: a\nhang", stream=True)
FRONTS = {
    "/v1/chat/completions": chat_body("text: hi"),
    "/v1/responses": b'{"model":"offline/echo","input":"hi"}',
    "/v1/messages": b'{"model":"offline/echo","max_tokens":9,"messages":[{"role":"user","content":"hi"}]}',
    "/v1beta/models/offline%2Fecho:generateContent": b'{"contents":[{"parts":[{"text":"hi"}]}]}',
    "/api/chat": b'{"model":"offline/echo","messages":[{"role":"user","content":"hi"}]}',
    "/aibn/api/generate": b"{}",
    "/aichatfree/api/generate": b"{}",
    "/aichatonline/aichatonline/api/chat/gpt": b"{}",
    "/cromicle/chat": b"{}",
}

STATUSES = {"/v1/messages": 529, "/aichatfree/api/generate": 500}
"""Those that are not 503: Anthropic's own word for it, and a site that has one status for all failures."""


def limited(**settings: int) -> Config:
    return Config(gateway=GatewayConfig(port=0, **settings))  # type: ignore[arg-type]  # only whole numbers are given


async def under_way(wire: CallerConnection, key: str = "") -> None:
    """Begins an answer that does not end."""
    wire.send("POST", CHAT, {"Authorization": f"Bearer {key}"} if key else {}, HANGS)
    assert await wire.head() == 200
    await wire.chunk()


async def answered(url: str) -> None:
    """Asks until it is answered: the gateway may not have read yet that other callers left."""
    while (got := await chat(url, "text: hi")).status == 503:
        assert got.headers["retry-after"] == "1"
    assert got.status == 200


def test_as_many_as_may_be_under_way_and_not_one_more() -> None:
    gate = Gate(GatewayConfig(max_in_flight=2))
    assert gate.active
    assert [gate.enter(each, POST, ONE) for each in "ab"] == [None, None]
    refused = gate.enter("c", POST, TWO)
    assert refused is not None
    assert (refused.status, refused.code, refused.retry_after, refused.retryable) == (503, "overloaded", 1, True)
    assert gate.closed
    gate.leave("c")
    assert gate.closed
    gate.leave("a")
    assert gate.enter("c", POST, TWO) is None


def test_a_request_counts_once_and_one_without_a_body_never() -> None:
    gate = Gate(GatewayConfig(max_in_flight=1))
    assert gate.enter("a", GET, ONE) is None
    assert [gate.enter("b", POST, ONE) for _ in range(3)] == [None] * 3
    assert gate.enter("a", GET, ONE) is None
    gate.leave("b")
    assert not gate.closed


def test_the_requests_of_each_key_are_counted_apart() -> None:
    gate = Gate(GatewayConfig(max_in_flight_per_key=1))
    assert [gate.enter(each.fingerprint, POST, each) for each in (ONE, TWO)] == [None, None]
    refused = gate.enter("more", POST, ONE)
    assert refused is not None
    assert (refused.status, refused.code, refused.retry_after) == (429, "rate_limit_exceeded", 1)
    assert not gate.closed
    gate.leave("one")
    assert gate.enter("more", POST, ONE) is None
    for each in ("more", "two"):
        gate.leave(each)
    assert gate._by_key == {}


def test_a_gate_without_limits_is_asked_only_while_the_loop_lags() -> None:
    gate = Gate(GatewayConfig())
    states = [(gate.active, gate.enter("a", POST, ONE) is None)]
    for lags in (True, False):
        gate.lags(lags)
        states.append((gate.active, gate.enter("a", POST, ONE) is None))
    assert states == [(False, True), (True, False), (False, True)]


async def test_one_too_many_is_refused_until_another_has_ended() -> None:
    async with running_gateway(limited(max_in_flight=2)) as url:
        async with connect(url) as one, connect(url) as two, connect(url) as third:
            await under_way(one)
            await under_way(two)
            for _ in range(3):  # on a connection that goes on
                third.send("POST", CHAT, body=chat_body("text: hi"))
                got = await third.answer()
                assert (got.status, got.headers["retry-after"]) == (503, "1")
                assert json.decode_event(got.body)["error"]["code"] == "overloaded"
            ready = await ask(url, "GET", "/health/ready")
            assert (ready.status, ready.text) == (503, '{"status":"overloaded"}')
            assert (await ask(url, "GET", "/health/live")).status == 200
            assert (await ask(url, "GET", "/v1/models")).status == 200
        await answered(url)
        assert (await ask(url, "GET", "/health/ready")).status == 200


@pytest.mark.parametrize("path", FRONTS)
async def test_every_front_says_it_in_its_own_words(path: str) -> None:
    async with running_gateway(limited(max_in_flight=1)) as url, connect(url) as busy:
        await under_way(busy)
        got = await ask(url, "POST", path, body=FRONTS[path])
    assert (got.status, got.headers["retry-after"]) == (STATUSES.get(path, 503), "1")
    said = json.decode_event(got.body)
    shown = said["error"] if isinstance(said["error"], str) else said["error"]["message"]
    assert "too much to do" in shown


async def test_a_packed_body_is_refused_before_it_is_unpacked() -> None:
    async with running_gateway(limited(max_in_flight=1)) as url, connect(url) as busy:
        await under_way(busy)
        got = await ask(url, "POST", CHAT, {"Content-Encoding": "gzip"}, b"this is not gzip")
    assert got.status == 503


async def test_one_key_cannot_take_the_place_of_another() -> None:
    config = Config(gateway=GatewayConfig(port=0, api_keys=("key-one", "key-two"), max_in_flight_per_key=1))
    async with running_gateway(config) as url, connect(url) as busy:
        await under_way(busy, "key-one")
        statuses = [
            (await chat(url, "text: hi", headers={"Authorization": f"Bearer {key}"})).status
            for key in ("key-one", "key-two")
        ]
    assert statuses == [429, 200]


async def test_one_address_has_its_connections_and_not_one_more() -> None:
    async with running(limited(max_connections_per_peer=2)) as up:
        async with connect(up.url) as one, connect(up.url) as two:
            for wire in (one, two):
                wire.send("GET", "/health/live")
                assert (await wire.answer()).status == 200
            async with connect(up.url) as third:
                got = await third.answer()
                assert (got.status, got.headers["retry-after"], got.headers["connection"]) == (503, "1", "close")
                assert "2 connections from one address" in got.text
                assert await closing(third) == b""
        while up.server._connections:
            await turns()
        assert up.server._peers == {}
        assert (await ask(up.url, "GET", "/health/live")).status == 200


async def test_a_loop_that_lags_refuses_what_comes_and_says_so_once(caplog: pytest.LogCaptureFixture) -> None:
    async with running() as up, connect(up.url) as early:
        await under_way(early)
        for _ in range(2):
            up.server._lags(True)
            assert (await chat(up.url, "text: hi")).status == 503
            assert (await ask(up.url, "GET", "/health/ready")).status == 503
            up.server._lags(False)
            assert (await chat(up.url, "text: hi")).status == 200
    assert caplog.text.count("overloaded: the processor has too much to do") == 1


async def test_an_application_in_another_server_has_the_same_limits() -> None:
    async with under_uvicorn(limited(max_in_flight=1)) as url:
        async with connect(url) as busy:
            await under_way(busy)
            got = await chat(url, "text: hi")
            assert (got.status, got.headers["retry-after"]) == (503, "1")
        await answered(url)


async def test_a_question_over_a_websocket_counts_and_an_idle_websocket_does_not() -> None:
    question = '{"type":"response.create","model":"offline/echo","input":"hi"}'
    async with (
        running_gateway(limited(max_in_flight=1)) as url,
        socket_to(url.replace("http", "ws") + "/v1/responses", proxy=None) as socket,
    ):
        async with connect(url) as busy:
            await under_way(busy)
            await socket.send(question)
            refused = json.decode_event(str(await socket.recv()).encode())
        await answered(url)
        await socket.send(question)
        events = [""]
        while "response.completed" not in events[-1]:
            events.append(str(await socket.recv()))
    assert (refused["type"], refused["status"], refused["error"]["code"]) == ("error", 503, "overloaded")
