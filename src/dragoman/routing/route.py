"""A route: several targets under one name, and the course of each request through them.

strategy   puts the targets into an order
health     takes those out that rest, are broken or have enough to do
retry      asks one again, if its failure says that it may answer a little later
reactions  says after each failure who may be asked next
"""

from collections.abc import Mapping, Sequence
from copy import copy
from math import inf
from types import MappingProxyType
from typing import cast

from msgspec import Struct

from dragoman.errors import ConfigurationError, DragomanError, OverloadedError, RateLimitError, TimeoutError
from dragoman.routing.candidate import Candidate, Lot, Member, Wall
from dragoman.routing.health import LIMITED_REST
from dragoman.routing.hedge_time import HedgeTime
from dragoman.routing.plan import Able, Course, Plan, RequestInfo, Target
from dragoman.routing.reactions import Next
from dragoman.routing.retry import MAX_WAIT, SHORT, SPREAD, Draw, RetryBudget, RetryPolicy
from dragoman.routing.strategies.table import Strategy
from dragoman.types.outcome import End

ONCE = RetryPolicy()

BUSY = 1.0
"""Seconds after which to try again, if every target has as many requests as it may have."""
LEAST = 0.1
"""The shortest wait that is named, in seconds."""
MARGIN = 0.01
"""Seconds that must be left for an attempt: a connection takes as long, and timers are exact to a millisecond."""

NO_WALLS: Mapping[Wall, float] = MappingProxyType({})


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
        self._lot: Lot = lambda member: draw()
        self.retry = retry
        self.budget = budget
        self.total = total
        """Seconds for all attempts of one request together, the last one to its end; None: no limit."""
        self.continues, self.hedge = continues, hedge
        self.policies = (*(("continue",) if continues else ()), *(("hedge",) if hedge is not None else ()))
        self.is_plain = self.final and len(self.targets) == 1 and self.ordered()[0].max_parallel is None
        """Whether it asks one target once, whatever is known of it."""

    def begin(self, info: RequestInfo, now: float) -> Course:
        course = self.preview(info, now)
        if self.budget is not None:
            self.budget.asked(now)
        course.ask(now)
        return course

    def preview(self, info: RequestInfo, now: float) -> "RouteCourse":
        order = self.ordered()
        return RouteCourse(self, order, first_able(order, now), now)

    def ordered(self, lot: Lot | None = None) -> Sequence[Candidate]:
        """All targets, in the order of the strategy; those of another route in its own. `lot`: None: by chance."""
        lot = self._lot if lot is None else lot
        members = self.strategy(self.members, lot) if len(self.members) > 1 else self.members
        if self._is_flat:
            return cast("Sequence[Candidate]", members)
        return [candidate for member in members for candidate in member.ordered(lot)]


class Nested(Struct, frozen=True, eq=False, kw_only=True):
    """A route as a target of another one, with what that one says of it."""

    name: str
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

    def ordered(self, lot: Lot) -> Sequence[Candidate]:
        """Its targets, in its own order."""
        return self.route.ordered(lot)


def first_able(order: Sequence[Candidate], now: float) -> Candidate:
    """Whom to ask first. Raises RateLimitError or OverloadedError if nobody can be asked now."""
    for candidate in order:
        if candidate.is_able(now):
            return candidate
    return _last_resort(order, now)


def _last_resort(order: Sequence[Candidate], now: float) -> Candidate:
    """Whom to ask if nobody is able: a lone target, as long as it has room.

    Raises RateLimitError if the first that may be asked again rests by its own words, else OverloadedError.
    """
    if len(order) == 1 and order[0].is_free():
        return order[0]
    soonest, limited = min(
        (each.health.free_at(now), each.health.is_limited(now)) if each.is_free() else (now + BUSY, False)
        for each in order
    )
    # Agents wait as long as they are told after a 429; after a 503 some do not, and soon give up (Codex 0.169).
    kind = RateLimitError if limited else OverloadedError
    raise kind("no target can be asked now", retry_after=round(max(soonest - now, LEAST), 1))


