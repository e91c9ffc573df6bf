"""Two targets at the same time: who is asked when, who answers, and what becomes of the other one."""

import asyncio
from typing import Any

import pytest

from dragoman.errors import Attempt, ConnectError, InvalidRequestError, OverloadedError, RateLimitError, TimeoutError
from dragoman.routing.attempts import translated
from dragoman.routing.breaker import State
from dragoman.routing.caller import Caller
from dragoman.routing.candidate import Candidate
from dragoman.routing.hedge_time import ENOUGH, HedgeTime
from dragoman.routing.retry import RetryBudget, RetryPolicy
from dragoman.routing.route import Nested, Route
from dragoman.routing.strategies.fallback import fallback
from dragoman.types import ChatRequest, PartDelta, StreamEvent, fold, user
from tests.support.cancelling import cancelled_everywhere
from tests.support.paused import paused
from tests.support.routes import candidate
from tests.support.timed import END, TimedService, target, text

REQUEST = ChatRequest(model="fast", messages=(user("hi"),))


def service(name: str, first: float, **said: Any) -> TimedService:
    """A service that has its first content after `first` seconds: its name."""
    return TimedService(*text(name), END, opening=first, **said)


def hedged(*services: TimedService, first: float | None = 1.0, **said: Any) -> Route:
    """A route that asks a second one after `first` seconds."""
    targets = [target(f"s{n}/m", each) for n, each in enumerate(services)]
    return Route([candidate(each) for each in targets], fallback, lambda: 0.5, hedge=HedgeTime(first), **said)


async def told(route: Route) -> tuple[str, str, tuple[Attempt, ...]]:
    """The text of an answer, its target and the other attempts."""
    answer = await translated(route)(REQUEST)
    events: list[StreamEvent] = []
    while batch := await answer.read():
        events += batch
    answer.close()
    return fold(events).text, answer.target, answer.attempts


def health(route: Route, place: int) -> Any:
    member = route.members[place]
    assert isinstance(member, Candidate)
    return member.health


def check_settled(route: Route) -> None:
    assert [health(route, place).in_flight for place in range(len(route.members))] == [0] * len(route.members)


def test_a_fast_target_is_asked_alone() -> None:
    async def test() -> None:
        first, second = service("a", 0.9), service("b", 0)
        assert await told(hedged(first, second)) == ("a", "s0/m", ())
        assert second.asked == []

    paused(test())


def test_a_second_target_is_asked_after_the_time_and_the_first_with_content_answers() -> None:
    async def test() -> None:
        first, second = service("a", 5), service("b", 0.5)
        route = hedged(first, second)
        said, name, attempts = await told(route)
        assert (said, name) == ("b", "s1/m")
        assert [(each.target, each.code) for each in attempts] == [("s0/m", "hedged")]
        assert (attempts[0].asked_at, attempts[0].failed_at) == (0, 1.5)
        assert second.asked_at == [1.0]
        assert first.left_at == [1.5], "the slower one is given up at once"
        check_settled(route)
        assert health(route, 0).breaker.state is State.CLOSED
        assert health(route, 0).latency == 0
        assert health(route, 1).latency == 0.5

    paused(test())


def test_the_first_may_still_be_faster() -> None:
    async def test() -> None:
        first, second = service("a", 1.2), service("b", 5)
        route = hedged(first, second)
        said, name, attempts = await told(route)
        assert (said, name) == ("a", "s0/m")
        assert [(each.target, each.code) for each in attempts] == [("s1/m", "hedged")]
        assert second.left_at == [1.2]
        check_settled(route)

    paused(test())


def test_if_both_come_at_the_same_moment_one_is_read_and_the_other_closed() -> None:
    async def test() -> None:
        first, second = service("a", 1.5), service("b", 0.5)
        route = hedged(first, second)
        assert (await told(route))[0] in {"a", "b"}
        for _ in range(5):
            await asyncio.sleep(0)
        assert first.open + second.open == 0
        check_settled(route)

    paused(test())


def test_a_given_up_target_does_not_count_as_broken() -> None:
    async def test() -> None:
        route = hedged(service("a", 5), service("b", 0.1))
        for _ in range(10):
            await told(route)
        assert health(route, 0).breaker.state is State.CLOSED

    paused(test())


