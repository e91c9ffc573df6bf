"""Requests out of bytes: however they are cut, the same requests."""

import pytest

from dragoman.gateway.http.heads import BadHeadError
from dragoman.gateway.http.parser import RequestParser
from dragoman.gateway.http.request import Request

HEAD = b"POST /a?b=c HTTP/1.1\r\nHost: here\r\nContent-Length: 5\r\n\r\n"
CHUNKED = b"POST /d HTTP/1.1\r\nHost: here\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nX: trailer\r\n\r\n"
UPGRADE = b"GET /e HTTP/1.1\r\nHost: here\r\nConnection: upgrade\r\nUpgrade: h2c\r\nContent-Length: 2\r\n\r\nhi"
PLAIN = b"GET http://there/f HTTP/1.1\r\nHost: here\r\n\r\n"


class Seen:
    """What was told; pieces of one body are put together."""

    def __init__(self) -> None:
        self.requests: list[Request[str]] = []
        self.bodies: list[bytes] = []
        self.alone: list[bytes] = []
        self.ended = 0

    def head_began(self) -> None:
        assert self.ended == len(self.requests)

    def head_ended(self, request: Request[str], alone: bytes) -> None:
        self.requests.append(request)
        self.bodies.append(b"")
        self.alone.append(alone)

    def body_came(self, data: bytes) -> None:
        self.bodies[-1] += data

    def request_ended(self) -> None:
        self.ended += 1


def read(*pieces: bytes) -> Seen:
    seen = Seen()
    parser: RequestParser[str] = RequestParser(seen)
    for piece in pieces:
        parser.feed(piece, at_rest=seen.ended == len(seen.requests) and not parser.in_head)
    assert not parser.in_head
    parser.close()
    return seen


@pytest.mark.parametrize("size", [1, 2, 7, 1000])
def test_any_cut_brings_the_same_requests(size: int) -> None:
    text = HEAD + b"hello" + CHUNKED + UPGRADE + PLAIN
    seen = read(*(text[at : at + size] for at in range(0, len(text), size)))
    assert [(each.call.method, each.call.path, each.call.query) for each in seen.requests] == [
        ("POST", "/a", "b=c"),
        ("POST", "/d", ""),
        ("GET", "/e", ""),
        ("GET", "/f", ""),
    ]
    assert seen.bodies == [b"hello", b"hello", b"hi", b""]
    assert seen.ended == 4
    assert [each.call.header(b"x") for each in seen.requests] == [None] * 4
    assert seen.requests[3].call.header(b"host") == "there"


def test_what_came_with_a_head_is_told_if_it_began_with_it() -> None:
    assert read(HEAD + b"hello", HEAD + b"hel", b"lo" + PLAIN).alone == [HEAD + b"hello", HEAD + b"hel", b""]


def test_what_only_frames_is_counted() -> None:
    seen = Seen()
    parser: RequestParser[str] = RequestParser(seen)
    parser.feed(HEAD[:20], at_rest=True)
    assert (parser.overhead, parser.in_head) == (20, True)
    parser.feed(HEAD[20:], at_rest=False)
    assert (parser.overhead, parser.in_head) == (0, False)


@pytest.mark.parametrize(
    "text",
    [
        b"no HTTP\r\n\r\n",
        b"GET  / HTTP/1.1\r\nHost: here\r\n\r\n",
        b"GET / HTTP/1.1\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: here\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
    ],
)
def test_what_is_no_request_is_an_error(text: bytes) -> None:
    with pytest.raises(BadHeadError):
        read(text)
