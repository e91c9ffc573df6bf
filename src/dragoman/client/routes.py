"""Routes of a configuration to plans."""

import random
from collections.abc import Callable
from math import inf
from typing import Protocol

from msgspec.structs import asdict, replace

from dragoman.config import Config, Key, ModelConfig, TargetConfig, TimeoutsConfig
from dragoman.errors import nearest
from dragoman.routing.breaker import Breaker
from dragoman.routing.candidate import Candidate, Member
from dragoman.routing.health import Health, Service
from dragoman.routing.hedge_time import HedgeTime
from dragoman.routing.plan import Plan, Single, Target
from dragoman.routing.retry import Draw, RetryBudget, RetryPolicy
from dragoman.routing.route import Nested, Route
from dragoman.routing.strategies.table import STRATEGIES
from dragoman.transport.base import Timeouts

Tighter = tuple[TimeoutsConfig, ...]
"""Timeouts of the routes through which a target is asked."""


class FindTarget(Protocol):
    """Finds a target by its name, PROVIDER/MODEL, for the setting `keys`; None: it is a mistake, and noted as one."""

    def __call__(self, name: str, tighter: Tighter, *keys: Key) -> Target | None: ...


class RouteMaker:
    """Makes the plans of all routes. `note` is given a line for each mistake. `draw`: a random number below 1."""

    def __init__(
        self, config: Config, find: FindTarget, note: Callable[[str], None], draw: Draw = random.random
    ) -> None:
        self._config = config
        self._find = find
        self._note = note
        self._draw = draw
        self._budget = RetryBudget(config.gateway.retry_budget)
        self._health: dict[str, Health] = {}
        self._services: dict[str, Service] = {}

    def plan(self, name: str) -> Plan | None:
        """The plan of the route `name`; None if anything in it is a mistake."""
        route = self.route(name)
        if route is not None:
            self._check_policies(name, route)
        if route is None or not route.is_plain:
            return route
        return Single(route.targets[0])  # where nothing can be chosen, nothing is counted

    def route(self, name: str, tighter: Tighter = (), above: tuple[str, ...] = ()) -> Route | None:
        """The route `name`, which is part of those `above`; None if anything in it is a mistake."""
        entry = self._config.models[name]
        strategy = STRATEGIES.get(entry.strategy)
        if strategy is None:
            hint = nearest(entry.strategy, STRATEGIES)
            self._flaw(f"there is no strategy {entry.strategy!r}{hint}", name, "strategy")
        tighter = (*tighter, entry.timeouts) if entry.timeouts.by_name() else tighter
        found = [self._member(name, place, each, tighter, (*above, name)) for place, each in enumerate(entry.entries())]
        members = [each for each in found if each is not None]
        if strategy is None or len(members) < len(found):
            return None
        retry = RetryPolicy(entry.retry.attempts, entry.retry.calls)
        return Route(
            members,
            strategy,
            self._draw,
            retry=retry,
            budget=self._budget,
            total=_total(entry),
            continues=entry.continues,
            hedge=_hedge(entry),
        )

    def _check_policies(self, name: str, route: Route) -> None:
        """Notes a policy that could never do anything."""
        if route.continues and route.final:
            self._flaw(
                "expected a second target, or `retry.attempts` above 1, and `retry.calls` above 1", name, "continue"
            )
        elif route.continues and all(target.continues is None for target in route.targets):
            expected = "expected a target whose model takes the beginning of an answer"
            self._flaw(f"{expected}; if one does, say so with `prefill` in `profiles`", name, "continue")
        if route.hedge is not None and (route.final or len(route.targets) == 1):
            self._flaw("expected a second target, and `retry.calls` above 1", name, "hedge")

    def _member(
        self, name: str, place: int, entry: TargetConfig, tighter: Tighter, above: tuple[str, ...]
    ) -> Member | None:
        """A target of the route `name`, or another route."""
        if entry.model in above and "/" not in entry.model:
            self._flaw(f"expected no route that is part of itself, got {entry.model!r}", name, "targets", place)
            return None
        # A route that has the name of a model may have this model as a target.
        if entry.model in self._config.models and entry.model not in above:
            route = self.route(entry.model, tighter, above)
            return None if route is None else Nested(route=route, weight=entry.weight, price=entry.price)
        target = self._find(entry.model, tighter, "models", name, "targets", place)
        if target is None:
            return None
        return Candidate(
            target=target,
            health=self._health_of(target.name),
            weight=entry.weight,
            price=entry.price,
            max_parallel=entry.max_parallel,
            context=entry.context,
        )

    def _health_of(self, target: str) -> Health:
        """One for each target, whatever routes it is in."""
        if target not in self._health:
            gateway = self._config.gateway
            service = self._services.setdefault(target.partition("/")[0], Service())
            self._health[target] = Health(service, Breaker(gateway.breaker_failures, gateway.breaker_rest))
        return self._health[target]

    def _flaw(self, message: str, *keys: Key) -> None:
        self._note(f"{self._config.where('models', *keys)}: {message}")


def tightened(timeouts: Timeouts, by: Tighter) -> Timeouts:
    """`timeouts`, and of each the shortest that any of `by` says."""
    for each in by:
        said = each.by_name()
        shortest = {
            name: min(own, said[name], key=_as_number) for name, own in asdict(timeouts).items() if name in said
        }
        timeouts = replace(timeouts, **shortest)
    return timeouts


def _as_number(seconds: float | None) -> float:
    return inf if seconds is None else seconds


def _hedge(entry: ModelConfig) -> HedgeTime | None:
    if entry.hedge is False:
        return None
    return HedgeTime(None if entry.hedge is True else entry.hedge)


def _total(entry: ModelConfig) -> float | None:
    return entry.timeouts.by_name().get("total")