def test_a_failure_before_the_time_goes_to_the_next_target_at_once() -> None:
    async def test() -> None:
        first = TimedService(opening=0.5, refusal=OverloadedError("full"))
        second, third = service("b", 0.2), service("c", 0)
        said, name, attempts = await told(hedged(first, second, third))
        assert (said, name) == ("b", "s1/m")
        assert [each.code for each in attempts] == ["overloaded"]
        assert second.asked_at == [0.5]
        assert third.asked == []

    paused(test())


@pytest.mark.parametrize("first_fails_at", [1.5, 3.0])
def test_if_both_fail_the_next_target_is_asked(first_fails_at: float) -> None:
    async def test() -> None:
        first = TimedService(opening=first_fails_at, refusal=OverloadedError("full"))
        second = TimedService(opening=1, refusal=ConnectError("no"))
        third = service("c", 5)
        route = hedged(first, second, third, service("d", 0))
        said, name, attempts = await told(route)
        assert (said, name) == ("c", "s2/m"), "a request is hedged once"
        assert sorted(each.code for each in attempts) == ["connect_error", "overloaded"]
        check_settled(route)

    paused(test())


@pytest.mark.parametrize("other", [0.1, 2.0])
def test_if_one_of_both_fails_the_other_answers(other: float) -> None:
    async def test() -> None:
        first, second = service("a", 4), TimedService(opening=other, refusal=OverloadedError("full"))
        route = hedged(first, second, service("c", 0))
        said, name, attempts = await told(route)
        assert (said, name) == ("a", "s0/m")
        assert [(each.target, each.code) for each in attempts] == [("s1/m", "overloaded")]
        check_settled(route)

    paused(test())


def test_if_the_first_fails_later_the_second_answers() -> None:
    async def test() -> None:
        first, second = TimedService(opening=1.5, refusal=OverloadedError("full")), service("b", 3)
        route = hedged(first, second, service("c", 0))
        said, name, attempts = await told(route)
        assert (said, name) == ("b", "s1/m")
        assert [(each.target, each.code) for each in attempts] == [("s0/m", "overloaded")]
        check_settled(route)

    paused(test())


def test_if_all_fail_the_last_error_has_all_attempts() -> None:
    async def test() -> None:
        first = TimedService(opening=2, refusal=OverloadedError("full"))
        second = TimedService(opening=2, refusal=RateLimitError("slow down"))
        route = hedged(first, second)
        with pytest.raises(RateLimitError) as caught:
            await told(route)
        assert [each.code for each in caught.value.attempts] == ["overloaded", "rate_limit_exceeded"]
        check_settled(route)

    paused(test())


def test_if_the_time_of_the_route_is_over_both_were_asked() -> None:
    async def test() -> None:
        route = hedged(service("a", 9), service("b", 9), total=3)
        with pytest.raises(TimeoutError) as caught:
            await told(route)
        tried = caught.value.attempts
        assert sorted((each.target, each.code) for each in tried) == [("s0/m", "timeout"), ("s1/m", "timeout")]
        assert all(each.asked_at is not None and each.failed_at is not None for each in tried)
        check_settled(route)

    paused(test())


def test_a_caller_who_leaves_has_left_both() -> None:
    class Leaving(Caller):
        def left(self, target: str, attempts: tuple[Attempt, ...], asked_at: float | None) -> None:
            seen.append((target, [(each.target, each.code) for each in attempts]))

    seen: list[tuple[str, list[tuple[str, str]]]] = []

    async def test() -> None:
        route = hedged(service("a", 9), service("b", 9))
        asking = asyncio.ensure_future(translated(route, Leaving())(REQUEST))
        await asyncio.sleep(2)
        asking.cancel()
        await asyncio.wait([asking])
        check_settled(route)

    paused(test())
    assert seen == [("s0/m", [("s1/m", "hedged")])]


def test_for_a_caller_who_has_left_no_second_target_is_asked() -> None:
    class Left(Caller):
        def waits(self) -> bool:
            return False

    async def test() -> None:
        first, second = service("a", 9), service("b", 0)
        answer = await translated(hedged(first, second), Left())(REQUEST)
        assert (answer.target, second.asked) == ("s0/m", [])
        answer.close()

    paused(test())


