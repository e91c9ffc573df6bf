"""The commit point: until the first content has gone out, a failure may become a status, or the next target's request.

After that a failure can only be reported in the protocol's own words, and the transfer can end so that nobody takes it
for a complete answer. For the relay, which makes no events, `Tap.committed` means the same for bytes.
"""

from collections import deque
from collections.abc import Awaitable, Sequence
from time import monotonic

from dragoman.engine.answer import Answer, Around, Receive
from dragoman.engine.text_bypass import SendAhead
from dragoman.errors import DragomanError
from dragoman.types import ResponseStart, StreamEvent


def begins_content(events: Sequence[StreamEvent]) -> bool:
    """Whether one of `events` is content, or the end: all events are, except a response's start, which is the first."""
    return bool(events) and not isinstance(events[-1], ResponseStart)


async def held(answer: Answer, *, entire: bool = False) -> Answer:
    """`answer`, once its first content has come, or if `entire`, all of it: nothing of an answer that is not streamed
    goes out before. Raises what came instead, and closes it."""
    batches: deque[list[StreamEvent]] = deque()
    try:
        while events := await answer.read():
            batches.append(events)
            if not entire and begins_content(events):
                break
    except DragomanError as exc:
        answer.close()
        exc.upstream_status = answer.status
        exc.attempts = (exc.attempt(answer.target, answer.asked_at, monotonic()),) if answer.target else ()
        raise
    except BaseException:
        answer.close()
        raise
    return _Held(batches, answer)


class _Held(Around):
    """An answer whose first batches were read already."""

    def __init__(self, batches: deque[list[StreamEvent]], answer: Answer) -> None:
        super().__init__(answer)
        self._batches = batches

    async def read(self) -> list[StreamEvent]:
        if not self._batches:
            self.read = self._answer.read  # type: ignore[method-assign]  # spares each later batch a call
            return await self._answer.read()
        return self._batches.popleft()

    def follow(self, receive: Receive, send_ahead: SendAhead) -> Awaitable[None] | None:
        return None if self._batches else self._answer.follow(receive, send_ahead)

    def close(self) -> None:
        self._batches.clear()
        super().close()
