"""What is known of a target from the requests to it. All routes that have it share this. The time is handed in."""

from math import exp

from dragoman.errors import DragomanError
from dragoman.routing.breaker import Breaker
from dragoman.routing.reactions import Fault, reaction

REFUSED_REST = 60.0
"""Seconds for which a target is left out whose key or model was refused: somebody must change something."""

FADING = 10.0
"""Seconds in which the weight of a measured time falls to a third."""

MAX_REST = 3600.0
"""Seconds for which a target is left out at most, whatever wait it named."""


class Service:
    """What is known of a service, and so of all targets that are asked with its key."""

    __slots__ = ("rests_until",)

    def __init__(self) -> None:
        self.rests_until = 0.0
        """When it may be asked again."""


class Health:
    """What is known of one target."""

    __slots__ = ("_measured_at", "_service", "breaker", "in_flight", "latency", "rests_until")

    def __init__(self, service: Service, breaker: Breaker) -> None:
        self._service = service
        self.breaker = breaker
        self.in_flight = 0
        """Requests to it that are not over."""
        self.rests_until = 0.0
        """When it may be asked again, by its own words."""
        self.latency = 0.0
        """Seconds to its first content: an average that rises at once, and falls slowly. 0: not known."""
        self._measured_at = 0.0

    def may_be_asked(self, now: float) -> bool:
        """Whether it neither rests nor is known to be broken."""
        return now >= self.rests_until and now >= self._service.rests_until and self.breaker.allows(now)

    def free_at(self, now: float) -> float:
        """When it may be asked again; `now` if at once."""
        return max(
            now, self.rests_until, self._service.rests_until, now if self.breaker.allows(now) else self.breaker.until
        )

    def asked(self) -> None:
        """A request is sent to it."""
        self.in_flight += 1
        self.breaker.asked()

    def measured(self, seconds: float, now: float) -> None:
        """Its first content took so long. A peak counts at once; what is better, by and by (peak EWMA)."""
        if seconds >= self.latency:
            self.latency = seconds
        else:
            weight = exp(-(now - self._measured_at) / FADING)
            self.latency = self.latency * weight + seconds * (1 - weight)
        self._measured_at = now

    def succeeded(self) -> None:
        """The request ended well."""
        self.in_flight -= 1
        self.breaker.succeeded()

    def failed(self, error: DragomanError, now: float) -> None:
        """The request failed with `error`."""
        self.in_flight -= 1
        fault = reaction(error).fault
        if fault is Fault.BROKEN:
            self.breaker.failed(now, error.code)
            return
        self.breaker.left()
        match fault:
            case Fault.FULL if error.retry_after is not None:
                self.rests_until = max(self.rests_until, now + min(error.retry_after, MAX_REST))
            case Fault.MODEL:
                self.rests_until = max(self.rests_until, now + REFUSED_REST)
            case Fault.KEY:
                self._service.rests_until = now + REFUSED_REST

    def left(self) -> None:
        """The caller left before the request was over."""
        self.in_flight -= 1
        self.breaker.left()
