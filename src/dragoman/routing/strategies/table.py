"""The table of strategies that a route may name. No other file of this room knows all of them."""

from collections.abc import Callable, Sequence

from dragoman.routing.candidate import Lot, Member
from dragoman.routing.strategies.cheapest import cheapest
from dragoman.routing.strategies.fallback import fallback
from dragoman.routing.strategies.latency import latency
from dragoman.routing.strategies.least_busy import least_busy
from dragoman.routing.strategies.weighted import weighted

Strategy = Callable[[Sequence[Member], Lot], Sequence[Member]]
"""Puts a route's targets into the order in which they are asked. Called once for each request; it changes nothing."""

STRATEGIES: dict[str, Strategy] = {
    "fallback": fallback,
    "weighted": weighted,
    "least-busy": least_busy,
    "latency": latency,
    "cheapest": cheapest,
}
"""The value of a route's `strategy`, to the function that orders its targets."""
