"""An event of a service that says thousands of things is sent on in several turns of the loop, whole and in order."""

import asyncio
import json
import re

import pytest

from dragoman.gateway.passage import MANY
from tests.faults.dialects import FRONTS
from tests.support.wires import Play, Stage, unframed

HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
READ = 16 << 10
CALLS = 2 * MANY
"""Each is several events."""


def event(delta: object, reason: str | None = None) -> bytes:
    choice = {"index": 0, "delta": delta, "finish_reason": reason}
    return b"data: %b\n\n" % json.dumps({"id": "c", "model": "m", "choices": [choice]}).encode()


def calls() -> list[object]:
    return [
        {
            "index": number,
            "id": f"call_{number}",
            "type": "function",
            "function": {"name": f"f{number}", "arguments": "{}"},
        }
        for number in range(CALLS)
    ]


WORDS = event({"role": "assistant", "content": "hello"})
MANY_CALLS = event({"role": "assistant", "tool_calls": calls()})
LAST = event({}, "tool_calls") + b"data: [DONE]\n\n"


def deliver(play: Play, data: bytes, rest: bytes = b"") -> None:
    """A chunk that comes in several reads, all of them in one turn, and `rest` behind it."""
    data = b"%x\r\n%b\r\n%b" % (len(data), data, rest)
    for at in range(0, len(data), READ):
        play.service.deliver(data[at : at + READ])


async def asked(stage: Stage, front: str) -> Play:
    path, body = FRONTS[front].ask("up/m", "hi", stream=True)
    play = await stage.ask(path, body)
    play.service.deliver(HEAD)
    return play


async def turns(number: int) -> None:
    for _ in range(number):
        await asyncio.sleep(0)


def named(play: Play) -> list[int]:
    """Where the calls stand in what the caller got, by number."""
    body = unframed(bytes(play.caller.written))[1]
    places: dict[bytes, int] = {}
    for found in re.finditer(rb'"f\d+"', body):
        places.setdefault(found[0], found.start())
    return [places.get(b'"f%d"' % number, -1) for number in range(CALLS)]


@pytest.mark.parametrize("front", [front for front in FRONTS if front != "openai-chat"])
@pytest.mark.parametrize("before", [WORDS, b""], ids=["after words", "at first"])
@pytest.mark.parametrize("at_once", [True, False], ids=["with the end", "before the end"])
async def test_what_comes_at_once_is_sent_in_turns(front: str, before: bytes, *, at_once: bool) -> None:
    stage = Stage("openai-chat")
    try:
        play = await asked(stage, front)
        if before:
            deliver(play, before)
            await turns(9)
        data = MANY_CALLS + LAST if at_once else MANY_CALLS
        deliver(play, data)
        shares = 0
        size = len(play.caller.written)
        for _ in range(200):
            await turns(1)
            shares += len(play.caller.written) > size
            size = len(play.caller.written)
        if not at_once:
            deliver(play, LAST)
        play.service.deliver(b"0\r\n\r\n")
        await turns(50)
        places = named(play)
        assert -1 not in places
        assert places == sorted(places)
        assert [outcome.end for outcome in stage.outcomes] == ["whole"]
        assert shares >= CALLS // MANY
    finally:
        await stage.aclose()


async def test_a_caller_that_reads_too_slowly_gets_all_of_it() -> None:
    stage = Stage("openai-chat")
    try:
        play = await asked(stage, "openai-responses")
        deliver(play, WORDS)
        await turns(9)
        play.pause()
        deliver(play, MANY_CALLS + LAST, b"0\r\n\r\n")
        await turns(50)
        assert -1 in named(play)
        play.resume()
        await turns(50)
        assert -1 not in named(play)
        assert [outcome.end for outcome in stage.outcomes] == ["whole"]
    finally:
        await stage.aclose()
