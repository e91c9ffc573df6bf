"""One HTTP/1.1 connection: one request at a time, its reply read as it arrives. Knows no pool and no address.

`transitions` has the table of its states. Who does what:

- `reply_parser` says how much of the reply has come: its state is taken over after each read.
- `waits` says what is late, and when. `outgoing_body` writes a large body.
- The owner, who sends requests and gets what came: as its `listener`, which is called, or as a task that awaits `more`.
  Both learn of all pieces, and of each new state except those that the owner brings about itself (`begin`, `rest`).
- The keeper has the connection while it is IDLE, and is told if it ends in that state. In all others the owner finds
  out when it wants it to `rest`: it cannot if the parser's `keep` is 0, or the socket is closing.

Three things are no states, because they come and go within one:

- A bypass may be open in BODY (`_bypass`): then a short read may pass unread, and the alarm finds out when it rings.
- Reading pauses in BODY (`_paused`) while too many bytes are `_unread`, until the reader wants more.
- The request may not fit into the socket (`_congested`), in HEAD. As long as it moves, the reply is not late.
"""

import asyncio
import math
from collections.abc import Callable
from time import monotonic
from typing import cast

from httptools import HttpParserUpgrade

from dragoman.error_words import cut
from dragoman.errors import BadEventError, DragomanError, Phase, TruncatedStreamError
from dragoman.loop.alarms import Alarms
from dragoman.loop.outbox import Outbox
from dragoman.transport.base import BODY, COMPLETE, HEAD, IDLE, SHORT, Bypass, Exchange, Reply, State
from dragoman.transport.heads import MAX_HEAD, TOO_LARGE, UNASKED_SWITCH
from dragoman.transport.native.buffer import LONG, PROOF, UNREAD, Buffer
from dragoman.transport.native.keeper import Keeper
from dragoman.transport.native.lingering import linger
from dragoman.transport.native.outgoing_body import SMALL, OutgoingBody
from dragoman.transport.native.outgoing_request import OutgoingRequest
from dragoman.transport.native.reply_parser import NOT_HTTP, ReplyParser
from dragoman.transport.native.transitions import END, FAIL, TRANSITIONS, Event
from dragoman.transport.native.waits import WITHIN_BODY, Waits
from dragoman.types import ResponseHead


