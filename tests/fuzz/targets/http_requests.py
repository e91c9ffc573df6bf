"""HTTP/1.1 of callers: any cut gives the same requests, and h11 finds no other ones in the same bytes."""

from collections.abc import Sequence
from itertools import takewhile

import h11
from msgspec import Struct, field

from dragoman.errors import InvalidRequestError
from dragoman.gateway.http.heads import BadHeadError
from dragoman.gateway.http.parser import RequestParser
from dragoman.gateway.http.request import Request
from dragoman.gateway.http.request_limits import RequestLimits, check_body_limits, check_head_limits, check_type
from dragoman.wire.coding import MAX_UNPACKED, DamagedError, ExpandsError, Unpacker
from tests.fuzz.targets.framing import cuts
from tests.fuzz.targets.target import FuzzTarget, allowed

LIMIT = 1 << 20
EVENTS = (h11.Request, h11.Data, h11.EndOfMessage)
CODINGS = ("gzip", "deflate", "zstd")


class Message(Struct):
    """A request that was read: its method, target and body, and whether it is complete."""

    method: str
    target: str
    body: bytes = b""
    complete: bool = False


class Reading(Struct):
    """What a connection brought; the parser's Events."""

    messages: list[Message] = field(default_factory=list)
    broken: bool = False
    idle: bool = True
    """The next byte begins a request."""
    in_head: bool = False
    """The head of a request is not complete: what is wrong with it may be seen now or later."""

    def head_began(self) -> None:
        """A request begins."""
        assert self.idle
        self.idle = False

    def head_ended(self, request: Request[str], alone: bytes) -> None:
        """Its head is complete."""
        call = request.call
        check_head_limits(call, RequestLimits())
        check_body_limits(call, LIMIT)
        allowed(lambda: check_type(call))
        self.messages.append(Message(call.method, f"{call.path}?{call.query}"))

    def body_came(self, data: bytes) -> None:
        """A piece of its body."""
        self.messages[-1].body += data

    def request_ended(self) -> None:
        """It is complete."""
        self.messages[-1].complete = True
        self.idle = True


def read(pieces: Sequence[bytes]) -> Reading:
    """The requests in `pieces`."""
    found = Reading()
    parser: RequestParser[str] = RequestParser(found)
    try:
        for piece in pieces:
            parser.feed(piece, at_rest=found.idle and not parser.in_head)
    except BadHeadError:
        found.broken = True
    found.in_head = parser.in_head
    parser.close()
    return found


def read_by_h11(data: bytes) -> list[Message]:
    """The whole requests that h11 finds, up to the first that it refuses."""
    found: list[Message] = []
    parser = h11.Connection(h11.SERVER)
    parser.receive_data(data)
    try:
        while isinstance(event := parser.next_event(), EVENTS):
            match event:
                case h11.Request():
                    found.append(Message(event.method.decode(), ""))
                case h11.Data():
                    found[-1].body += event.data
                case h11.EndOfMessage():
                    found[-1].complete = True
                    parser.send(h11.Response(status_code=200, headers=[("content-length", "0")]))
                    parser.send(h11.EndOfMessage())
                    parser.start_next_cycle()
    except (h11.RemoteProtocolError, h11.LocalProtocolError):
        pass
    return [each for each in found if each.complete]


def requests(data: bytes) -> None:
    """What comes over a connection."""
    whole = read([data])
    for pieces in cuts(data):
        found = read(pieces)
        assert found.broken == whole.broken or found.in_head or whole.in_head
        assert found.messages == whole.messages
    ours, theirs = comparable(whole.messages), comparable(read_by_h11(data))
    both = min(len(ours), len(theirs))
    assert ours[:both] == theirs[:both]


def comparable(messages: Sequence[Message]) -> list[tuple[str, bytes]]:
    """Method and body of each whole request up to a CONNECT, which has no body for one parser, and ends both."""
    whole = takewhile(lambda each: each.complete and each.method != "CONNECT", messages)
    return [(each.method, each.body) for each in whole]


def unpacking(data: bytes) -> None:
    """Packed bodies: damaged ones and bombs are refused, and no cut changes what comes out."""
    for coding in CODINGS:
        whole = unpacked(coding, [data])
        for pieces in cuts(data)[:2]:
            assert unpacked(coding, pieces)[:1] == whole[:1] or whole[1]


def unpacked(coding: str, pieces: Sequence[bytes]) -> tuple[bytes, str]:
    """What comes out, and why it is not all."""
    unpacker = Unpacker(coding, min(LIMIT, MAX_UNPACKED))
    plain = b""
    try:
        for piece in pieces:
            plain += b"".join(unpacker.feed(piece))
    except (ExpandsError, DamagedError, InvalidRequestError) as exc:
        return b"", type(exc).__name__
    return plain, "" if unpacker.whole else "cut off"


TARGETS = {
    "http-requests": FuzzTarget(requests),
    "unpacking": FuzzTarget(unpacking),
}
