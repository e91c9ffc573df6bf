"""The requests of one caller as they come: read, admitted or refused, and put into a queue. Knows no answer.

What came is read in one of three ways (`data_received`):

    a body of a known length is under way     it is counted
    it begins with a head that was read before, and nothing is under way     the request is made of that head
    anything else     it is parsed
"""

from abc import abstractmethod
from time import monotonic
from typing import Generic

from dragoman.errors import DragomanError, InvalidRequestError
from dragoman.gateway.http.application import Application, ServerContext
from dragoman.gateway.http.caller_handle import Give
from dragoman.gateway.http.caller_socket import CallerSocket
from dragoman.gateway.http.connection_state import BREAK, DRAINING, OPEN
from dragoman.gateway.http.direct_writer import DirectWriter
from dragoman.gateway.http.head_cache import CachedHead
from dragoman.gateway.http.heads import CONTINUE, BadHeadError, with_id
from dragoman.gateway.http.http_writer import HttpResponseWriter
from dragoman.gateway.http.parser import RequestParser
from dragoman.gateway.http.request import Admitted, Request
from dragoman.gateway.http.request_limits import (
    LAST,
    MAX_DISCARDED,
    check_body_limits,
    check_head_limits,
    too_large,
    too_large_head,
    too_many_pieces,
)
from dragoman.gateway.http.response_writer import ENDED, UNIX
from dragoman.gateway.http.unpacking import coding
from dragoman.gateway.http.websocket import WebSocket
from dragoman.types import Outcome, ServerResponse

MAX_QUEUED = 16
"""Requests that a caller may send without waiting for an answer. No SDK does that; a client that does sends a few."""

AT_ONCE, CROWDED_AT_ONCE = 16 << 10, 4 << 10
"""Bytes that are parsed at once: as many as a head may have, and of what waited because there were many heads in those.
A read may bring 256 KiB, and a loop may read 32 times in a turn. Requests that are refused by their heads are answered
while they are parsed, in some 100 µs each: so after more than MAX_QUEUED of them the rest waits for the next turn."""


class IncomingRequests(CallerSocket, Generic[Admitted]):
    """The queue of one caller's requests, of which the first is being answered."""

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

    def _succeed(self) -> None:
        """What was admitted before counts no longer."""
        if self._successor is not None:
            self._serve_by(*self._successor)
            self._successor = None

    # What a connection does with them.

    @abstractmethod
    def _serve(self, request: Request[Admitted]) -> None:
        """Begins the answer to a request that is complete, and whose turn it is."""

    @abstractmethod
    def _came_besides(self, data: bytes) -> None:
        """Takes what comes when no requests are read any more."""

    @abstractmethod
    def response_ended(self, writer: DirectWriter | None, *, keep_alive: bool) -> bool:
        """See WriterPort; None: the writer knows it already, and now its request has ended too."""

    @property
    @abstractmethod
    def may_switch(self) -> bool:
        """See ConnectionPort."""

    @abstractmethod
    def switch(self, websocket: WebSocket) -> None:
        """See ConnectionPort."""

    @abstractmethod
    def hand_over(self, give: Give) -> bool:
        """See ConnectionPort."""

    # asyncio's side.

    def data_received(self, data: bytes) -> None:
        if self._state is not OPEN and self._state is not DRAINING:
            self._came_besides(data)
            return
        if self._missing:
            data = self._go_on(data)
        parser = self._parser
        at_rest = not self._requests and (parser is None or not (parser.in_head or parser.unread))
        if at_rest and self._take(data):
            return
        if data:
            self._parse(data, at_rest=at_rest)
        self._read_less()

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        for request in self._requests:
            if request.writer is not None:
                request.writer.disconnect()
        self._requests.clear()
        if self._parser is not None:
            self._parser.close()
            self._parser = None

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
        """Whether a head has begun, and is not complete, as far as is known."""
        return self._parser is not None and (self._parser.in_head or bool(self._parser.unread))

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
                known = self._heads.learn(alone, call, admitted, more, outcome, unix=self.remote == UNIX)
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
        service = self.service
        outcome = Outcome(
            service.new_request_id(),
            "POST",
            known.path,
            monotonic(),
            remote=self.remote,
            identity=known.identity,
            trace=known.trace,
        )
        if service.begun is not None:
            service.begun(outcome)
        writer = HttpResponseWriter(self, outcome)
        if known.more:
            writer.more = with_id(known.more, outcome.request_id)
        request: Request[Admitted] = Request(
            call=known.call(digits, b"" if missing else data[start:]),
            admitted=known.admitted,
            writer=writer,
            complete=not missing,
        )
        self._requests.append(request)
        if not missing:
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

    def _parse(self, data: bytes, size: int = AT_ONCE, *, at_rest: bool) -> None:
        """Parses what came, `size` bytes at once; `at_rest`: it begins with a head."""
        parser = self._parser
        if parser is None:
            parser = self._parser = self._parsers.take(self)
        elif parser.unread:
            parser.unread += data
            return
        for at in range(0, len(data), size):
            self._feed(parser, data[at : at + size], at_rest=at_rest)
            if not self._is_reading() or self._transport.is_closing():
                break
            if parser.heads > MAX_QUEUED:
                self._wait_for_turn()
                parser.unread = data[at + size :]
                if parser.unread:
                    self._loop.call_soon(self._parse_on)
                    return
            at_rest = not self._requests and not parser.in_head
        self._put_back(parser)

    def _feed(self, parser: RequestParser[Admitted], data: bytes, *, at_rest: bool) -> None:
        try:
            parser.feed(data, at_rest=at_rest)
        except BadHeadError as exc:
            self._break(InvalidRequestError(str(exc), code="bad_http"))
        except BaseException:  # a bug of ours: the connection ends, and the loop's handler reports it
            self.abort()
            raise
        if parser.overhead > self._max_overhead:
            self._break(too_large_head(self._limits))

    def _put_back(self, parser: RequestParser[Admitted]) -> None:
        if parser.between:
            self._parser = None
            self._parsers.give_back(parser)

    def _parse_on(self) -> None:
        """More of what waits is parsed, in a turn of its own."""
        parser = self._parser
        if parser is None:
            return
        data, parser.unread = parser.unread, b""
        if self._is_reading():
            self._parse(data, CROWDED_AT_ONCE, at_rest=not self._requests and not parser.in_head)
        self._read_on()

    def _read_on(self) -> None:
        if self._parser is None or not self._parser.unread:
            super()._read_on()

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
