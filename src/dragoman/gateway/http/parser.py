"""A connection's bytes to requests: httptools, and what it does not do by itself. Knows no socket.

httptools (llhttp) calls us back with pieces. We collect those of a head, and report:

    httptools calls     on_message_begin   on_url …  on_header …   on_headers_complete   on_body …   on_message_complete
    we call (Events)    head_began                                 head_ended            body_came   request_ended
    `in_head`           True ────────────────────────────────────> False
    `overhead`          counts bytes ────────────────────────────> 0, counts again ────> 0 ────────> 0

Three things are added:

- Heads that llhttp accepts, but other servers read in another way, are refused: two programs that disagree on where a
  request ends can be made to mix up callers. See `FirstLine` and `check_head`. `FirstLine` reads the first line of what
  begins with a head; that of a request which follows another one in the same bytes is looked for in them.
- Bytes that are not body (heads, the sizes of chunks, trailers) are counted, so that none of these goes on for ever:
  see `overhead`. The connection sets the limit.
- If a head asks for another protocol, llhttp reads no more. Then it is fed a head that was made up here, only to make
  it read the body that follows (`_after_upgrade`). That head is not reported (`_made_up`).

What is dropped: trailers, and the wish for another protocol, as the standards allow.
"""

import re
from typing import Generic, Protocol

from httptools import HttpParserCallbackError, HttpParserError, HttpParserUpgrade, HttpRequestParser

from dragoman.gateway.http.heads import BadHeadError, FirstLine, check_head, split_target
from dragoman.gateway.http.request import Admitted, Request, framing
from dragoman.types import ServerRequest


class Events(Protocol[Admitted]):
    """What the parser calls."""

    def head_began(self) -> None:
        """A request begins."""

    def head_ended(self, request: Request[Admitted], alone: bytes) -> None:
        """The head of `request` is complete; `alone`: the bytes that came, if they began with that head."""

    def body_came(self, data: bytes) -> None:
        """A piece of the last request's body."""

    def request_ended(self) -> None:
        """The last request is complete."""


class RequestParser(Generic[Admitted]):
    """Parses what a connection brings. httptools calls the methods `on_…`.

    While it is `between` two requests, it may be given to another connection, as its `events`.
    """

    __slots__ = (
        "_alone",
        "_begins_with_head",
        "_came",
        "_fields",
        "_first",
        "_following",
        "_in_message",
        "_is_first",
        "_last",
        "_made_up",
        "_parser",
        "_spent",
        "_url",
        "events",
        "heads",
        "in_head",
        "overhead",
        "stopped",
        "unread",
    )

    def __init__(self, events: Events[Admitted]) -> None:
        self.in_head = False
        """A head has begun, and is not complete."""
        self.overhead = 0
        """Bytes since a head was completed or a piece of a body came: a head, or what frames a body."""
        self.heads = 0
        """Heads that were completed in what came last."""
        self.unread = b""
        """What came, and waits for the next turn of the loop. For its owner; it is not looked at here."""
        self.stopped = False
        """Nothing more is to be parsed."""
        self.events = events
        """What is called."""
        self._parser = HttpRequestParser(self)
        self._first = FirstLine()
        self._alone = b""
        """What came, if it begins with a head and that head is not complete yet."""
        self._came = b""
        """What is being parsed, from the last head in it on: a request may follow another one in the same bytes."""
        self._is_first = False
        """The next head is the one whose first line `_first` checks."""
        self._begins_with_head = False
        """`_came` begins with that head."""
        self._following = b""
        """What came since a request began that follows another one in the same bytes; empty if none does."""
        self._made_up = False
        """The parser is reading a head that was made up here."""
        self._url: list[bytes] = []
        self._fields: list[tuple[bytes, bytes]] = []
        self._last: Request[Admitted] | None = None
        """The request whose body is not complete."""
        self._in_message = False
        """A message has begun, and is not complete."""
        self._spent = False
        """Nothing can follow what was parsed: the connection ends with that request, or something was wrong with it."""

    @property
    def between(self) -> bool:
        """Whether it stands between two requests, with nothing left of the one and nothing known of the other."""
        return not (self._in_message or self.overhead or self.stopped or self._spent)

    def close(self) -> None:
        """The connection is lost. Removes references that form a cycle, which only the garbage collector would free."""
        self.stopped = True
        self._last = None
        del self.events, self._parser

    def feed(self, data: bytes, *, at_rest: bool) -> None:
        """Parses what came; `at_rest`: it begins with a head. Raises BadHeadError, and what the Events raise."""
        if at_rest:
            self._alone = data
            self._first.begin()
            self._is_first = True
        self.overhead += len(data)
        self.heads = 0
        self._came, self._begins_with_head = data, at_rest
        if self._following:
            self._following += data
        try:
            if not self._first.feed(data):
                raise BadHeadError("expected an HTTP/1.1 request")
            while data and not self.stopped:
                data = self._feed(data)
        except BaseException:
            self._spent = True
            raise
        finally:
            self._alone = self._came = b""

    def _feed(self, data: bytes) -> bytes:
        """Parses `data`; returns what is still to be parsed."""
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
        """What is to be parsed, if `rest` follows the head of a request that asks for another protocol.

        We offer no other, and RFC 9110, section 7.8 lets a server ignore the wish. But for the parser, HTTP ends with
        such a head. So a new parser is made, and fed a head with the fields that frame the body.
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
        self.in_head = self._in_message = True
        if not self._made_up:
            if self._is_first:
                self._is_first = False
            else:
                if self._begins_with_head:
                    self._begins_with_head = False
                    self._came = self._came.partition(b"\r\n\r\n")[2]
                self._following = self._came
            self.events.head_began()

    def on_url(self, url: bytes) -> None:
        self._url.append(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        if self.in_head:  # not a trailer: a field that follows a body belongs to no head, above all not to the next
            self._fields.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        self.in_head = False
        self.overhead = 0
        alone, self._alone = self._alone, b""  # another request, with another head, may follow in the same bytes
        headers, self._fields = tuple(self._fields), []
        url = self._url[0] if len(self._url) == 1 else b"".join(self._url)
        self._url = []
        if self._made_up:
            self._made_up = False
            return
        self.heads += 1
        parser = self._parser
        version = parser.get_http_version()
        method = parser.get_method()
        if self._following:
            found = re.search(b"%b +%b +HTTP/" % (re.escape(method), re.escape(url)), self._following)
            if found is None or found[0].count(b" ") != 2:
                raise BadHeadError("expected an HTTP/1.1 request")
            self._came, self._following = self._following[found.end() :].partition(b"\r\n\r\n")[2], b""
        path, query, host = split_target(url)
        if host is not None:
            headers = (*(field for field in headers if field[0] != b"host"), (b"host", host))
        check_head(headers, version)
        call = ServerRequest(method=method.decode("latin-1"), path=path, query=query, headers=headers)
        request: Request[Admitted] = Request(call=call)
        request.http_1_1 = version == "1.1"
        request.keep_alive = parser.should_keep_alive() and method != b"CONNECT"
        self._spent = not request.keep_alive
        request.upgrade = parser.should_upgrade() and method != b"CONNECT"
        self._last = request
        self.events.head_ended(request, alone)

    def on_body(self, data: bytes) -> None:
        self.overhead = 0
        self.events.body_came(data)

    def on_message_complete(self) -> None:
        self.overhead = 0
        request = self._last
        if request is not None and request.upgrade and framing(request.call):
            return  # its body is still to come, although the parser says otherwise
        self._last = None
        self._in_message = False
        self.events.request_ended()
