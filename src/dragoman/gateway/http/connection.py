"""One caller's connection: requests one after another, each answered before the next. Knows nothing above HTTP."""

import asyncio
from time import monotonic

from msgspec.structs import force_setattr

from dragoman.errors import DragomanError, InvalidRequestError
from dragoman.gateway.http.application import Application, ServerContext
from dragoman.gateway.http.caller_handle import CallerHandle, Give
from dragoman.gateway.http.caller_socket import CROWDED
from dragoman.gateway.http.connection_state import CLOSED, DRAIN, DRAINING, OPEN, SWITCH, SWITCHED, TRANSITIONS
from dragoman.gateway.http.direct_writer import DirectWriter
from dragoman.gateway.http.http_writer import HttpResponseWriter
from dragoman.gateway.http.incoming_requests import AT_ONCE, IncomingRequests
from dragoman.gateway.http.nested import NestedAnswer, NestedWriter
from dragoman.gateway.http.request import Admitted, Request
from dragoman.gateway.http.request_limits import body_timeout
from dragoman.gateway.http.response_writer import ENDED
from dragoman.gateway.http.websocket import MANY_FRAMES, WebSocket
from dragoman.loop.timer import EARLY
from dragoman.types import ServerRequest, ServerResponse


class ServerConnection(IncomingRequests[Admitted]):
    """One connection of a server: it answers the requests that come on it, and may become a WebSocket's."""

    __slots__ = ("_accountant", "_websocket")

    _accountant: Application[Admitted]
    """In SWITCHED: what keeps account of the request that asked for a WebSocket."""

    def __init__(self, service: Application[Admitted], shared: ServerContext[Admitted]) -> None:
        super().__init__(service, shared)
        self._websocket: WebSocket | None = None
        """In SWITCHED: what reads and writes."""

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
            if self._websocket is None:
                return self.service
            # It may stay for days, and would keep the service that it began with, and all after that.
            self._accountant.resign(writer)
            writer.service = self._accountant = service
            service.hold(writer, self._requests[0].call)
            if self._websocket.busy:
                return self.service
        self._succeed()
        return None

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
                alarm, timeouts, parser = self._alarm, self._timeouts, self._parser
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

    @property
    def may_switch(self) -> bool:
        return SWITCH in TRANSITIONS[self._state] and len(self._requests) == 1

    def switch(self, websocket: WebSocket) -> None:
        late = self._state is DRAINING
        self._enter(SWITCH)
        self._stop_parsing()
        self._websocket, self._accountant = websocket, self.service
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

    def ask(self, call: ServerRequest, answer: NestedAnswer, error: DragomanError | None) -> NestedWriter:
        """Begins to answer a request as if it had come over HTTP; with `error`, if there is one and who asks may."""
        self._succeed()
        service = self.service
        outcome = service.outcome(call, self.remote)
        writer = NestedWriter(self, outcome, answer)
        admitted = service.admit(call, outcome)
        if isinstance(admitted, ServerResponse):
            writer.send_nowait(admitted)
        elif error is not None:
            writer.send_nowait(service.refusal(call, error, outcome))
        else:
            service.serve(admitted, call, writer)
        return writer

    # asyncio's side.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self.service.opened(self)

    def eof_received(self) -> bool:
        # A caller that has left looks like one that has closed only its sending half, which no SDK does.
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        if self.congested is not None:
            self.congested.set()
        self.service.closed(self)

    def pause_writing(self) -> None:
        self.congested = asyncio.Event()
        if self._requests and (writer := self._requests[0].writer) is not None:
            writer.pause()
        self._await_reading()

    def resume_writing(self) -> None:
        congested, self.congested = self.congested, None
        if congested is not None:
            congested.set()
            self._read_on()
        self._all_sent()
        request = self._requests[0] if self._requests else None
        writer = request.writer if request is not None else None
        if request is not None and writer is not None:
            self._alarm.set(self._loop.time() + (self._timeouts.heartbeat if request.complete else self._timeouts.body))
            # Soon, not now: if the transport is closed inside of this call, asyncio calls `connection_lost` twice.
            self._loop.call_soon(writer.resume)
        elif not self._requests and not self._in_head and self._is_reading():
            self._alarm.set(self._loop.time() + self._timeouts.idle)

    # Within.

    def _came_besides(self, data: bytes) -> None:
        websocket = self._websocket
        if self._state is not SWITCHED or websocket is None:
            return
        if websocket.unread:
            websocket.unread += data
            return
        frames = 0
        for at in range(0, len(data), AT_ONCE):
            frames += websocket.feed(data[at : at + AT_ONCE])
            if frames > MANY_FRAMES:
                self._wait_for_turn()
                websocket.unread = data[at + AT_ONCE :]
                if websocket.unread:
                    self._loop.call_soon(self._feed_on, websocket)
                break
        self._read_less()

    def _feed_on(self, websocket: WebSocket) -> None:
        data, websocket.unread = websocket.unread, b""
        self._came_besides(data)
        self._read_on()

    def _read_on(self) -> None:
        if self._websocket is None or not self._websocket.unread:
            super()._read_on()

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