class Connection(asyncio.BufferedProtocol, Exchange):
    """A connection, and the exchange on it. A reader takes the `pieces` out, and calls `taken` or `go_on`."""

    # There is one for each open socket, so that its size counts.
    __slots__ = (
        "_body",
        "_buffer",
        "_bypass",
        "_congested",
        "_heard_at",
        "_keeper",
        "_name",
        "_outbox",
        "_parser",
        "_paused",
        "_read",
        "_taken",
        "_unread",
        "_unsent",
        "_waiter",
        "_waits",
        "_window",
        "coding",
        "error",
        "head",
        "listener",
        "loop",
        "pieces",
        "quiet",
        "received",
        "state",
        "transport",
    )

    transport: asyncio.Transport
    listener: "Callable[[Connection], None] | None"
    """Called as soon as there is news, instead of a task that waits for `more`."""
    received: bool
    """True once a byte of the present reply came: from then on its request is not sent again."""

    def __init__(self, name: str, alarms: Alarms, outbox: Outbox, buffer: Buffer, keeper: Keeper) -> None:
        self._name = name
        self.loop = alarms.loop
        self._outbox = outbox
        self._buffer = buffer
        self._window = buffer.narrow
        self._keeper = keeper
        self._parser = ReplyParser()
        self._waits = Waits(alarms, self)
        self.state = IDLE
        self.coding = ""
        self.error: DragomanError | None = None
        self.pieces = self._parser.pieces
        self.received = self.quiet = False
        self.listener = None
        self._waiter: asyncio.Future[None] | None = None
        self._body: OutgoingBody | None = None
        self._bypass: Bypass | None = None
        self._heard_at = -math.inf
        """When the bypass last took a read, in the loop's time."""
        self._read = 0
        """Bytes of the read that is being dealt with; 0 between two reads."""
        self._unread = self._taken = self._unsent = 0
        self._paused = self._congested = False

    # The owner's side.

    def begin(self, request: OutgoingRequest) -> None:
        """Sends a request; the connection is idle. The wait for news is limited from now on."""
        self.state = HEAD
        self.received = False
        if self.transport.is_closing():
            self._broke_off("closed the connection")
            return
        self._parser.expect(request.bodiless, request.marked)
        self._taken = 0
        self._window = self._buffer.narrow
        head, body = request.head, request.body
        self._unsent = len(head) + len(body)
        if len(body) <= SMALL:
            self._outbox.write(self.transport, head + body)
        else:
            self._outbox.flush()
            self._body = OutgoingBody(body, self.transport, self.loop)
            self._body.begin(head)
        waits = self._waits
        if request.timeouts is not waits.timeouts:  # which are those of its service, as a rule
            waits.adopt(request.timeouts)
        waits.ends = ends = request.ends
        waits.content = request.content if request.content < ends else math.inf
        waits.limit(waits.first_byte, "first_byte")

    def committed(self) -> None:
        self._waits.content = math.inf
        # Its headers are a few KiB, and the body may come for minutes.
        self.head = self._parser.head = ResponseHead(self.head.status)

    def expect(self) -> None:
        """Limits the wait for news."""
        waits = self._waits
        if self.state is HEAD and not self.received:
            waits.limit(waits.first_byte, "first_byte")
        else:
            waits.limit(waits.idle, "idle")

    def more(self) -> "asyncio.Future[None]":
        """Done once there is news: the head, pieces, the end or an error. Ask `state` and `pieces` again then."""
        if self._paused:
            self._resume()
        self.expect()
        self._waiter = waiter = self.loop.create_future()
        return waiter

    def taken(self) -> None:
        """The reader has taken all pieces. If reading has paused, it goes on when the reader calls `more`."""
        self._unread = 0
        if self.state is BODY and (phase := self._waits.over()) is not None:
            self._time_out(phase)

    def go_on(self) -> None:
        """The same, and the reader waits for more of the body."""
        self._unread = 0
        if self._paused:
            self._resume()
        if self.state is BODY:
            waits = self._waits
            if (phase := waits.limit(waits.patience, "quiet")) is not None:
                self._time_out(phase)

    def open_bypass(self, bypass: Bypass, last: bytes) -> None:
        # If the read ends with the last piece and CRLF, that is its chunk's end, and the parser stands between two:
        # more of the chunk would be in the piece, and no beginning of another one ends with CRLF after an event's LF.
        end = self._read
        if self.state is BODY and self._window[max(0, end - len(last) - 2) : end] == last + b"\r\n":
            self._bypass = bypass

    def close_bypass(self) -> None:
        self._bypass = None

    def release(self) -> None:
        self.listener = self._bypass = None
        self._keeper.give_back(self)

    def drain(self, seconds: float) -> None:
        self.listener = self._bypass = None
        if self.state is BODY:
            linger(self, seconds)
        else:
            self._keeper.give_back(self)

    def drop(self) -> None:
        """Drops what was not read, and reads on."""
        self.pieces.clear()
        self._unread = 0
        if self._paused:
            self._resume()

    def as_reply(self, taken: list[bytes]) -> Reply:
        self.listener = None
        self._waits.content = math.inf  # from here on the reader of the reply limits that time
        self.pieces[:0] = taken
        return self._keeper.as_reply(self)

    def rest(self) -> bool:
        """Makes it idle, to serve again within some seconds; False if it cannot serve again."""
        keep = self._parser.keep
        transport = self.transport
        if self.state not in (COMPLETE, IDLE) or keep <= 0 or transport.is_closing():
            return False
        if transport.get_write_buffer_size() or (self._body is not None and self._body.unwritten):
            return False
        if self.pieces or self._unread or self._paused:
            self.drop()
        self.listener = None
        self.state = IDLE
        waits = self._waits
        ends = self.loop.time() + keep
        if ends < waits.due:
            waits.set(ends)
        else:
            waits.deadline = ends
        return True

    def abort(self) -> None:
        """Closes the socket at once, sending nothing more; a reader gets the error that the reply broke off."""
        self.fail(self.error or TruncatedStreamError(f"{self._name}: the connection was closed on this side"))
        self._waits.stop()

    def fail(self, error: DragomanError) -> None:
        """Ends the exchange with `error`, which the reader gets after the pieces."""
        self.error = error
        self._enter(FAIL)
        self._wake()
        self.transport.abort()

    # asyncio's side.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)

    def get_buffer(self, sizehint: int) -> memoryview:
        return self._window

    def buffer_updated(self, nbytes: int) -> None:
        bypass = self._bypass
        if bypass is not None:
            now = self.loop.time()
            if nbytes <= SHORT and bypass.take(bytes(self._window[:nbytes]), now):
                self._heard_at = now
                return
            self._bypass = None
        before = self.state
        if before is not BODY and before is not HEAD:
            self._unasked()
            return
        begun_at = monotonic() if nbytes == len(self._window) else None
        parser = self._parser
        try:
            parser.feed(self._window[:nbytes])
        except NOT_HTTP as error:
            parser.keep = 0.0
            if parser.state is not COMPLETE:
                self._not_http(error, nbytes)
                return
        self.state = state = parser.state
        if before is HEAD:
            self.received = True
            if excess := parser.judge_head(nbytes):
                self._too_large(excess)
                return
            if state is HEAD:
                if self._waiter is not None or self.listener is not None:
                    self.expect()
                return
            self.head, self.coding = parser.head, parser.coding
        if state is BODY:
            if self.pieces:
                parser.bare = 0
                self._read = nbytes
                self._unread += nbytes
                self._taken += nbytes
                if self._taken > PROOF:
                    self._window = self._buffer.wide
            elif before is BODY:
                parser.bare += nbytes
                if parser.bare > MAX_HEAD:
                    self._too_large(f"{MAX_HEAD} bytes of chunk extensions or trailers")
                    return
        self._wake()
        self._read = 0
        unread = self._unread
        if unread and not self._paused and self.state is BODY and (unread > UNREAD or self.listener is not None):
            self._paused = True
            self._taken = 0
            self._window = self._buffer.narrow
            self.transport.pause_reading()
        elif begun_at is not None:
            self._read_more(monotonic() - begun_at)

    def eof_received(self) -> None:
        if self.state is BODY and self._parser.until_close:
            self._end()
        else:
            self._peer_ended("closed the connection")

    def connection_lost(self, exc: Exception | None) -> None:
        self._peer_ended("reset the connection" if exc else "closed the connection")
        self._waits.stop()
        self._parser.end()

    def pause_writing(self) -> None:
        self._congested = True
        if self._body is not None:
            self._body.pause()

    def resume_writing(self) -> None:
        self._congested = False
        if self._body is not None:
            self._body.resume()
        if self.state is HEAD and not self.received and (self._waiter is not None or self.listener is not None):
            self.expect()  # it is counted from when the request was sent

    # Within.

    def _enter(self, event: Event) -> None:
        self.state = TRANSITIONS[self.state][event]

    def _end(self) -> None:
        """The end of the connection is that of the body."""
        self._enter(END)
        self._parser.keep = 0.0
        self._wake()

    def _peer_ended(self, how: str) -> None:
        match self.state:
            case State.HEAD | State.BODY:
                self._broke_off(how)
            case State.IDLE:
                self._keeper.ended(self)
            case State.COMPLETE | State.FAILED:
                self._parser.keep = 0.0

    def _resume(self) -> None:
        self._paused = False
        if not self.transport.is_closing():
            self.transport.resume_reading()

    def _read_more(self, spent: float) -> None:
        """A read has filled the buffer, and took `spent` seconds: more is there."""
        if spent > LONG and not self.transport.is_closing():
            # libuv would read on up to 32 times before it serves anyone else.
            self.transport.pause_reading()
            self.loop.call_soon(self._read_on)

    def _read_on(self) -> None:
        if not self._paused and not self.transport.is_closing():
            self.transport.resume_reading()

    def _time_out(self, phase: Phase) -> None:
        self.fail(self._waits.error(phase, self._name))

    def _not_http(self, error: Exception, nbytes: int) -> None:
        parser = self._parser
        if self.state is HEAD and parser.state is BODY:  # what came before the mistake is read first
            if excess := parser.judge_head(nbytes):
                self._too_large(excess)
                return
            self.head, self.coding = parser.head, parser.coding
        # An upgrade's own text is the place in what was read.
        said = UNASKED_SWITCH if isinstance(error, HttpParserUpgrade) else cut(str(error))
        self.fail(BadEventError(f"{self._name}: expected an HTTP reply: {said}"))

    def _too_large(self, what: str) -> None:
        self.pieces.clear()
        self.fail(BadEventError(f"{self._name}: expected at most {what}", code=TOO_LARGE))

    def _broke_off(self, how: str) -> None:
        place = "before the answer's end" if self.received else "without an answer"
        self.fail(TruncatedStreamError(f"{self._name} {how} {place}"))

    def _unasked(self) -> None:
        """Bytes that no request asked for: the connection serves no more."""
        self._parser.keep = 0.0
        if self.state is IDLE:
            self._keeper.ended(self)
            self.abort()

    def _wake(self) -> None:
        self._waits.deadline = math.inf
        if self.listener is not None:
            self.listener(self)
            return
        waiter = self._waiter
        if waiter is not None:
            self._waiter = None
            if not waiter.done():
                waiter.set_result(None)

    def late(self) -> None:
        waits = self._waits
        phase = waits.phase
        if self.state is IDLE:
            self._keeper.ended(self)
            self.abort()
        elif phase == "first_byte" and self._congested and self._is_sending():
            waits.limit(waits.first_byte, "first_byte")
        elif phase in WITHIN_BODY and waits.goes_on(self._heard_at):
            return
        elif phase == "quiet":
            waits.limit(waits.idle - waits.patience, "idle")
            self._tell_of_silence()
        else:
            self._time_out(phase)

    def _tell_of_silence(self) -> None:
        if self.listener is not None:
            self.quiet = True
            self.listener(self)
            self.quiet = False

    def _is_sending(self) -> bool:
        unsent = self.transport.get_write_buffer_size() + (0 if self._body is None else self._body.unwritten)
        moved = unsent < self._unsent
        self._unsent = unsent
        return moved
