"""A strategy: the better of two random targets, by the time to the first content and what is under way."""

from collections.abc import Sequence

from dragoman.routing.candidate import Lot, Member


def latency(members: Sequence[Member], lot: Lot) -> Sequence[Member]:
    """Two are drawn, and the one with the lower cost is first: so the best one is not asked by everybody at once.

    The others follow by their cost. One that was never measured costs nothing, so that it is measured soon.
    """
    drawn = sorted(members, key=lot)
    better = min(drawn[:2], key=cost)
    return [better, *sorted((each for each in drawn if each is not better), key=cost)]


def cost(member: Member) -> float:
    """Seconds to the first content, times the requests under way and this one (peak EWMA, as in Finagle)."""
    return member.latency * (member.in_flight + 1)
