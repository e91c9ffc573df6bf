"""Ctrl-C while a coroutine runs, at the worst of moments."""

import asyncio
import signal
import threading

import pytest

from dragoman.cli.loop import run, run_in


async def answer() -> str:
    await asyncio.sleep(0)
    return "whole"


async def interrupted() -> None:
    signal.raise_signal(signal.SIGINT)
    await asyncio.Event().wait()


async def cancelled() -> None:
    task = asyncio.current_task()
    assert task
    task.cancel()
    await asyncio.sleep(0)


def test_gives_the_result() -> None:
    assert run(answer()) == "whole"


def test_an_interrupt_ends_the_coroutine_and_not_the_runner() -> None:
    with asyncio.Runner() as runner:
        with pytest.raises(KeyboardInterrupt):
            run_in(runner, interrupted())
        assert run_in(runner, answer()) == "whole"


def test_an_interrupt_that_came_too_early_to_be_counted_is_one_too() -> None:
    # What is left of it is a cancelled task.
    with pytest.raises(KeyboardInterrupt):
        run(cancelled())


def test_an_interrupt_reaches_a_loop_that_sleeps_on() -> None:
    # One that comes between the last look at signals and the sleep interrupts nothing, nor does one that another thread
    # takes.
    over, woken = threading.Event(), threading.Event()

    def press(loop: asyncio.AbstractEventLoop) -> None:
        over.wait(0.05)  # by then it sleeps; were it awake, nothing would be tested
        signal.pthread_kill(threading.get_ident(), signal.SIGINT)
        if not over.wait(10):
            woken.set()
            loop.call_soon_threadsafe(lambda: None)

    async def sleeping() -> None:
        thread.append(threading.Thread(target=press, args=(asyncio.get_running_loop(),)))
        thread[0].start()
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        await asyncio.Event().wait()

    thread: list[threading.Thread] = []
    try:
        with pytest.raises(KeyboardInterrupt):
            run(sleeping())
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
        over.set()
        thread[0].join()
    assert not woken.is_set()
