"""A response whose pieces can be sent at once, from callbacks, without a task. Does not know how they are framed."""

import asyncio
from abc import abstractmethod
from collections.abc import Callable
from time import monotonic
from types import TracebackType
from typing import Protocol

from dragoman.errors import DragomanError
from dragoman.gateway.http.caller_handle import Give
from dragoman.gateway.http.heads import fields
from dragoman.gateway.http.response_writer import (
    ENDED,
    GONE,
    LEAVE,
    NEW,
    START,
    STARTED,
    WRITE,
    DisconnectedError,
    ResponseWriter,
)
from dragoman.loop.outlet import Outlet
from dragoman.types import Headers, Outcome, ServerResponse


class WriterService(Protocol):
    """What keeps account of requests."""

    def release(self, writer: "DirectWriter") -> None:
        """Nothing more is done for the request of `writer`: its response was sent, or is lost. Called once."""

    def postpone(self, writer: "DirectWriter") -> None:
        """The response of `writer` has ended, and waits for a caller who reads slowly: its release follows."""


class WriterConnection(Protocol):
    """The connection of a caller, as far as all such writers need it."""

    @property
    def congested(self) -> asyncio.Event | None:
        """None while the caller reads; else an event that is set when it reads again."""

    @property
    def service(self) -> WriterService:
        """What keeps account of a request that begins now."""

    def await_sending(self, writer: "DirectWriter") -> None:
        """From now on `writer` waits until its caller has read enough, or has left: `sent` or `lose`."""


class WriterPort(WriterConnection, Protocol):
    """What a writer reports its end to."""

    def response_ended(self, writer: "DirectWriter", *, keep_alive: bool) -> bool:
        """The response of `writer` is over. `keep_alive`: another may follow.

        True if all of it was sent. If not, `writer` is told later: `sent` or `lose`.
        """


class Watcher(Protocol):
    """Work for a caller that is done in callbacks, without a task that could be cancelled."""

    paused: bool
    """The caller reads more slowly than we send: nothing more should be sent."""

    def close(self) -> None:
        """The caller has left."""

    def resume(self) -> None:
        """The caller reads again."""

    def interrupt(self, error: DragomanError) -> None:
        """The work has to end at once, with `error`."""


class Passing(Watcher):
    """A Watcher that passes on what another writer sends; the heartbeats are that one's too."""

    @abstractmethod
    def pass_heartbeat(self) -> None:
        """Sends one, if there is any."""


