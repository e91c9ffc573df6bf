"""Counts requests, when they are over, and what there is at the moment. An observer of outcomes."""

import asyncio
import sys
from bisect import bisect_left
from collections.abc import Callable, Container, Iterable
from importlib.metadata import version
from time import time

from msgspec import Struct

from dragoman.config import Config
from dragoman.gateway.metrics import table
from dragoman.gateway.metrics.board import Region
from dragoman.gateway.metrics.names import Names
from dragoman.gateway.metrics.table import METRICS, Metric, labelled
from dragoman.routing.breaker import BreakerChange, State
from dragoman.types import Outcome

MAX_KINDS = 2000
"""Kinds of requests whose places are remembered; when there are more, all are looked up again."""

REFRESH = 1.0
"""Seconds after which what somebody else counts is looked at again, if there are requests."""

TOKEN_KINDS = ("input", "output", "cache_read", "cache_write", "reasoning")

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
        self.board = region.board
        self._region = region
        self._numbers = region.numbers
        self._names = Names(config, services)
        self._kinds: dict[tuple[str, str, str, int | None, str, str], _Places] = {}
        self._failures: dict[tuple[str, str], int] = {}
        self._watched: list[_Watched] = []
        self._next = 0.0
        self._timer: asyncio.TimerHandle | None = None
        started = self._place(table.STARTED)
        self._numbers[started] = self._numbers[started] or time()
        python = f"{sys.version_info.major}.{sys.version_info.minor}.{sys.version_info.micro}"
        self._numbers[self._place(table.BUILD, version("dragoman"), python)] = 1.0

    def note(self, outcome: Outcome) -> None:
        """The answer to a request is over."""
        kind = (outcome.front, outcome.model, outcome.target, outcome.status, outcome.end, outcome.error)
        places, numbers = self._kinds.get(kind), self._numbers
        if places is None:
            places = self._learn(outcome, kind)
        numbers[places.requests] += 1.0
        if places.error:
            numbers[places.error] += 1.0
        for attempt in outcome.attempts:
            numbers[self._failure(attempt.code, attempt.target)] += 1.0
        if places.asked:
            self._note_answer(outcome, places)
        if outcome.ended_at >= self._next:
            self._next = outcome.ended_at + REFRESH
            self.refresh()

    def _note_answer(self, outcome: Outcome, places: _Places) -> None:
        numbers, since, first, usage = self._numbers, outcome.received_at, outcome.first_byte_at, outcome.usage
        self._observe(places.attempts, table.TRIED, float(len(outcome.attempts) + outcome.answering))
        self._observe(places.duration, table.TOTAL, outcome.ended_at - since)
        if (added := outcome.added) is not None:
            self._observe(places.added, table.ADDED, added)
        if outcome.stream and first is not None and outcome.came_at is not None:
            self._observe(places.first_token, table.FIRST, first - since)
            if usage is not None and usage.output_tokens is not None and usage.output_tokens > 1:
                self._observe(places.token_gap, table.GAP, (outcome.ended_at - first) / (usage.output_tokens - 1))
        if usage is not None:
            spent = (
                usage.input_tokens,
                usage.output_tokens,
                usage.cache_read_tokens,
                usage.cache_write_tokens,
                usage.reasoning_tokens,
            )
            for place, count in zip(places.tokens, spent, strict=True):
                if count:
                    numbers[place] += count

    def _observe(self, place: int, buckets: tuple[float, ...], value: float) -> None:
        numbers = self._numbers
        numbers[place + bisect_left(buckets, value)] += 1.0
        numbers[place + len(buckets) + 1] += value

    def turned(self, change: BreakerChange) -> None:
        """A breaker has changed its state."""
        self._numbers[self._place(table.BREAKER, self._names.target(change.target))] = STATES[change.state]

    def breakers(self, targets: Iterable[str]) -> None:
        """These targets have breakers, which are closed."""
        for target in targets:
            self._numbers[self._place(table.BREAKER, self._names.target(target))] = 0.0

    def watch(self, metric: Metric, count: Callable[[], float]) -> None:
        """`count` gives what is counted elsewhere, from 0 on; it is looked at again and again."""
        self._watched.append(_Watched(self._place(metric), count))

    def refresh(self) -> None:
        """Looks at what is counted elsewhere."""
        for each in self._watched:
            # The change is added, because two gateways share a region while one takes the other's place.
            now = each.count()
            self._numbers[each.place] += now - each.last
            each.last = now

    def begin(self) -> None:
        """From now on other processes see what is counted elsewhere, a second late. Needs a running event loop."""
        if self.board.is_shared:
            self._tick()

    def close(self) -> None:
        """Looks for the last time."""
        self.refresh()
        if self._timer is not None:
            self._timer.cancel()

    def _tick(self) -> None:
        self.refresh()
        self._timer = asyncio.get_running_loop().call_later(REFRESH, self._tick)

    def _learn(self, outcome: Outcome, kind: tuple[str, str, str, int | None, str, str]) -> _Places:
        """Where requests like this one are counted."""
        names, status = self._names, outcome.status
        route, front = names.route(outcome.model), outcome.front
        last = outcome.target or (outcome.attempts[-1].target if outcome.attempts else "")
        target = names.target(last)
        place = self._place
        told = "none" if status is None else f"{status // 100}xx"
        asked = bool(target)
        places = _Places(
            place(table.REQUESTS, front, route, told, outcome.end),
            place(table.ERRORS, names.code(outcome.error), target) if outcome.error else 0,
            asked,
            place(table.ATTEMPTS, route) if asked else 0,
            place(table.DURATION, route) if asked else 0,
            place(table.ADDED_LATENCY, front) if asked else 0,
            place(table.FIRST_TOKEN, target) if asked else 0,
            place(table.TOKEN_GAP, target) if asked else 0,
            tuple(place(table.TOKENS, target, each) for each in TOKEN_KINDS) if asked else (),
        )
        # Without a target, the one that failed stands among the attempts, which are no part of the kind.
        if outcome.target or not outcome.attempts:
            if len(self._kinds) >= MAX_KINDS:
                self._kinds.clear()
            self._kinds[kind] = places
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
        if name.partition("{")[0] in ending:
            region.numbers[region.place(name)] = 0.0
    return region
