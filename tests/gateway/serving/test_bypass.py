"""The bypass changes nothing: the same reads, with it and without it, give a caller the same bytes and the same log.

The streams are made at random, from a seed that is printed: see `tests/support/random_streams.py`.
"""

import asyncio
import random
from typing import Any

import pytest

from tests.faults.dialects import DIALECTS, FRONTS
from tests.support.bypasses import Counted, Parsed
from tests.support.paused import paused
from tests.support.random_streams import HEAD, moves_of, played
from tests.support.wires import Make, Stage

SEED = 20_261_126
STREAMS = 120
"""Of each dialect."""
MAX_ANSWER = 5000
"""Bytes of an answer, which some of the streams exceed."""


@pytest.mark.parametrize("dialect", DIALECTS)
def test_with_and_without_it_a_caller_gets_the_same(dialect: str) -> None:
    print(f"seed {SEED}")
    Counted.reads = 0

    async def all_of(make: Make, seeds: range) -> list[dict[str, Any]]:
        stage = Stage(dialect, make=make, max_answer=MAX_ANSWER)
        try:
            return [
                await played(stage, dialect, moves_of(dialect, random.Random(f"{dialect} {seed}"))) for seed in seeds
            ]
        finally:
            await stage.aclose()

    seeds = range(SEED, SEED + STREAMS)
    found, expected = (paused(all_of(make, seeds)) for make in (Counted, Parsed))
    for seed, one, other in zip(seeds, found, expected, strict=True):
        differs = {name: (one[name], other[name]) for name in one if one[name] != other[name]}
        assert not differs, (seed, differs)
    assert Counted.reads > STREAMS, Counted.reads


@pytest.mark.parametrize(("version", "passes"), [(b"HTTP/1.1", 5), (b"HTTP/1.0", 0)])
async def test_a_caller_without_chunks_gets_events_the_long_way(version: bytes, passes: int) -> None:
    Counted.reads = 0
    stage = Stage("openai-chat", make=Counted)
    try:
        path, body = FRONTS["openai-chat"].ask("up/m", "hi", stream=True)
        play = await stage.ask(path, body, version=version)
        play.service.deliver(HEAD % b"text/event-stream")
        event = b'data: {"choices":[{"index":0,"delta":{"content":"word"},"finish_reason":null}]}\n\n'
        for _ in range(6):
            play.service.deliver(b"%x\r\n%b\r\n" % (len(event), event))
            await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert bytes(play.caller.written).count(event) == 6
        assert Counted.reads == passes
        play.caller.lose()
    finally:
        await stage.aclose()
