"""Targets that fail and answer again, logged once for each change. Knows no service."""

import logging
import time
from collections.abc import Callable

from dragoman.error_words import cut
from dragoman.errors import Attempt
from dragoman.gateway.observe import Observer
from dragoman.routing.breaker import BreakerChange, State
from dragoman.routing.health import Rest
from dragoman.routing.reactions import Fault
from dragoman.types import Outcome

QUIET = 1.0
"""Seconds between two lines about one target, even if it fails at every request, or at every other."""

REMINDER = 60.0
"""Seconds after which a target that still fails in the same way is logged again, with the number of failures."""

THEIRS = frozenset({401, 402, 403, 404, 408, 429})
"""Statuses below 500 that are a target's fault. All others mean that the request was wrong: its caller is told."""

RESTS: dict[Fault, tuple[int, str]] = {
    Fault.FULL: (logging.INFO, "%s is not asked for %g s: it takes no more requests now (%s)"),
    Fault.MODEL: (logging.WARNING, "%s is not asked for %g s: its service does not allow it (%s)"),
    Fault.KEY: (
        logging.WARNING,
        "%s and other models of its service are not asked for %g s: the key is refused (%s)",
    ),
}
"""The level and the words of a rest in the event log. A refused key is a warning, because somebody must change it; a
limit ends by itself."""

Named = Callable[[str], str]
"""Target to the name under which it is known. Callers can make up names of models, so that these share one."""

log = logging.getLogger("dragoman.gateway")


class _State:
    """How a target fails, or several with one name. `count`: failures that were not logged yet. `target`: the one that
    was logged last."""

    code = target = ""
    told = 0.0
    count = 0
    known = False


class Targets:
    """What is known of the targets that failed last. `clock`: seconds."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._states: dict[str, _State] = {}

    def observer(self, named: Named) -> Observer:
        """What notes, once the answer to a request is over, which targets failed and which answered."""

        def note(outcome: Outcome) -> None:
            if outcome.attempts or self._states:  # if none has ever failed, those that answer need not be noted
                for attempt in outcome.attempts:
                    self.failed(attempt, named(attempt.target))
                if outcome.end == "whole" and outcome.target and not outcome.error:
                    self.answered(outcome.target, named(outcome.target))

        return note

    def failed(self, attempt: Attempt, name: str) -> None:
        """A target that is known as `name` was asked, and failed."""
        if attempt.status < 500 and attempt.status not in THEIRS:
            return
        state = self._states.setdefault(name, _State())
        state.count += 1
        now = self._clock()
        quiet = REMINDER if state.code == attempt.code else QUIET
        if state.known and now - state.told < quiet:
            return
        who = "" if name == attempt.target else f" with other models of {_service(name)}"
        often = f",{who} {state.count} times since it was last told" if state.count > 1 else ""
        log.warning("%s failed%s: %s: %s", cut(attempt.target), often, attempt.code, cut(attempt.words))
        state.code, state.told, state.count, state.known = attempt.code, now, 0, True
        state.target = attempt.target

    def answered(self, target: str, name: str) -> None:
        """A target that is known as `name` answered well."""
        state = self._states.get(name)
        if state is None or not state.code or state.target != target:
            return
        now = self._clock()
        if now - state.told >= QUIET:
            log.info("%s answers again", cut(target))
            state.told = now
            state.code = ""

    def turned(self, change: BreakerChange) -> None:
        """A breaker has changed its state."""
        target = cut(change.target)
        match change.state:
            case State.OPEN if change.code:
                log.warning("%s is not asked for %g s: its breaker is open (%s)", target, change.rest, change.code)
            case State.OPEN:
                log.info("%s may be tried again: its breaker is open, and nothing was learnt", target)
            case State.TRYING:
                log.info("%s is tried by one request: its breaker is half-open", target)
            case State.CLOSED:
                log.info("%s is asked again: its breaker is closed", target)

    def rested(self, rest: Rest) -> None:
        """A target begins to rest."""
        level, words = RESTS[rest.fault]
        if rest.seconds >= QUIET:  # a shorter one is over before anybody reads of it
            log.log(level, words, cut(rest.target), rest.seconds, cut(rest.code))


def _service(target: str) -> str:
    """The provider of a target."""
    return target.partition("/")[0]
