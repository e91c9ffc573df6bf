"""A caller that leaves the gateway at any turn of the loop: the service is left too, and the next one is answered."""

import asyncio

import pytest

from tests.schedules.services import World, world
from tests.support.gateway import Running, ask, chat_body, connect, running
from tests.support.readings import RELAYED

PATH = "/v1/chat/completions"
MOST = 200
"""Turns of the loop that one request takes at most."""
FEW = ("openai-chat/m", "anthropic/m", "route")
"""What is asked in the default tier: relayed, translated, and both with targets that fail first."""


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """A test for each model."""
    if "model" in metafunc.fixturenames:
        more = [f"{name}/m" for name in RELAYED] if metafunc.config.getoption("--faults") else []
        metafunc.parametrize("model", dict.fromkeys([*FEW, *more]))


@pytest.mark.parametrize("stream", [True, False], ids=["stream", "whole"])
async def test_a_caller_may_leave_at_any_turn(model: str, stream: bool) -> None:
    body = chat_body("hi", model, stream=stream)
    async with world() as one, running(one.client.config, client=one.client) as up:
        turns = await leave_everywhere(one, up, body)
        assert 5 < turns < MOST


async def leave_everywhere(one: World, up: Running, body: bytes) -> int:
    """Leaves after each number of turns. Returns how many a whole answer takes."""
    for turns in range(1, MOST):
        ended = await leave_after(turns, up.url, body)
        await one.check_left()
        if turns % 5 == 0 or ended:
            got = await ask(up.url, "POST", PATH, body=body)
            assert (got.status, got.clean) == (200, True)
            await one.check_clean()
        if ended:
            return turns
    raise AssertionError(f"more than {MOST} turns")


async def leave_after(turns: int, url: str, body: bytes) -> bool:
    """Asks, and leaves after so many turns; whether the answer was there by then."""
    async with connect(url) as wire:
        wire.send("POST", PATH, body=body)
        answer = asyncio.create_task(wire.answer())
        for _ in range(turns):
            await asyncio.sleep(0)
        ended = answer.done()
        wire.writer.transport.abort()
        await asyncio.wait([answer])
        if not answer.cancelled():
            answer.exception()
        return ended
