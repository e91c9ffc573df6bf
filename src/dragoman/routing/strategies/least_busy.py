"""A strategy: the target with the fewest requests under way, for its weight."""

from collections.abc import Sequence
from math import inf

from dragoman.routing.candidate import Lot, Member


def least_busy(members: Sequence[Member], lot: Lot) -> Sequence[Member]:
    """By requests under way, each divided by the weight; of equal ones a random one is first."""

    def load(member: Member) -> tuple[float, float]:
        weight = member.weight
        return (member.in_flight / weight if weight > 0 else inf, lot(member))

    return sorted(members, key=load)
