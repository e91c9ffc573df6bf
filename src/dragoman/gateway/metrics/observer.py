"""Counts requests, when they are over, and what there is at the moment. An observer of outcomes.

Outcomes are gathered, and counted some hundred at a time: to sort a hundred numbers into a histogram takes hardly
longer than one. Counted one by one, they would cost a relayed request five percent more.
"""

import asyncio
import sys
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Container, Mapping
from itertools import chain
from math import isnan
from operator import attrgetter
from time import time

from msgspec import Struct

from dragoman import __version__
from dragoman.config import Config
from dragoman.gateway.metrics import table
from dragoman.gateway.metrics.names import Names
from dragoman.gateway.metrics.regions import Region
from dragoman.gateway.metrics.table import GONE, METRICS, Metric, labelled
from dragoman.loop.every import Every
from dragoman.routing.breaker import BreakerChange, State
from dragoman.types import Outcome
from dragoman.types.outcome import End

MAX_KINDS = 2000
"""Kinds of requests whose places are remembered; when there are more, all are looked up again."""

GATHERED = 256
"""Outcomes that are counted together: it takes half a millisecond, in which nobody else is served."""

REFRESH = 1.0
"""Seconds after which other processes see what has changed."""

TOKEN_KINDS = {
    kind: attrgetter(f"{kind}_tokens") for kind in ("input", "output", "cache_read", "cache_write", "reasoning")
}
"""The kinds of tokens, to what gives them of a usage."""

ATTEMPTS_OF = attrgetter("attempts")

FEW = 4
"""Values up to which each is looked up in a histogram by itself."""

Kind = tuple[str, str, str, int | None, End, str]
"""What requests have in common that are counted in the same places: front, model, target, status, end, error."""

STATES = {State.CLOSED: 0.0, State.TRYING: 1.0, State.OPEN: 2.0}


class _Places(Struct, frozen=True, gc=False):
    """Where requests of one kind are counted: indexes into the region's numbers."""

    requests: int
    error: int
    """0: there was none."""
    asked: bool
    """Whether a target was asked; the rest is for these alone."""
    attempts: int
    duration: int
    added: int
    first_token: int
    token_gap: int
    tokens: tuple[int, ...]


class _Watched(Struct):
    """What is counted elsewhere, and how much of it was counted here."""

    place: int
    count: Callable[[], float]
    last: float = 0.0


