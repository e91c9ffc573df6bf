"""One answer that may outlive its caller, between the writer of the response and those who listen. Knows no policy.

    service ──> LastingWriter ──> LastingAnswer ──> the writer of a caller's connection
                                       │
                                       └──> EventBuffer: for a caller that comes back

Its callers, one after another:

    LIVE      what comes is passed on at once
    BEHIND    a caller has come back: it is sent what the buffer has first, as fast as it reads
    ALONE     nobody listens: events are buffered until the buffer is full, then the service is no longer read
    DRAINING  nobody listens, and nobody will: what comes is dropped, and only its usage counts
"""

import asyncio
from collections.abc import Callable
from enum import Enum

from dragoman.errors import DragomanError
from dragoman.gateway.http.direct_writer import DirectWriter, Passing, WriterService
from dragoman.gateway.http.heads import fields
from dragoman.gateway.http.response_writer import ENDED, GONE
from dragoman.gateway.serving.lasting.event_buffer import EventBuffer
from dragoman.gateway.serving.lasting.lasting_writer import LastingWriter
from dragoman.types import Outcome
from dragoman.wire.event_ids import EventIds

STREAM = "text/event-stream"
PIECE = 64 << 10
"""Bytes that a caller who has come back is sent at once, so that the buffer is not in memory twice."""


class Listening(Enum):
    """Who listens; see above."""

    LIVE = "a caller gets what comes"
    BEHIND = "a caller gets what has come before"
    ALONE = "a caller may come back"
    DRAINING = "no caller will come"


LIVE, BEHIND, ALONE, DRAINING = Listening


