"""Calls in a loop from any thread. Knows no work."""

import asyncio
from collections.abc import Callable
from contextlib import suppress


def call_in(loop: asyncio.AbstractEventLoop, function: Callable[..., object], *args: object) -> None:
    """Has `loop` call `function` in its next turn. If it is closed, nothing happens: all that it had has ended.

    Who asks a loop first whether it is closed may be told no, and then find it closed by its own thread.
    """
    with suppress(RuntimeError):
        loop.call_soon_threadsafe(function, *args)
