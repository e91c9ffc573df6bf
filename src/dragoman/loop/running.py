"""The event loop that runs."""

import asyncio


def running_loop() -> asyncio.AbstractEventLoop:
    """asyncio's. Raises RuntimeError if there is none, as under trio."""
    try:
        return asyncio.get_running_loop()
    except RuntimeError as exc:
        raise RuntimeError("no event loop of asyncio runs here: use a SyncClient, under trio in a thread") from exc
