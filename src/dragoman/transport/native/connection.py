"""One HTTP/1.1 connection: one request at a time, its reply parsed as it arrives. Knows no pool and no address."""

import asyncio
import math
from collections.abc import Callable
from functools import partial
from typing import Literal, Protocol, cast

from httptools import HttpParserError, HttpParserUpgrade, HttpResponseParser

from dragoman.errors import BadEventError, DragomanError, Phase, TruncatedStreamError, cut
from dragoman.loop.outbox import Outbox
from dragoman.loop.timer import DeadlineTimer
from dragoman.transport.base import BODY, COMPLETE, FAILED, HEAD, IDLE, Exchange, Reply, State, Timeouts
from dragoman.transport.deadlines import late
from dragoman.transport.farewell import said_farewell, tls_of
from dragoman.transport.native.buffer import PROOF, Buffer
from dragoman.transport.native.keep_alive import KEEP, kept_for
from dragoman.types import ResponseHead

UNREAD = 8 << 10
"""Bytes that may lie unread before reading pauses, if the reader is a task: it takes what came in its next turn. One
that is called, and takes nothing, cannot. The last read goes beyond."""

MAX_HEAD = 64 << 10
MAX_FIELDS = 100
"""Bounds of a head, as nginx, Node and Apache set them in the same order of size; 64 KiB without any body also bounds
chunk extensions and trailers."""

MAX_INFORMATIONAL = 16
"""Heads of 1xx before the real one; curl takes no more than some either, one or two are ever seen."""

SMALL = 64 << 10
"""A body up to this size is copied behind its head: one write costs less than two."""


Wait = Phase | Literal["quiet"]
"""What is waited for; after `quiet`, which is no failure, the rest of `idle` is."""


class Keeper(Protocol):
    """Who keeps connections."""

    def ended(self, connection: "Connection") -> None:
        """An idle one has ended."""

    def give_back(self, connection: "Connection | None") -> None:
        """One has served; None: a request is over that had none."""

    def as_reply(self, connection: "Connection") -> Reply:
        """The reply on one, as it is read by a task. Raises ConnectError, BadEventError; then it was given back."""


