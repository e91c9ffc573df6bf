"""The waits of an exchange begin nothing that nobody would wait for, and name what took too long."""

import asyncio
import builtins

import pytest

from dragoman.errors import TimeoutError
from dragoman.transport.base import Route, Timeouts
from dragoman.transport.deadlines import Deadlines, opening
from tests.support.paused import PausedLoop, paused


async def test_begins_nothing_once_the_total_has_passed() -> None:
    begun: list[bool] = []

    async def begin() -> None:
        begun.append(True)

    waits = Deadlines(Timeouts(total=0), "http://service.example/?key=hidden")
    with pytest.raises(TimeoutError, match=r"service\.example within 0 s") as caught:
        await waits.within(begin, "idle", None)
    assert caught.value.phase == "total"
    assert begun == []


async def test_passes_on_a_timeout_that_is_not_its_own() -> None:
    async def begin() -> None:
        raise builtins.TimeoutError("another's")

    with pytest.raises(asyncio.TimeoutError, match="another's"):
        await Deadlines(Timeouts(), "http://x").within(begin, "idle", 5)


def test_what_came_while_the_loop_was_held_is_not_late() -> None:
    async def here() -> str:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, PausedLoop)
        loop.hold(60)
        for _ in range(3):
            await asyncio.sleep(0)
        return "here"

    async def test() -> str:
        return await Deadlines(Timeouts(), "http://x").within(here, "idle", 5)

    assert paused(test()) == "here"


@pytest.mark.parametrize(
    ("url", "proxy", "timeouts", "seconds"),
    [
        ("http://x", None, Timeouts(connect=1, tls=2, proxy=4), 1),
        ("https://x", None, Timeouts(connect=1, tls=2, proxy=4), 3),
        ("https://x", "http://p", Timeouts(connect=1, tls=2, proxy=4), 7),
        ("https://x", None, Timeouts(connect=1, tls=None), None),
    ],
)
def test_adds_up_the_steps_to_an_open_connection(
    url: str, proxy: str | None, timeouts: Timeouts, seconds: float | None
) -> None:
    assert opening(Route(timeouts=timeouts, proxy=proxy), url) == seconds
