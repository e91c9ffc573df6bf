"""Coroutines run to their end, or to a Ctrl-C."""

import asyncio
import signal
import socket
import sys
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

T = TypeVar("T")


def run(coroutine: Coroutine[Any, Any, T]) -> T:
    """The result, from a loop of its own. Raises KeyboardInterrupt."""
    with asyncio.Runner() as runner:
        return run_in(runner, coroutine)


def run_in(runner: asyncio.Runner, coroutine: Coroutine[Any, Any, T]) -> T:
    """The result, from the runner's loop. Raises KeyboardInterrupt."""
    try:
        with _waking(runner.get_loop()):
            return runner.run(coroutine)
    except asyncio.CancelledError as exc:
        # A Ctrl-C in the moment before the runner counts them cancels the task, and is not told as what it was
        # (Python 3.11 to 3.13, `Runner.run`). Nobody else cancels here.
        raise KeyboardInterrupt from exc


@contextmanager
def _waking(loop: asyncio.AbstractEventLoop) -> Iterator[None]:
    """Within it every signal wakes the loop.

    A runner does not see to that: a Ctrl-C in the moment before the loop goes to sleep waits there for something else
    to happen. https://docs.python.org/3/library/signal.html#signal.set_wakeup_fd
    """
    if sys.platform == "win32":  # whose loop does so itself
        yield
        return
    near, far = socket.socketpair()
    with near, far:
        near.setblocking(False)
        far.setblocking(False)
        loop.add_reader(near, near.recv, 1)
        before = signal.set_wakeup_fd(far.fileno(), warn_on_full_buffer=False)
        try:
            yield
        finally:
            signal.set_wakeup_fd(before)
            loop.remove_reader(near)
