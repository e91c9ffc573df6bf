"""Stopping: what is under way ends well or says why not, and nothing new begins."""

import asyncio
from pathlib import Path

import pytest

from dragoman.config import Config, GatewayConfig, ModelConfig, ProviderConfig
from dragoman.gateway import Gateway, ServerTimeouts
from dragoman.gateway.serving.listening import bind, bind_unix
from dragoman.gateway.serving.server import Server
from dragoman.wire import json
from tests.support.gateway import LOCAL, Running, chat_body, connect, running
from tests.support.raw import LIVE, answers, closing, post, turns
from tests.support.server import Exchange, serve

CHAT = "/v1/chat/completions"
EVENTS = {"content-type": "text/event-stream"}
BEGINNING = b'data: {"choices":[{"index":0,"delta":{"role":"assistant","content":"half"}}]}\n\n'
PATIENT = ServerTimeouts(grace=30)
"""A grace that outlasts a test: what ends within one ended without it."""


def routed(url: str) -> Config:
    """A service at `url`, and the same again where it fails."""
    provider = ProviderConfig(protocol="openai-chat", url=url, models=("m", "n"))
    routes = {"route": ModelConfig(targets=("up/m", "up/n"))}
    return Config(gateway=GatewayConfig(port=0), providers={"up": provider}, models=routes)


async def over(up: Running) -> None:
    """Returns once nobody listens there any more."""
    with pytest.raises(OSError):  # noqa: PT011  # whichever way the system says so
        while True:
            async with connect(up.url):
                await asyncio.sleep(0)


async def test_idle_connections_close_at_once() -> None:
    async with running(timeouts=PATIENT) as up, connect(up.url) as silent, connect(up.url) as served:
        served.send("GET", "/health/live")
        await served.answer()
        up.server.stop()
        assert await closing(silent) == b""
        assert await closing(served) == b""


async def test_a_request_that_has_begun_is_answered_as_the_last() -> None:
    body = chat_body("text: hi")
    request = post(body)
    for at in (1, 30, len(request) - 5):
        async with running(timeouts=PATIENT) as up, connect(up.url) as wire:
            wire.writer.write(request[:at])
            await turns()
            up.server.stop()
            await over(up)
            wire.writer.write(request[at:])
            got = await answers(wire)
        assert [each.status for each in got] == [200], at


async def test_requests_that_wait_are_answered_too() -> None:
    slow = post(chat_body("delay: 0.03\ntext: a", stream=True))
    async with running(timeouts=PATIENT) as up, connect(up.url) as wire:
        wire.writer.write(slow + LIVE)
        await turns()
        up.server.stop()
        got = await answers(wire)
    assert [(each.status, each.clean) for each in got] == [(200, True), (200, True)]
    assert got[1].headers["connection"] == "close"


async def test_an_answer_that_was_promised_to_be_the_last_is() -> None:
    async with running(timeouts=PATIENT) as up, connect(up.url) as wire:
        up.gateway.drain()
        wire.send("GET", "/health/ready")
        assert (await wire.answer()).status == 503
        wire.send("GET", "/health/live")
        assert (await wire.answer()).status == 200


@pytest.mark.parametrize("again", [True, False])
@pytest.mark.parametrize("model", ["up/m", "route"])
async def test_a_relayed_stream_says_that_it_was_stopped(model: str, again: bool) -> None:
    async def upstream(exchange: Exchange) -> None:
        await exchange.head(headers=EVENTS)
        await exchange.chunk(BEGINNING)
        await exchange.closed()

    async with serve(upstream) as service:
        timeouts = PATIENT if again else ServerTimeouts(grace=0.02)
        async with running(routed(service.url), timeouts=timeouts) as up, connect(up.url) as wire:
            wire.send("POST", CHAT, body=chat_body("hi", model, stream=True))
            assert await wire.head() == 200
            assert b"half" in await wire.chunk()
            up.server.stop()
            if again:
                up.server.stop()
            assert b'"code":"stopped"' in await wire.chunk()
            assert not await wire.chunk()
        assert len(service.requests) == 1


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("model", ["up/m", "route"])
async def test_a_relayed_answer_that_has_not_begun_is_refused_and_nobody_else_asked(model: str, stream: bool) -> None:
    reached = asyncio.Event()

    async def upstream(exchange: Exchange) -> None:
        reached.set()
        await exchange.closed()

    async with serve(upstream) as service:
        async with running(routed(service.url), timeouts=PATIENT) as up, connect(up.url) as wire:
            wire.send("POST", CHAT, body=chat_body("hi", model, stream=stream))
            await reached.wait()
            up.server.stop()
            up.server.stop()
            got = await wire.answer()
        assert (got.status, json.decode_event(got.body)["error"]["code"]) == (503, "stopped")
        assert len(service.requests) == 1


async def test_a_caller_who_does_not_go_is_cut_in_the_end() -> None:
    async with running(timeouts=ServerTimeouts(grace=0)) as up, connect(up.url) as wire:
        wire.writer.write(post(b"{}")[:-1])
        await turns()
        up.server.stop()
        assert await closing(wire) == b""


async def test_a_caller_who_is_accepted_as_it_stops_sees_its_end_and_no_reset() -> None:
    server = Server(Gateway(LOCAL, timeouts=PATIENT))
    listeners = bind("127.0.0.1", 0)
    for listener in listeners:
        listener.listen()
    async with connect(f"http://127.0.0.1:{listeners[0].getsockname()[1]}") as early:
        loop = asyncio.get_running_loop()

        def ready() -> None:
            loop.call_soon(server.stop)  # in the turn that accepts the caller, whose connection takes two more

        serving = asyncio.create_task(server.run(listeners, ready))
        assert await early.reader.read() == b""
        await serving


async def test_a_stop_before_it_runs_ends_it_at_once() -> None:
    server = Server(Gateway(LOCAL, timeouts=PATIENT))
    server.stop()
    await server.run(bind("127.0.0.1", 0))


async def test_a_host_that_is_good_on_a_unix_socket_stays_wrong_on_a_port(tmp_path: Path) -> None:
    body = chat_body("text: good")
    fields = f"Host: page.example\r\nContent-Type: application/json\r\nContent-Length: {len(body)}"
    request = f"POST {CHAT} HTTP/1.1\r\n{fields}\r\n\r\n".encode() + body
    ports = bind("127.0.0.1", 0)
    unix, file = bind_unix(str(tmp_path / "here.sock"), 0o600)
    server = Server(Gateway(LOCAL, timeouts=PATIENT))
    listening = asyncio.Event()
    serving = asyncio.create_task(server.run([*ports, unix], listening.set))
    await listening.wait()
    said = []
    for _ in range(2):  # the second time the gateway has read this head before
        for opened in (asyncio.open_unix_connection(file.path), asyncio.open_connection(*ports[0].getsockname())):
            reader, writer = await opened
            writer.write(request)
            said.append(await reader.readuntil(b"\r\n"))
            writer.close()
    server.stop()
    await serving
    assert said == [b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 421 Misdirected Request\r\n"] * 2
