"""A strategy: the target with the lowest price."""

from collections.abc import Sequence
from math import inf

from dragoman.routing.candidate import Member
from dragoman.routing.retry import Draw


def cheapest(members: Sequence[Member], draw: Draw) -> Sequence[Member]:
    """By price; those whose price is not known come last, and equal ones as they stand."""
    return sorted(members, key=lambda each: inf if each.price is None else each.price)
