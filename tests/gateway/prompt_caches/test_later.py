"""Explanations in steps: others are served in between, each outcome is told once, and none is lost."""

import asyncio

import pytest

from dragoman.gateway.prompt_caches.later import Later
from dragoman.loop.turns import in_turns
from dragoman.types import CacheUse, Outcome
from dragoman.wire.steps import Steps, done


def outcome(name: str) -> Outcome:
    return Outcome(name, "POST", "/", 0.0)


def work(steps: int, use: CacheUse | None = None) -> Steps[CacheUse | None]:
    for _ in range(steps):
        yield
    return use


async def test_a_step_is_a_turn_of_the_loop() -> None:
    told: list[Outcome] = []
    later = Later(told.append)
    later.explain(outcome("a"), work(2, CacheUse("hit")))
    seen: list[int] = []
    for _ in range(6):
        seen.append(len(told))
        await asyncio.sleep(0)
    assert seen == [0, 0, 0, 1, 1, 1]
    assert [(each.request_id, each.cache) for each in told] == [("a", CacheUse("hit"))]


async def test_a_turn_has_as_many_steps_as_answers_wait() -> None:
    told: list[Outcome] = []
    later = Later(told.append)
    for name in "abcd":
        later.explain(outcome(name), work(1))
    seen: list[str] = []
    for _ in range(5):
        seen.append("".join(each.request_id for each in told))
        await asyncio.sleep(0)
    assert seen == ["", "ab", "abc", "abc", "abcd"]


async def test_what_waits_is_told_at_the_end() -> None:
    told: list[Outcome] = []
    later = Later(told.append)
    for name in "abc":
        later.explain(outcome(name), work(3, CacheUse("first")))
    await asyncio.sleep(0)
    later.finish()
    assert [(each.request_id, each.cache) for each in told] == [(name, CacheUse("first")) for name in "abc"]
    for _ in range(9):
        await asyncio.sleep(0)
    assert len(told) == 3


async def test_a_bug_keeps_no_outcome_from_those_who_wait_for_it() -> None:
    def bug() -> Steps[CacheUse | None]:
        yield
        raise ZeroDivisionError

    told: list[Outcome] = []
    failed: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: failed.append(context["exception"]))
    later = Later(told.append)
    later.explain(outcome("a"), bug())
    later.explain(outcome("b"), work(1, CacheUse("hit")))
    for _ in range(6):
        await asyncio.sleep(0)
    assert [(each.request_id, each.cache) for each in told] == [("a", None), ("b", CacheUse("hit"))]
    assert [type(each) for each in failed] == [ZeroDivisionError]


@pytest.mark.parametrize("steps", [0, 3])
async def test_work_gives_its_result_however_it_is_done(steps: int) -> None:
    use = CacheUse("tools")
    assert done(work(steps, use)) == await in_turns(work(steps, use)) == use
