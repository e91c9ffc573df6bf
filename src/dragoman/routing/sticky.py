"""A sticky route: a conversation stays at the target that has its prompt in the cache.

last       the target that answered a conversation last is asked first, if it is able
lots       else the order of the strategy holds; what it draws depends on the conversation and on the target's name

So processes that tell each other nothing choose alike, and a target more or less moves only its own share of the
conversations (rendezvous hashing).
"""

from collections.abc import Mapping, Sequence
from hashlib import blake2b

from dragoman.errors import DragomanError
from dragoman.routing.candidate import Candidate, Lot, Member
from dragoman.routing.plan import Plan, RequestInfo
from dragoman.routing.route import Route, RouteCourse, first_able
from dragoman.types.outcome import End

COUNT = 10_000
"""Conversations whose target is remembered, by each route: some 2 MB. One that is forgotten is drawn anew, and most
often to the same target."""


class LastTargets:
    """The targets that answered the latest conversations, by name. The one not used for longest is forgotten first."""

    def __init__(self, count: int = COUNT) -> None:
        self._count = count
        self._targets: dict[bytes, str] = {}

    def find(self, conversation: bytes) -> str | None:
        """The target that answered last; None if that is not known."""
        return self._targets.get(conversation)

    def keep(self, conversation: bytes, target: str) -> None:
        """`target` answers now."""
        self._targets.pop(conversation, None)
        self._targets[conversation] = target
        if len(self._targets) > self._count:
            del self._targets[next(iter(self._targets))]


def lots(conversation: bytes) -> Lot:
    """Numbers that look random, and are always the same for a member and a conversation."""

    def lot(member: Member) -> float:
        digest = blake2b(member.name.encode(), digest_size=8, key=conversation).digest()
        return (int.from_bytes(digest) >> 11) / (1 << 53)

    return lot


class StickyRoute(Route):
    """`route`, whose conversations stay at one target each, as long as it is able."""

    sticky = True

    def __init__(self, route: Route) -> None:
        super().__init__(
            route.members,
            route.strategy,
            route.draw,
            retry=route.retry,
            budget=route.budget,
            total=route.total,
            continues=route.continues,
            hedge=route.hedge,
        )
        self.last_targets = LastTargets()

    def preview(self, info: RequestInfo, now: float) -> RouteCourse:
        conversation = info.conversation
        if conversation is None:
            return super().preview(info, now)
        order = self.ordered(lots(conversation))
        last = self.last_targets.find(conversation)
        order = sorted(order, key=lambda each: each.target.name != last)
        return StickyCourse(self, order, first_able(order, now), now, conversation)


class StickyCourse(RouteCourse):
    """The course of a request of a conversation."""

    __slots__ = ("_conversation", "_last_targets")

    def __init__(
        self, route: StickyRoute, order: Sequence[Candidate], candidate: Candidate, now: float, conversation: bytes
    ) -> None:
        super().__init__(route, order, candidate, now)
        self._last_targets = route.last_targets
        self._conversation = conversation

    def committed(self, now: float) -> None:
        super().committed(now)
        self._last_targets.keep(self._conversation, self.target.name)

    def settle(self, end: End, now: float, error: DragomanError | None = None) -> None:
        super().settle(end, now, error)
        if end == "whole":
            self._last_targets.keep(self._conversation, self.target.name)


def inherit(routes: Mapping[str, Plan], earlier: Mapping[str, Plan]) -> None:
    """Each route takes over the targets of conversations from the route of the same name in `earlier`."""
    for name, route in routes.items():
        before = earlier.get(name)
        if isinstance(route, StickyRoute) and isinstance(before, StickyRoute):
            route.last_targets = before.last_targets
