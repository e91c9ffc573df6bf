"""A strategy: the targets in the order of the route."""

from collections.abc import Sequence

from dragoman.routing.candidate import Member
from dragoman.routing.retry import Draw


def fallback(members: Sequence[Member], draw: Draw) -> Sequence[Member]:
    """As they stand."""
    return members
