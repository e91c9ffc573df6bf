"""Turns of the loop for others, between two pieces of long work. Knows no work."""

import asyncio
from collections.abc import Generator
from typing import TypeVar

T = TypeVar("T")


async def others() -> None:
    """Lets the loop serve others: what they have sent is read in one turn, and answered in the next."""
    await asyncio.sleep(0)
    await asyncio.sleep(0)


async def in_turns(steps: Generator[None, None, T]) -> T:
    """The result of `steps`, between which others are served. Raises what they raise."""
    while True:
        try:
            next(steps)
        except StopIteration as end:
            result: T = end.value
            return result
        await others()
