"""The answer in a service's reply: its bytes as events, until its end or what went wrong."""

import asyncio
import math
from collections.abc import Awaitable
from functools import partial

from msgspec.structs import replace

from dragoman.engine.answer import Answer, Receive
from dragoman.engine.ends import EMPTY, LINGER, answer_too_large, nothing
from dragoman.engine.secrets import signed
from dragoman.engine.service import Service
from dragoman.engine.text_bypass import SendAhead, TextBypass
from dragoman.errors import DragomanError
from dragoman.protocols.decoder import Decoder
from dragoman.transport.base import SHORT, Reply, Timeouts
from dragoman.transport.timeout import timeout
from dragoman.types import Loss, PartStart, ResponseEnd, ResponseStart, StreamEvent, Usage

LARGE = 256 << 10
"""Bytes of a whole reply from which on a thread reads it: 1 MB of small parts, or of numbers, takes up to 0.5 s."""


def content_by(timeouts: Timeouts) -> float:
    """The loop's time until which an answer must have content, if its request is sent now."""
    return asyncio.get_running_loop().time() + (math.inf if timeouts.first_token is None else timeouts.first_token)


def until(content: float, service: Service) -> timeout:
    """Limits a wait before the first content."""
    left = content - asyncio.get_running_loop().time()
    return timeout(left, math.inf, "first_token", service.name, limit=service.route.timeouts.first_token)


class Decoded(Answer):
    """A reply's bytes as events."""

    def __init__(
        self,
        reply: Reply,
        decoder: Decoder,
        service: Service,
        lost: tuple[Loss, ...],
        *,
        marked: bool,
        content: float,
    ) -> None:
        self.status = reply.head.status
        self._reply = reply
        self._decoder = decoder
        self._name = service.name
        self._service = service
        self._secrets = service.secrets
        self._empty_ok = service.empty_ok
        self._max = service.max_answer
        self._size = 0
        self._begun = False
        self._content = content
        self._end = service.route.timeouts.end
        self._ends: float | None = None
        self._lost = lost
        self._marked = marked
        self._error: DragomanError | None = None
        self._over = False
        self._bypass: TextBypass | None = None
        """None until texts may pass by it."""

    @property
    def usage(self) -> Usage | None:
        self._caught_up()  # its events were sent, and nobody reads the answer any more
        return self._decoder.usage

    async def read(self) -> list[StreamEvent]:
        while self._error is None and not self._over:
            if self._decoder.done:
                await self._linger()
                return []
            events = self._caught_up() or await self._next()
            if not self._begun:
                self._look(events)
            if events:
                return self._with_losses(events) if self._lost else events
        if self._error is not None:
            raise self._error
        return []

    def follow(self, receive: Receive, send_ahead: SendAhead) -> Awaitable[None] | None:
        if not self._begun or self._lost or self._is_over():
            return None
        return self._reply.follow(partial(self._pass_on, receive, send_ahead))

    def in_rows(self) -> None:
        self._decoder.in_rows = True

    def close(self) -> None:
        self._over = True
        self._reply.close()

    def _pass_on(self, receive: Receive, send_ahead: SendAhead, pieces: list[bytes]) -> bool:
        if events := self._caught_up():
            receive(events)  # whatever it says, these pieces were taken from the reply, and must be read
        events = self._decode(pieces)
        if (events and not receive(events)) or self._is_over():
            return False
        if len(last := pieces[-1]) < SHORT and (rows := self._decoder.open_rows) is not None:
            if self._bypass is None:
                self._bypass = TextBypass(rows, send_ahead)
            self._reply.open_bypass(self._bypass, last)
        return True

    def _caught_up(self) -> list[StreamEvent]:
        """The events that have passed by the bypass and were not decoded; [] if there are none."""
        if self._bypass is None or not self._bypass.size:
            return []
        words, event, size = self._bypass.caught_up()
        self._size += size
        if self._size > self._max:
            self._fail(answer_too_large(self._max))
            return []
        return self._decoder.say(words, event)

    def _is_over(self) -> bool:
        """Whether only the end is left to come, or nothing."""
        decoder = self._decoder
        return decoder.done or decoder.ending or self._over or self._error is not None

    async def _next(self) -> list[StreamEvent]:
        decoder = self._decoder
        try:
            pieces = await self._pieces()
        except DragomanError as exc:
            events = decoder.salvage()
            if decoder.done:
                self.close()
            else:
                self._fail(exc)
            return events
        if not pieces and not self._begun and self._size > LARGE:  # it was no stream, and is read now
            return self._finished(await asyncio.to_thread(decoder.finish))
        return self._decode(pieces)

    def _decode(self, pieces: list[bytes]) -> list[StreamEvent]:
        """The events of one read; [] is that of the end."""
        decoder = self._decoder
        self._size += sum(map(len, pieces))
        if self._size > self._max:
            self._fail(answer_too_large(self._max))
            return []
        events = decoder.feed_pieces(pieces) if self._marked else decoder.feed(b"".join(pieces))
        if not pieces:
            return self._finished(decoder.finish())
        if events:
            self._ends = None
        if decoder.error is not None:
            self._fail(decoder.error)
        return events

    def _finished(self, events: list[StreamEvent]) -> list[StreamEvent]:
        self.close()
        if self._decoder.error is not None:
            self._fail(self._decoder.error)
        return events

    async def _pieces(self) -> list[bytes]:
        """What one read brings. Raises TimeoutError if content does not come, or, after a reason to stop, the end."""
        if self._reply.ready:
            return await self._reply.read()
        if self._end is not None and self._decoder.ending:
            now = asyncio.get_running_loop().time()
            if self._ends is None:
                self._ends = now + self._end
            async with timeout(self._ends - now, math.inf, "idle", self._name, limit=self._end):
                return await self._reply.read()
        if self._begun:
            return await self._reply.read()
        async with until(self._content, self._service):
            return await self._reply.read()

    def _look(self, events: list[StreamEvent]) -> None:
        """Looks for the first content, and raises at the end if there was none."""
        for event in events:
            if isinstance(event, PartStart):
                self._begun = True
                return
        if events and isinstance(end := events[-1], ResponseEnd) and self._is_empty(end):
            events.pop()
            self._fail(nothing())

    def _is_empty(self, end: ResponseEnd) -> bool:
        return not (self._begun or self._empty_ok or self._decoder.more_content) and end.finish_reason in EMPTY

    async def _linger(self) -> None:
        """Reads the end of the transfer, which follows the end mark at once if the service is well."""
        try:
            if self._reply.ready and not await self._reply.read():
                return
            async with asyncio.timeout(LINGER):
                while await self._reply.read():
                    pass
        except (DragomanError, TimeoutError):
            # The answer is complete; only the connection is lost.
            self._over = True
        finally:
            self.close()

    def _fail(self, error: DragomanError) -> None:
        self._error = signed(error, self._name, self._secrets)
        self.close()

    def _with_losses(self, events: list[StreamEvent]) -> list[StreamEvent]:
        first = events[0]
        if isinstance(first, ResponseStart):
            events[0] = replace(first, losses=self._lost)
        self._lost = ()
        return events
