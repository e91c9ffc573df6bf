"""An answer that is whole though its transfer ends rudely: relayed, translated and under ASGI, streamed and whole."""

import asyncio

import pytest

from dragoman.client import Client
from dragoman.config import TimeoutsConfig
from dragoman.types import Usage
from tests.support.gateway import connect
from tests.support.relaying import EVENTS, JSON, PATH, Script, all_paths, configured, post, question, turn
from tests.support.server import Exchange, serve

BEGUN = b'data: {"choices":[{"index":0,"delta":{"role":"assistant","content":"Hello"},"finish_reason":null}]}\n\n'
FINISH = b'data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\n'
USAGE = b'data: {"choices":[],"usage":{"prompt_tokens":3,"completion_tokens":1}}\n\n'
WHOLE = (
    b'{"choices":[{"index":0,"message":{"role":"assistant","content":"Hello"},"finish_reason":"stop"}],'
    b'"usage":{"prompt_tokens":3,"completion_tokens":1}}'
)
USED = Usage(input_tokens=3, output_tokens=1)
SHORT = TimeoutsConfig(end=0.1, idle=5)
IMPATIENT = TimeoutsConfig(idle=0.3)


def rude(end: str, *data: bytes, media: dict[str, str] = EVENTS, length: int | None = None) -> Script:
    """These pieces, and then FIN, RST or silence before the end of the transfer."""

    async def script(exchange: Exchange) -> None:
        await exchange.head(headers=media, length=length)
        for piece in data:
            await exchange.chunk(piece)
            await turn()
        if end == "reset":
            exchange.reset()
        elif end == "silence":
            await exchange.closed()

    return script


PIECES: dict[str, tuple[bytes, ...]] = {
    "each in a read": (BEGUN, FINISH, USAGE),
    "all in one": (BEGUN + FINISH + USAGE,),
    "lines that end with CRLF": tuple(each.replace(b"\n", b"\r\n") for each in (BEGUN, FINISH, USAGE)),
    "much text": (BEGUN * 500, BEGUN.replace(b"Hello", b"") * 500, FINISH, USAGE),
}


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("end", ["fin", "reset", "silence"])
@pytest.mark.parametrize("name", PIECES)
async def test_an_answer_with_its_reason_and_usage_is_whole(name: str, end: str, stream: bool) -> None:
    async with all_paths(timeouts=SHORT) as all_ways:
        said = await all_ways.compare(rude(end, *PIECES[name]), stream=stream)
    assert (said.status, said.clean, said.marked, said.error) == (200, True, True, None)
    assert (set(said.parts[0][1].split("Hello")), said.finish_reason, said.usage) == ({""}, "stop", USED)


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("timeouts", [SHORT, IMPATIENT])
@pytest.mark.parametrize("end", ["fin", "reset", "silence"])
@pytest.mark.parametrize("tail", [b"", USAGE[:40], b": ping\n\n"])
async def test_an_answer_with_its_reason_is_whole_without_usage(
    tail: bytes, end: str, timeouts: TimeoutsConfig, stream: bool
) -> None:
    async with all_paths(timeouts=timeouts) as all_ways:
        said = await all_ways.compare(rude(end, BEGUN + FINISH + tail), stream=stream)
        assert (said.status, said.clean, said.marked, said.error) == (200, True, True, None)
        assert (said.parts, said.finish_reason, said.usage) == ((("Text", "Hello"),), "stop", None)
        if stream:
            assert tail == b"" or USAGE[:40] not in (await post(all_ways.relay, question(stream=True))).body


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("end", ["fin", "reset", "silence"])
async def test_usage_that_comes_late_is_waited_for(end: str, stream: bool) -> None:
    async def script(exchange: Exchange) -> None:
        await exchange.head(headers=EVENTS)
        await exchange.chunk(BEGUN + FINISH)
        for _ in range(20):
            await turn()
        await exchange.chunk(USAGE)
        await rude(end)(exchange) if end != "silence" else await exchange.closed()

    async with all_paths(timeouts=TimeoutsConfig(end=0.5)) as all_ways:
        said = await all_ways.compare(script, stream=stream)
    assert (said.marked, said.error, said.usage) == (True, None, USED)


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("end", ["fin", "reset", "silence"])
async def test_an_answer_without_its_reason_is_not(end: str, stream: bool) -> None:
    async with all_paths(timeouts=TimeoutsConfig(end=0.1, idle=0.3)) as all_ways:
        said = await all_ways.compare(rude(end, BEGUN, USAGE), stream=stream)
    assert not said.marked
    assert said.error is not None
    assert said.parts == ((("Text", "Hello"),) if stream else ())


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("end", ["fin", "reset"])
@pytest.mark.parametrize("length", [None, 10_000])
async def test_a_whole_answer_that_is_all_there_is_whole(length: int | None, end: str, stream: bool) -> None:
    async with all_paths() as all_ways:
        said = await all_ways.compare(rude(end, WHOLE, media=JSON, length=length), stream=stream)
        assert (said.status, said.error, said.usage) == (200, None, USED)
        assert said.parts == (("Text", "Hello"),)
        broken = await all_ways.compare(rude(end, WHOLE[:-1], media=JSON, length=length), stream=stream)
        assert (broken.status, broken.error and broken.error[1]) == (502, "truncated")


@pytest.mark.parametrize("end", ["fin", "reset", "silence"])
async def test_the_library_gives_it_too(end: str) -> None:
    async with (
        serve(rude(end, BEGUN, FINISH, USAGE)) as service,
        Client(configured(service.url, timeouts=SHORT)) as client,
    ):
        reply = await client.chat("up/m", "hi")
    assert (reply.text, reply.finish_reason, reply.usage) == ("Hello", "stop", USED)


async def test_its_connection_serves_no_more() -> None:
    async with all_paths(timeouts=SHORT) as all_ways:
        for _ in range(2):
            await all_ways.compare(rude("silence", BEGUN, FINISH), stream=True)
            for _ in range(3):
                await all_ways.service.peer_closed()


async def test_a_caller_who_leaves_while_its_end_is_awaited_ends_the_service() -> None:
    reached = asyncio.Event()

    async def script(exchange: Exchange) -> None:
        await exchange.head(headers=EVENTS)
        await exchange.chunk(BEGUN + FINISH)
        reached.set()
        await exchange.closed()

    async with all_paths(timeouts=TimeoutsConfig(end=30, idle=30)) as all_ways:
        all_ways.script[:] = [script]
        for url in (all_ways.relay, all_ways.translate, all_ways.asgi):
            for stream in (True, False):
                reached.clear()
                async with connect(url) as wire:
                    wire.send("POST", PATH, body=question(stream=stream))
                    await reached.wait()
                    if stream:
                        assert await wire.head() == 200
                await all_ways.service.peer_closed()