class LastingAnswer(Passing):
    """The answer to one request. It is the port of its own writer, and the Watcher of the caller's."""

    def __init__(
        self,
        outcome: Outcome,
        caller: DirectWriter,
        *,
        name: str,
        ids: EventIds | None,
        left: "Callable[[LastingAnswer], None]",
        grown: "Callable[[LastingAnswer, int], None]",
        released: "Callable[[LastingAnswer], None]",
    ) -> None:
        """`name`: the stream's. `ids`: numbers its events; None: nobody can come back.

        `left` is called when its caller leaves, `grown` with the bytes by which its buffer has, `released` at the end.
        """
        self.name = name
        self.writer = LastingWriter(self, outcome)
        self.listening = LIVE
        self.left = False
        """Whether a caller has left before the end."""
        self.ids = ids
        self.buffer: EventBuffer | None = None
        """None if the answer cannot be resumed: it is no stream of events, or nothing of it has been sent."""
        self.full = False
        """Whether the buffer can take no more, as long as nobody listens."""
        self.timer: asyncio.TimerHandle | None = None
        """Ends what nobody has come back for."""
        self.owner = outcome.identity.fingerprint
        self._caller: DirectWriter | None = caller
        self._left, self._grown, self._released = left, grown, released
        self._event: asyncio.Event | None = None
        self._status, self._lines = 200, b""
        self._sent = 0
        """The number of the last event that went to a caller who has come back."""
        self._clean = False
        """Whether the transfer has ended well."""
        caller.watcher = self

    @property
    def ended(self) -> bool:
        """Whether nothing more will come."""
        return self.writer.state is ENDED or self.writer.state is GONE

    @property
    def draining(self) -> bool:
        """Whether nobody will ever read what comes."""
        return self.listening is DRAINING

    @property
    def heard(self) -> bool:
        """Whether a caller is there now."""
        return self._caller is not None

    @property
    def congested(self) -> asyncio.Event | None:
        """None if more can be taken; else an event that is set when it can."""
        if not (self.full if self._caller is None else self._caller.congested):
            return None
        if self._event is None:
            self._event = asyncio.Event()
        return self._event

    # The writer's side.

    def head(self, status: int, lines: bytes, *, sized: bool) -> None:
        """See Lasting."""
        if self.ids is not None and status == 200 and STREAM.encode() in lines and not sized:
            self.buffer = EventBuffer()
            lines += fields((("x-dragoman-stream", self.name),))
        self._status, self._lines = status, lines
        if self._caller is not None:
            self._caller.start_nowait(status, lines, sized=sized)

    def piece(self, data: bytes, *, more: bool) -> None:
        """See Lasting."""
        buffer = self.buffer
        if buffer is not None and self.ids is not None and self.listening is not DRAINING:
            events = self.ids.feed(data)
            if not more:
                events += self.ids.finish()
            before = buffer.size
            for event in events:
                buffer.add(event)
            data = b"".join(event.data for event in events)
            self._grown(self, buffer.size - before)
        self._clean = not more
        if self.listening is LIVE and self._caller is not None and (data or not more):
            self._caller.broken = self.writer.broken
            self._caller.write_nowait(data, more=more)

    def beat(self, data: bytes) -> None:
        """See Lasting."""
        if self.listening is LIVE and self._caller is not None:
            self._caller.write_nowait(data if self.buffer is None or self.ids is None else self.ids.quiet(data))

    def whole(self, status: int, lines: bytes, body: bytes) -> None:
        """See Lasting."""
        if self._caller is not None:
            self._caller.send_bytes(status, lines, body)

    def response_ended(self, writer: DirectWriter, *, keep_alive: bool) -> bool:
        """See Lasting."""
        self._clean = keep_alive
        if self.listening is LIVE and self._caller is not None:
            self._caller.abort()  # does nothing if it has ended well
            if self._caller.unsent and not self.left:
                writer.unsent = True  # `caller_over` follows
                return False
            self._caller = None
        elif self.listening is BEHIND:
            self._pump()
        return True

    def caller_over(self, *, lost: bool) -> None:
        """The response to the one who asked is over; `lost`: not all of it was sent."""
        if not self.writer.unsent:
            return
        self._caller = None
        if lost:
            self.left = True
            self.writer.lose()
        else:
            self.writer.sent()

    @property
    def service(self) -> WriterService:
        """See Lasting."""
        return self

    def await_sending(self, writer: DirectWriter) -> None:
        """See Lasting."""

    def postpone(self, writer: DirectWriter) -> None:
        """See Lasting."""

    def release(self, writer: DirectWriter) -> None:
        """See Lasting."""
        if self.left:
            # A caller that has left did not get the answer on this request's own connection.
            writer.complete, writer.state = False, GONE
        self._released(self)

    # The side of the caller's connection.

    @property
    def paused(self) -> bool:
        """Whether the caller can take no more."""
        return self._caller is not None and self._caller.congested

    @paused.setter
    def paused(self, on: bool) -> None:
        if on:
            self.writer.pause()

    def resume(self) -> None:
        """The caller reads again."""
        if self.listening is BEHIND:
            self._pump()
        self.wake()

    def close(self) -> None:
        """The caller has left."""
        self._caller = None
        self.left = True
        if self.ended:
            self.listening = ALONE
        else:
            self._left(self)

    def interrupt(self, error: DragomanError) -> None:
        """Ends the work, with `error`."""
        self.writer.interrupt(error)

    def pass_heartbeat(self) -> None:
        if self.listening is LIVE:
            self.writer.send_heartbeat()

    # Who listens.

    def join(self, caller: DirectWriter, after: int) -> None:
        """`caller` gets what follows the event with the number `after`, which the buffer must hold."""
        old, self._caller = self._caller, caller
        if old is not None:
            # Its connection is lost, and nobody has noticed: nothing may go to both.
            self.left = True
            old.watcher = None
            old.abort()
            if self.writer.unsent:
                self.writer.lose()
        self.listening, self._sent, self.full = BEHIND, after, False
        caller.watcher = self
        caller.start_nowait(self._status, self._lines, sized=False)
        caller.write_nowait(b"")  # the head at once, for the next event may be long in coming
        self._pump()
        self.wake()

    def stay(self, listening: Listening) -> None:
        """From now on nobody listens: ALONE or DRAINING."""
        self.listening = listening
        if listening is DRAINING:
            self.full = False  # nothing is kept any more
        self.wake()

    def fill(self) -> None:
        """The buffer can take no more: the service is not read until somebody listens."""
        self.full = True
        self.writer.pause()

    def wake(self) -> None:
        """The service is read again, if it can be."""
        if self.congested is None:
            event, self._event = self._event, None
            if event is not None:
                event.set()
            self.writer.resume()

    def _pump(self) -> None:
        """Sends what the buffer has and the caller lacks, until the caller cannot take more."""
        caller, buffer = self._caller, self.buffer
        if caller is None or buffer is None:
            return
        while not caller.congested:
            data, self._sent = buffer.after(self._sent, PIECE)
            if data:
                caller.write_nowait(data)
                continue
            self.listening = LIVE
            if self.ended:
                self._caller = None
                caller.broken = self.writer.broken
                if self._clean:
                    caller.write_nowait(b"", more=False)
                else:
                    caller.abort()
            return

    @property
    def upto(self) -> int:
        """The number of the last event that need not be kept for the one who listens."""
        if self.listening is BEHIND:
            return self._sent
        return 0 if self.buffer is None or self.listening is ALONE else self.buffer.last
