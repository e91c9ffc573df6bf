"""Turns of the loop for others, between two pieces of long work. Knows no work."""

import asyncio


async def others() -> None:
    """Lets the loop serve others: what they have sent is read in one turn, and answered in the next."""
    await asyncio.sleep(0)
    await asyncio.sleep(0)