class Metrics:
    """The metrics of a gateway, in the region of its process. `services`: the names of all."""

    def __init__(self, config: Config, services: Container[str], region: Region) -> None:
        self.regions = region.regions
        self._region = region
        self._numbers = region.numbers
        self._names = Names(config, services)
        self._kinds: dict[Kind, _Places] = {}
        self._gathered: list[Outcome] = []
        self._watched: dict[str, _Watched] = {}
        self._every: Every | None = None
        self._breakers: set[str] = set()
        """The targets that have one."""
        self._earlier: Metrics | None = None
        """Those of the gateway before, as long as that one still answers."""
        self._closed = False
        started = self._place(table.STARTED)
        self._numbers[started] = self._numbers[started] or time()
        python = f"{sys.version_info.major}.{sys.version_info.minor}.{sys.version_info.micro}"
        self._numbers[self._place(table.BUILD, __version__, python)] = 1.0

    def note(self, outcome: Outcome) -> None:
        """The answer to a request is over."""
        self._gathered.append(outcome)
        if len(self._gathered) >= GATHERED:
            self._count_gathered()

    def _count_gathered(self) -> None:
        gathered, self._gathered = self._gathered, []
        kinds: dict[Kind, list[Outcome]] = {}
        for each in gathered:
            target = each.target or (each.attempts[-1].target if each.attempts else "")
            kind = (each.front, each.model, target, each.status, each.end, each.error)
            if (alike := kinds.get(kind)) is None:
                kinds[kind] = [each]
            else:
                alike.append(each)
        for kind, outcomes in kinds.items():
            self._count(kind, outcomes)

    def _count(self, kind: Kind, outcomes: list[Outcome]) -> None:
        numbers = self._numbers
        places = self._kinds.get(kind)
        if places is None:
            places = self._learn(kind)
        numbers[places.requests] += len(outcomes)
        if places.error:
            numbers[places.error] += len(outcomes)
        failed = [each for each in outcomes if each.attempts]
        for attempt in chain.from_iterable(map(ATTEMPTS_OF, failed)):
            numbers[self._failure(attempt.code, attempt.target)] += 1.0
        if places.asked:
            tries = [float(len(each.attempts) + each.answering) for each in failed]
            self._observe(places.attempts, table.TRIED, tries + [1.0] * (len(outcomes) - len(failed)))
            self._count_answers(outcomes, places)

    def _count_answers(self, outcomes: list[Outcome], places: _Places) -> None:
        observe = self._observe
        observe(places.duration, table.TOTAL, [each.ended_at - each.received_at for each in outcomes])
        observe(places.added, table.ADDED, [added for each in outcomes if (added := each.added()) is not None])
        streams = [
            (each, first)
            for each in outcomes
            if each.stream and each.came_at is not None and (first := each.first_byte_at) is not None
        ]
        observe(places.first_token, table.FIRST, [first - each.received_at for each, first in streams])
        gaps = [
            (each.ended_at - first) / (count - 1)
            for each, first in streams
            if each.usage is not None and (count := each.usage.output_tokens) is not None and count > 1
        ]
        observe(places.token_gap, table.GAP, gaps)
        usages = [each.usage for each in outcomes if each.usage is not None]
        if usages:
            for place, count_of in zip(places.tokens, TOKEN_KINDS.values(), strict=True):
                self._numbers[place] += sum(filter(None, map(count_of, usages)))

    def _observe(self, place: int, buckets: tuple[float, ...], values: list[float]) -> None:
        numbers = self._numbers
        numbers[place + len(buckets) + 1] += sum(values)
        if len(values) <= FEW:
            for value in values:
                numbers[place + bisect_left(buckets, value)] += 1.0
            return
        values.sort()
        before = 0
        for index, bound in enumerate(buckets):
            until = bisect_right(values, bound, before)
            if until > before:
                numbers[place + index] += until - before
                before = until
        numbers[place + len(buckets)] += len(values) - before

    def turned(self, change: BreakerChange) -> None:
        """A breaker has changed its state."""
        self.breakers({change.target: change.state})

    def breakers(self, states: Mapping[str, State]) -> None:
        """These targets have breakers, which are in these states."""
        for target, state in states.items():
            name = self._names.target(target)
            self._breakers.add(name)
            self._numbers[self._place(table.BREAKER, name)] = STATES[state]

    def follow(self, earlier: "Metrics") -> None:
        """From now on the gateway of these answers, and that of `earlier` only what it has begun."""
        self._earlier = earlier
        for name in earlier._breakers - self._breakers:
            self._numbers[self._place(table.BREAKER, name)] = GONE

    def watch(self, metric: Metric, count: Callable[[], float], known: float = 0.0) -> None:
        """`count` gives what is counted elsewhere; it is looked at again and again. `known`: what was counted of it."""
        self._watched[metric.name] = _Watched(self._place(metric), count, known)

    def unwatch(self, metric: Metric) -> float:
        """No longer looks at it. What was counted of it, for who goes on with that."""
        watched = self._watched.pop(metric.name, None)
        return 0.0 if watched is None else watched.last

    def refresh(self) -> None:
        """Counts what was gathered, and looks at what is counted elsewhere."""
        if self._earlier is not None:
            self._earlier.refresh()
            if self._earlier._closed:
                self._earlier = None
        self._count_gathered()
        for each in self._watched.values():
            # The change is added, because two gateways share a region while one takes the other's place.
            now = each.count()
            self._numbers[each.place] += now - each.last
            each.last = now

    def begin(self) -> None:
        """From now on other processes see what is counted elsewhere, a second late. Needs a running event loop."""
        if self.regions.is_shared:
            self.refresh()
            self._every = Every(asyncio.get_running_loop(), REFRESH, self.refresh)

    def close(self) -> None:
        """Looks for the last time."""
        self.refresh()
        self._watched.clear()
        self._closed = True
        if self._every is not None:
            self._every.stop()
            self._every = None  # it refers to this one

    def _learn(self, kind: Kind) -> _Places:
        """Where requests of this kind are counted."""
        front, model, last, status, end, error = kind
        names, place = self._names, self._place
        route, target = names.route(model), names.target(last)
        asked = bool(target)
        if len(self._kinds) >= MAX_KINDS:
            self._kinds.clear()
        places = self._kinds[kind] = _Places(
            place(table.REQUESTS, front, route, "none" if status is None else f"{status // 100}xx", end),
            place(table.ERRORS, names.code(error), target) if error else 0,
            asked,
            place(table.ATTEMPTS, route) if asked else 0,
            place(table.DURATION, route) if asked else 0,
            place(table.ADDED_LATENCY, front) if asked else 0,
            place(table.FIRST_TOKEN, target) if asked else 0,
            place(table.TOKEN_GAP, target) if asked else 0,
            tuple(place(table.TOKENS, target, each) for each in TOKEN_KINDS) if asked else (),
        )
        return places

    def _failure(self, code: str, target: str) -> int:
        names = self._names
        return self._place(table.FAILURES, names.code(code), names.target(target))

    def _place(self, metric: Metric, *labels: str) -> int:
        return self._region.place(labelled(metric, *labels), metric.size)


def succeeded(region: Region) -> Region:
    """`region`, for the process that takes the place of one that died: what that one had open is no longer there."""
    ending = {metric.name for metric in METRICS if metric.of_worker}
    for name in region.names():
        place = region.place(name)
        if name.partition("{")[0] in ending and not isnan(region.numbers[place]):
            region.numbers[place] = 0.0
    return region
