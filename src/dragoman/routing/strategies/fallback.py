"""A strategy: the targets in the order of the route."""

from collections.abc import Sequence

from dragoman.routing.candidate import Lot, Member


def fallback(members: Sequence[Member], lot: Lot) -> Sequence[Member]:
    """As they stand."""
    return members
