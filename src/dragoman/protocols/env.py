"""What a codec is given of its surroundings."""

from collections.abc import Callable
from typing import ClassVar

from dragoman.types import ModelProfile
from dragoman.types.redacted import Redacted


class Env(Redacted, frozen=True):
    """Time, chance and secrets, which a codec is given so that a test can predict its bytes."""

    hidden: ClassVar[frozenset[str]] = frozenset({"key"})
    now: float
    """Seconds since 1970."""
    new_id: Callable[[], str]
    """Returns a new random identifier of letters and digits."""
    key: str | None = None
    """The credential to send, if any."""
    profile: ModelProfile = ModelProfile()
    """What is known of the family of models that is asked."""
    clock: Callable[[], float] | None = None
    """The time when it is asked, in seconds since 1970; None if it stands still at `now`."""
    asked_at: float | None = None
    """When the caller's request came, in seconds since 1970; None if nobody has noted it."""

    def by_now(self) -> float:
        """The time when it is asked, in seconds since 1970."""
        return self.now if self.clock is None else self.clock()
