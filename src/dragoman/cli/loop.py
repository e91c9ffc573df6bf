"""Coroutines run to their end, or to a Ctrl-C."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


def run(coroutine: Coroutine[Any, Any, T]) -> T:
    """The result, from a loop of its own. Raises KeyboardInterrupt."""
    with asyncio.Runner() as runner:
        return run_in(runner, coroutine)


def run_in(runner: asyncio.Runner, coroutine: Coroutine[Any, Any, T]) -> T:
    """The result, from the runner's loop. Raises KeyboardInterrupt."""
    try:
        return runner.run(coroutine)
    except asyncio.CancelledError as exc:
        # A Ctrl-C in the moment before the runner counts them cancels the task, and is not told as what it was
        # (Python 3.11 to 3.13, `Runner.run`). Nobody else cancels here.
        raise KeyboardInterrupt from exc
