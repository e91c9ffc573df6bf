"""Several processes behind one address."""

import asyncio
import os
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from tests.support.gateway import ask, chat_body, connect

PROGRAM = """
from dragoman.config import Config, GatewayConfig
from dragoman.gateway import serve
serve(Config(gateway=GatewayConfig(port=0, workers=2)), announce=lambda text: print(text, flush=True))
print("ended well", flush=True)
"""


@asynccontextmanager
async def program() -> AsyncIterator[tuple[Process, str]]:
    """A gateway of two workers, and its URL."""
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", PROGRAM, stdout=PIPE, stderr=PIPE)
    assert process.stdout is not None
    try:
        first = (await process.stdout.readline()).decode()
        yield process, first.split(" ")[3].rstrip(";")
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


def workers(process: Process) -> set[int]:
    """The processes that `process` has started."""
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    return {int(pid) for pid in children}


async def two(process: Process, without: frozenset[int] = frozenset()) -> set[int]:
    """Two workers, none of them one of `without`, once there are."""
    while len(workers(process) - without) < 2:  # noqa: ASYNC110  # another process's children tell nobody of themselves
        await asyncio.sleep(0.01)
    return workers(process)


async def test_a_worker_that_dies_is_replaced_and_the_address_answers_throughout() -> None:
    async with program() as (process, url):
        first, second = await two(process)
        os.kill(first, signal.SIGKILL)
        assert (await ask(url, "GET", "/health/ready")).status == 200
        assert second in await two(process, frozenset({first}))
        process.send_signal(signal.SIGTERM)
        out, err = await process.communicate()
    assert (process.returncode, out[-11:], err) == (0, b"ended well\n", b"")


async def test_a_signal_lets_every_workers_answers_end_well() -> None:
    async with program() as (process, url), connect(url) as wire, connect(url) as other:
        await two(process)
        for each in (wire, other):
            each.send("POST", "/v1/chat/completions", body=chat_body("text: a\ndelay: 0.3\ntext: b", stream=True))
            await each.head()
        process.send_signal(signal.SIGTERM)
        for each in (wire, other):
            last = b""
            while chunk := await each.chunk():
                last = chunk
            assert last.endswith(b"data: [DONE]\n\n")
        await process.communicate()
    assert process.returncode == 0
