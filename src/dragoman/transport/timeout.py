"""A limit of one wait, and one sentence for each wait that was too long. Knows asyncio, and not what is waited for.

A loop with too much to do sees late that a time is over, and what has come meanwhile only in its next turns. So a limit
that rings late gives the wait once more as much time as it was late: else a service would be blamed for our own
lateness. `total` is not longer for that: it is not about one wait.
"""

import asyncio
import builtins
from types import TracebackType

from dragoman import errors
from dragoman.errors import Phase

YEAR = 366 * 86400.0
"""Used for "no limit", because a timer does not accept infinity."""

WORDS: dict[Phase, str] = {
    "pool": "no free connection to",
    "connect": "no connection to",
    "tls": "no TLS handshake with",
    "proxy": "no tunnel through the proxy to",
    "first_byte": "no answer from",
    "first_token": "no content from",
    "idle": "nothing more from",
    "total": "the answer had no end from",
}
"""Phase to the sentence for a wait that was too long."""


def late(phase: Phase, host: str, limit: float | None) -> errors.TimeoutError:
    """The error for a wait for `host` of more than `limit` seconds; None: the limit is not known here."""
    within = "" if limit is None else f" within {limit:g} s"
    return errors.TimeoutError(f"{WORDS[phase]} {host}{within}", phase=phase)


class timeout:  # noqa: N801  # read as words, like asyncio.timeout
    """Raises the tree's TimeoutError after `seconds` of waiting for `host`, or at the loop's time `ends` (`total`)."""

    __slots__ = ("_clock", "_due", "_ends", "_host", "_limit", "_phase", "_seconds", "_timer")

    def __init__(
        self, seconds: float | None, ends: float, phase: Phase, host: str, *, limit: float | None = None
    ) -> None:
        """`limit`: the seconds that the error names, if a part of them had passed before."""
        now = asyncio.get_running_loop().time()
        left = ends - now
        self._limit = seconds if limit is None else limit
        if seconds is None or left < seconds:
            seconds, phase = left, "total"
            self._limit = None
        self._seconds = min(seconds, YEAR)
        self._due = now + self._seconds
        self._ends = ends
        self._clock = asyncio.timeout(None)
        self._timer: asyncio.TimerHandle | None = None
        self._phase = phase
        self._host = host

    async def __aenter__(self) -> None:
        await self._clock.__aenter__()
        if self._seconds > 0:
            self._timer = asyncio.get_running_loop().call_at(self._due, self._ring)
        else:
            self._clock.reschedule(self._due)

    def _ring(self) -> None:
        """The time is over; once more as much as nobody looked is left, but no more than the wait itself."""
        now = asyncio.get_running_loop().time()
        more = 0.0 if self._phase == "total" else min(now - self._due, self._seconds, self._ends - now)
        self._clock.reschedule(now + more)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None  # it and this one refer to each other
        try:
            await self._clock.__aexit__(kind, error, trace)
        except builtins.TimeoutError as exc:
            if self._clock.expired():
                raise late(self._phase, self._host, self._limit) from exc
            raise  # the operating system's own (ETIMEDOUT), which is an OSError