def test_a_fault_of_the_request_ends_it_when_the_other_one_has_failed_too() -> None:
    async def test() -> None:
        first = TimedService(opening=2, refusal=InvalidRequestError("bad"))
        second = TimedService(opening=1.5, refusal=InvalidRequestError("bad"))
        third = service("c", 0)
        with pytest.raises(InvalidRequestError):
            await told(hedged(first, second, third))
        assert third.asked == []

    paused(test())


def test_what_is_no_error_of_ours_ends_both() -> None:
    class BugError(Exception):
        pass

    async def test() -> None:
        async def bug(request: ChatRequest) -> Any:
            await asyncio.sleep(2)
            raise BugError

        first, second = service("a", 9), service("b", 9)
        route = hedged(first, second)
        health_of = [health(route, place) for place in (0, 1)]
        route.targets[1]._opened = bug
        with pytest.raises(BugError):
            await told(route)
        for _ in range(5):
            await asyncio.sleep(0)
        assert first.left_at == [3.0]
        assert [each.in_flight for each in health_of] == [0, 0]

    paused(test())


def test_the_time_is_measured_and_then_used() -> None:
    async def test() -> None:
        first, second = service("a", 0.2), service("b", 0)
        route = hedged(first, second, first=None)
        for _ in range(ENOUGH):
            await told(route)
        assert second.asked == []
        assert route.hedge is not None
        assert route.hedge.seconds() == pytest.approx(0.2)
        first._opening = 3
        assert (await told(route))[0] == "b"

    paused(test())


def test_without_enough_requests_and_without_a_number_nobody_else_is_asked() -> None:
    async def test() -> None:
        first, second = service("a", 60), service("b", 0)
        assert (await told(hedged(first, second, first=None)))[0] == "a"
        assert second.asked == []

    paused(test())


def spent() -> RetryBudget:
    budget = RetryBudget(0)
    while budget.allows(0.0):
        pass
    return budget


LIMITS: dict[str, Any] = {
    "calls": lambda: {"retry": RetryPolicy(1, 1)},
    "budget": lambda: {"budget": spent()},
}


@pytest.mark.parametrize("limit", LIMITS)
def test_a_limit_that_is_reached_allows_no_second_target(limit: str) -> None:
    async def test() -> None:
        first, second = service("a", 5), service("b", 0)
        assert (await told(hedged(first, second, **LIMITS[limit]())))[0] == "a"
        assert second.asked == []

    paused(test())


def test_the_second_call_counts_against_the_cap() -> None:
    async def test() -> None:
        first = TimedService(opening=2, refusal=OverloadedError("full"))
        second = TimedService(opening=2, refusal=OverloadedError("full"))
        third = service("c", 0)
        with pytest.raises(OverloadedError):
            await told(hedged(first, second, third, retry=RetryPolicy(1, 2)))
        assert third.asked == []

    paused(test())


def test_a_target_of_another_route_may_be_the_second() -> None:
    async def test() -> None:
        inner = Route([candidate(target("in/m", service("b", 0)))], fallback, lambda: 0.5)
        first = candidate(target("s0/m", service("a", 5)))
        route = Route([first, Nested(name="inner", route=inner)], fallback, lambda: 0.5, hedge=HedgeTime(1.0))
        said, name, _ = await told(route)
        assert (said, name) == ("b", "in/m")

    paused(test())


def test_no_other_able_target_leaves_the_first_alone() -> None:
    async def test() -> None:
        first, second = service("a", 5), service("b", 0)
        route = hedged(first, second)
        health(route, 1).rests_until = 1000.0
        assert (await told(route))[0] == "a"

    paused(test())


def test_wherever_the_caller_leaves_nothing_is_left_open() -> None:
    async def test() -> None:
        first, second = service("a", 5), service("b", 0.5)
        route = hedged(first, second)

        def check() -> None:
            check_settled(route)
            assert first.open + second.open == 0

        assert await cancelled_everywhere(lambda: read_and_close(route), check) >= 3

    async def read_and_close(route: Route) -> None:
        answer = await translated(route)(REQUEST)
        try:
            while events := await answer.read():
                assert not any(isinstance(event, PartDelta) and event.text == "a" for event in events)
        finally:
            answer.close()

    paused(test())