class RouteCourse(Course):
    """The course of one request."""

    __slots__ = (
        "_asked_at",
        "_calls",
        "_candidate",
        "_counting",
        "_latest",
        "_order",
        "_passed",
        "_route",
        "_too_few",
        "_trial",
        "_tries",
        "_walls",
        "ends",
    )

    def __init__(self, route: Route, order: Sequence[Candidate], candidate: Candidate, now: float) -> None:
        self._route = route
        self._order = order
        self._candidate = candidate
        self._passed: tuple[Candidate, ...] = ()
        """Those that were asked before, and are not asked again."""
        self.target = candidate.target
        self._asked_at = now
        self._tries = self._calls = 1
        self._counting = self._trial = False
        self.ends = self._latest = inf if route.total is None else now + route.total
        self._too_few: int | None = None
        """Tokens that are known to be too few for the conversation; None: it was too long for no target."""
        self._walls = NO_WALLS
        """When the attempts at the targets of nested routes must be over, for those that were asked."""
        if candidate.walls:
            self._enter(candidate, now)

    def ask(self, at: float) -> None:
        """The target is asked at that time; from now on this is counted."""
        self._counting = True
        self._trial = self._candidate.health.asked(at)

    def after(self, error: DragomanError, now: float) -> float | None:
        counting = self._counting
        if counting:
            self._counting = False
            self._blame(error, now)
        wait = self._next(error, now)
        if wait is None:
            return None
        self.target = self._candidate.target
        self._asked_at = now + wait
        self._calls += 1
        if counting:
            self.ask(self._asked_at)
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
            self._blame(error, now)
        elif end == "whole":
            health.succeeded()
        else:
            health.left(trial=self._trial)

    def branch(self, now: float) -> "RouteCourse | None":
        route, other = self._route, self._other(now)
        if other is None or self._latest - now < MARGIN or self._calls >= route.retry.calls:
            return None
        if route.budget is not None and not route.budget.allows(now):
            return None
        self._calls += 1
        branch = copy(self)
        branch._passed = (*self._passed, self._candidate)
        self._passed = (*self._passed, other)
        branch._candidate, branch._asked_at, branch._tries = other, now, 1
        branch.target = other.target
        branch.ends = self._latest
        if other.walls:
            branch._enter(other, now)
        branch.ask(now)
        return branch

    def narrow(self, able: Able) -> None:
        self._order = [each for each in self._order if able(each.target)]
        if not able(self.target):
            self._tries = self._route.retry.attempts

    def _next(self, error: DragomanError, now: float) -> float | None:
        """Chooses whom to ask next, and says after how many seconds."""
        route, following = self._route, self._route.retry.next(error)
        if following is Next.NOBODY or self._calls >= route.retry.calls:
            return None
        if self._latest - now < MARGIN:
            return None
        if following is Next.LARGER:
            self._too_few = max(self._too_few or 0, self._candidate.context or 0)
        other = self._other(now)
        if following is Next.SAME and self._tries < route.retry.attempts:
            rest = error.retry_after
            if rest is None:
                rest = min(self._candidate.health.rests_until - now, LIMITED_REST)
            wait = max(route.retry.wait(error, self._tries, route.draw), rest)
            if self._may_wait(wait, other is not None, now):
                self._tries += 1
                if wait > rest:  # which was drawn
                    return wait
                return min(wait * (1 + SPREAD * route.draw()), self.ends - MARGIN - now)
        if other is None:
            return None
        self._passed = (*self._passed, self._candidate)
        self._candidate, self._tries = other, 1
        if other.walls:
            self._enter(other, now)
        else:
            self.ends = self._latest
        return 0.0

    def _other(self, now: float) -> Candidate | None:
        """The next target that is able."""
        for each in self._order:
            if each is self._candidate or each in self._passed:
                continue
            if self._too_few is not None and (each.context or 0) <= self._too_few:
                continue  # one whose size is not known may shorten the conversation and not say so, as Ollama does
            if each.walls and self._ends(each, now) - now < MARGIN:
                continue
            if each.is_able(now):
                return each
        return None

    def _ends(self, candidate: Candidate, now: float) -> float:
        """When an attempt at `candidate` that is begun now must be over."""
        return min(self._latest, *(self._walls.get(wall, now + wall.seconds) for wall in candidate.walls))

    def _enter(self, candidate: Candidate, now: float) -> None:
        """`candidate`, a target of nested routes, is the one to ask: from now on their time runs, if it did not."""
        self.ends = self._ends(candidate, now)
        self._walls = {wall: now + wall.seconds for wall in candidate.walls} | {**self._walls}

    def _blame(self, error: DragomanError, now: float) -> None:
        """The target failed with `error`; but if earlier attempts have used up the time, that says nothing of it."""
        health = self._candidate.health
        late = isinstance(error, TimeoutError) and error.phase == "total" and self.ends - now < MARGIN
        if late and self._calls > 1:
            health.left(trial=self._trial)
        else:
            health.failed(error, now, trial=self._trial)

    def _may_wait(self, wait: float, others: bool, now: float) -> bool:
        """Whether the same target is asked again after `wait` seconds. If so, it is counted as a retry."""
        route = self._route
        if wait > (SHORT if others else MAX_WAIT):
            return False
        if self.ends - (now + wait) < MARGIN:
            return False
        if len(self._order) > 1 and not self._candidate.health.will_be_free(now + wait):
            return False  # this failure was one too many: its breaker has opened
        return self._candidate.is_free() and (route.budget is None or route.budget.allows(now))
