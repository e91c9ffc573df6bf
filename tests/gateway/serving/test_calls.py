"""What a relayed request costs, counted in calls of Python functions of ours: a number that no busy machine changes.

A call takes about half a microsecond, and the two paths below are those that most requests go. If a bound is broken,
look for what could be done once, at the beginning, or for the few requests that need it.
"""

import asyncio
import sys
from pathlib import Path
from types import FrameType

import pytest

import dragoman
from tests.faults.dialects import FRONTS
from tests.support.gateway import CallerConnection, chat_body, connect, running_gateway
from tests.support.raw import turns
from tests.support.relaying import DONE, EVENTS, JSON, PATH, configured
from tests.support.server import Exchange, serve
from tests.support.wires import Stage

OURS = str(Path(dragoman.__file__).parent)
REQUESTS = 20
STREAM = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
EVENT = b'data: {"id":"c","choices":[{"index":0,"delta":{"content":" word"},"finish_reason":null}]}\n\n'
LAST = b'data: {"id":"c","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\ndata: ' + DONE + b"\n\n"
WHOLE = (
    b'{"id":"c","choices":[{"index":0,"message":{"role":"assistant","content":"word"},"finish_reason":"stop"}],'
    b'"usage":{"prompt_tokens":1,"completion_tokens":1,"total_tokens":2}}'
)


async def upstream(exchange: Exchange) -> None:
    if b'"stream":true' not in exchange.request.body:
        await exchange.reply(headers=JSON, body=WHOLE)
        return
    await exchange.head(headers=EVENTS)
    for piece in (100 * EVENT, LAST):
        await exchange.chunk(piece)
    await exchange.end()


@pytest.mark.parametrize(("stream", "most"), [(False, 84), (True, 117)])
async def test_a_relayed_request_makes_no_more_calls_than_it_has_to(stream: bool, most: int) -> None:
    calls = 0

    def count(frame: FrameType, event: str, _: object) -> None:
        nonlocal calls
        calls += event == "call" and frame.f_code.co_filename.startswith(OURS)

    async with serve(upstream) as service, running_gateway(configured(service.url)) as url, connect(url) as wire:
        await asked(wire, stream=stream)
        before = sys.getprofile()
        sys.setprofile(count)
        try:
            for _ in range(REQUESTS):
                await asked(wire, stream=stream)
        finally:
            sys.setprofile(before)
    # What a clock does each second may come between.
    assert most / 2 < calls // REQUESTS <= most, calls / REQUESTS


@pytest.mark.parametrize(("front", "most"), [("openai-chat", 7), ("anthropic", 24)])
async def test_an_event_that_comes_alone_makes_few_calls(front: str, most: int) -> None:
    """Relayed and translated. Of a translated one the decoder reads several together, which is in this number."""
    calls = 0

    def count(frame: FrameType, event: str, _: object) -> None:
        nonlocal calls
        calls += event == "call" and frame.f_code.co_filename.startswith(OURS)

    stage = Stage("openai-chat")
    try:
        path, body = FRONTS[front].ask("up/m", "hi", stream=True)
        play = await stage.ask(path, body)
        play.service.deliver(STREAM)
        lone = b"%x\r\n%b\r\n" % (len(EVENT), EVENT)
        for _ in range(3):
            play.service.deliver(lone)
            await turns(6)
        before = sys.getprofile()
        sys.setprofile(count)
        try:
            for _ in range(REQUESTS):
                play.service.deliver(lone)
                await asyncio.sleep(0)
        finally:
            sys.setprofile(before)
        await asyncio.sleep(0)
        play.caller.lose()
    finally:
        await stage.aclose()
    assert bytes(play.caller.written).count(b" word") == REQUESTS + 3
    assert REQUESTS < calls <= most * REQUESTS, calls / REQUESTS


async def asked(wire: CallerConnection, *, stream: bool) -> None:
    wire.send("POST", PATH, {}, chat_body("hi", "up/m", stream=stream))
    got = await wire.answer()
    assert got.clean
    assert got.status == 200