class Connection(asyncio.BufferedProtocol, Exchange):
    """Also what httptools calls back.

    `pieces`: the body's, unread; the reader takes them out and calls `drained`. `listener`, where there is one, is
    called as soon as there is news, and calls `go_on` to get more.
    """

    # With more than thirty attributes each would have a table of its own, of 1.6 KiB: five times as much.
    __slots__ = (
        "__weakref__",
        "_alarm",
        "_bodiless",
        "_buffer",
        "_chunks_marked",
        "_congested",
        "_ending",
        "_ends",
        "_fields",
        "_first_byte",
        "_idle",
        "_informational",
        "_keep",
        "_keeper",
        "_loop",
        "_lost",
        "_name",
        "_outbox",
        "_overhead",
        "_parser",
        "_patience",
        "_paused",
        "_phase",
        "_spent",
        "_taken",
        "_timeouts",
        "_unread",
        "_unsent",
        "_waiter",
        "_wall",
        "_window",
        "coding",
        "error",
        "head",
        "listener",
        "on_body",
        "on_chunk_complete",
        "pieces",
        "quiet",
        "received",
        "state",
        "transport",
    )

    def __init__(
        self,
        name: str,
        loop: asyncio.AbstractEventLoop,
        outbox: Outbox,
        buffer: Buffer,
        keeper: Keeper,
    ) -> None:
        self._name = name
        self._loop = loop
        self._outbox = outbox
        self._buffer = buffer
        self._window = buffer.narrow
        self._keeper = keeper
        self.transport: asyncio.Transport
        self.state = IDLE
        self.head: ResponseHead
        self.coding = ""
        self.error: DragomanError | None = None
        self.pieces: list[bytes] = []
        self.received = False
        self.quiet = False
        self._spent = False
        self._lost = False
        self._bodiless = False
        self._keep = KEEP
        self._ends = math.inf
        self._ending: Phase = "total"
        self._wall = math.inf
        self._first_byte = math.inf
        self._idle = math.inf
        self._patience = math.inf
        self._fields: list[tuple[bytes, bytes]] = []
        self._informational = 0
        self._overhead = 0
        self._unread = 0
        self._taken = 0
        self._unsent = 0
        self._paused = False
        self._congested = False
        self._waiter: asyncio.Future[None] | None = None
        self.listener: Callable[[Connection], None] | None = None
        self._alarm = DeadlineTimer(loop, self._late)
        self._phase: Wait = "total"
        self._timeouts: Timeouts | None = None
        self.on_body = self.pieces.append  # called by the parser without a Python frame
        self.on_chunk_complete: Callable[[], None] | None = None
        self._chunks_marked = False
        self._parser = HttpResponseParser(self)

    # The owner's side.

    def begin(
        self,
        head: bytes,
        body: bytes,
        timeouts: Timeouts,
        ends: float,
        *,
        content: float = math.inf,
        bodiless: bool = False,
        marked: bool = False,
    ) -> None:
        """Sends a request. The connection is idle; `ends` is the loop's time at which all must be over.

        `content`: the time at which `committed` must have been called, if it comes before. The wait for news is limited
        from now on. `bodiless`: its reply has none, whatever it says. `marked`: an empty piece follows each chunk of
        the reply.
        """
        if self._lost or self.transport.is_closing():
            self.state = HEAD
            self.received = False
            self._broke_off("closed the connection")
            return
        if marked is not self._chunks_marked:
            self._chunks_marked = marked
            self.on_chunk_complete = partial(self.pieces.append, b"") if marked else None
            self._parser = HttpResponseParser(self)
        self.state = HEAD
        self.received = False
        self._bodiless = bodiless
        self._wall = ends
        self._ends, self._ending = (ends, "total") if ends <= content else (content, "first_token")
        if timeouts is not self._timeouts:  # which are those of its service, as a rule
            self._timeouts = timeouts
            self._first_byte = math.inf if timeouts.first_byte is None else timeouts.first_byte
            self._idle = math.inf if timeouts.idle is None else timeouts.idle
            self._patience = self._idle if timeouts.end is None else min(self._idle, timeouts.end)
        self.coding = ""
        self._informational = self._overhead = self._taken = 0
        self._window = self._buffer.narrow
        self._fields.clear()
        self._unsent = len(head) + len(body)
        if len(body) <= SMALL:
            self._outbox.write(self.transport, head + body)
        else:
            self._outbox.flush()
            self.transport.writelines((head, body))
        self._limit(self._first_byte, "first_byte")

    def committed(self) -> None:
        """There is content, or its time is not limited here."""
        self._ends, self._ending = self._wall, "total"

    def expect(self) -> None:
        """Limits the wait for news."""
        if self.state is HEAD and not self.received:
            self._limit(self._first_byte, "first_byte")
        else:
            self._limit(self._idle, "idle")

    def more(self) -> "asyncio.Future[None]":
        """Done once there is news: the head, pieces, the end or an error. Ask `state` and `pieces` again then."""
        if self._paused:
            self._resume()
        self.expect()
        self._waiter = waiter = self._loop.create_future()
        return waiter

    def drained(self) -> None:
        """The reader has taken all pieces, and wants more."""
        if self._paused:
            self._resume()
        self.taken()

    def taken(self) -> None:
        """The reader has taken all pieces. Where reading has paused, it goes on once the reader wants `more`."""
        self._unread = 0
        if self._ends <= self._loop.time() and self.state is BODY:
            self._time_out(self._ending)

    def go_on(self) -> None:
        """The same, and it waits for more of the body."""
        self._unread = 0
        if self._paused:
            self._resume()
        if self.state is not BODY:
            return
        if self._ends <= self._loop.time():
            self._time_out(self._ending)
        else:
            self._limit(self._patience, "quiet")

    def release(self) -> None:
        self.listener = None
        self._keeper.give_back(self)

    def drain(self, seconds: float) -> None:
        if self.state is not BODY:
            self.release()
            return
        late = self._loop.call_later(seconds, self.release)

        def ended(_: Connection) -> None:
            self.pieces.clear()
            self.drained()
            if self.state is not BODY:
                late.cancel()
                self.release()

        self.listener = ended
        self.drained()

    def as_reply(self, taken: list[bytes]) -> Reply:
        self.listener = None
        self.committed()  # from here on the decoder's owner sees to that
        self.pieces[:0] = taken
        return self._keeper.as_reply(self)

    def serves(self, loop: asyncio.AbstractEventLoop) -> bool:
        """Whether it can take a request in `loop`: not where it was left over by one that has ended."""
        return self._loop is loop and not self.transport.is_closing()

    def rest(self) -> bool:
        """Makes it idle, to serve again within some seconds; False where it cannot."""
        if (
            self.state not in (COMPLETE, IDLE)
            or self._spent
            or self._lost
            or self.transport.is_closing()
            or self._keep <= 0
        ):
            return False
        if self.transport.get_write_buffer_size():
            return False
        self.pieces.clear()
        self._unread = 0
        if self._paused:
            self._resume()
        self.listener = None
        self.state = IDLE
        self._alarm.set(self._loop.time() + self._keep)
        return True

    def abort(self) -> None:
        """Closes the socket at once, sending nothing more; whoever waits is told that the answer broke off."""
        if self.error is None:
            self.error = TruncatedStreamError(f"{self._name}: the connection was closed on this side")
        self.state = FAILED
        self._wake()
        self._alarm.stop()
        if not self._lost:
            self.transport.abort()

    def fail(self, error: DragomanError) -> None:
        """Ends the exchange with `error`, which the reader meets behind the pieces."""
        self.error = error
        self.state = FAILED
        self._wake()
        if not self._lost:
            self.transport.abort()

    # asyncio's side.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)

    def get_buffer(self, sizehint: int) -> memoryview:
        return self._window

    def buffer_updated(self, nbytes: int) -> None:
        before = self.state
        if before is not BODY and before is not HEAD:
            self._unasked()
            return
        self.received = True
        try:
            self._parser.feed_data(self._window[:nbytes])
        except (HttpParserError, HttpParserUpgrade) as error:
            self._spent = True
            if self.state is not COMPLETE:
                self.fail(BadEventError(f"{self._name}: expected an HTTP reply: {cut(str(error))}"))
                return
        state = self.state
        if before is HEAD:
            self._judge_head(state, nbytes)
        elif state is BODY and not self.pieces:
            self._overhead += nbytes
            if self._overhead > MAX_HEAD:
                self._too_large(f"{MAX_HEAD} bytes of chunk extensions or trailers")
        if state is BODY and self.pieces:
            self._overhead = 0
            self._unread += nbytes
            self._taken += nbytes
            if self._taken > PROOF:
                self._window = self._buffer.wide
        if self.state is not HEAD:
            self._wake()
        unread = self._unread
        if unread and not self._paused and self.state is BODY and (unread > UNREAD or self.listener is not None):
            self._paused = True
            self._taken = 0
            self._window = self._buffer.narrow
            self.transport.pause_reading()

    def eof_received(self) -> None:
        match self.state:
            case State.BODY if self._until_close() and ((tls := tls_of(self.transport)) is None or said_farewell(tls)):
                self.state = COMPLETE
                self._spent = True
                self._wake()
            case State.HEAD | State.BODY:
                self._broke_off("closed the connection")
            case State.IDLE:
                self._keeper.ended(self)
            case _:
                self._spent = True

    def connection_lost(self, exc: Exception | None) -> None:
        self._lost = True
        match self.state:
            case State.HEAD | State.BODY:
                self._broke_off("reset the connection" if exc else "closed the connection")
            case State.IDLE:
                self._keeper.ended(self)
            case _:
                pass
        self._alarm.stop()
        del self._parser  # the two know each other: without this, only the collector would free them

    def pause_writing(self) -> None:
        self._congested = True

    def resume_writing(self) -> None:
        self._congested = False
        if self.state is HEAD and not self.received and (self._waiter is not None or self.listener is not None):
            self._limit(self._first_byte, "first_byte")  # it is counted from when the request was sent

    # The parser's side.

    def on_message_begin(self) -> None:
        if self.state is not HEAD:
            self._spent = True
            raise EOFError  # bytes behind the end of a reply: nobody asked for them, and the parser stops here

    def on_header(self, name: bytes, value: bytes) -> None:
        self._fields.append((name, value))

    def on_headers_complete(self) -> None:
        if self.state is not HEAD:
            return
        status = self._parser.get_status_code()
        if 100 <= status < 200:
            self._informational += 1
            return
        self.head = ResponseHead(status, tuple(self._fields))
        self._fields.clear()
        self.state = BODY
        if self._bodiless:
            self.state = COMPLETE
            self._spent = True  # the parser does not know that no body follows

    def on_message_complete(self) -> None:
        match self.state:
            case State.HEAD:
                self._fields.clear()  # a 1xx is over, the head is still to come
            case State.BODY:
                self.state = COMPLETE
                self._spent = not self._parser.should_keep_alive()
                pieces = self.pieces
                if self._chunks_marked and pieces and not pieces[-1]:
                    pieces.pop()  # the last chunk's mark: it is the end itself
            case _:
                pass

    # Within.

    def _resume(self) -> None:
        self._paused = False
        if not self._lost and not self.transport.is_closing():
            self.transport.resume_reading()

    def _time_out(self, phase: Phase) -> None:
        limit: float | None = getattr(self._timeouts, phase)
        self.fail(late(phase, self._name, limit))

    def _judge_head(self, state: State, size: int) -> None:
        if self._informational > MAX_INFORMATIONAL:
            self._too_large(f"{MAX_INFORMATIONAL} informational heads before the real one")
            return
        if state is HEAD:
            self._overhead += size
            if self._overhead > MAX_HEAD:
                self._too_large(f"a head of {MAX_HEAD} bytes")
            elif self._waiter is not None or self.listener is not None:
                self._limit(self._idle, "idle")
            return
        headers = self.head.headers
        total = 0
        for name, value in headers:
            length = len(name)
            total += length + len(value)
            if length == 10 and name.lower() == b"keep-alive":
                self._keep = kept_for(value)
            elif length == 16 and name.lower() == b"content-encoding":
                self.coding = value.decode("latin-1").strip().lower()
        if len(headers) > MAX_FIELDS or total > MAX_HEAD:
            self._too_large(f"{MAX_FIELDS} header fields or {MAX_HEAD} bytes of them")
        self._overhead = 0

    def _too_large(self, what: str) -> None:
        self.pieces.clear()
        self.fail(BadEventError(f"{self._name}: expected at most {what}", code="upstream_too_large"))

    def _until_close(self) -> bool:
        names = {name.lower() for name, _ in self.head.headers}
        return not names & {b"content-length", b"transfer-encoding"}

    def _broke_off(self, how: str) -> None:
        where = "before the answer's end" if self.received else "without an answer"
        self.fail(TruncatedStreamError(f"{self._name} {how} {where}"))

    def _unasked(self) -> None:
        """Bytes that no request asked for: the connection serves no more."""
        self._spent = True
        if self.state is IDLE:
            self._keeper.ended(self)
            self.abort()

    def _wake(self) -> None:
        self._alarm.deadline = math.inf
        if self.listener is not None:
            self.listener(self)
            return
        waiter = self._waiter
        if waiter is not None:
            self._waiter = None
            if not waiter.done():
                waiter.set_result(None)

    def _limit(self, seconds: float, phase: Wait) -> None:
        deadline = self._loop.time() + seconds
        if deadline > self._ends:
            deadline, phase = self._ends, self._ending
        self._phase = phase
        self._alarm.set(deadline)

    def _late(self) -> None:
        if self.state is IDLE:
            self._keeper.ended(self)
            self.abort()
        elif self._phase == "first_byte" and self._congested and self._is_sending():
            self._limit(self._first_byte, "first_byte")
        elif self._phase == "quiet":
            self._limit(self._idle - self._patience, "idle")
            self._tell_of_silence()
        else:
            self._time_out(self._phase)

    def _tell_of_silence(self) -> None:
        if self.listener is not None:
            self.quiet = True
            self.listener(self)
            self.quiet = False

    def _is_sending(self) -> bool:
        unsent = self.transport.get_write_buffer_size()
        moved = unsent < self._unsent
        self._unsent = unsent
        return moved
