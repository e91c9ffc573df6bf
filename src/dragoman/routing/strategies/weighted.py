"""A strategy: targets by lot, each as often as its weight says."""

from collections.abc import Sequence
from math import inf, log
from sys import float_info

from dragoman.routing.candidate import Lot, Member

TINY = float_info.min
"""In place of a lot of 0, which has no logarithm."""


def weighted(members: Sequence[Member], lot: Lot) -> Sequence[Member]:
    """Drawn one after another without putting back, in proportion to the weights; weight 0: only after all others.

    Each gets the key u^(1/w) for a random u; the largest is first (Efraimidis and Spirakis, 2006). Of that the
    logarithm, because the power itself is 0 for nearly every u if w is small, and 1 if w is large: equal keys would
    leave the order as it stands.
    """

    def key(member: Member) -> float:
        return log(lot(member) or TINY) / member.weight if member.weight > 0 else -inf

    return sorted(members, key=key, reverse=True)
