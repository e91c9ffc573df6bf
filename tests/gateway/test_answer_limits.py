"""What an answer may be before it is given up: how long without content, and how large."""

import asyncio
from contextlib import suppress

import pytest

from dragoman.client import Client
from dragoman.config import ProviderConfig, TimeoutsConfig
from dragoman.errors import BadEventError, TimeoutError
from dragoman.wire import json
from tests.support.relaying import EVENTS, JSON, Script, all_paths, both_paths, configured, post, question, understood
from tests.support.server import Exchange, serve

ROLE = b'data: {"choices":[{"index":0,"delta":{"role":"assistant","content":""}}]}\n\n'
BEGUN = b'data: {"choices":[{"index":0,"delta":{"role":"assistant","content":"half"}}]}\n\n'
END = b'data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n'
SOON = TimeoutsConfig(first_token=0.2, first_byte=20, idle=20, total=30)
SMALL = ProviderConfig(protocol="openai-chat", max_answer=2000)


def over_and_over(piece: bytes, pause: float = 0.01) -> Script:
    """This piece again and again, until the peer has gone."""

    async def script(exchange: Exchange) -> None:
        await exchange.head(headers=EVENTS)
        with suppress(ConnectionError):
            while True:
                await exchange.chunk(piece)
                await asyncio.sleep(pause)

    return script


@pytest.mark.parametrize("piece", [b": ping\n\n", ROLE], ids=["a heartbeat", "a role"])
@pytest.mark.parametrize("stream", [True, False])
async def test_what_is_no_content_does_not_keep_a_service_alive(piece: bytes, stream: bool) -> None:
    async with both_paths(timeouts=SOON) as both:
        if stream:
            said = await both.compare(over_and_over(piece), stream=True)
            assert (said.status, said.error) == (504, ("timeout_error", "timeout"))
            await both.service.peer_closed()
        else:
            both.script[:] = [over_and_over(piece)]
            said = understood(await post(both.translate, question(stream=False)), stream=False)
            assert (said.status, said.error) == (504, ("timeout_error", "timeout"))
        await both.service.peer_closed()


async def test_the_library_says_which_wait_was_too_long() -> None:
    async with (
        serve(over_and_over(ROLE)) as service,
        Client(configured(service.url, timeouts=SOON), retries=0) as client,
    ):
        with pytest.raises(TimeoutError) as caught:
            await client.chat("up/m", "hi")
        assert caught.value.phase == "first_token"
        await service.peer_closed()


async def test_the_next_target_is_asked() -> None:
    async def script(exchange: Exchange) -> None:
        if json.decode_request(exchange.request.body)["model"] == "second":
            await exchange.reply(headers=EVENTS, body=BEGUN + END)
        else:
            await over_and_over(ROLE)(exchange)

    async with all_paths("up/first", "up/second", timeouts=SOON) as all_ways:
        said = await all_ways.compare(script, stream=True, model="route")
    assert (said.marked, said.parts) == (True, (("Text", "half"),))


async def test_content_ends_the_wait_for_it() -> None:
    async def script(exchange: Exchange) -> None:
        await exchange.head(headers=EVENTS)
        await exchange.chunk(BEGUN)
        await asyncio.sleep(0.5)  # longer than the first token may take
        await exchange.chunk(END)
        await exchange.end()

    async with all_paths(timeouts=SOON) as all_ways:
        said = await all_ways.compare(script, stream=True)
    assert (said.marked, said.error) == (True, None)


async def test_a_stream_without_end_is_broken_off_and_its_service_closed() -> None:
    async with all_paths(up=SMALL) as all_ways:
        all_ways.script[:] = [over_and_over(BEGUN, 0)]
        for url in (all_ways.relay, all_ways.translate, all_ways.asgi):
            got = await post(url, question(stream=True))
            said = understood(got, stream=True)
            assert (said.status, said.clean, said.marked) == (200, True, False)
            assert b'"upstream_too_large"' in got.body
            assert set(said.parts[0][1].split("half")) == {""}
            await all_ways.service.peer_closed()


LARGE = b'{"choices":[{"index":0,"message":{"content":"%b"},"finish_reason":"stop"}]}' % (b"a" * 2000)


REPORT = b'data: {"choices":[],"usage":{"prompt_tokens":1,"completion_tokens":1}}\n\n'


@pytest.mark.parametrize(
    "piece",
    [b"x" * 100, REPORT, b": a comment\n\n"],
    ids=["an event without end", "reports that nobody wants", "comments"],
)
async def test_what_does_not_pass_counts_too(piece: bytes) -> None:
    async def script(exchange: Exchange) -> None:
        await exchange.head(headers=EVENTS)
        await exchange.chunk(BEGUN)
        if piece.startswith(b"x"):
            await exchange.chunk(b'data: {"choices":[{"index":0,"delta":{"content":"')
        with suppress(ConnectionError):
            while True:
                await exchange.chunk(piece)
                await asyncio.sleep(0)

    async with both_paths(up=SMALL) as both:
        both.script[:] = [script]
        for url in (both.relay, both.translate):
            body = json.encode({"model": "up/m", "stream": True, "messages": [{"role": "user", "content": "hi"}]})
            said = await post(url, body)
            await both.service.peer_closed()
            assert b"at most 2000 bytes" in said.body
            assert b"[DONE]" not in said.body


@pytest.mark.parametrize("at_once", [True, False])
async def test_a_whole_answer_that_is_too_large_is_refused(at_once: bool) -> None:
    async def script(exchange: Exchange) -> None:
        if at_once:
            await exchange.reply(headers=JSON, body=LARGE)
            return
        await exchange.head(headers=JSON)
        with suppress(ConnectionError):
            for at in range(0, len(LARGE), 100):
                await exchange.chunk(LARGE[at : at + 100])
                await asyncio.sleep(0)
            await exchange.end()

    async with all_paths(up=SMALL) as all_ways:
        said = await all_ways.compare(script, stream=False)
    assert (said.status, said.error) == (502, ("upstream_error", "upstream_too_large"))


async def test_the_library_has_the_same_bound() -> None:
    async with (
        serve(over_and_over(BEGUN, 0)) as service,
        Client(configured(service.url, up=SMALL), retries=0) as client,
    ):
        with pytest.raises(BadEventError, match="at most 2000 bytes"):
            await client.chat("up/m", "hi")
        await service.peer_closed()


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("status", [429, 500, 503])
async def test_when_to_come_again_is_handed_on_alike(status: int, stream: bool) -> None:
    async def script(exchange: Exchange) -> None:
        await exchange.reply(status, JSON | {"retry-after": "7"}, b'{"error":{"message":"Later.","type":"busy"}}')

    async with all_paths() as all_ways:
        said = await all_ways.compare(script, stream=stream)
    assert (said.status, said.retry_after) == (status, "7")
