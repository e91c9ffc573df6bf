"""Many requests through one route, in any order of failures, rests and time: a machine that checks what always holds.

The clock is handed in, nothing waits, and nothing is asked. `--faults` tries more.
"""

from collections.abc import Callable
from random import Random

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from msgspec import Struct

from dragoman.errors import (
    AuthenticationError,
    ConnectError,
    ContentFilterError,
    ContextLengthError,
    DragomanError,
    InvalidRequestError,
    ModelNotFoundError,
    OverloadedError,
    PermissionDeniedError,
    RateLimitError,
    TruncatedStreamError,
)
from dragoman.routing.breaker import Breaker, State
from dragoman.routing.candidate import Candidate
from dragoman.routing.health import Health, Service
from dragoman.routing.plan import Course, RequestInfo
from dragoman.routing.retry import ALWAYS, WINDOW, RetryBudget, RetryPolicy
from dragoman.routing.route import Route
from dragoman.routing.strategies.table import STRATEGIES
from dragoman.types.outcome import End
from tests.routing.test_route import target

FEW, MANY = (50, 30), (1000, 50)
"""Runs of the machine, and steps of each."""
SHARE = 0.2
"""Retries that are allowed for each request."""
INFO = RequestInfo("r")
ERRORS: dict[str, Callable[[float], DragomanError]] = {
    "refused": lambda wait: ConnectError("refused"),
    "overloaded": lambda wait: OverloadedError("busy", retry_after=wait),
    "limited": lambda wait: RateLimitError("too many", retry_after=wait),
    "limited, without a date": lambda wait: RateLimitError("too many"),
    "cut off": lambda wait: TruncatedStreamError("broke off"),
    "no key": lambda wait: AuthenticationError("no"),
    "not this model": lambda wait: PermissionDeniedError("no"),
    "unknown model": lambda wait: ModelNotFoundError("no"),
    "too long": lambda wait: ContextLengthError("too long"),
    "wrong": lambda wait: InvalidRequestError("wrong"),
    "filtered": lambda wait: ContentFilterError("no"),
}


class WatchedBreaker(Breaker):
    """A breaker that remembers how it stood before it was last asked."""

    def __init__(self, failures: int, rest: float) -> None:
        super().__init__(failures, rest)
        self.before = (State.CLOSED, 0.0)

    def asked(self, now: float) -> bool:
        self.before = (self.state, self.until)
        return super().asked(now)


class Running(Struct, eq=False):
    """A request on its way."""

    course: Course
    calls: int = 1
    due: float = 0.0
    """When its next attempt is sent."""
    committed: bool = False


class Shape(Struct, frozen=True):
    """What a route is made of."""

    strategy: str
    targets: tuple[tuple[int | None, int | None], ...]
    """`max_parallel` and `context` of each."""
    failures: int
    """That open a breaker."""
    attempts: int
    calls: int


SHAPES = st.builds(
    Shape,
    strategy=st.sampled_from(sorted(STRATEGIES)),
    targets=st.lists(
        st.tuples(st.sampled_from([None, 1, 2, 3]), st.sampled_from([None, 1000, 8000])), min_size=1, max_size=4
    ).map(tuple),
    failures=st.integers(0, 3),
    attempts=st.integers(1, 3),
    calls=st.integers(1, 6),
)


