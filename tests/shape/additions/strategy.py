"""A strategy: the targets from the last to the first."""

from collections.abc import Sequence

from dragoman.routing.candidate import Lot, Member


def backwards(members: Sequence[Member], lot: Lot) -> Sequence[Member]:
    """From the end."""
    return members[::-1]
