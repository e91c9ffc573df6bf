"""The table of policies that a route may name. No other file of this room knows all policies."""

from collections.abc import Callable, Sequence

from dragoman.routing.fallback import Fallback
from dragoman.routing.plan import Plan, Target

STRATEGIES: dict[str, Callable[[Sequence[Target]], Plan]] = {
    "fallback": Fallback,
}
"""The value of a route's `strategy`, to the function that makes a plan from the route's targets."""
