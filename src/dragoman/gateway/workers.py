"""Several processes that share one listening socket: each that dies is replaced. Knows nothing of what they do."""

import os
import signal
import time
import traceback
from collections.abc import Callable
from types import FrameType

SIGNALS = (signal.SIGINT, signal.SIGTERM)

PATIENCE = 1.0
"""Seconds that the place of a worker stays empty which lived no longer: one that cannot start would be forked without
end."""


def share(count: int, work: Callable[[], None]) -> None:
    """Keeps `count` processes at `work` until SIGINT or SIGTERM, then returns once all have ended.

    A signal is passed on to each; so is a second one.
    """
    workers: dict[int, float] = {}
    stopping = False

    def stop(number: int, frame: FrameType | None) -> None:
        nonlocal stopping
        stopping = True
        for pid in tuple(workers):
            os.kill(pid, signal.SIGTERM)

    before = {number: signal.signal(number, stop) for number in SIGNALS}
    try:
        while workers or not stopping:
            while len(workers) < count and not stopping:
                # A signal waits until the new process is known: it is to be passed on to that one too.
                signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
                workers[_fork(work)] = time.monotonic()
                signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)
            if not workers:
                break
            pid, _ = os.wait()
            born = workers.pop(pid, 0.0)
            if not stopping and time.monotonic() - born < PATIENCE:
                time.sleep(PATIENCE)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _fork(work: Callable[[], None]) -> int:
    pid = os.fork()
    if pid:
        return pid
    code = 1
    try:
        # A terminal's Ctrl-C reaches every process of the group; the parent passes it on, and once is enough.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)
        work()
        code = 0
    except Exception:  # noqa: BLE001  # the edge of the process: its end must be this one
        traceback.print_exc()
    finally:
        os._exit(code)
