"""The response to a request whose work may go on without its caller. Knows neither buffer nor connection."""

import asyncio
from typing import Protocol

from dragoman.gateway.http.direct_writer import DirectWriter, WriterPort, WriterService
from dragoman.gateway.http.response_writer import ENDED, STARTED
from dragoman.types import Outcome


class Lasting(WriterPort, WriterService, Protocol):
    """What such a writer passes all on to. Never asked to `await_sending`, nor to `postpone`: only a caller is slow."""

    @property
    def draining(self) -> bool:
        """Whether nobody will ever read what is sent."""

    @property
    def heard(self) -> bool:
        """Whether a caller is there now."""

    def head(self, status: int, lines: bytes, *, sized: bool) -> None:
        """The response begins; `lines`: its header fields."""

    def piece(self, data: bytes, *, more: bool) -> None:
        """A piece of its body; if not `more`, the transfer ends well after it."""

    def beat(self, data: bytes) -> None:
        """A heartbeat."""

    def whole(self, status: int, lines: bytes, body: bytes) -> None:
        """The complete response."""


class Over:
    """What a writer passes to that is over: nothing."""

    draining = heard = False
    congested: asyncio.Event | None = None

    def head(self, status: int, lines: bytes, *, sized: bool) -> None:
        """See Lasting."""

    def piece(self, data: bytes, *, more: bool) -> None:
        """See Lasting."""

    def beat(self, data: bytes) -> None:
        """See Lasting."""

    def whole(self, status: int, lines: bytes, body: bytes) -> None:
        """See Lasting."""

    def response_ended(self, writer: DirectWriter, *, keep_alive: bool) -> bool:
        """See Lasting."""
        return True

    @property
    def service(self) -> WriterService:
        """See Lasting."""
        return self

    def await_sending(self, writer: DirectWriter) -> None:
        """See Lasting."""

    def release(self, writer: DirectWriter) -> None:
        """See Lasting."""

    def postpone(self, writer: DirectWriter) -> None:
        """See Lasting."""


OVER = Over()


class LastingWriter(DirectWriter):
    """Passes a response on. Its caller may leave without ending the work; `disconnect` ends it."""

    __slots__ = ("_begun", "_lasting")

    def __init__(self, lasting: Lasting, outcome: Outcome) -> None:
        super().__init__(lasting, outcome)
        self._lasting: Lasting = lasting
        self._begun = False

    @property
    def started(self) -> bool:
        return self._begun

    @property
    def unheard(self) -> bool:
        return self._lasting.draining

    def send_bytes(self, status: int, lines: bytes, body: bytes) -> None:
        if self.state is ENDED:
            return
        self._begin(status)
        self.complete = True
        self._lasting.whole(status, lines, body)
        self._finish(keep_alive=True)

    def start_nowait(self, status: int, lines: bytes, *, sized: bool) -> None:
        if not self._has_started():
            self._begin(status)
            self._lasting.head(status, lines, sized=sized)

    def write_nowait(self, data: bytes, *, more: bool = True) -> None:
        if self.state is not STARTED:
            self._cannot_write()
            return
        self._lasting.piece(data, more=more)
        if not more:
            self.complete = not self.broken
            self._finish(keep_alive=True)

    def send_heartbeat(self) -> None:
        if self._may_beat():
            self._lasting.beat(self.heartbeat)

    def disconnect(self) -> None:
        super().disconnect()
        self._let_go()

    def sent(self) -> None:
        super().sent()
        self._let_go()

    def lose(self) -> None:
        super().lose()
        self._let_go()

    def _finish(self, *, keep_alive: bool) -> None:
        super()._finish(keep_alive=keep_alive)
        if not self.unsent:
            self._let_go()

    def _let_go(self) -> None:
        # Both refer to each other, and what is over must be gone without a collection of garbage.
        self._port = self._lasting = self.service = OVER

    def _begin(self, status: int) -> None:
        known = self.outcome.status, self.outcome.first_byte_at
        self._start(status)
        self._begun = True
        if not self._lasting.heard:
            self.outcome.status, self.outcome.first_byte_at = known  # nobody got it
