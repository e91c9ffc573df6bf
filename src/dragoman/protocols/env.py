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
    spent: Callable[[], float] | None = None
    """Seconds since the caller's request came, by now; None if nobody measures it."""
