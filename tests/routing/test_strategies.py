"""Strategies: in which order the targets of a route are asked."""

from collections import Counter
from collections.abc import Sequence
from random import Random

import pytest
from msgspec import Struct

from dragoman.routing.candidate import Lot
from dragoman.routing.strategies.cheapest import cheapest
from dragoman.routing.strategies.fallback import fallback
from dragoman.routing.strategies.latency import latency
from dragoman.routing.strategies.least_busy import least_busy
from dragoman.routing.strategies.table import STRATEGIES, Strategy
from dragoman.routing.strategies.weighted import weighted


class Known(Struct, frozen=True):
    """A member of a route of which a strategy knows this."""

    name: str
    weight: float = 1.0
    price: float | None = None
    in_flight: int = 0
    latency: float = 0.0


def chance(seed: int) -> Lot:
    """Numbers by chance."""
    draw = Random(seed).random
    return lambda member: draw()


def order(strategy: Strategy, members: Sequence[Known], seed: int = 0) -> str:
    """The names, in the order in which the members are asked."""
    return "".join(each.name for each in strategy(members, chance(seed)))  # type: ignore[arg-type]  # of it no more is read


def firsts(strategy: Strategy, members: Sequence[Known], rounds: int = 4000) -> Counter[str]:
    """How often each is asked first."""
    lot = chance(7)
    return Counter(strategy(members, lot)[0].name for _ in range(rounds))  # type: ignore[arg-type]  # as above


A, B, C = Known("a"), Known("b"), Known("c")


@pytest.mark.parametrize("name", STRATEGIES)
def test_nobody_is_lost_and_nobody_is_asked_twice(name: str) -> None:
    members = [A, B, C, Known("d", weight=0, price=3, in_flight=9, latency=2)]
    for seed in range(50):
        assert sorted(order(STRATEGIES[name], members, seed)) == ["a", "b", "c", "d"]


def test_fallback_keeps_the_order_of_the_route() -> None:
    assert order(fallback, [C, A, B]) == "cab"


@pytest.mark.parametrize("unit", [1e-300, 1e-6, 1, 1e6, 1e17])
def test_only_the_proportion_of_weights_matters(unit: float) -> None:
    counts = firsts(weighted, [Known("a", weight=unit), Known("b", weight=3 * unit)])
    assert 0.7 < counts["b"] / 4000 < 0.8


def test_weighted_chooses_in_proportion_and_one_of_weight_0_comes_last() -> None:
    found = firsts(weighted, [Known("a", weight=3), Known("b"), Known("c", weight=0)])
    assert found["c"] == 0
    assert 0.72 < found["a"] / found.total() < 0.78
    assert {order(weighted, [Known("c", weight=0), A, B], seed)[-1] for seed in range(50)} == {"c"}


def test_the_next_after_a_weighted_choice_is_chosen_by_weight_too() -> None:
    members = [Known("a"), Known("b", weight=3), Known("c")]
    seconds = Counter(
        order(weighted, members, seed)[1] for seed in range(4000) if order(weighted, members, seed)[0] == "a"
    )
    assert 0.70 < seconds["b"] / seconds.total() < 0.80


def test_least_busy_counts_requests_under_way_for_the_weight() -> None:
    assert order(least_busy, [Known("a", in_flight=2), Known("b", in_flight=1), Known("c", in_flight=3)]) == "bac"
    assert order(least_busy, [Known("a", in_flight=2), Known("b", in_flight=3, weight=2)]) == "ba"
    assert order(least_busy, [Known("a", weight=0), Known("b", in_flight=99)]) == "ba"
    assert 0.4 < firsts(least_busy, [A, B])["a"] / 4000 < 0.6


def test_latency_takes_the_better_of_two_so_that_the_worst_of_three_is_never_first() -> None:
    members = [Known("a", latency=1), Known("b", latency=2), Known("c", latency=3)]
    found = firsts(latency, members)
    assert found["c"] == 0
    assert 0.6 < found["a"] / found.total() < 0.73
    assert order(latency, [Known("a", latency=1, in_flight=4), Known("b", latency=2, in_flight=1)]) == "ba"
    assert order(latency, [Known("a", latency=1), Known("new")]) == "newa"
    assert order(latency, [A]) == "a"


def test_cheapest_puts_what_has_no_price_last() -> None:
    assert order(cheapest, [A, Known("b", price=2), Known("c", price=0.5), Known("d", price=2)]) == "cbda"