class RouteMachine(RuleBasedStateMachine):
    """A route, and the requests that are under way."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 100.0
        self.running: list[Running] = []
        self.candidates: tuple[Candidate, ...] = ()
        self.services = (Service(), Service())
        self.breakers: dict[str, WatchedBreaker] = {}
        self.requests: list[float] = []
        self.retries: list[float] = []
        """When each came, in the order of the clock."""

    @initialize(shape=SHAPES, seed=st.integers(0, 99))
    def make(self, shape: Shape, seed: int) -> None:
        """Makes the route; of its targets, two and two have one service."""
        names = "abcd"[: len(shape.targets)]
        self.breakers = {f"{name}/m": WatchedBreaker(shape.failures, 5.0) for name in names}
        self.candidates = tuple(
            Candidate(
                target=target(name),
                health=Health(self.services[place // 2], self.breakers[f"{name}/m"]),
                max_parallel=shape.targets[place][0],
                context=shape.targets[place][1],
            )
            for place, name in enumerate(names)
        )
        self.route = Route(
            self.candidates,
            STRATEGIES[shape.strategy],
            Random(seed).random,
            retry=RetryPolicy(attempts=shape.attempts, calls=shape.calls),
            budget=RetryBudget(SHARE),
        )

    @rule()
    def request(self) -> None:
        """A request comes."""
        able = [each for each in self.candidates if each.is_able(self.now)]
        course: Course | None
        wait = None
        try:
            course = self.route.begin(INFO, self.now)
        except (OverloadedError, RateLimitError) as exc:
            wait = exc.retry_after
            course = None
        if course is None:
            assert not able
            assert wait is not None
            assert wait > 0
            return
        self.requests.append(self.now)
        one = Running(course, due=self.now)
        self.running.append(one)
        self.check_choice(one)

    def check_choice(self, one: Running) -> None:
        """Nobody is asked who rests, is broken or is on trial, unless the route has no other target at all."""
        if len(self.candidates) == 1:
            return
        place = next(i for i, each in enumerate(self.candidates) if each.target is one.course.target)
        state, until = self.breakers[one.course.target.name].before
        assert state is State.CLOSED or (state is State.OPEN and one.due >= until)
        assert one.due >= self.candidates[place].health.rests_until
        assert one.due >= self.services[place // 2].rests_until

    @precondition(lambda self: self.running)
    @rule(data=st.data(), kind=st.sampled_from(sorted(ERRORS)), wait=st.sampled_from([0.0, 0.5, 3.0, 100.0]))
    def fails(self, data: st.DataObject, kind: str, wait: float) -> None:
        """A request fails before it has any content."""
        one = data.draw(st.sampled_from(self.running))
        if one.committed:
            return
        self.now = max(self.now, one.due)
        before = one.course.target
        pause = one.course.after(ERRORS[kind](wait), self.now)
        if pause is None:
            self.running.remove(one)
            return
        one.calls += 1
        one.due = self.now + pause
        assert pause >= 0
        assert one.calls <= self.route.retry.calls
        if one.course.target is before:
            self.retries.append(self.now)
        else:
            assert pause == 0
        self.check_choice(one)

    @precondition(lambda self: self.running)
    @rule(data=st.data())
    def begins(self, data: st.DataObject) -> None:
        """The first content of an answer comes."""
        one = data.draw(st.sampled_from(self.running))
        self.now = max(self.now, one.due)
        if not one.committed:
            one.course.committed(self.now)
            one.committed = True

    @precondition(lambda self: self.running)
    @rule(data=st.data(), end=st.sampled_from(["whole", "gone", "broken"]), kind=st.sampled_from(sorted(ERRORS)))
    def ends(self, data: st.DataObject, end: End, kind: str) -> None:
        """A request is over: well, because its caller has left, or by a failure that cannot be hidden."""
        one = data.draw(st.sampled_from(self.running))
        self.now = max(self.now, one.due)
        self.running.remove(one)
        asked = one.course.target
        one.course.settle(end, self.now, ERRORS[kind](1.0) if end == "broken" else None)
        one.course.settle("whole", self.now)  # which changes nothing any more
        assert one.course.target is asked

    @rule(seconds=st.sampled_from([0.1, 1.0, 5.0, 11.0, 70.0]))
    def waits(self, seconds: float) -> None:
        """Time passes."""
        self.now += seconds

    @invariant()
    def counts_hold(self) -> None:
        """Each target has as many requests as ask it, and no more than it may have."""
        for each in self.candidates:
            asking = [one for one in self.running if one.course.target is each.target]
            assert each.in_flight == len(asking)
            assert each.max_parallel is None or each.in_flight <= each.max_parallel

    @invariant()
    def retries_are_few(self) -> None:
        """Retries are a part of the requests, or very few."""
        retries = sum(each > self.now - WINDOW / 2 for each in self.retries)
        requests = sum(each > self.now - 1.5 * WINDOW for each in self.requests)
        assert retries <= max(ALWAYS, SHARE * requests)

    def teardown(self) -> None:
        """All requests end, and nothing is left of them."""
        for one in self.running:
            one.course.settle("gone", self.now)
        for each in self.candidates:
            assert each.in_flight == 0
            assert each.health.breaker.state is not State.TRYING


def test_a_route_holds_its_promises(request: pytest.FixtureRequest) -> None:
    runs, steps = MANY if request.config.getoption("--faults") else FEW
    run_state_machine_as_test(RouteMachine, settings=settings(max_examples=runs, stateful_step_count=steps))
