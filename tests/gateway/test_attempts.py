"""The header fields that say which target answered and how many attempts were made: on every answer of a model."""

import asyncio

import pytest
from msgspec.structs import replace

from dragoman.config import ModelConfig
from dragoman.config.routes import RetryConfig
from dragoman.gateway import ServerTimeouts
from dragoman.gateway.attempts import target_headers
from dragoman.wire import json
from tests.support.gateway import ask, chat_body, connect, running_gateway
from tests.support.relaying import DONE, EVENTS, JSON, PATH, Translating, configured, question
from tests.support.server import Exchange, serve

WHOLE = b'{"choices":[{"index":0,"message":{"role":"assistant","content":"a"},"finish_reason":"stop"}]}'


async def good(exchange: Exchange) -> None:
    """Answers, streamed or not."""
    if b'"stream":true' not in exchange.request.body:
        await exchange.reply(headers=JSON, body=WHOLE)
        return
    await exchange.head(headers=EVENTS)
    await exchange.chunk(b'data: {"choices":[{"index":0,"delta":{"content":"a"},"finish_reason":"stop"}]}\n\n')
    await exchange.chunk(b"data: " + DONE + b"\n\n")
    await exchange.end()


async def bad(exchange: Exchange) -> None:
    """Refuses."""
    await exchange.reply(500, JSON, b'{"error":{"message":"no"}}')


def told(headers: dict[str, str]) -> tuple[str | None, str | None]:
    return headers.get("x-dragoman-target"), headers.get("x-dragoman-attempts")


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("translating", [True, False])
async def test_an_answer_says_who_gives_it_and_how_many_were_asked(stream: bool, translating: bool) -> None:
    async with serve(good) as service:
        config = configured(service.url, "down/m", "up/m")
        client = Translating(config) if translating else None
        async with running_gateway(config, client=client) as url:
            alone = await ask(url, "POST", PATH, {}, question("up/m", stream=stream))
            second = await ask(url, "POST", PATH, {}, question("route", stream=stream))
    assert (alone.status, told(alone.headers)) == (200, ("up/m", "1"))
    assert (second.status, told(second.headers)) == (200, ("up/m", "2"))


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("translating", [True, False])
async def test_an_error_says_who_failed_last(stream: bool, translating: bool) -> None:
    async with serve(bad) as service:
        config = configured(service.url, "up/m", "down/m")
        client = Translating(config) if translating else None
        async with running_gateway(config, client=client) as url:
            alone = await ask(url, "POST", PATH, {}, question("up/m", stream=stream))
            both = await ask(url, "POST", PATH, {}, question("route", stream=stream))
            none = await ask(url, "POST", PATH, {}, question("nobody", stream=stream))
    assert (alone.status, told(alone.headers)) == (500, ("up/m", "1"))
    assert (both.status, told(both.headers)) == (502, ("down/m", "2"))
    assert (none.status, told(none.headers)) == (404, (None, None))


async def test_a_target_that_is_asked_again_counts_twice() -> None:
    said: list[int] = []

    async def first_bad(exchange: Exchange) -> None:
        said.append(1)
        if len(said) % 2:
            await exchange.reply(503, JSON | {"retry-after-ms": "1"}, b'{"error":{"message":"later"}}')
        else:
            await good(exchange)

    async with serve(first_bad) as service:
        config = configured(service.url)
        config = replace(config, models={"route": ModelConfig(targets=("up/m",), retry=RetryConfig(attempts=2))})
        for client in (None, Translating(config)):
            async with running_gateway(config, client=client) as url:
                got = await ask(url, "POST", PATH, {}, question("route", stream=True))
                assert (got.status, told(got.headers)) == (200, ("up/m", "2"))


@pytest.mark.parametrize("translating", [True, False])
async def test_a_heartbeat_before_the_answer_does_not_guess(translating: bool) -> None:
    async def slow(exchange: Exchange) -> None:
        await released.wait()
        await good(exchange)

    released = asyncio.Event()
    async with serve(slow) as service:
        config = configured(service.url)
        timeouts = ServerTimeouts(grace=0, head_after=0.01, heartbeat=0.01)
        client = Translating(config) if translating else None
        async with running_gateway(config, client=client, timeouts=timeouts) as url, connect(url) as wire:
            wire.send("POST", PATH, {}, question("up/m", stream=True))
            assert await wire.head() == 200
            assert told(wire.headers) == (None, None)
            released.set()
            assert (await wire.rest(200)).clean


async def test_what_is_no_chat_says_it_too() -> None:
    async with running_gateway() as url:
        body = json.encode({"model": "offline/echo", "messages": [{"role": "user", "content": "a"}], "max_tokens": 1})
        counted = await ask(url, "POST", "/v1/messages/count_tokens", {"content-type": "application/json"}, body)
        listed = await ask(url, "GET", "/v1/models")
        answered = await ask(url, "POST", PATH, {"content-type": "application/json"}, chat_body("text: a"))
    assert (counted.status, told(counted.headers)) == (200, ("offline/echo", "1"))
    assert (answered.status, told(answered.headers)) == (200, ("offline/script", "1"))
    assert told(listed.headers) == (None, None)


def test_a_name_that_a_caller_chose_cannot_break_a_header() -> None:
    (_, target), _ = target_headers("up/é\r\nset-cookie: a" + "b" * 9999, 1)
    assert target.startswith("up/\\xe9\\r\\nset-cookie: a")
    assert target.isprintable()
    assert len(target) <= 200
