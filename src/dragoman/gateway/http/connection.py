"""One caller's connection: requests one after another, each answered before the next. Knows nothing above HTTP."""

import asyncio
from time import monotonic
from typing import Generic

from msgspec.structs import force_setattr

from dragoman.errors import DragomanError, InvalidRequestError
from dragoman.gateway.http.application import Application, ServerContext
from dragoman.gateway.http.caller_handle import CallerHandle, Give
from dragoman.gateway.http.caller_socket import CROWDED, CallerSocket
from dragoman.gateway.http.connection_state import BREAK, CLOSED, DRAIN, DRAINING, OPEN, SWITCH, SWITCHED
from dragoman.gateway.http.direct_writer import DirectWriter
from dragoman.gateway.http.head_cache import CachedHead
from dragoman.gateway.http.heads import CONTINUE, BadHeadError, with_id
from dragoman.gateway.http.http_writer import HttpResponseWriter
from dragoman.gateway.http.nested import NestedAnswer, NestedWriter
from dragoman.gateway.http.parser import RequestParser
from dragoman.gateway.http.request import Admitted, Request
from dragoman.gateway.http.request_limits import (
    LAST,
    body_timeout,
    check_body_limits,
    check_head_limits,
    too_large,
    too_large_head,
    too_many_pieces,
)
from dragoman.gateway.http.response_writer import ENDED, UNIX
from dragoman.gateway.http.unpacking import coding
from dragoman.gateway.http.websocket import WebSocket
from dragoman.loop.timer import EARLY
from dragoman.types import Outcome, ServerRequest, ServerResponse

MAX_QUEUED = 16
"""Requests that a caller may send without waiting for an answer. No SDK does that; a client that does sends a few."""

MAX_DISCARDED = 64 << 20
"""Bytes of a request that are read after its refusal; `ServerTimeouts.linger` says why."""


