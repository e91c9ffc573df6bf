"""The vendors' clients for Node call the gateway in all scenarios, for every pair of dialects: one process for all."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.matrix.cells import Asker, Cell, play, stage
from tests.matrix.hearing import Failed, Heard
from tests.matrix.report import PROPERTY, Marks, cells, judge, possible
from tests.matrix.scenes import Json

FOLDER = Path(__file__).parent / "node"
NODE = Path(sys.executable).parent / "node"
"""The one that `make matrix-node` installs."""
MAX_LINE = 1 << 20
"""Bytes of an answer, most of which are a client's own notes."""


@asynccontextmanager
async def _clients(url: str) -> AsyncIterator[Asker]:
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(
        NODE, "callers.mjs", cwd=FOLDER, stdin=pipe, stdout=pipe, limit=MAX_LINE
    )
    assert process.stdin is not None
    assert process.stdout is not None
    stdin, stdout = process.stdin, process.stdout
    waiting: dict[int, asyncio.Future[Json]] = {}

    async def read() -> None:
        async for line in stdout:
            answer = json.loads(line)
            waiting.pop(answer["id"]).set_result(answer)
        for future in waiting.values():
            future.set_exception(EOFError("the clients for Node are gone"))

    async def ask(caller: str, asked: Json, stream: bool) -> Json:
        number = len(numbers)
        numbers.append(number)
        waiting[number] = asyncio.get_running_loop().create_future()
        call = {"id": number, "caller": caller, "url": url, "asked": asked, "stream": stream}
        stdin.write(f"{json.dumps(call)}\n".encode())
        answer = await waiting[number]
        if error := answer.get("error"):
            raise Failed(
                Heard(
                    error=error["name"],
                    status=error.get("status"),
                    message=error["message"],
                    retry_after=error.get("retry_after"),
                )
            )
        return dict(answer["reply"])

    numbers: list[int] = []
    reading = asyncio.create_task(read())
    try:
        yield ask
    finally:
        stdin.close()
        await reading
        await process.wait()


@pytest.mark.timeout(600)
async def test_all_that_both_can_say_arrives_in_node(record_property: Callable[[str, object], None]) -> None:
    marks, wrong = await _judged(possible(cells()))
    record_property(f"{PROPERTY} (node)", json.dumps(marks))
    assert not wrong, "\n".join(wrong)


@pytest.mark.timeout(600)
async def test_openai_s_client_for_azure_is_answered_as_its_own_is() -> None:
    chosen = possible(cells(("openai-chat", "openai-responses"), ("openai-chat", "openai-responses", "anthropic")))
    _, wrong = await _judged(chosen, "azure ")
    assert not wrong, "\n".join(wrong)


AT_ONCE = 100
"""Cells at one time: all at once would be a test of load."""


async def _judged(chosen: list[Cell], kind: str = "") -> tuple[Marks, list[str]]:
    """What became of the cells. `kind`: stands before the names of the callers in `callers.mjs`."""
    async with stage(chosen) as (url, services), _clients(url) as asker:

        async def ask(caller: str, asked: Json, stream: bool) -> Json:
            return await asker(f"{kind}{caller}", asked, stream)

        for first in range(0, len(chosen), AT_ONCE):
            await play(chosen[first : first + AT_ONCE], services, ask)
    return judge([(cell, services.came[cell.service, cell.name]) for cell in chosen], node=True)
