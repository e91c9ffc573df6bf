"""Routes of a configuration to plans."""

import random
from collections.abc import Callable, Mapping
from hashlib import blake2b
from math import inf
from typing import Protocol

import msgspec
from msgspec import Struct
from msgspec.structs import asdict, replace

from dragoman.config import Config, Key, ModelConfig, ProviderConfig, TargetConfig, TimeoutsConfig
from dragoman.error_words import nearest
from dragoman.routing.board import Board, hints_of
from dragoman.routing.breaker import Breaker
from dragoman.routing.candidate import Candidate, Member, Wall
from dragoman.routing.health import Health, Service
from dragoman.routing.hedge_time import HedgeTime
from dragoman.routing.notices import Notices
from dragoman.routing.plan import Plan, Single, Target
from dragoman.routing.retry import Draw, RetryBudget, RetryPolicy
from dragoman.routing.route import Nested, Route
from dragoman.routing.sticky import StickyRoute
from dragoman.routing.strategies.table import STRATEGIES
from dragoman.transport.base import Timeouts

Tighter = tuple[TimeoutsConfig, ...]
"""Timeouts of the routes through which a target is asked."""

QUICK = TimeoutsConfig(first_token=30.0)
"""For a target of several, if nobody has set that time: a healthy service begins within 30 s, and another can be asked.
If there is no other target, to wait longer costs nothing."""

CREDENTIALS: dict[str, None] = dict.fromkeys(("api_key", "secret", "password", "headers"))
"""Settings of a service that say who asks, as an entry without them has them."""


class Within(Struct, frozen=True):
    """The routes of which a route is part."""

    names: tuple[str, ...] = ()
    tighter: Tighter = ()
    several: bool = False
    """Whether one of them has more than one target."""
    walls: tuple[Wall, ...] = ()
    """Those of all of them except the outermost, which counts from the beginning of the request."""

    def limited(self, timeouts: TimeoutsConfig) -> "Within":
        """The same, with the timeouts that a target says of a route."""
        said = timeouts.by_name()
        if not said:
            return self
        total = said.get("total")
        walls = self.walls if total is None or not self.names else (*self.walls, Wall(total))
        return replace(self, tighter=(*self.tighter, timeouts), walls=walls)


OUTERMOST = Within()


class FindTarget(Protocol):
    """Finds a target by its name, PROVIDER/MODEL, for the setting `keys`; None: it is a mistake, and noted as one."""

    def __call__(self, name: str, tighter: Tighter, *keys: Key) -> Target | None: ...


