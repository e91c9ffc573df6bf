"""The shuffled loop runs each callback once, also those that other threads add."""

import asyncio
from threading import Thread

from tests.schedules.shuffled import run_shuffled

CALLS = 20_000


async def _from_a_thread() -> int:
    loop, ran, ended = asyncio.get_running_loop(), 0, asyncio.Event()

    def count() -> None:
        nonlocal ran
        ran += 1

    def call() -> None:
        for _ in range(CALLS):
            loop.call_soon_threadsafe(count)
        loop.call_soon_threadsafe(ended.set)
        for _ in range(100):  # if that one is lost, one of these is not
            loop.call_soon_threadsafe(ended.set)

    other = Thread(target=call)
    other.start()
    while not ended.is_set():  # noqa: ASYNC110  # each turn is shuffled while the other thread adds
        await asyncio.sleep(0)
    other.join()
    await asyncio.sleep(0)
    return ran


def test_no_callback_of_another_thread_is_lost() -> None:
    assert run_shuffled(1, _from_a_thread()) == CALLS
