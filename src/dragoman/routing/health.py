"""What is known of a target from the requests to it. All routes that have it share this. The time is handed in.

Processes that share a board tell each other when a target rests, and until when; see `board.py`.
"""

from collections.abc import Callable, Mapping
from math import exp, inf

from msgspec import Struct

from dragoman.errors import DragomanError
from dragoman.routing.board import ALONE, Hints
from dragoman.routing.breaker import Breaker
from dragoman.routing.reactions import Fault, reaction

REFUSED_REST = 60.0
"""Seconds for which a target is left out whose key or model was refused: somebody must change something."""

LIMITED_REST = 0.9
"""Seconds for which a target is left out that takes no more requests and names no wait, so that not each request asks
it in vain. A caller who was told of this comes back in a second."""

FADING = 10.0
"""Seconds in which the weight of a measured time falls to a third."""

MAX_REST = 3600.0
"""Seconds for which a target is left out at most, whatever wait it named."""


class Rest(Struct, frozen=True):
    """A rest of a target, which begins."""

    target: str
    """Service and model, as `provider/model`."""
    fault: Fault
    """Why it rests. For KEY all targets of its service rest."""
    code: str
    """That of the failure."""
    seconds: float
    """How long it is not asked."""


RestNotice = Callable[[Rest], None]
"""Is told of a rest at once. It must neither wait nor raise."""


def unheard(rest: Rest) -> None:
    """Nobody wants to know."""


class Service:
    """What is known of a service, and so of all targets that are asked with its key.

    `place`: a digest of what is set for it, without credentials; with others it is another one. `settings`: the same
    with them. Who gets a new key is still as slow and as broken as before, but may be refused no more.
    """

    __slots__ = ("place", "rests_until", "settings")

    def __init__(self, place: str = "", settings: str = "") -> None:
        self.place = place
        self.settings = settings
        self.rests_until = 0.0
        """When it may be asked again."""


class Health:
    """What is known of one target. `notice` is told when it begins to rest."""

    __slots__ = (
        "_hints",
        "_limited",
        "_looks_at",
        "_measured_at",
        "_notice",
        "_service",
        "breaker",
        "in_flight",
        "latency",
        "lone",
        "rests_until",
    )

    def __init__(
        self,
        service: Service,
        breaker: Breaker,
        hints: Hints = ALONE,
        notice: RestNotice = unheard,
        *,
        lone: bool = False,
    ) -> None:
        self._service = service
        self.breaker = breaker
        self._hints = hints
        self._notice = notice
        self.lone = lone
        """Whether no route can ask another target in its place: then it is asked whatever happens, and never rests."""
        self._looks_at = inf if hints is ALONE else 0.0
        """When it looks next at what other processes have found."""
        self.in_flight = 0
        """Requests to it that are not over."""
        self.rests_until = 0.0
        """When it may be asked again, after a 429 or a refusal of its model."""
        self._limited = True
        """Whether that was a 429. What another process has found counts as one."""
        self.latency = 0.0
        """Seconds to its first content: an average that rises at once, and falls slowly. 0: not known."""
        self._measured_at = 0.0

    def may_be_asked(self, now: float) -> bool:
        """Whether it neither rests nor is known to be broken."""
        if now >= self._looks_at:
            self._look(now)
        return self.will_be_free(now)

    def will_be_free(self, then: float) -> bool:
        """Whether it neither rests nor is broken at that time, as far as is known now."""
        return then >= self.rests_until and then >= self._service.rests_until and self.breaker.allows(then)

    def free_at(self, now: float) -> float:
        """When it may be asked again; `now` if at once."""
        return max(
            now, self.rests_until, self._service.rests_until, now if self.breaker.allows(now) else self.breaker.until
        )

    def is_limited(self, now: float) -> bool:
        """Whether nothing but a 429 keeps it from being asked: its service and its breaker allow it before."""
        return self._limited and self.rests_until > now and self.free_at(now) == self.rests_until

    def asked(self, now: float) -> bool:
        """A request is sent to it. Whether this is the trial of its breaker."""
        self.in_flight += 1
        return self.breaker.asked(now)

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

    def failed(self, error: DragomanError, now: float, *, trial: bool = True) -> None:
        """The request failed with `error`. `trial`: what `asked` has said of it."""
        self.in_flight -= 1
        if self.lone:
            return
        fault = reaction(error).fault
        if fault is Fault.BROKEN:
            self.breaker.failed(now, error.code, trial=trial)
            return
        self.breaker.left(trial=trial)
        seconds, rested_until = REFUSED_REST, self.rests_until
        match fault:
            case Fault.FULL:
                seconds = LIMITED_REST if error.retry_after is None else min(error.retry_after, MAX_REST)
                self._rest(now + seconds, limited=True)
            case Fault.MODEL:
                self._rest(now + seconds, limited=False)
            case Fault.KEY:
                rested_until = self._service.rests_until
                self._service.rests_until = now + seconds
                self._hints.service.write(self._service.rests_until)
            case _:
                return
        if now >= rested_until:  # requests that were under way when it began to rest tell nothing new
            self._notice(Rest(self.breaker.target, fault, error.code, seconds))

    def left(self, *, trial: bool = True) -> None:
        """The caller left before the request was over. `trial`: what `asked` has said of it."""
        self.in_flight -= 1
        self.breaker.left(trial=trial)

    def inherit(self, earlier: "Health") -> None:
        """Goes on with what `earlier` has found of the same target. Nothing, if its service has other settings now; no
        rests, if it has other credentials.

        Requests under way are not counted again: `earlier` is told how they end.
        """
        service, known = self._service, earlier._service
        if service.place != known.place:
            return
        self.breaker.inherit(earlier.breaker)
        self.latency, self._measured_at = earlier.latency, earlier._measured_at
        if service.settings == known.settings:
            service.rests_until = max(service.rests_until, known.rests_until)
            self.rests_until, self._limited = earlier.rests_until, earlier._limited

    def _rest(self, until: float, *, limited: bool) -> None:
        if until > self.rests_until:
            self.rests_until, self._limited = until, limited
            self._hints.rest.write(until)

    def _look(self, now: float) -> None:
        self._looks_at = now + self._hints.look
        self.breaker.look(now)
        if (until := self._hints.rest.read()) > self.rests_until:
            self.rests_until, self._limited = until, True
        self._service.rests_until = max(self._service.rests_until, self._hints.service.read())


def inherit(healths: Mapping[str, Health], earlier: Mapping[str, Health]) -> None:
    """Each target of `healths` goes on with what `earlier` has found of the target of the same name."""
    for name, health in healths.items():
        if name in earlier:
            health.inherit(earlier[name])
