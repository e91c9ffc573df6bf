"""The limit of one wait: a loop that looks late blames nobody for what it has not seen, and a silence still ends."""

import asyncio
import time
from collections.abc import Callable
from math import inf

import pytest
import uvloop

from dragoman.errors import TimeoutError
from dragoman.transport.base import Route, Timeouts
from dragoman.transport.native import NativeTransport
from dragoman.transport.timeout import timeout
from dragoman.types import HttpRequest
from tests.support.paused import PausedLoop, paused
from tests.support.server import Exchange, serve

LIMIT, HELD = 0.05, 0.1
"""Seconds of a wait, and for which the loop is held meanwhile."""
STEPS = 12
"""Turns of the loop in which a connection is opened, and more."""

LOOPS = pytest.mark.parametrize("loop", [asyncio.new_event_loop, uvloop.new_event_loop], ids=["asyncio", "uvloop"])
Loop = Callable[[], asyncio.AbstractEventLoop]


async def answer(exchange: Exchange) -> None:
    await exchange.reply(200, {}, b"here")


async def opened_while_held(after: int, timeouts: Timeouts) -> int:
    """The status of an answer, if the loop is held after so many turns of the request."""
    async with serve(answer) as server:
        transport = NativeTransport()
        try:
            request = HttpRequest(method="GET", url=server.url)
            task = asyncio.create_task(transport.send(request, Route(timeouts=timeouts)))
            for _ in range(after):
                await asyncio.sleep(0)
            time.sleep(HELD)  # noqa: ASYNC251  # what holds the loop
            reply = await task
            reply.close()
            return reply.head.status
        finally:
            transport.close()


@LOOPS
def test_a_connection_that_opened_while_the_loop_was_held_is_not_late(loop: Loop) -> None:
    for after in range(STEPS):
        with asyncio.Runner(loop_factory=loop) as runner:
            assert runner.run(opened_while_held(after, Timeouts(connect=LIMIT))) == 200


async def silent(seconds: float | None, ends: float, held: float) -> float:
    """The loop's seconds after which a wait for nothing ends, if the loop is held for the first `held` of them."""
    loop = asyncio.get_running_loop()
    assert isinstance(loop, PausedLoop)
    with pytest.raises(TimeoutError):
        async with timeout(seconds, ends, "connect", "h"):
            loop.hold(held)
            await loop.create_future()
    return loop.time()


def test_a_silence_gets_once_more_what_the_loop_was_late_and_no_more_than_its_limit() -> None:
    assert paused(silent(4, inf, 0)) == 4
    assert paused(silent(4, inf, 5)) == 6
    assert paused(silent(4, inf, 60)) == 64


def test_the_end_of_the_whole_exchange_is_never_put_off() -> None:
    assert paused(silent(None, 4, 5)) == 5
    assert paused(silent(4, 4, 5)) == 5
    assert paused(silent(4, 8, 7)) == 8
