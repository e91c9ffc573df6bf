"""Keys that commands print, for a client that goes on: run again in a thread, before the call that needs them."""

import asyncio
import logging
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from threading import Lock, Thread
from time import monotonic

from dragoman.config import Config
from dragoman.config.commands import Words, run_all
from dragoman.config.renewal import Renewal
from dragoman.errors import Attempt, AuthenticationError, ConfigurationError, DragomanError

WAIT = 5.0
"""Seconds that a call waits for a new key: if its command takes longer, the earlier key has to do."""

log = logging.getLogger("dragoman.config")


class FreshKeys:
    """The keys of one client. `put` puts a configuration with other keys in force; it is called in a thread."""

    def __init__(self, config: Config, put: Callable[[Config], None], clock: Callable[[], float] = monotonic) -> None:
        self._renewal = Renewal(config, clock) if config.renew is not None else None
        self._put = put
        self._lock = Lock()
        self._running: Future[None] | None = None

    async def ready(self) -> None:
        """Returns once no key is older than its `every`. If a command fails, the key that it printed before stays.

        All calls wait for the same run, in whatever loop; for WAIT at most, and not at all while commands fail.
        """
        renewal = self._renewal
        if renewal is None:
            return
        with self._lock:
            running, due = self._running, renewal.due()
            if running is None and due:
                running = self._running = Future()
                running.set_running_or_notify_cancel()  # a call that is cancelled must not cancel it for the others
                # A daemon: a program that ends does not wait for a command that hangs.
                Thread(target=self._run, args=(renewal, due, running), name="dragoman keys", daemon=True).start()
        if running is not None and not renewal.is_failing:
            with suppress(asyncio.TimeoutError):
                await asyncio.wait_for(asyncio.wrap_future(running), WAIT)

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Heeds what services answer in it that fails."""
        try:
            yield
        except DragomanError as exc:
            self.heed(exc.attempts, exc.code)
            raise

    def heed(self, attempts: Sequence[Attempt], code: str = "") -> None:
        """If a service has refused a key, in one of `attempts` or with the error `code`, the commands are run again
        before the next call, unless they just have been."""
        refused = AuthenticationError.code
        if self._renewal is not None and (code == refused or any(each.code == refused for each in attempts)):
            self._renewal.hurry()

    def leave(self) -> None:
        """From now on somebody else sees to it that the keys are fresh."""
        self._renewal = None

    def _run(self, renewal: Renewal, due: tuple[Words, ...], running: "Future[None]") -> None:
        try:
            config = renewal.take(run_all(due, renewal.environ))
            if config is not None:
                self._put(config)
                renewal.settle(config)
        except ConfigurationError as exc:
            log.warning("%s; what was there before stays", exc.message.partition("\n")[0])
        finally:
            with self._lock:
                self._running = None
            running.set_result(None)
