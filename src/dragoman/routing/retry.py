"""How often, and how soon, a target is asked again. The time and the randomness are handed in."""

from collections.abc import Callable

from msgspec import Struct

from dragoman.errors import DragomanError
from dragoman.routing.reactions import Next, reaction, was_refused

Draw = Callable[[], float]
"""A random number from 0 to less than 1."""

MAX_WAIT = 60.0
"""Seconds: a target that wants a longer wait is not asked again by this request."""

SHORT = 1.0
"""Seconds that are waited for the same target although another may be asked at once."""

FIRST = 0.5
LARGEST = 8.0
"""Seconds: bounds of the wait before the second attempt, and before later ones, if the service named none."""

SPREAD = 0.1
"""How much longer than a service asks for a wait may be, as a part of it: so that not all who were told to come back
at one moment come at that moment."""

WINDOW = 10.0
"""Seconds of traffic of which retries may be a part."""

ALWAYS = 3
"""Retries in that time that are allowed however little traffic there is."""


class RetryPolicy(Struct, frozen=True, gc=False):
    """How often a request is sent."""

    attempts: int = 1
    """To one target."""
    calls: int = 4
    """To all targets together."""
    after_send: bool = True
    """Whether also after a failure of a service that may have worked on the request."""
    fallback_on_400: bool = False
    """Whether another target is asked after one has refused the request as wrong."""

    def next(self, error: DragomanError) -> Next:
        """Who may be asked after `error`."""
        if not self.after_send and error.maybe_billed:
            return Next.NOBODY
        following = reaction(error).next
        return Next.OTHER if following is Next.NOBODY and self.fallback_on_400 and was_refused(error) else following

    def wait(self, error: DragomanError, attempt: int, draw: Draw) -> float:
        """Seconds until the target is asked again after its attempt number `attempt`, from 1, failed with `error`."""
        if error.retry_after is not None and error.retry_after >= 0:
            return error.retry_after
        return draw() * min(FIRST * float(2 ** (attempt - 1)), LARGEST)


class RetryBudget:
    """Retries may be a part of all requests, so that a service that is in trouble does not get a multiple of them.

    One for all routes. `share`: that part, from 0 to 1.
    """

    def __init__(self, share: float) -> None:
        self._share = share
        self._since = 0.0
        self._requests = self._retries = 0
        self._requests_before = self._retries_before = 0

    def asked(self, now: float) -> None:
        """A request has come."""
        self._turn(now)
        self._requests += 1

    def allows(self, now: float) -> bool:
        """Whether one more retry may be made; it is then counted."""
        self._turn(now)
        retries = self._retries + self._retries_before
        if retries >= ALWAYS and retries + 1 > self._share * (self._requests + self._requests_before):
            return False
        self._retries += 1
        return True

    def _turn(self, now: float) -> None:
        """Two halves of the window are counted: the one under way, and the one before it."""
        half = WINDOW / 2
        if now - self._since < half:
            return
        fresh = now - self._since < WINDOW
        self._requests_before = self._requests if fresh else 0
        self._retries_before = self._retries if fresh else 0
        self._requests = self._retries = 0
        self._since = now
