"""A call that is cancelled at one of the places where it waits, in its own task or in one that it made."""

import asyncio
from collections.abc import Coroutine, Generator
from pathlib import Path
from types import CoroutineType
from typing import Any, TypeVar

import dragoman

T = TypeVar("T")
OURS = str(Path(dragoman.__file__).parent)


class CancelledThereError(Exception):
    """The call was cancelled where it was to be."""


async def cancelled_at(place: int, inner: Coroutine[Any, Any, T]) -> T:
    """Runs `inner`, whose task is cancelled as anything in it waits for the `place`-th time, from 1.

    Raises CancelledThereError; returns what `inner` returns if it does not wait so often.
    """
    loop = asyncio.get_running_loop()
    there = Place(place)
    before = loop.get_task_factory()
    loop.set_task_factory(there.task)
    try:
        there.outer = loop.create_task(Counted(there, inner))
        result = await there.outer
    except asyncio.CancelledError:
        raise CancelledThereError from None
    finally:
        loop.set_task_factory(before)
    assert not there.reached, "the cancellation was swallowed"
    returned: T = result
    return returned


class Place:
    """The place at which a call is cancelled. Counts how often its tasks have waited."""

    def __init__(self, number: int) -> None:
        self.outer: asyncio.Task[Any] | None = None
        self._left = number

    @property
    def reached(self) -> bool:
        """Whether it was cancelled."""
        return self._left <= 0

    def task(self, loop: asyncio.AbstractEventLoop, inner: Any, **more: Any) -> asyncio.Task[Any]:
        """Makes a task; the library's own are counted."""
        ours = isinstance(inner, CoroutineType) and inner.cr_code.co_filename.startswith(OURS)
        return asyncio.Task(Counted(self, inner) if ours else inner, loop=loop, **more)

    def waited(self) -> None:
        """One of the tasks waits."""
        self._left -= 1
        if self._left == 0 and self.outer is not None:
            self.outer.cancel()


class Counted(Coroutine[Any, Any, Any]):
    """A coroutine that tells its Place how often it waits."""

    def __init__(self, place: Place, inner: Coroutine[Any, Any, Any]) -> None:
        self._place = place
        self._inner = inner

    def send(self, value: Any) -> Any:
        waited_for = self._inner.send(value)
        self._place.waited()
        return waited_for

    def throw(self, *exc: Any) -> Any:
        waited_for = self._inner.throw(*exc)
        self._place.waited()
        return waited_for

    def close(self) -> None:
        self._inner.close()

    def __await__(self) -> Generator[Any, Any, Any]:
        raise TypeError("a task sends to it, and nobody awaits it")
