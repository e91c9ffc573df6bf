"""Plain functions in threads of their own."""

import asyncio
import subprocess
import sys
import threading
from contextvars import ContextVar

import pytest

from dragoman.loop.own_thread import in_own_thread

WHO: ContextVar[str] = ContextVar("WHO")


async def test_it_has_the_arguments_and_the_context_of_its_caller() -> None:
    def told(a: int, *, b: int) -> tuple[int, int, str, bool]:
        return a, b, WHO.get(), threading.current_thread() is threading.main_thread()

    WHO.set("me")
    assert await in_own_thread(told, 1, b=2) == (1, 2, "me", False)


@pytest.mark.parametrize("error", [ValueError("x"), SystemExit(3), asyncio.CancelledError("x")])
async def test_what_it_raises_is_raised_where_it_is_waited_for(error: BaseException) -> None:
    def fail() -> None:
        raise error

    with pytest.raises(type(error)):
        await in_own_thread(fail)


async def test_a_next_that_finds_nothing_is_waited_for_no_longer_than_it_takes() -> None:
    async with asyncio.timeout(5):
        with pytest.raises(RuntimeError, match="function raised StopIteration"):
            await in_own_thread(next, iter(()))


async def test_as_many_run_at_a_time_as_are_wanted() -> None:
    together = threading.Barrier(50, timeout=10)
    await asyncio.gather(*(in_own_thread(together.wait) for _ in range(50)))


async def test_what_nobody_waits_for_any_more_does_no_harm() -> None:
    go, gone = threading.Event(), threading.Event()

    def late() -> None:
        go.wait(10)
        gone.set()

    with pytest.raises(TimeoutError):
        await asyncio.wait_for(in_own_thread(late), 0.01)
    go.set()
    assert await asyncio.to_thread(gone.wait, 10)
    await asyncio.sleep(0.01)  # what it returned has come, and is for nobody


ENDLESS = """
import threading
from dragoman import SyncClient
from dragoman.errors import TimeoutError

def endless() -> None:
    threading.Event().wait()

with SyncClient({}) as client:
    try:
        client.run("offline/script", "tool: endless", tools=[endless], timeout=0.1).response()
    except TimeoutError as error:
        print(error)
"""


def test_a_program_does_not_wait_for_a_tool_that_never_ends() -> None:
    done = subprocess.run([sys.executable, "-c", ENDLESS], capture_output=True, text=True, timeout=20, check=True)
    assert "within 0.1 s" in done.stdout
    assert not done.stderr
