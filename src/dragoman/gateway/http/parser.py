"""Requests out of a connection's bytes: httptools, and what it lets pass or does not go on from. Knows no socket.

httptools calls back with pieces of a head, of which a request is made once the head is complete; of a body each piece
is told as it comes. Three things are done beside that:

- What llhttp accepts and other servers read in another way is refused: see `FirstLine` and `check_head`.
- Bytes that only frame a request are counted, so that no head and no chunk's head goes on for ever: see `overhead`.
- A body may be announced to httptools by a head that was made up here, because its own head was known before
  (`begin_body`), or asked for another protocol, which llhttp takes for the end of HTTP (`_after_upgrade`).
"""

from typing import Generic, Protocol

from httptools import HttpParserCallbackError, HttpParserError, HttpParserUpgrade, HttpRequestParser

from dragoman.gateway.http.heads import BadHeadError, FirstLine, check_head, split_target
from dragoman.gateway.http.request import Admitted, Request, framing
from dragoman.types import ServerRequest


class Events(Protocol[Admitted]):
    """Who is told what comes."""

    def head_began(self) -> None:
        """A request begins."""

    def head_ended(self, request: Request[Admitted], alone: bytes) -> None:
        """The head of `request` is complete; `alone`: what came, if it began with that head."""

    def body_came(self, data: bytes) -> None:
        """A piece of the last request's body."""

    def request_ended(self) -> None:
        """The last request is complete."""


class RequestParser(Generic[Admitted]):
    """Parses what one connection brings. Also what httptools calls back."""

    def __init__(self, events: Events[Admitted]) -> None:
        self.in_head = False
        """A head has begun, and is not complete."""
        self.overhead = 0
        """Bytes since the last head was complete or the last piece of a body came: a head, or what frames a body."""
        self.stopped = False
        """Nothing more is to be parsed."""
        self._events = events
        self._parser = HttpRequestParser(self)
        self._first = FirstLine()
        self._alone = b""
        self._made_up = False
        self._url: list[bytes] = []
        self._fields: list[tuple[bytes, bytes]] = []
        self._last: Request[Admitted] | None = None  # whose body is yet to come

    def close(self) -> None:
        """The connection is lost. What knows one another here only the collector would free."""
        self.stopped = True
        self._last = None
        del self._events, self._parser

    def feed(self, data: bytes, *, at_rest: bool) -> None:
        """Parses what came; `at_rest`: it begins with a head. Raises BadHeadError, and whatever an event does."""
        if at_rest:
            self._alone = data
            self._first.begin()
        self.overhead += len(data)
        if not self._first.feed(data):
            raise BadHeadError("expected an HTTP/1.1 request")
        try:
            while data and not self.stopped:
                data = self._feed(data)
        finally:
            self._alone = b""

    def begin_body(self, length: int, data: bytes) -> None:
        """A body of `length` bytes, whose head was known, begins with `data`.

        Nothing but body follows, so the parser can find no fault.
        """
        self._last = None
        self._made_up = True
        self._parser.feed_data(b"POST / HTTP/1.1\r\ncontent-length: %d\r\n\r\n%b" % (length, data))

    def _feed(self, data: bytes) -> bytes:
        """What is still to be parsed of `data`."""
        try:
            self._parser.feed_data(data)
        except HttpParserUpgrade as exc:
            return self._after_upgrade(data[exc.args[0] :])
        except HttpParserCallbackError as exc:
            raise exc.__context__ or exc from None
        except HttpParserError as exc:
            raise BadHeadError("expected an HTTP/1.1 request") from exc
        return b""

    def _after_upgrade(self, rest: bytes) -> bytes:
        """What is to be parsed, if `rest` follows the head of a request for another protocol.

        None is spoken here, and RFC 9110, section 7.8 lets a server go on as if it had not been asked. The parser takes
        such a head for the end of HTTP, so another is told what the body is, which it reads as any.
        """
        self._parser = HttpRequestParser(self)
        request = self._last
        if request is not None:
            request.upgrade = False
            self._made_up = True
            fields = [*framing(request.call), *(() if request.keep_alive else ((b"connection", b"close"),))]
            rest = b"\r\n".join([b"POST / HTTP/1.1", *(b"%b: %b" % field for field in fields), b"", rest])
        return rest

    # httptools' side.

    def on_message_begin(self) -> None:
        self.in_head = True
        if not self._made_up:
            self._events.head_began()

    def on_url(self, url: bytes) -> None:
        self._url.append(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        if self.in_head:  # and no trailer: what follows a body belongs to no head, least of all to the next one
            self._fields.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        self.in_head = False
        self.overhead = 0
        alone, self._alone = self._alone, b""  # and behind this request there may be another, with another head
        headers, self._fields = tuple(self._fields), []
        url = self._url[0] if len(self._url) == 1 else b"".join(self._url)
        self._url = []
        if self._made_up:
            self._made_up = False
            return
        parser = self._parser
        version = parser.get_http_version()
        method = parser.get_method()
        path, query, host = split_target(url)
        if host is not None:
            headers = (*(field for field in headers if field[0] != b"host"), (b"host", host))
        check_head(headers, version)
        call = ServerRequest(method=method.decode("latin-1"), path=path, query=query, headers=headers)
        request: Request[Admitted] = Request(call=call)
        request.http_1_1 = version == "1.1"
        request.keep_alive = parser.should_keep_alive() and method != b"CONNECT"
        request.upgrade = parser.should_upgrade() and method != b"CONNECT"
        self._last = request
        self._events.head_ended(request, alone)

    def on_body(self, data: bytes) -> None:
        self.overhead = 0
        self._events.body_came(data)

    def on_message_complete(self) -> None:
        self.overhead = 0
        request = self._last
        if request is not None and request.upgrade and framing(request.call):
            return  # its body is yet to come, whatever the parser says
        self._last = None
        self._events.request_ended()
