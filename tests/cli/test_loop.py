"""Ctrl-C while a coroutine runs, at the worst of moments."""

import asyncio
import signal

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
