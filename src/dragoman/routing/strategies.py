"""The policies that a route may name: a row each. The one file here that knows them all."""

from collections.abc import Callable, Sequence

from dragoman.routing.fallback import Fallback
from dragoman.routing.plan import Plan, Target

STRATEGIES: dict[str, Callable[[Sequence[Target]], Plan]] = {
    "fallback": Fallback,
}
"""A route's `strategy`, to what makes a plan of its targets."""
