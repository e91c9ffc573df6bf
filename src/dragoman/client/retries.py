"""Another attempt after an error that may not come again, as long as nothing of an answer has come. Knows no service.

How long it waits before that: as long as the service asks for, or else twice as long each time, of which a random part,
so that callers who failed together do not come again together. The gateway does not use this.
"""

import asyncio
from collections.abc import Awaitable, Callable
from math import inf
from typing import TypeVar

from dragoman.client.call_log import log_failures, log_wait
from dragoman.errors import Attempt, DragomanError

T = TypeVar("T")

FIRST = 0.5
"""Seconds of the first wait at most; the SDKs of OpenAI and Anthropic begin with as many."""

LONGEST = 8.0
"""Seconds that no wait exceeds; the same as theirs."""

PATIENCE = 60.0
"""Seconds that a service may ask for: who is to wait for longer is told so at once. The same as theirs."""

SPREAD = 0.1
"""How much longer than asked for a wait may be, as a part of it."""

Random = Callable[[], float]
"""Gives numbers from 0 to 1."""


def pause(error: DragomanError, attempt: int, random: Random) -> float | None:
    """Seconds to wait after `error` of attempt number `attempt`, from 0; None: it is not to be tried again."""
    if not error.retryable:
        return None
    if error.retry_after is None:
        return float(random() * min(LONGEST, FIRST * 2.0 ** min(attempt, 10)))
    return error.retry_after * (1 + SPREAD * random()) if error.retry_after <= PATIENCE else None


async def retried(
    call: Callable[[], Awaitable[T]],
    retries: int,
    random: Random,
    ends: float = inf,
    sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
) -> T:
    """What `call` gives, which is called again up to `retries` times.

    Raises the last error, whose `attempts` are all that failed; at once, if the next attempt would begin after `ends`,
    the loop's time.
    """
    tried: tuple[Attempt, ...] = ()
    attempt = 0
    while True:
        try:
            return await call()
        except DragomanError as exc:
            log_failures(exc.attempts)
            exc.attempts = tried = (*tried, *exc.attempts)
            wait = pause(exc, attempt, random) if attempt < retries else None
            if wait is None or asyncio.get_running_loop().time() + wait >= ends:
                raise
        attempt += 1
        log_wait(wait)
        await sleep(wait)
