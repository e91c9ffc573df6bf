"""To follow an answer changes nothing: followed or read by a task, it gives a caller the same bytes and the same log.

Nor do texts that are sent before they are decoded.

The streams are made at random, from a seed that is printed: see `tests/support/random_streams.py`.
"""

import random
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from itertools import cycle
from typing import Any

import pytest

from dragoman.transport.base import TakePieces
from dragoman.transport.native.reply import NativeReply
from tests.faults.dialects import DIALECTS, FRONTS
from tests.support.bypasses import Counted
from tests.support.paused import paused
from tests.support.random_streams import HEAD, Move, moves_of, played
from tests.support.raw import turns
from tests.support.wires import Play, Stage

SEED = 20_261_127
STREAMS = 80
"""Of each dialect of services."""

follow = NativeReply.follow


def calm(moves: list[Move]) -> list[Move]:
    """The same for a caller that reads all the time: how far a service is read on for another is not the same."""
    return [move for move in moves if move[0] != "pause"]


@pytest.mark.parametrize("service", DIALECTS)
def test_followed_and_read_a_caller_gets_the_same(service: str, monkeypatch: pytest.MonkeyPatch) -> None:
    print(f"seed {SEED}")
    Counted.reads = followed = 0

    def counted(reply: NativeReply, take: TakePieces) -> Awaitable[None] | None:
        def taken(pieces: list[bytes]) -> bool:
            nonlocal followed
            followed += 1
            return take(pieces)

        return follow(reply, taken)

    def never(reply: NativeReply, take: TakePieces) -> Awaitable[None] | None:
        return None

    async def all_of(way: object) -> list[dict[str, Any]]:
        monkeypatch.setattr(NativeReply, "follow", way)
        fronts = cycle(front for front in DIALECTS if front != service)
        stage = Stage(service, make=Counted)
        try:
            return [
                await played(stage, front, calm(moves_of(service, random.Random(f"{service} {seed}"))), singly=True)
                for front, seed in zip(fronts, range(SEED, SEED + STREAMS), strict=False)
            ]
        finally:
            await stage.aclose()

    found, expected = (paused(all_of(way)) for way in (counted, never))
    for seed, one, other in zip(range(SEED, SEED + STREAMS), found, expected, strict=True):
        differs = {name: (one[name], other[name]) for name in one if one[name] != other[name]}
        assert not differs, (seed, differs)
    assert min(followed, Counted.reads) > STREAMS, (followed, Counted.reads)


TEXT = b'data: {"choices":[{"index":0,"delta":{"content":"%b"},"finish_reason":null}]}\n\n'
END = b'data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n'


def chunk(event: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(event), event)


@asynccontextmanager
async def followed_stream() -> AsyncIterator[tuple[Stage, Play]]:
    """An answer of Chat for a caller of Messages, which has begun and is followed."""
    stage = Stage("openai-chat")
    try:
        path, body = FRONTS["anthropic"].ask("up/m", "hi", stream=True)
        play = await stage.ask(path, body)
        play.service.deliver(HEAD % b"text/event-stream")
        for text in (b"first", b"second"):
            play.service.deliver(chunk(TEXT % text))
            await turns(6)
        assert b"second" in play.caller.written
        yield stage, play
    finally:
        await stage.aclose()


async def test_a_caller_who_reads_slowly_gets_one_event_more_and_the_rest_when_it_reads_again() -> None:
    async with followed_stream() as (stage, play):
        play.pause()
        for text in (b"third", b"fourth", b"fifth"):
            play.service.deliver(chunk(TEXT % text))
            await turns(6)
        assert b"third" in play.caller.written
        assert b"fourth" not in play.caller.written
        play.service.deliver(chunk(END) + b"0\r\n\r\n")
        await turns(6)
        play.resume()
        await turns(6)
        written = bytes(play.caller.written)
        assert [text for text in (b"first", b"second", b"third", b"fourth", b"fifth") if written.count(text) != 1] == []
        assert b"message_stop" in written
        assert [outcome.end for outcome in stage.outcomes] == ["whole"]
        play.caller.lose()


@pytest.mark.parametrize("leaves", [True, False])
async def test_a_caller_who_leaves_and_a_stop_end_an_answer_that_is_followed(leaves: bool) -> None:
    async with followed_stream() as (stage, play):
        for text in (b"third", b"fourth"):
            play.service.deliver(chunk(TEXT % text))
        if leaves:
            play.caller.lose()
        else:
            stage.gateway.interrupt()
        await turns(6)
        assert play.service.is_closing()
        (outcome,) = stage.outcomes
        assert (outcome.end, outcome.error) == (("gone", "") if leaves else ("broken", "stopped"))
        assert outcome.usage is not None
        assert (outcome.usage.output_tokens, outcome.usage_estimated) == (6, True)
