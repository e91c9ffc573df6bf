"""A reply, parsed as it arrives. Knows no connection, and nothing of how long anything takes.

httptools calls back, and `state` says how much of the reply has come:

    state     | a message begins | its head is complete         | the message is complete
    ----------|------------------|------------------------------|-------------------------
    HEAD      | HEAD             | 1xx: HEAD, one more to come  | HEAD, for it was a 1xx
              |                  | else BODY; bodiless COMPLETE |
    BODY      | cannot be        | cannot be                    | COMPLETE
    COMPLETE  | unasked          | cannot be                    | COMPLETE, as it was

If a message comes that no request asked for, the parser stops with an error, and the connection serves no more.
"""

from collections.abc import Callable
from functools import partial
from itertools import chain

from httptools import HttpParserError, HttpParserUpgrade, HttpResponseParser

from dragoman.transport.base import BODY, COMPLETE, HEAD, State
from dragoman.transport.heads import LENGTH, MAX_FIELDS, MAX_HEAD, MAX_INFORMATIONAL
from dragoman.transport.native.keep_alive import KEEP, keep_time
from dragoman.types import ResponseHead
from dragoman.wire.coding import PLAIN

NOT_HTTP = (HttpParserError, HttpParserUpgrade)
"""What `ReplyParser.feed` raises."""


TRANSFER = b"transfer-encoding"
JUDGED = frozenset({10, 14, 16, 17})
"""How long the names of the fields are that say something of the body or the connection."""
CHUNKED = b"chunked"
"""If this is the last transfer encoding, the body marks its own end (RFC 9112, section 6.3)."""


class ReplyParser:
    """Parses one reply after another on the same connection.

    It calls nobody: its owner looks at `state` after each read.
    """

    __slots__ = (
        "_bodiless",
        "_fields",
        "_informational",
        "_marked",
        "_parser",
        "bare",
        "coding",
        "feed",
        "head",
        "keep",
        "on_body",
        "on_chunk_complete",
        "pieces",
        "state",
        "until_close",
    )

    state: State
    """HEAD, BODY or COMPLETE."""
    head: ResponseHead
    """Not before BODY."""
    coding: str
    """How the body is packed, empty if it is not; known once the head was judged."""
    pieces: list[bytes]
    """Pieces of the body, which the owner takes out."""
    bare: int
    """Bytes since a head was complete or a piece of a body came; after the head, the owner counts them."""
    until_close: bool
    """True if the body lasts until the connection's end; known once the head was judged."""
    keep: float
    """Seconds for which the connection may then be idle; 0 or less: it serves no more."""
    feed: Callable[[memoryview], None]
    """Reads what has arrived. Raises NOT_HTTP: also for bytes after a reply that is COMPLETE, which stays so."""

    def __init__(self) -> None:
        self.state = HEAD
        self.coding = ""
        self.pieces = []
        self.bare = 0
        self.keep = KEEP
        self._bodiless = self._marked = False
        self._informational = 0
        self._fields: list[tuple[bytes, bytes]] | None = []
        """Those of the head; None once that is complete: trailers are dropped."""
        self.on_body = self.pieces.append  # called without a Python frame
        self.on_chunk_complete: Callable[[], None] | None = None
        self._begin()

    def expect(self, bodiless: bool, marked: bool) -> None:
        """Another reply is expected.

        `bodiless`: it has no body, even if its head has a length. `marked`: an empty piece follows each chunk.
        """
        if marked is not self._marked:
            self._marked = marked
            self.on_chunk_complete = partial(self.pieces.append, b"") if marked else None
            self._begin()
        self.state = HEAD
        self._bodiless = bodiless
        self._informational = self.bare = 0
        self._fields = []

    def judge_head(self, size: int) -> str:
        """The limit that the head exceeds, now that `size` more bytes have come; empty: none."""
        if self._informational > MAX_INFORMATIONAL:
            return f"{MAX_INFORMATIONAL} informational heads before the real one"
        if self.state is HEAD:
            self.bare += size
            return f"a head of {MAX_HEAD} bytes" if self.bare > MAX_HEAD else ""
        came = self.bare + size
        self.bare = 0
        self.coding = ""
        headers = self.head.headers
        until_close = True
        for name, value in headers:
            length = len(name)
            if length not in JUDGED:
                continue
            if length == 14 and name.lower() == LENGTH:
                until_close = False
            elif length == 17 and name.lower() == TRANSFER:
                until_close = not value.rstrip().lower().endswith(CHUNKED)
            elif length == 10 and name.lower() == b"keep-alive":
                self.keep = keep_time(value) if self.keep > 0 else self.keep
            elif length == 16 and name.lower() == b"content-encoding":
                coding = value.decode("latin-1").strip().lower()
                self.coding = self.coding if coding in PLAIN else coding
        self.until_close = until_close
        # The fields cannot be larger than all that came.
        if len(headers) > MAX_FIELDS or (came > MAX_HEAD and sum(map(len, chain.from_iterable(headers))) > MAX_HEAD):
            return f"{MAX_FIELDS} header fields or {MAX_HEAD} bytes of them"
        return ""

    def end(self) -> None:
        """Nothing more is read."""
        # The two refer to each other: without this, only the garbage collector would free them.
        del self._parser, self.feed

    # httptools' side.

    def on_message_begin(self) -> None:
        if self.state is not HEAD:
            self.keep = 0.0
            raise EOFError  # no request asked for these bytes; this stops the parser

    def on_header(self, name: bytes, value: bytes) -> None:
        if self._fields is not None:
            self._fields.append((name, value))

    def on_headers_complete(self) -> None:
        status = self._parser.get_status_code()
        if 100 <= status < 200:
            self._informational += 1
            return
        self.head = ResponseHead(status, tuple(self._fields or ()))
        self._fields = None
        if self._bodiless:
            self.state = COMPLETE
            self.keep = 0.0  # httptools does not know that no body follows
        else:
            self.state = BODY

    def on_message_complete(self) -> None:
        state = self.state
        if state is HEAD:
            self._fields = []  # a 1xx is over, the head is still to come
        elif state is BODY:
            self.state = COMPLETE
            if not self._parser.should_keep_alive():
                self.keep = 0.0
            pieces = self.pieces
            if self._marked and pieces and not pieces[-1]:
                pieces.pop()  # the mark of the last chunk, which is the end itself

    def _begin(self) -> None:
        # httptools looks up its callbacks when it is made.
        self._parser = HttpResponseParser(self)
        # The value of a field may stand on several lines, which a client must join (RFC 9112, section 5.2).
        self._parser.set_dangerous_leniencies(lenient_headers=True)
        self.feed = self._parser.feed_data
