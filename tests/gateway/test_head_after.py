"""A silence before the first content: the head and a heartbeat go out, and only the status is spent."""

import asyncio
import math
from pathlib import Path

import pytest
from msgspec.structs import replace

from dragoman.config import Config, GatewayConfig, ProviderConfig
from dragoman.gateway import Gateway, ServerTimeouts
from dragoman.gateway.asgi import AsgiResponseWriter, Message
from dragoman.types import Outcome
from dragoman.wire import json
from tests.support.gateway import chat, chat_body, connect, running, running_gateway
from tests.support.relaying import (
    DONE,
    EVENTS,
    GATEWAY,
    JSON,
    PATH,
    Paths,
    all_paths,
    configured,
    question,
    turn,
    understood,
)
from tests.support.server import Exchange, serve

PING = b": ping\n\n"
ROLE = b'data: {"choices":[{"index":0,"delta":{"role":"assistant","content":""}}]}\n\n'
BEGUN = b'data: {"choices":[{"index":0,"delta":{"role":"assistant","content":"half"}}]}\n\n'
END = b'data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n'
WHOLE = b'{"choices":[{"index":0,"message":{"role":"assistant","content":"half"},"finish_reason":"stop"}]}'
SLOW = b'{"error":{"message":"Slow down.","type":"requests","code":"rate_limit_exceeded"}}'
SOON = ServerTimeouts(head_after=0.02, heartbeat=0.02, grace=0)


class Held:
    """A service that says some of its answer, and the rest once it is let go. `asked`: it has got a request."""

    def __init__(self, *first: bytes, rest: bytes = BEGUN + END, media: dict[str, str] = EVENTS) -> None:
        self.asked = asyncio.Event()
        self.go = asyncio.Event()
        self.first = first
        self.rest = rest
        self.media = media

    async def __call__(self, exchange: Exchange) -> None:
        self.asked.set()
        if self.first:
            await exchange.head(headers=self.media)
        for piece in self.first:
            await exchange.chunk(piece)
        await self.go.wait()
        if not self.first:
            await exchange.head(headers=self.media)
        await exchange.chunk(self.rest)
        await exchange.end()


def ways(all_ways: Paths) -> tuple[str, str, str]:
    return all_ways.relay, all_ways.translate, all_ways.asgi


SILENCES: dict[str, Held] = {
    "before the head": Held(),
    "behind the role": Held(ROLE),
    "behind a comment": Held(b": hello\n\n"),
    "in the first event": Held(BEGUN[:30], rest=BEGUN[30:] + END),
    "before a whole answer": Held(rest=WHOLE, media=JSON),
}


@pytest.mark.parametrize("name", SILENCES)
async def test_a_silence_before_the_first_content_is_broken(name: str) -> None:
    service = SILENCES[name]
    async with all_paths(server_timeouts=SOON) as all_ways:
        all_ways.script[:] = [service]
        for url in ways(all_ways):
            service.go.clear()
            async with connect(url) as wire:
                wire.send("POST", PATH, body=question(stream=True))
                assert await wire.head() == 200
                assert wire.headers["content-type"].startswith("text/event-stream")
                assert wire.headers["x-accel-buffering"] == "no"
                for _ in range(3):
                    assert await wire.chunk() == PING
                service.go.set()
                said = understood(await wire.rest(200), stream=True)
            assert (said.clean, said.marked, said.error) == (True, True, None)
            assert (said.parts, said.finish_reason) == ((("Text", "half"),), "stop")


async def test_a_failure_after_it_is_said_in_the_stream(tmp_path: Path) -> None:
    go = asyncio.Event()

    async def refusing(exchange: Exchange) -> None:
        await go.wait()
        await exchange.reply(429, JSON | {"retry-after": "7"}, SLOW)

    where = tmp_path / "log"
    async with all_paths(server_timeouts=SOON, gateway=replace(GATEWAY, request_log=str(where))) as all_ways:
        all_ways.script[:] = [refusing]
        for url in ways(all_ways):
            go.clear()
            async with connect(url) as wire:
                wire.send("POST", PATH, body=question(stream=True))
                assert await wire.head() == 200
                assert await wire.chunk() == PING
                go.set()
                got = await wire.rest(200)
            said = understood(got, stream=True)
            assert (said.clean, said.marked, said.parts) == (True, False, ())
            assert said.error is not None
            assert b'"rate_limit_exceeded"' in got.body
            assert b'"Slow down. Please try again in 7s."' in got.body  # no field can say it any more
    lines = [json.decode_event(line) for line in where.read_bytes().splitlines()]
    after = [
        (line["status"], line["end"], line["error"], "first_ms" in line) for line in lines if line["status"] == 200
    ]
    assert after == [(200, "broken", "rate_limit_exceeded", False)] * 3


