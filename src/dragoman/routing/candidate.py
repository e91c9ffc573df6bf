"""Whom a route may ask: a target with what is said and known of it, or another route."""

from collections.abc import Callable, Sequence
from typing import Protocol

from msgspec import Struct

from dragoman.routing.health import Health
from dragoman.routing.plan import Target


class Member(Protocol):
    """What strategies order: a target, or a route with its own."""

    @property
    def name(self) -> str:
        """That of the target, or of the route."""

    @property
    def weight(self) -> float:
        """How often it is chosen, in proportion to the others; 0: only after all others."""

    @property
    def price(self) -> float | None:
        """What a million tokens cost, for comparison with the others; None: not known."""

    @property
    def in_flight(self) -> int:
        """Requests to it that are not over."""

    @property
    def latency(self) -> float:
        """Seconds to its first content; 0: not known."""

    @property
    def targets(self) -> tuple[Target, ...]:
        """All its targets, as they stand."""

    def ordered(self, lot: "Lot") -> "Sequence[Candidate]":
        """The targets, in the order in which they are asked now."""


Lot = Callable[[Member], float]
"""A number from 0 to less than 1 for a member: by chance, or always the same one for a conversation."""


class Wall(Struct, frozen=True, eq=False):
    """The deadline of all attempts at the targets of one nested route, which begins with the first of them."""

    seconds: float


class Candidate(Struct, frozen=True, eq=False, kw_only=True):
    """A target of one route."""

    target: Target
    health: Health
    weight: float = 1.0
    price: float | None = None
    max_parallel: int | None = None
    """Requests to it at the same time; None: any number."""
    context: int | None = None
    """Tokens that its model holds; None: not known."""
    walls: tuple[Wall, ...] = ()
    """Those of the nested routes of which it is part."""

    @property
    def name(self) -> str:
        """See `Member`."""
        return self.target.name

    @property
    def in_flight(self) -> int:
        """See `Member`."""
        return self.health.in_flight

    @property
    def latency(self) -> float:
        """See `Member`."""
        return self.health.latency

    @property
    def targets(self) -> tuple[Target, ...]:
        """See `Member`."""
        return (self.target,)

    def ordered(self, lot: Lot) -> "Sequence[Candidate]":
        """Itself."""
        return (self,)

    def is_free(self) -> bool:
        """Whether one more request may be sent to it."""
        return self.max_parallel is None or self.health.in_flight < self.max_parallel

    def is_able(self, now: float) -> bool:
        """Whether it may be asked now."""
        return self.is_free() and self.health.may_be_asked(now)
