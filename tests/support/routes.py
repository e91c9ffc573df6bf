"""Routes of targets that a test makes."""

from collections.abc import Callable, Sequence
from random import Random
from typing import Any

from dragoman.routing.breaker import Breaker
from dragoman.routing.candidate import Candidate
from dragoman.routing.health import Health, Service
from dragoman.routing.plan import Target
from dragoman.routing.route import Route
from dragoman.routing.strategies.fallback import fallback
from dragoman.routing.strategies.table import Strategy

FAILURES, REST = 3, 10.0
"""Of the breakers."""


def candidate(target: Target, **said: Any) -> Candidate:
    """A target with a health of its own."""
    return Candidate(target=target, health=Health(Service(), Breaker(FAILURES, REST)), **said)


def route(
    targets: Sequence[Target], strategy: Strategy = fallback, draw: Callable[[], float] | None = None, **said: Any
) -> Route:
    """A route of these targets."""
    return Route([candidate(target) for target in targets], strategy, draw or Random(1).random, **said)