@pytest.mark.parametrize("failure", ["a refusal", "a reset", "an empty stream"])
async def test_another_target_still_answers_after_it(failure: str) -> None:
    go = asyncio.Event()

    async def first_fails(exchange: Exchange) -> None:
        if json.decode_request(exchange.request.body)["model"] == "second":
            await exchange.reply(headers=EVENTS, body=BEGUN + END)
            return
        await go.wait()
        match failure:
            case "a refusal":
                await exchange.reply(429, JSON, SLOW)
            case "a reset":
                exchange.reset()
            case _:
                await exchange.reply(headers=EVENTS, body=ROLE)

    async with all_paths("up/first", "up/second", server_timeouts=SOON) as all_ways:
        all_ways.script[:] = [first_fails]
        for url in ways(all_ways):
            go.clear()
            async with connect(url) as wire:
                wire.send("POST", PATH, body=question("route", stream=True))
                assert await wire.head() == 200
                assert await wire.chunk() == PING
                go.set()
                said = understood(await wire.rest(200), stream=True)
            assert (said.clean, said.marked, said.error, said.parts) == (True, True, None, (("Text", "half"),))


async def test_a_question_that_cannot_be_translated_is_relayed_to_the_other_target_too() -> None:
    go = asyncio.Event()

    async def refusing(exchange: Exchange) -> None:
        await go.wait()
        await exchange.reply(429, JSON, SLOW)

    async with serve(refusing) as service:
        config = configured(service.url, "up/first", "up/second")
        async with running_gateway(config, timeouts=SOON) as url, connect(url) as wire:
            wire.send("POST", PATH, body=question("route", stream=True, n=2))  # which is relayed, and never translated
            assert await wire.head() == 200
            assert await wire.chunk() == PING
            go.set()
            said = understood(await wire.rest(200), stream=True)
    assert (said.clean, said.marked, said.error and said.error[0]) == (True, False, "rate_limit_error")
    assert [json.decode_request(seen.body)["n"] for seen in service.requests] == [2, 2]


async def test_a_question_that_the_other_target_cannot_be_asked_is_refused_in_the_stream() -> None:
    go = asyncio.Event()

    async def refusing(exchange: Exchange) -> None:
        await go.wait()
        await exchange.reply(429, JSON, SLOW)

    async with serve(refusing) as service:
        config = configured(service.url, "up/first", "offline/echo")
        async with running_gateway(config, timeouts=SOON) as url, connect(url) as wire:
            wire.send("POST", PATH, body=question("route", stream=True, n=2))  # which is never translated
            assert await wire.head() == 200
            assert await wire.chunk() == PING
            go.set()
            said = understood(await wire.rest(200), stream=True)
    assert (said.clean, said.marked, said.error and said.error[0]) == (True, False, "invalid_request_error")


async def test_a_silent_target_that_is_translated_spends_the_status_alone_too() -> None:
    go = asyncio.Event()

    async def silent(exchange: Exchange) -> None:
        await go.wait()
        await exchange.reply(500, JSON, b"{}")

    async def good(exchange: Exchange) -> None:
        await exchange.head(headers=EVENTS)
        await exchange.chunk(BEGUN + END)
        await exchange.end()

    async with serve(silent) as first, serve(good) as second:
        config = configured(second.url, "chat/m", "up/m")
        chat_site = ProviderConfig(protocol="cromicle", url=first.url)
        config = replace(config, providers=config.providers | {"chat": chat_site})
        async with running_gateway(config, timeouts=SOON) as url, connect(url) as wire:
            wire.send("POST", PATH, body=question("route", stream=True))
            assert await wire.head() == 200
            assert await wire.chunk() == PING
            go.set()
            said = understood(await wire.rest(200), stream=True)
    assert (said.clean, said.marked, said.error, said.parts) == (True, True, None, (("Text", "half"),))


