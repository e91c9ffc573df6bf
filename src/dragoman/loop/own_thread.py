"""A plain function in a thread of its own, while the loop goes on. Knows no work."""

import asyncio
from collections.abc import Callable
from contextvars import copy_context
from threading import Thread
from typing import Any, TypeVar

from dragoman.loop.from_outside import call_in

T = TypeVar("T")


async def in_own_thread(function: Callable[..., T], *args: Any, **kwargs: Any) -> T:
    """What `function` returns or raises. If nobody waits any more, it goes on, as long as the program lives.

    `asyncio.to_thread` is for work that ends. Its threads are few, and the loop looks up addresses with them: functions
    that never end would take all of them, and the program would wait for them at its end, whatever Ctrl-C says.
    """
    loop = asyncio.get_running_loop()
    returned: asyncio.Future[T] = loop.create_future()

    def settle(put: Callable[[Any], None], value: object) -> None:
        if not returned.done():
            put(value)

    def run() -> None:
        put: Callable[[Any], None]
        value: object
        try:
            put, value = returned.set_result, context.run(function, *args, **kwargs)
        except StopIteration as exc:
            # No future takes one: it is a RuntimeError, as in a coroutine.
            put, value = returned.set_exception, RuntimeError("function raised StopIteration")
            value.__cause__ = exc
        except BaseException as exc:  # noqa: BLE001  # it is raised again in the task that waits
            put, value = returned.set_exception, exc
        call_in(loop, settle, put, value)

    context = copy_context()
    Thread(target=run, name=f"dragoman {getattr(function, '__name__', '')}".rstrip(), daemon=True).start()
    return await returned
