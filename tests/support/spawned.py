"""A gateway in processes of its own."""

import asyncio
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


@asynccontextmanager
async def spawned(*arguments: str) -> AsyncIterator[tuple[Process, str]]:
    """A Python process with these arguments, which serves, and the URL in its first line."""
    process = await asyncio.create_subprocess_exec(sys.executable, *arguments, stdout=PIPE, stderr=PIPE)
    assert process.stdout is not None
    try:
        first = (await process.stdout.readline()).decode()
        yield process, first.split(" ")[3].rstrip(";")
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()