async def test_nothing_goes_out_before_a_whole_answer_or_raw_text() -> None:
    async def late(exchange: Exchange) -> None:
        await exchange.head(headers=JSON, length=len(WHOLE))
        await asyncio.sleep(0.1)  # several heartbeats long
        await exchange.chunk(WHOLE)
        await exchange.end()

    async with all_paths(server_timeouts=SOON) as all_ways:
        said = await all_ways.compare(late, stream=False)
    assert (said.status, said.parts) == (200, (("Text", "half"),))


@pytest.mark.parametrize(("setting", "seconds"), [(0.5, 0.5), (None, math.inf)])
async def test_a_setting_says_when(setting: float | None, seconds: float) -> None:
    gateway = Gateway(Config(gateway=GatewayConfig(head_after=setting)))
    assert gateway.timeouts.head_after == seconds
    await gateway.aclose()


async def test_without_it_every_failure_keeps_its_status() -> None:
    timeouts = replace(SOON, head_after=math.inf)
    async with running_gateway(timeouts=timeouts) as url:
        got = await chat(url, "delay: 0.1\nerror: 429 Slow", stream=True)
    assert got.status == 429


async def test_a_caller_who_leaves_after_it_ends_the_service() -> None:
    service = Held(ROLE)
    async with all_paths(server_timeouts=SOON) as all_ways:
        all_ways.script[:] = [service]
        for url in ways(all_ways):
            service.asked.clear()
            async with connect(url) as wire:
                wire.send("POST", PATH, body=question(stream=True))
                assert await wire.head() == 200
                assert await wire.chunk() == PING
                await service.asked.wait()  # on a busy machine the first heartbeat is earlier
            await all_ways.service.peer_closed()


@pytest.mark.parametrize("targets", [(), ("up/m", "up/n")])
async def test_a_gateway_that_stops_after_it_says_so_in_the_stream(targets: tuple[str, ...]) -> None:
    held = Held(ROLE)
    async with serve(held) as service:
        config = configured(service.url, *targets)
        async with running(config, timeouts=replace(SOON, grace=30)) as up, connect(up.url) as wire:
            wire.send("POST", PATH, body=question("route" if targets else "up/m", stream=True))
            assert await wire.head() == 200
            assert await wire.chunk() == PING
            await held.asked.wait()  # on a busy machine the first heartbeat is earlier
            up.server.stop()
            await turn()
            up.server.stop()
            got = await wire.rest(200)
        assert (got.clean, b'"stopped"' in got.body, DONE in got.body) == (True, True, False)
        assert len(service.requests) == 1


async def test_a_connection_serves_on_after_it() -> None:
    service = Held(ROLE)
    async with (
        serve(service) as up,
        running_gateway(configured(up.url), timeouts=SOON) as url,
        connect(url) as wire,
    ):
        for _ in range(3):
            service.go.clear()
            wire.send("POST", PATH, body=question(stream=True))
            assert await wire.head() == 200
            assert await wire.chunk() == PING
            service.go.set()
            assert (await wire.rest(200)).clean


async def test_an_answer_that_begins_while_the_head_is_being_sent_comes_behind_it() -> None:
    sent: list[Message] = []
    begun, free = asyncio.Event(), asyncio.Event()

    async def send(message: Message) -> None:
        sent.append(message)
        if not begun.is_set():
            begun.set()
            await free.wait()

    async def receive() -> Message:
        await asyncio.Event().wait()
        return {}

    async with AsgiResponseWriter(receive, send, Outcome("id", "POST", "/", 0.0), SOON) as writer:
        writer.heartbeat, writer.opening = PING, (200, ())
        await begun.wait()
        await writer.start(200, (("another", "head"),))
        saying = asyncio.create_task(writer.write(b"piece"))
        await asyncio.sleep(0)
        free.set()
        await saying
        began = writer.outcome.first_byte_at
    assert [message["type"] for message in sent].count("http.response.start") == 1
    assert sent[1]["body"] == b"piece"
    assert began is not None


async def test_a_request_log_knows_when_the_content_came(tmp_path: Path) -> None:
    where = tmp_path / "log"
    config = replace(configured("http://127.0.0.1:9"), gateway=GatewayConfig(port=0, request_log=str(where)))
    async with running_gateway(config, timeouts=SOON) as url, connect(url) as wire:
        wire.send("POST", PATH, body=chat_body("delay: 0.1\ntext: now", stream=True))
        assert await wire.head() == 200
        assert await wire.chunk() == PING
        await wire.rest(200)
    assert json.decode_event(where.read_bytes())["first_ms"] >= 100
