"""A loop of asyncio whose tasks take their turns in an order that a seed chooses. Knows nothing of what they do.

asyncio promises that callbacks run in the order in which they were asked for, and its own transports need that. So they
stay in order. But a task may be late, and any socket may be found ready first: this is what a seed chooses.
"""

import asyncio
import random
from collections import deque
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")
STEPS = frozenset({"TaskStepMethWrapper", "TaskWakeupMethWrapper"})


class ShuffledLoop(asyncio.SelectorEventLoop):
    """See above."""

    _ready: deque[asyncio.Handle]

    def __init__(self, seed: int) -> None:
        super().__init__()
        self._random = random.Random(seed)

    def _process_events(self, event_list: list[Any]) -> None:
        self._random.shuffle(event_list)
        super()._process_events(event_list)  # type: ignore[misc]  # asyncio's own, which typeshed does not show
        # Other threads append callbacks at any moment: what comes from now on stays where it is.
        handles = [self._ready.popleft() for _ in range(len(self._ready))]
        places = {
            id(handle): place + self._random.random() * len(handles) if _is_step(handle) else place
            for place, handle in enumerate(handles)
        }
        self._ready.extendleft(sorted(handles, key=lambda handle: places[id(handle)], reverse=True))


def _is_step(handle: asyncio.Handle) -> bool:
    """Whether a callback is a task's next step."""
    callback = getattr(handle, "_callback", None)
    owner = getattr(callback, "__self__", None)
    return type(callback).__name__ in STEPS or isinstance(owner, asyncio.Task)


def run_shuffled(seed: int, main: Coroutine[Any, Any, T]) -> T:
    """What `main` returns, run in a loop of this seed."""
    with asyncio.Runner(loop_factory=lambda: ShuffledLoop(seed)) as runner:
        return runner.run(main)
