"""Turns of the event loop that take too long: each is counted, and logged with what has held the loop.

    the loop     beat ────── beat ────── beat ──────── (held) ────────────── beat: so late, told
    a thread         look ────── look ────── look ────── look: no beat, so the stack is kept

While the loop is held no stream goes on. The loop cannot see by itself what holds it, so that a thread looks. Nothing
of this is done for a request: the loop beats ten times in a second.

A loop that stands for STANDS seconds is told by the thread, because it may never turn again.

A machine with too much to do stops the loop as well, in whatever it does just then. So a turn is a warning only if this
process has computed for half of it; one that has waited is told at the level debug.
"""

import asyncio
import logging
import sys
import time
import traceback
from collections.abc import Callable
from threading import Event, Thread, get_ident

from dragoman.loop.every import Every

SLOW = 0.1
"""Seconds of a turn above which it is slow: people see a stream halt for so long."""

PERIOD = 0.1
"""Seconds between two beats."""

STANDS = 5.0
"""Seconds after which a turn of the loop is reported although it has not ended: it may never end."""

QUIET = 60.0
"""Seconds between two lines in the log."""

FRAMES = 12
"""The innermost calls that are shown."""

log = logging.getLogger("dragoman.gateway")


class LoopWatch:
    """Watches the loop of this thread. `clock`: seconds; `computed`: seconds that this thread has computed."""

    def __init__(
        self, clock: Callable[[], float] = time.monotonic, computed: Callable[[], float] = time.thread_time
    ) -> None:
        self.slow_turns = 0
        """How many there were."""
        self._clock = clock
        self._loop_thread = get_ident()
        self._computed = computed
        self._beaten, self._computed_then = clock(), computed()
        self._told = -QUIET
        self._untold = 0
        self._stands = False
        """Whether it was told that the present turn does not end."""
        self._stack = ""
        """Where the loop was, when it was seen to be held since the last beat."""
        self._every: Every | None = None
        self._ended = Event()
        self._thread = Thread(target=self._look_again, name="loop watch", daemon=True)

    def start(self) -> None:
        """Begins."""
        self._beaten, self._computed_then = self._clock(), self._computed()
        self._every = Every(asyncio.get_running_loop(), PERIOD, self.beat)
        self._thread.start()

    def stop(self) -> None:
        """Ends."""
        self._ended.set()
        if self._every is not None:
            self._every.stop()
            self._thread.join()

    def beat(self) -> None:
        """The loop turns."""
        now = self._clock()
        late = now - self._beaten - PERIOD
        before, self._computed_then = self._computed_then, self._computed()
        stack, self._stack, self._stands = self._stack, "", False
        self._beaten = now
        if late <= SLOW:
            return
        self.slow_turns += 1
        where = f" at\n{stack}".rstrip("\n") if stack else ", and was free before anybody saw at what"
        if self._computed_then - before < late / 2:
            log.debug("the event loop has waited for %.0f ms%s", 1e3 * late, where)
            return
        self._untold += 1
        if now - self._told < QUIET:
            return
        often = f", {self._untold} times since it was last told" if self._untold > 1 else ""
        log.warning("the event loop was held for %.0f ms%s%s", 1e3 * late, often, where)
        self._told, self._untold = now, 0

    def look(self) -> None:
        """Keeps the stack of the loop if it is held, and tells it if that does not end; called in another thread."""
        since = self._clock() - self._beaten
        if self._stack and since > STANDS and not self._stands:
            self._stands = True
            log.error("the event loop has stood for %.0f s at\n%s", since, self._stack.rstrip("\n"))
        if self._stack or since <= PERIOD + SLOW:
            return
        frame = sys._current_frames().get(self._loop_thread)  # the documented way, in spite of its name
        if frame is not None:
            self._stack = "".join(traceback.format_stack(frame, FRAMES))

    def _look_again(self) -> None:
        while not self._ended.wait(PERIOD / 2):
            self.look()
