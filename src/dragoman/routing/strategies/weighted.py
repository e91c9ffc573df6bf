"""A strategy: targets by lot, each as often as its weight says."""

from collections.abc import Sequence

from dragoman.routing.candidate import Lot, Member


def weighted(members: Sequence[Member], lot: Lot) -> Sequence[Member]:
    """Drawn one after another without putting back, in proportion to the weights; weight 0: only after all others.

    Each gets the key u^(1/w) for a random u; the largest is first (Efraimidis and Spirakis, 2006).
    """

    def key(member: Member) -> float:
        return lot(member) ** (1 / member.weight) if member.weight > 0 else -1.0

    return sorted(members, key=key, reverse=True)