class ServerConnection(CallerSocket, Generic[Admitted]):
    """One connection of a server: a queue of requests, of which the first is being answered."""

    __slots__ = (
        "_admissions",
        "_fault",
        "_heads",
        "_known",
        "_limits",
        "_max_body",
        "_max_overhead",
        "_missing",
        "_parser",
        "_parsers",
        "_requests",
        "_silence",
        "_successor",
        "_websocket",
        "service",
    )

    def __init__(self, service: Application[Admitted], shared: ServerContext[Admitted]) -> None:
        super().__init__(shared.alarms, shared.outbox, shared.timeouts)
        self._successor: tuple[Application[Admitted], ServerContext[Admitted]] | None = None
        """What answers from the next request on, if that is to change."""
        self._serve_by(service, shared)
        self._parser: RequestParser[Admitted] | None = None
        """None between two requests, which includes the time of an answer."""
        self._missing = 0
        """Bytes of the last request's body that are still to come and need no parser."""
        # No deque, which would be the largest object of a connection: seldom there is more than one.
        self._requests: list[Request[Admitted]] = []
        self._fault: DragomanError | None = None
        """In BROKEN: what is sent after the answers under way."""
        self._websocket: WebSocket | None = None
        """In SWITCHED: what reads and writes."""

    def _serve_by(self, service: Application[Admitted], shared: ServerContext[Admitted]) -> None:
        self.service = service
        self._timeouts = shared.timeouts
        self._heads = shared.heads
        self._parsers = shared.parsers
        self._admissions = shared.heads.admissions
        self._silence = min(shared.timeouts.head_after, shared.timeouts.heartbeat)
        self._limits = shared.limits
        self._max_body = shared.limits.body
        self._max_overhead = shared.limits.head
        self._known: CachedHead[Admitted] | None = None

    # The server's side.

    def adopt(self, service: Application[Admitted], shared: ServerContext[Admitted]) -> Application[Admitted] | None:
        """From the next request on `service` answers. The earlier service that has one under way here, if there is.

        The admissions of the earlier one have changed by now, so that no head that it knows counts.
        """
        if self.service is service:
            return None
        self._successor = service, shared
        writer = self._requests[0].writer if self._requests else None
        if writer is not None and writer.state is not ENDED:
            return self.service
        self._succeed()
        return None

    def _succeed(self) -> None:
        """What was admitted before counts no longer."""
        if self._successor is not None:
            self._serve_by(*self._successor)
            self._successor = None

    def drain(self) -> None:
        """No more requests: closes once those under way are answered."""
        self._enter(DRAIN)
        if self._websocket is not None:
            self._websocket.drain()
        elif not self._requests and not self._in_head:
            self._close()

    def begin(self, request: Request[Admitted]) -> None:
        """Answers `request`, which another process has read before anything came here."""
        if self._is_reading():
            self._requests.append(request)
            request.complete = True
            self._admit(request)
            if not request.draining:
                self._serve(request)

    def turn_away(self, error: DragomanError) -> None:
        """Sends `error` to a caller that has not sent a request yet, and closes."""
        self._send_error_and_close(error)

    # The writer's side.

    def response_ended(self, writer: DirectWriter | None, *, keep_alive: bool) -> bool:
        """See WriterPort; None: the writer knows it already, and now its request has ended too."""
        request = self._requests[0]
        if not keep_alive or (self._state is not OPEN and len(self._requests) == 1):
            self._outbox.flush()
            # Asked before the socket closes, because then a write that has failed could not be told from that.
            sent = writer is None or self.has_sent(writer)
            if keep_alive and self._fault is not None:
                del self._requests[0]
                self._send_error_and_close(self._fault)
            elif request.complete and request.call.method != "CONNECT":
                self._close()
            else:
                self._part()
            return sent
        if not request.complete:
            # The rest of its body is read and dropped, because the next request follows it.
            request.draining = True
            self._alarm.set(self._loop.time() + self._timeouts.linger)
        else:
            del self._requests[0]
            if self._requests:
                self._alarm.set(self._loop.time() + self._timeouts.body)
                self._loop.call_soon(self._proceed)
            elif self.congested is None:  # else it is not idle: its caller has yet to read
                alarm, timeouts = self._alarm, self._timeouts
                parser = self._parser
                in_head = parser is not None and parser.in_head
                ends = self._loop.time() + (timeouts.head if in_head else timeouts.idle)
                if ends < alarm.due:
                    alarm.set(ends)
                else:
                    alarm.deadline = ends
                if self._outbox.written > CROWDED:
                    self._wait_for_turn()
        if self.congested is None and not self._outbox.pending and not self._transport.is_closing():
            return True  # as `has_sent` says, without a call of it for each request
        return writer is None or self.has_sent(writer)

    def switch(self, websocket: WebSocket) -> None:
        late = self._state is DRAINING
        self._enter(SWITCH)
        self._stop_parsing()
        self._websocket = websocket
        websocket.opened(self)
        self._alarm.set(self._loop.time() + self._timeouts.heartbeat)
        if late:
            websocket.drain()

    def hand_over(self, give: Give) -> bool:
        request = self._requests[0]
        if not self._is_reading() or len(self._requests) > 1 or not request.complete or self._in_head:
            return False
        if not self._give(CallerHandle(self.descriptor, request.http_1_1, request.keep_alive), give):
            return False
        self._requests.clear()
        self._stop_parsing()
        return True

    # The WebSocket's side.

    def end(self) -> None:
        """Closes once the caller has read what waits."""
        self._close()

    def ask(self, call: ServerRequest, answer: NestedAnswer) -> NestedWriter:
        """Begins to answer a request as if it had come over HTTP."""
        self._succeed()
        service = self.service
        outcome = service.outcome(call, self.remote)
        writer = NestedWriter(self, outcome, answer)
        admitted = service.admit(call, outcome)
        if isinstance(admitted, ServerResponse):
            writer.send_nowait(admitted)
        else:
            service.serve(admitted, call, writer)
        return writer

    # asyncio's side.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self.service.opened(self)

    def data_received(self, data: bytes) -> None:
        if self._state is not OPEN and self._state is not DRAINING:
            if self._state is SWITCHED and self._websocket is not None:
                self._websocket.feed(data)
            return
        if self._missing:
            data = self._go_on(data)
        parser = self._parser
        at_rest = not self._requests and (parser is None or not parser.in_head)
        if at_rest and self._take(data):
            return
        if data:
            self._parse(data, at_rest=at_rest)
        if self.congested is not None and self._state is not CLOSED:
            # The caller sends requests without reading the answers, which would pile up here.
            self._transport.pause_reading()

    def eof_received(self) -> bool:
        # A caller that has left looks like one that has closed only its sending half, which no SDK does.
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        for request in self._requests:
            if request.writer is not None:
                request.writer.disconnect()
        self._requests.clear()
        if self.congested is not None:
            self.congested.set()
        self.service.closed(self)
        if self._parser is not None:
            self._parser.close()
            self._parser = None

    def pause_writing(self) -> None:
        self.congested = asyncio.Event()
        if self._requests and (writer := self._requests[0].writer) is not None:
            writer.pause()
        self._await_reading()

    def resume_writing(self) -> None:
        congested, self.congested = self.congested, None
        if congested is not None:
            congested.set()
            self._transport.resume_reading()
        self._all_sent()
        request = self._requests[0] if self._requests else None
        writer = request.writer if request is not None else None
        if request is not None and writer is not None:
            self._alarm.set(self._loop.time() + (self._timeouts.heartbeat if request.complete else self._timeouts.body))
            # Soon, not now: if the transport is closed inside of this call, asyncio calls `connection_lost` twice.
            self._loop.call_soon(writer.resume)
        elif not self._requests and not self._in_head and self._is_reading():
            self._alarm.set(self._loop.time() + self._timeouts.idle)

    # The parser's side.

    def head_began(self) -> None:
        if not self._requests:
            self._alarm.set(self._loop.time() + self._timeouts.head)

    def head_ended(self, request: Request[Admitted], alone: bytes) -> None:
        self._requests.append(request)
        if len(self._requests) > MAX_QUEUED:
            self.abort()
        elif len(self._requests) == 1:
            self._alarm.set(self._loop.time() + self._timeouts.body)
            self._admit(request, alone)

    def body_came(self, data: bytes) -> None:
        request = self._requests[-1]
        request.size += len(data)
        if request.draining:
            if request.size > MAX_DISCARDED:
                self._close()
        elif not request.add(data):
            self._turn_away(request, too_many_pieces())
        elif request.writer is None:
            if sum(each.size for each in self._requests if each.writer is None) > self._max_body:
                self.abort()
        elif request.size > self._max_body:
            self._turn_away(request, too_large(self._max_body))
        else:
            self._alarm.set(self._loop.time() + self._timeouts.body)

    def request_ended(self) -> None:
        request = self._requests[-1]
        request.complete = True
        if request is not self._requests[0]:
            return
        if not request.draining:
            self._serve(request)
        elif request.writer is not None and request.writer.state is ENDED and self._is_reading():
            self.response_ended(None, keep_alive=request.keep_alive)

    # Within.

    @property
    def _in_head(self) -> bool:
        """Whether a head has begun, and is not complete."""
        return self._parser is not None and self._parser.in_head

    def _stop_parsing(self) -> None:
        """What still comes is not parsed, nor the rest of what is being parsed."""
        if self._parser is not None:
            self._parser.stopped = True

    def _is_reading(self) -> bool:
        return self._state is OPEN or self._state is DRAINING

    def _admit(self, request: Request[Admitted], alone: bytes = b"") -> None:
        """Checks the head of the request whose turn it is; `alone`: what came, if it begins with that head."""
        if self._successor is not None:
            self._succeed()
        call = request.call
        keep_alive = request.keep_alive and self._state is OPEN
        outcome = self.service.outcome(call, self.remote)
        request.writer = HttpResponseWriter(self, outcome, keep_alive=keep_alive, chunks=request.http_1_1)
        more = self.service.fields(call)
        if more:
            request.writer.more = with_id(more, outcome.request_id)
        if (error := check_head_limits(call, self._limits)) is not None:
            self._refuse(request, self.service.refusal(call, error, outcome))
        elif isinstance(admitted := self.service.admit(call, outcome), ServerResponse):
            self._refuse(request, admitted)
        elif (error := check_body_limits(call, self._max_body)) is not None:
            self._refuse(request, self.service.refusal(call, error, outcome))
        else:
            request.admitted = admitted
            request.packed = bool(coding(call))
            if alone and request.http_1_1 and request.keep_alive:
                known = self._heads.learn(alone, call, admitted, more, outcome.identity, unix=self.remote == UNIX)
                self._known = known
                if known is not None:
                    known.share(call, outcome)
            if request.http_1_1 and not request.complete and (call.header(b"expect") or "").lower() == "100-continue":
                self.write(CONTINUE)

    def _take(self, data: bytes) -> bool:
        """Begins the next request without the parser, if `data` begins with a head that was read before."""
        if self.congested is not None:
            return False
        known = self._known
        found = None if known is None else known.find(data)
        if found is None and (known := self._heads.recall(data, unix=self.remote == UNIX)) is not None:
            found = known.find(data)
        if known is None or found is None or known.generation != self._admissions.generation:
            return False
        digits, start = found
        length = int(digits)
        if length > self._max_body:
            return False
        missing = length - len(data) + start
        if missing < 0:
            return False  # another request follows it, which is for the parser
        self._known = known
        request: Request[Admitted] = Request(call=known.call(digits, b"" if missing else data[start:]))
        request.admitted = known.admitted
        outcome = Outcome(
            self.service.new_request_id(),
            "POST",
            known.path,
            monotonic(),
            remote=self.remote,
            identity=known.identity,
        )
        if (begun := self.service.begun) is not None:
            begun(outcome)
        request.writer = writer = HttpResponseWriter(self, outcome)
        if known.more:
            writer.more = with_id(known.more, outcome.request_id)
        self._requests.append(request)
        if not missing:
            request.complete = True
            self._serve(request)
            return True
        self._alarm.set(self._loop.time() + self._timeouts.body)
        self._missing = length
        self._go_on(data[start:])
        return True

    def _go_on(self, data: bytes) -> bytes:
        """More of a body whose length is known. Returns what follows it, if that is to be read."""
        length = self._missing
        body, rest = (data, b"") if len(data) <= length else (data[:length], data[length:])
        self._missing = length - len(body)
        if body:
            self.body_came(body)
        if not self._missing and self._requests:
            self.request_ended()
        return rest if self._is_reading() else b""

    def _parse(self, data: bytes, *, at_rest: bool) -> None:
        """Parses what came; `at_rest`: it begins with a head."""
        parser = self._parser
        if parser is None:
            parser = self._parser = self._parsers.take(self)
        try:
            parser.feed(data, at_rest=at_rest)
        except BadHeadError as exc:
            self._break(InvalidRequestError(str(exc), code="bad_http"))
        except BaseException:  # a bug of ours: the connection ends, and the loop's handler reports it
            self.abort()
            raise
        if parser.overhead > self._max_overhead:
            self._break(too_large_head(self._limits))
        if parser.between:
            self._parser = None
            self._parsers.give_back(parser)

    def _serve(self, request: Request[Admitted]) -> None:
        writer, admitted = request.writer, request.admitted
        if writer is None or admitted is None:
            return
        if request.pieces:
            pieces, request.pieces = request.pieces, ()
            # Nobody else has the call yet, and a copy of it would cost as much as all of its checks.
            force_setattr(request.call, "body", pieces[0] if len(pieces) == 1 else b"".join(pieces))
            writer.outcome.complete_at = monotonic()
        self._sent_at = now = self._loop.time()
        alarm, ends = self._alarm, now + self._silence
        if ends < alarm.due:
            alarm.set(ends)
        else:
            alarm.deadline = ends
        if request.packed:
            self.service.unpack(admitted, request.call, writer)
        else:
            self.service.serve(admitted, request.call, writer)

    def _proceed(self) -> None:
        """Begins the next request, which came while the one before it was answered."""
        if self._state is CLOSED or not self._requests:
            return
        request = self._requests[0]
        if request.writer is None:
            self._admit(request)
        if request.complete and not request.draining:
            self._serve(request)

    def _turn_away(self, request: Request[Admitted], error: DragomanError) -> None:
        if request.writer is not None:
            self._refuse(request, self.service.refusal(request.call, error, request.writer.outcome))

    def _refuse(self, request: Request[Admitted], answer: ServerResponse) -> None:
        request.draining = True
        request.pieces = ()
        if request.writer is not None:
            if answer.status in LAST:
                request.keep_alive = request.writer.keep_alive = False
            request.writer.send_nowait(answer)

    def _break(self, error: DragomanError) -> None:
        """What came cannot be understood, nor what follows it: the connection ends after the answers under way."""
        if not self._is_reading():
            return  # what came before it, in the same read, has ended the connection already
        self._enter(BREAK)
        writer: HttpResponseWriter | None = None
        if self._requests and not self._requests[-1].complete:
            writer = self._requests.pop().writer
            if writer is not None and writer.state is ENDED:
                self._part()
                return
        if self._requests:
            self._fault = error
        else:
            self._send_error_and_close(error, writer)

    def _send_error_and_close(self, error: DragomanError, writer: HttpResponseWriter | None = None) -> None:
        """Sends `error` and closes; `writer` is None if the error belongs to no request."""
        if writer is None:
            writer = HttpResponseWriter(
                self, Outcome(self.service.new_request_id(), "", "", monotonic(), remote=self.remote)
            )
        writer.send_fault(error)
        self._part()

    def _part(self) -> None:
        if self._parser is not None:
            self._parser.in_head = False
        super()._part()

    def _close(self) -> None:
        self._stop_parsing()
        super()._close()

    def late(self) -> None:
        request = self._requests[0] if self._requests else None
        if self._check_reading():
            return
        if self._state is SWITCHED and self._websocket is not None:
            self._websocket.beat()
            self._alarm.set(self._loop.time() + self._timeouts.heartbeat)
            return
        if request is None:
            if self._in_head:
                error = InvalidRequestError("the request's head took too long", status=408, code="request_timeout")
                self._send_error_and_close(error)
            else:
                self._close()
        elif request.writer is not None and request.writer.state is ENDED:
            self._close()
        elif not request.complete:
            self._turn_away(request, body_timeout(self._timeouts.body))
        elif request.writer is not None:
            self._beat(request.writer)

    def _beat(self, writer: HttpResponseWriter) -> None:
        now = self._loop.time()
        latest = now + self._timeouts.heartbeat
        ends = max(self._sent_at, writer.passed_at) + (
            self._timeouts.heartbeat if writer.started else self._timeouts.head_after
        )
        if ends <= now + EARLY:
            writer.send_heartbeat()
            ends = latest
        self._alarm.set(min(ends, latest))
