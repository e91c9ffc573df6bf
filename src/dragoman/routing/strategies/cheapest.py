"""A strategy: the target with the lowest price."""

from collections.abc import Sequence
from math import inf

from dragoman.routing.candidate import Lot, Member


def cheapest(members: Sequence[Member], lot: Lot) -> Sequence[Member]:
    """By price; those whose price is not known come last, and equal ones as they stand."""
    return sorted(members, key=lambda each: inf if each.price is None else each.price)