class RouteMaker:
    """Makes the plans of all routes.

    `note` is given a line for each mistake. `notices` are told what is found of targets. `board`: what processes share
    of targets that rest; None: nothing. `draw`: a random number below 1.
    """

    def __init__(
        self,
        config: Config,
        find: FindTarget,
        note: Callable[[str], None],
        *,
        notices: Notices | None = None,
        board: Board | None = None,
        draw: Draw = random.random,
    ) -> None:
        self._config = config
        self._find = find
        self._note = note
        self._notices = notices or Notices()
        self._board = board
        self._draw = draw
        self._budget = RetryBudget(config.gateway.retry_budget)
        self._health: dict[str, Health] = {}
        self._services: dict[str, Service] = {}
        self._counted: dict[str, Health] = {}

    @property
    def healths(self) -> Mapping[str, Health]:
        """What is known of the targets of all routes whose requests are counted, by their names."""
        return self._counted

    def plan(self, name: str) -> Plan | None:
        """The plan of the route `name`; None if anything in it is a mistake."""
        route = self.route(name)
        if route is not None:
            self._check_policies(name, route)
        if route is None or not route.is_plain:
            if route is None:
                return None
            self._counted |= {target.name: self._health[target.name] for target in route.targets}
            return StickyRoute(route) if len(route.targets) > 1 and self._is_sticky(name) else route
        return Single(route.targets[0])  # nothing can be chosen, so nothing need be counted

    def route(self, name: str, within: Within = OUTERMOST) -> Route | None:
        """The route `name`, which is part of those of `within`; None if anything in it is a mistake."""
        entry = self._config.models[name]
        strategy = STRATEGIES.get(entry.strategy)
        if strategy is None:
            hint = nearest(entry.strategy, STRATEGIES) or f"; expected one of {', '.join(STRATEGIES)}"
            self._flaw(f"there is no strategy {entry.strategy!r}{hint}", name, "strategy")
        within = within.limited(entry.timeouts)
        entries = entry.entries()
        within = replace(within, names=(*within.names, name), several=within.several or len(entries) > 1)
        found = [self._member(name, place, each, within) for place, each in enumerate(entries)]
        members = [each for each in found if each is not None]
        if strategy is None or len(members) < len(found):
            return None
        retry = RetryPolicy(**asdict(entry.retry))
        total = entry.timeouts.by_name().get("total")
        return Route(
            members,
            strategy,
            self._draw,
            retry=retry,
            budget=self._budget,
            total=total,
            continues=entry.continues,
            hedge=_hedge(entry),
        )

    def _check_policies(self, name: str, route: Route) -> None:
        """Notes a policy that could never do anything, or would do what another setting forbids."""
        if not route.retry.after_send:
            for policy in route.policies:
                self._flaw(
                    "expected no `retry.after_send = false`: it asks again what a service works on", name, policy
                )
        if route.continues and route.final:
            self._flaw(
                "expected a second target, or `retry.attempts` above 1, and `retry.calls` above 1", name, "continue"
            )
        elif route.continues and all(target.continues is None for target in route.targets):
            expected = "expected a target whose model takes the beginning of an answer"
            self._flaw(f"{expected}; if one does, say so with `prefill` in `profiles`", name, "continue")
        if route.hedge is not None and (route.final or len(route.targets) == 1):
            self._flaw("expected a second target, and `retry.calls` above 1", name, "hedge")

    def _is_sticky(self, name: str, above: tuple[str, ...] = ()) -> bool:
        """Whether the route `name` is sticky, or one that is part of it: else a conversation would not reach that."""
        entry, names = self._config.models[name], (*above, name)
        inner = [each.model for each in entry.entries() if each.model in self._config.models]
        return entry.sticky or any(self._is_sticky(each, names) for each in inner if each not in names)

    def _member(self, name: str, place: int, entry: TargetConfig, within: Within) -> Member | None:
        """A target of the route `name`, or another route."""
        if entry.model in within.names and "/" not in entry.model:
            self._flaw(f"expected no route that is part of itself, got {entry.model!r}", name, "targets", place)
            return None
        # A route that has the name of a model may have this model as a target.
        if entry.model in self._config.models and entry.model not in within.names:
            route = self.route(entry.model, within.limited(entry.timeouts))
            return (
                None if route is None else Nested(name=entry.model, route=route, weight=entry.weight, price=entry.price)
            )
        timeouts = self._timeouts_of(entry, within)
        target = self._find(entry.model, timeouts, "models", name, "targets", place)
        if target is None:
            return None
        return Candidate(
            target=target,
            health=self._health_of(target.name, lone=not within.several),
            weight=entry.weight,
            price=entry.price,
            max_parallel=entry.max_parallel,
            context=target.context if entry.context is None else entry.context,
            walls=within.walls,
        )

    def _timeouts_of(self, entry: TargetConfig, within: Within) -> Tighter:
        """What a target is limited by, besides what its service says."""
        tighter = within.limited(entry.timeouts).tighter
        service = self._config.providers.get(entry.model.partition("/")[0])
        said = tighter if service is None else (*tighter, service.timeouts)
        if within.several and not any("first_token" in each.by_name() for each in said):
            return (*tighter, QUICK)
        return tighter

    def _health_of(self, target: str, *, lone: bool) -> Health:
        """One for each target, whatever routes it is in. `lone`: in this one no other can be asked in its place."""
        if target not in self._health:
            gateway = self._config.gateway
            name = target.partition("/")[0]
            if name not in self._services:
                self._services[name] = self._service(name)
            service = self._services[name]
            hints = hints_of(self._board, target, service.place, service.settings)
            failures, rest = gateway.breaker_failures, gateway.breaker_rest
            breaker = Breaker(failures, rest, target, self._notices.turned, hints.breaker)
            self._health[target] = Health(service, breaker, hints, self._notices.rested, lone=True)
        health = self._health[target]
        health.lone = health.lone and lone
        return health

    def _service(self, name: str) -> Service:
        entry, proxy = self._config.providers.get(name, ProviderConfig()), self._config.gateway.proxy
        return Service(_digest(replace(entry, **CREDENTIALS), proxy), _digest(entry, proxy))

    def _flaw(self, message: str, *keys: Key) -> None:
        self._note(f"{self._config.where('models', *keys)}: {message}")


def _digest(entry: ProviderConfig, proxy: str | None) -> str:
    return blake2b(msgspec.json.encode((entry, proxy)), digest_size=16).hexdigest()


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
