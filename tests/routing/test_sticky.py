"""Sticky routes: a conversation stays where its prompt is, in every process, as long as the target is able."""

from collections import Counter

import pytest
from msgspec.structs import replace

from dragoman.errors import OverloadedError
from dragoman.routing.breaker import Breaker
from dragoman.routing.candidate import Candidate
from dragoman.routing.health import Health, Service
from dragoman.routing.plan import RequestInfo
from dragoman.routing.route import Nested, Route
from dragoman.routing.sticky import LastTargets, StickyRoute, lots
from dragoman.routing.strategies.table import STRATEGIES
from tests.routing.test_route import BROKEN, target
from tests.support.routes import FAILURES, REST

CONVERSATIONS = [bytes([n]) * 16 for n in range(250)]


def sticky(names: str, strategy: str = "weighted", **weights: float) -> StickyRoute:
    """A sticky route to a target for each letter."""
    members = [
        Candidate(target=target(name), health=Health(Service(), Breaker(FAILURES, REST)), weight=weights.get(name, 1.0))
        for name in names
    ]
    return StickyRoute(Route(members, STRATEGIES[strategy], lambda: 0.5))


def info(conversation: bytes | None) -> RequestInfo:
    return RequestInfo("fast", conversation=conversation)


def answered(plan: StickyRoute, conversation: bytes, now: float = 0.0) -> str:
    """Which target answers the next request of a conversation."""
    course = plan.begin(info(conversation), now)
    course.committed(now)
    course.settle("whole", now)
    return course.target.name[0]


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_a_conversation_stays_whatever_the_strategy(strategy: str) -> None:
    plan = sticky("abc", strategy)
    for conversation in CONVERSATIONS[:20]:
        here = answered(plan, conversation)
        for each in "abc":  # others are under way, and slow
            member = next(one for one in plan.members if one.name[0] == each)
            assert isinstance(member, Candidate)
            member.health.measured(9.0 if each == here else 0.1, 0)
        assert {answered(plan, conversation) for _ in range(5)} == {here}


def test_two_processes_choose_alike_and_by_weight() -> None:
    one, other = sticky("abc", a=2), sticky("abc", a=2)
    first = [answered(one, each) for each in CONVERSATIONS]
    assert first == [answered(other, each) for each in CONVERSATIONS]
    counts = Counter(first)
    assert 95 <= counts["a"] <= 155
    assert min(counts.values()) > 35


def test_a_target_that_goes_moves_only_its_own_conversations() -> None:
    before = {each: answered(sticky("abcd"), each) for each in CONVERSATIONS}
    after = {each: answered(sticky("acd"), each) for each in CONVERSATIONS}
    assert {each for each in CONVERSATIONS if before[each] != after[each]} == {
        each for each in CONVERSATIONS if before[each] == "b"
    }


def test_one_that_is_not_able_is_left_and_the_new_one_is_remembered() -> None:
    plan, conversation = sticky("ab", "fallback"), CONVERSATIONS[0]
    assert answered(plan, conversation) == "a"
    course = plan.begin(info(conversation), 0)
    assert course.after(OverloadedError("full", retry_after=5), 0) == 0
    course.committed(0)
    course.settle("whole", 0)
    assert course.target.name == "b/m"
    assert [answered(plan, conversation, now) for now in (0, 100)] == ["b", "b"]
    assert answered(plan, CONVERSATIONS[1], 100) == "a"


def test_a_failure_is_no_answer_and_a_preview_changes_nothing() -> None:
    plan, conversation = sticky("ab", "fallback"), CONVERSATIONS[0]
    plan.begin(info(conversation), 0).settle("broken", 0, BROKEN)
    plan.begin(info(conversation), 0).settle("gone", 0)
    plan.preview(info(conversation), 0).settle("gone", 0)
    assert plan.last_targets.find(conversation) is None


def test_without_a_conversation_it_is_a_route_as_any_other() -> None:
    plan = sticky("ab", "fallback")
    course = plan.begin(info(None), 0)
    course.committed(0)
    assert course.target.name == "a/m"
    assert plan.preview(replace(info(None), stream=True), 0).target.name == "a/m"


def test_it_reaches_into_the_routes_that_are_part_of_it() -> None:
    inner = Nested(name="inner", route=Route(sticky("bcd").members, STRATEGIES["weighted"], lambda: 0.5))
    plan = StickyRoute(Route([*sticky("a").members, inner], STRATEGIES["weighted"], lambda: 0.5))
    first = {each: answered(plan, each) for each in CONVERSATIONS}
    assert set(first.values()) == set("abcd")
    assert {each: answered(plan, each) for each in CONVERSATIONS} == first


def test_the_conversation_not_used_for_longest_is_forgotten_first() -> None:
    kept = LastTargets(count=2)
    for conversation in (b"1", b"2", b"1", b"3"):
        kept.keep(conversation, "a/m")
    assert [kept.find(each) for each in (b"1", b"2", b"3")] == ["a/m", None, "a/m"]


def test_what_is_drawn_is_a_share_of_one() -> None:
    member = sticky("a").members[0]
    drawn = [lots(each)(member) for each in CONVERSATIONS]
    assert all(0 <= each < 1 for each in drawn)
    assert 0.4 < sum(drawn) / len(drawn) < 0.6
