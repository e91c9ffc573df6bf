"""The deadline of a course: what is awaited after it ends, and is closed. Its end has passed already: nothing waits."""

import asyncio
from collections.abc import Awaitable
from math import inf

import pytest

from dragoman.engine.answer import Answer, Receive
from dragoman.engine.text_bypass import SendAhead
from dragoman.errors import DragomanError, TimeoutError
from dragoman.routing.deadline import Timed, in_time, too_late
from dragoman.routing.plan import Course, Target
from dragoman.types import StreamEvent
from tests.routing.test_route import target


class Until(Course):
    """A course that must be over at `ends`."""

    def __init__(self, ends: float) -> None:
        self.target = target("a")
        self.ends = ends

    def after(self, error: DragomanError, now: float) -> float | None:
        return None


class Silent(Answer):
    """An answer of which nothing comes, read or followed."""

    target = "a/m"
    closed = False

    async def read(self) -> list[StreamEvent]:
        await asyncio.Event().wait()
        return []

    def follow(self, receive: Receive, send_ahead: SendAhead) -> Awaitable[None]:
        return asyncio.ensure_future(self._wait())

    def close(self) -> None:
        self.closed = True

    async def _wait(self) -> None:
        await asyncio.Event().wait()


def now() -> float:
    return asyncio.get_running_loop().time()


async def test_a_call_that_is_not_over_ends_and_says_whose_it_was() -> None:
    left: list[str] = []

    async def call(asked: Target) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            left.append(asked.name)

    with pytest.raises(TimeoutError, match="a: the answer had no end from a") as caught:
        await in_time(Until(now()), call)
    assert (caught.value.phase, caught.value.provider, left) == ("total", "a", ["a/m"])
    assert [(attempt.target, attempt.code) for attempt in caught.value.attempts] == [("a/m", "timeout")]


@pytest.mark.parametrize("ends", [inf, 1e9])
async def test_a_call_in_time_is_left_alone_and_so_is_its_own_timeout(ends: float) -> None:
    async def good(asked: Target) -> str:
        return asked.name

    async def late(asked: Target) -> str:
        raise TimeoutError("silent", phase="idle", provider="its own")

    assert await in_time(Until(ends), good) == "a/m"
    with pytest.raises(TimeoutError) as caught:
        await in_time(Until(ends), late)
    assert (caught.value.phase, caught.value.provider, caught.value.attempts) == ("idle", "its own", ())


async def test_an_answer_that_is_not_over_is_closed() -> None:
    silent = Silent()
    answer = Timed(silent, now())
    assert answer.target == "a/m"
    with pytest.raises(TimeoutError) as caught:
        await answer.read()
    assert (caught.value.phase, caught.value.provider, silent.closed) == ("total", "a", True)
    again = Silent()
    Timed(again, inf).close()
    assert again.closed


async def test_an_answer_that_is_followed_is_closed_too_and_read_says_why() -> None:
    silent = Silent()
    answer = Timed(silent, now())
    following = answer.follow(lambda events: True, lambda texts: True)
    assert following is not None
    await following
    assert silent.closed
    with pytest.raises(TimeoutError) as caught:
        await answer.read()
    assert (caught.value.phase, caught.value.provider) == ("total", "a")


def test_a_relay_that_is_not_over_gets_the_same_error() -> None:
    error = too_late("a/m")
    assert (str(error), error.phase, error.status) == ("a: the answer had no end from a", "total", 504)
