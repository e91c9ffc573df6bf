"""What the services of one owner have refused, and what they get in its place for a while. Knows no protocol."""

from collections.abc import Callable
from time import monotonic

LASTS = 3600.0
"""Seconds for which a refusal is remembered: a service learns a beta in weeks, and to ask in vain costs one request."""

MOST = 1000
"""Refusals that are remembered: callers may invent lists of betas without end."""


class Refused:
    """Betas, and forms of vectors, that were refused.

    By service, by what it was asked for, and by what was sent: a service may refuse a list of betas without saying
    which of it, and other lists of which some are taken must not suffer by that.
    """

    __slots__ = ("_clock", "known")

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        self.known: dict[tuple[str, str, str], tuple[str, float]] = {}
        """What was refused, to what is taken of it, and until when that holds; empty as a rule."""

    def taken(self, service: str, asked: str, sent: str) -> str:
        """What of `sent` the service takes, as far as it is known."""
        found = self.known.get((service, asked, sent))
        if found is None:
            return sent
        taken, until = found
        if self._clock() < until:
            return taken
        del self.known[service, asked, sent]
        return sent

    def learn(self, service: str, asked: str, sent: str, taken: str) -> None:
        """The service has refused `sent`, and answers with `taken` in its place."""
        if len(self.known) >= MOST:
            self.known.clear()
        self.known[service, asked, sent] = taken, self._clock() + LASTS