class DirectWriter(ResponseWriter):
    """Sends at once. The methods `…_nowait` do not wait for a slow caller: who calls them looks at `congested`."""

    __slots__ = ("_owed", "_port", "service", "unsent", "watcher")

    def __init__(self, port: WriterPort, outcome: Outcome) -> None:
        ResponseWriter.__init__(self, outcome)  # `super()` takes three times as long, at each request
        self._port = port
        # A reload may replace the service of the connection: what it began is told to it in the end too.
        self.service = port.service
        self.unsent = False
        """The response has ended, and some of it still waits in memory of ours."""
        self._owed: Callable[[DirectWriter], None] | None = None
        """What is called once the work has ended whose caller has left."""
        self.watcher: Watcher | None = None

    @property
    def congested(self) -> bool:
        """Whether the caller reads more slowly than we send."""
        return self._port.congested is not None

    async def start(self, status: int, headers: Headers) -> None:
        self.start_nowait(status, fields(headers), sized="content-length" in dict(headers))

    async def write(self, data: bytes, *, more: bool = True) -> None:
        self.write_nowait(data, more=more)
        del data  # the transport has it: this reference would keep it in memory during the wait
        await self.drained()

    async def drained(self) -> None:
        """Waits while the caller reads more slowly than we send. Raises DisconnectedError."""
        if (congested := self._port.congested) is not None and self.state is not ENDED:
            await congested.wait()
            if self.state is GONE:
                raise DisconnectedError

    def send_nowait(self, response: ServerResponse, lines: bytes | None = None) -> None:
        """Sends a complete response at once; nothing if the caller has left. `lines`: its fields, ready to send."""
        self.outcome.error = response.error or self.outcome.error
        if self.state is not GONE:
            lines = fields(response.headers) if lines is None else lines
            self.send_bytes(response.status, lines, response.body)

    @abstractmethod
    def send_bytes(self, status: int, lines: bytes, body: bytes) -> None:
        """The same; `lines`: the header fields except the length, ready to send."""

    @abstractmethod
    def start_nowait(self, status: int, lines: bytes, *, sized: bool) -> None:
        """The head, unless a heartbeat has sent one already; `lines`: its fields, ready to send."""

    @abstractmethod
    def write_nowait(self, data: bytes, *, more: bool = True) -> None:
        """Sends a piece of the body at once. Without `more` the response ends well."""

    def abort(self) -> None:
        if self.state is NEW or self.state is STARTED:
            self._finish(keep_alive=False)

    def connect(self, outlet: Outlet) -> bool:
        """From now on HTTP chunks of the body may be sent by `outlet`, too, while nothing is `congested`.

        False if the body is not sent in such, or not to a caller alone. What goes out so is not counted here.
        """
        return False

    def hand_over(self, give: Give) -> bool:
        """Gives the caller's connection to another process, which answers in the place of this one.

        False if that cannot be: something was sent already, there is more on the connection than this request, or
        nobody takes it. If True, nothing can be sent here any more, and nobody is told that the request is over.
        """
        return False

    def disconnect(self) -> None:
        """The caller has hung up: work for it ends."""
        before = self.state
        if before is GONE:
            return
        self.enter(LEAVE)
        if self.watcher is not None:
            self.watcher.close()
            self.watcher = None
        self.interrupt(DisconnectedError())
        if before is ENDED:
            return
        if self._work is None:
            self.service.release(self)
        else:
            self._owed = self.service.release  # as it ends, the work notes what the answer has cost until then

    def sent(self) -> None:
        """All of the response has been sent, some time after its end."""
        self.unsent = False
        self.service.release(self)

    def wait(self) -> None:
        """Some of the response cannot be sent yet, although it has ended."""
        self._port.await_sending(self)

    def lose(self) -> None:
        """The caller has left, or was cut off, before all was sent. Work that goes on after the end is left alone."""
        self.enter(LEAVE)
        self.unsent = self.complete = False
        self.service.release(self)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            await super().__aexit__(kind, error, trace)
        finally:
            owed, self._owed = self._owed, None
            if owed is not None:
                owed(self)

    def interrupt(self, reason: Exception) -> None:
        if self.watcher is not None and self.state is not GONE and isinstance(reason, DragomanError):
            self.watcher.interrupt(reason)
        super().interrupt(reason)

    def pause(self) -> None:
        """The caller reads more slowly than we send."""
        if self.watcher is not None:
            self.watcher.paused = True

    def resume(self) -> None:
        """The caller reads again, after `pause`."""
        if self.watcher is not None and not self.congested:
            self.watcher.resume()

    def send_heartbeat(self) -> None:
        """Sends the protocol's heartbeat, if it has one, and before it the head, if that has not been sent."""
        if isinstance(self.watcher, Passing):
            self.watcher.pass_heartbeat()
        elif self._may_beat():
            self.write_nowait(self.heartbeat)

    def _may_beat(self) -> bool:
        """Whether a heartbeat can be sent now; the head is, if it has not been."""
        if not self.heartbeat or self.state is ENDED or self.congested:
            return False
        if self.state is NEW:
            if self.opening is None:
                return False
            status, headers = self.opening
            self.start_nowait(status, fields(headers), sized=False)
            self.outcome.first_byte_at = None
        return True

    def _has_started(self) -> bool:
        """Whether no head is to be sent any more: a heartbeat has sent it, or the response is over."""
        if self.state is STARTED:
            self.outcome.first_byte_at = monotonic()
        return self.state is STARTED or self.state is ENDED

    def _start(self, status: int) -> None:
        """The response begins. Raises DisconnectedError."""
        if self.state is not NEW:
            self.enter(START)
            raise DisconnectedError
        self.state = STARTED
        self.outcome.first_byte_at = monotonic()
        self.outcome.status = status

    def _cannot_write(self) -> None:
        """A piece comes when none can be sent. Raises DisconnectedError if nobody is there."""
        self.enter(WRITE)
        if self.state is GONE:
            raise DisconnectedError

    def _finish(self, *, keep_alive: bool) -> None:
        self.state = ENDED
        self.watcher = None
        if self._port.response_ended(self, keep_alive=keep_alive):
            self.service.release(self)
