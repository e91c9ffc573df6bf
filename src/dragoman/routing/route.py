"""A route: several targets under one name, and the course of each request through them.

strategy   puts the targets into an order
health     takes those out that rest, are broken or have enough to do
retry      asks one again, if its failure says that it may answer a little later
reactions  says after each failure who may be asked next
"""

from collections.abc import Sequence
from copy import copy
from typing import cast

from msgspec import Struct

from dragoman.errors import ConfigurationError, DragomanError, OverloadedError
from dragoman.routing.candidate import Candidate, Member
from dragoman.routing.hedge_time import HedgeTime
from dragoman.routing.plan import Able, Course, Plan, RequestInfo, Target
from dragoman.routing.reactions import Next, reaction
from dragoman.routing.retry import MAX_WAIT, SHORT, Draw, RetryBudget, RetryPolicy
from dragoman.routing.strategies.table import Strategy
from dragoman.types.outcome import End

ONCE = RetryPolicy()

BUSY = 1.0
"""Seconds after which to try again, if every target has as many requests as it may have."""
LEAST = 0.1
"""The shortest wait that is named, in seconds."""


class Route(Plan):
    """Asks one target after another, in the order of its strategy, until one has content."""

    def __init__(
        self,
        members: Sequence[Member],
        strategy: Strategy,
        draw: Draw,
        *,
        retry: RetryPolicy = ONCE,
        budget: RetryBudget | None = None,
        total: float | None = None,
        continues: bool = False,
        hedge: HedgeTime | None = None,
    ) -> None:
        if not members:
            raise ConfigurationError("expected at least one target, got none")
        self.members = tuple(members)
        self.targets = tuple(target for member in self.members for target in member.targets)
        self._is_flat = all(isinstance(member, Candidate) for member in self.members)
        """Whether no other route is part of it."""
        self.final = (len(self.targets) == 1 and retry.attempts == 1) or retry.calls == 1
        self.strategy = strategy
        self.draw = draw
        self.retry = retry
        self.budget = budget
        self.total = total
        """Seconds for all attempts of one request; None: no limit."""
        self.continues, self.hedge = continues, hedge
        self.policies = (*(("continue",) if continues else ()), *(("hedge",) if hedge is not None else ()))
        self.is_plain = self.final and len(self.targets) == 1 and self.ordered()[0].max_parallel is None
        """Whether it asks one target once, whatever is known of it."""

    def begin(self, info: RequestInfo, now: float) -> Course:
        course = self.preview(info, now)
        if self.budget is not None:
            self.budget.asked(now)
        course.ask()
        return course

    def preview(self, info: RequestInfo, now: float) -> "RouteCourse":
        order = self.ordered()
        for candidate in order:
            if candidate.is_able(now):
                return RouteCourse(self, order, candidate, now)
        return RouteCourse(self, order, _last_resort(order, now), now)

    def ordered(self) -> Sequence[Candidate]:
        """All targets, in the order of the strategy; those of another route in its own."""
        members = self.strategy(self.members, self.draw) if len(self.members) > 1 else self.members
        if self._is_flat:
            return cast("Sequence[Candidate]", members)
        return [candidate for member in members for candidate in member.ordered()]


class Nested(Struct, frozen=True, eq=False, kw_only=True):
    """A route as a target of another one, with what that one says of it."""

    route: Route
    weight: float = 1.0
    price: float | None = None

    @property
    def in_flight(self) -> int:
        """Requests to all of its targets."""
        return sum(member.in_flight for member in self.route.members)

    @property
    def latency(self) -> float:
        """That of its best target."""
        return min(member.latency for member in self.route.members)

    @property
    def targets(self) -> tuple[Target, ...]:
        """All of its targets, as they stand."""
        return self.route.targets

    def ordered(self) -> Sequence[Candidate]:
        """Its targets, in its own order."""
        return self.route.ordered()


