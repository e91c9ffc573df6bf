"""A strategy: the targets from the last to the first."""

from collections.abc import Sequence

from dragoman.routing.candidate import Member
from dragoman.routing.retry import Draw


def backwards(members: Sequence[Member], draw: Draw) -> Sequence[Member]:
    """From the end."""
    return members[::-1]