def _last_resort(order: Sequence[Candidate], now: float) -> Candidate:
    """Whom to ask if nobody is able: a lone target, as long as it has room. Raises OverloadedError."""
    if len(order) == 1 and order[0].is_free():
        return order[0]
    soonest = min(each.health.free_at(now) if each.is_free() else now + BUSY for each in order)
    raise OverloadedError("no target can be asked now", retry_after=round(max(soonest - now, LEAST), 1))


class RouteCourse(Course):
    """The course of one request."""

    __slots__ = ("_asked_at", "_began_at", "_calls", "_candidate", "_counting", "_order", "_passed", "_route", "_tries")

    def __init__(self, route: Route, order: Sequence[Candidate], candidate: Candidate, now: float) -> None:
        self._route = route
        self._order = order
        self._candidate = candidate
        self._passed: tuple[Candidate, ...] = ()
        """Those that were asked before, and are not asked again."""
        self.target = candidate.target
        self._began_at = self._asked_at = now
        self._tries = self._calls = 1
        self._counting = False

    def ask(self) -> None:
        """The target is asked; from now on this is counted."""
        self._counting = True
        self._candidate.health.asked()

    def after(self, error: DragomanError, now: float) -> float | None:
        health, counting = self._candidate.health, self._counting
        if counting:
            self._counting = False
            health.failed(error, now)
        wait = self._next(error, now)
        if wait is None:
            return None
        self.target = self._candidate.target
        self._asked_at = now + wait
        self._calls += 1
        if counting:
            self.ask()
        return wait

    def committed(self, now: float) -> None:
        if self._counting:
            self._candidate.health.measured(now - self._asked_at, now)

    def settle(self, end: End, now: float, error: DragomanError | None = None) -> None:
        if not self._counting:
            return
        self._counting = False
        health = self._candidate.health
        if error is not None:
            health.failed(error, now)
        elif end == "whole":
            health.succeeded()
        else:
            health.left()

    def branch(self, now: float) -> "RouteCourse | None":
        route, other = self._route, self._other(Next.OTHER, now)
        late = route.total is not None and now - self._began_at >= route.total
        if other is None or late or self._calls >= route.retry.calls:
            return None
        if route.budget is not None and not route.budget.allows(now):
            return None
        self._calls += 1
        branch = copy(self)
        branch._passed = (*self._passed, self._candidate)
        self._passed = (*self._passed, other)
        branch._candidate, branch._asked_at, branch._tries = other, now, 1
        branch.target = other.target
        branch.ask()
        return branch

    def narrow(self, able: Able) -> None:
        self._order = [each for each in self._order if able(each.target)]
        if not able(self.target):
            self._tries = self._route.retry.attempts

    def _next(self, error: DragomanError, now: float) -> float | None:
        """Chooses whom to ask next, and says after how many seconds."""
        route, following = self._route, reaction(error).next
        if following is Next.NOBODY or self._calls >= route.retry.calls:
            return None
        if route.total is not None and now - self._began_at >= route.total:
            return None
        other = self._other(following, now)
        if following is Next.SAME and self._tries < route.retry.attempts:
            wait = route.retry.wait(error, self._tries, route.draw)
            if self._may_wait(wait, other is not None, now):
                self._tries += 1
                return wait
        if other is None:
            return None
        self._passed = (*self._passed, self._candidate)
        self._candidate, self._tries = other, 1
        return 0.0

    def _other(self, following: Next, now: float) -> Candidate | None:
        """The next target that is able."""
        held = self._candidate.context
        for each in self._order:
            if each is self._candidate or each in self._passed:
                continue
            if following is Next.LARGER and (held is None or each.context is None or each.context <= held):
                continue
            if each.is_able(now):
                return each
        return None

    def _may_wait(self, wait: float, others: bool, now: float) -> bool:
        """Whether the same target is asked again after `wait` seconds. If so, it is counted as a retry."""
        route = self._route
        if wait > (SHORT if others else MAX_WAIT):
            return False
        if route.total is not None and now + wait - self._began_at >= route.total:
            return False
        return self._candidate.is_free() and (route.budget is None or route.budget.allows(now))
