"""The parser of replies, fed without a socket."""

import pytest

from dragoman.transport.base import BODY, COMPLETE, HEAD, State
from dragoman.transport.heads import MAX_FIELDS, MAX_HEAD, MAX_INFORMATIONAL
from dragoman.transport.native.keep_alive import KEEP
from dragoman.transport.native.reply_parser import NOT_HTTP, ReplyParser

INTERIM = b"HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n"
SIZED = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n"
CHUNKED = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"
NO_BODY = b"HTTP/1.1 204 No Content\r\n\r\n"

STEPS: list[tuple[list[bytes], list[State]]] = [
    ([SIZED, b"a", b"b"], [BODY, BODY, COMPLETE]),
    ([SIZED + b"ab"], [COMPLETE]),
    ([INTERIM, INTERIM, SIZED, b"ab"], [HEAD, HEAD, BODY, COMPLETE]),
    ([INTERIM + SIZED + b"ab"], [COMPLETE]),
    ([CHUNKED, b"1\r\na\r\n", b"0\r\n", b"\r\n"], [BODY, BODY, BODY, COMPLETE]),
    ([NO_BODY], [COMPLETE]),
    ([b"HTTP/1.1 200 OK\r\n\r\n", b"a"], [BODY, BODY]),
]
"""What is fed, and the state after each piece."""


def parser(*, bodiless: bool = False, marked: bool = False) -> ReplyParser:
    """One that expects its first reply."""
    made = ReplyParser()
    made.expect(bodiless, marked)
    return made


def fed(to: ReplyParser, data: bytes) -> str:
    """What is too large in a head that comes so."""
    to.feed(memoryview(data))
    return to.judge_head(len(data))


@pytest.mark.parametrize(("pieces", "states"), STEPS)
def test_says_where_a_reply_stands(pieces: list[bytes], states: list[State]) -> None:
    one = parser()
    seen = []
    for piece in pieces:
        one.feed(memoryview(piece))
        seen.append(one.state)
    assert seen == states


@pytest.mark.parametrize("raw", [SIZED + b"ab", CHUNKED + b"2\r\nab\r\n0\r\nx: trailer\r\n\r\n", NO_BODY])
def test_serves_one_reply_after_another(raw: bytes) -> None:
    one = parser()
    for _ in range(3):
        assert fed(one, raw) == ""
        assert (one.state, one.keep) == (COMPLETE, KEEP)
        assert one.head.header("x") is None
        one.expect(bodiless=False, marked=False)


def test_bytes_that_nobody_asked_for_end_a_connection_and_not_the_reply() -> None:
    one = parser()
    with pytest.raises(NOT_HTTP):
        one.feed(memoryview(SIZED + b"ab" + SIZED))
    assert (one.state, one.keep, one.pieces) == (COMPLETE, 0, [b"ab"])


def test_a_reply_without_a_body_is_the_last_if_only_the_request_says_so() -> None:
    one = parser(bodiless=True)
    one.feed(memoryview(SIZED))
    assert (one.state, one.keep) == (COMPLETE, 0)


@pytest.mark.parametrize(
    ("field", "keep"),
    [(b"keep-alive: timeout=11", 10), (b"keep-alive: timeout=1", 0), (b"x: y", KEEP), (b"connection: close", 0)],
)
def test_a_server_says_how_long_a_connection_may_be_idle(field: bytes, keep: float) -> None:
    one = parser()
    fed(one, b"HTTP/1.1 200 OK\r\n%b\r\ncontent-length: 0\r\n\r\n" % field)
    assert one.keep == keep


def test_a_connection_that_ends_is_not_kept_whatever_the_server_says() -> None:
    one = parser()
    fed(one, b"HTTP/1.1 200 OK\r\nkeep-alive: timeout=11\r\nconnection: close\r\ncontent-length: 0\r\n\r\n")
    assert one.keep == 0


def test_the_coding_is_that_of_the_present_reply() -> None:
    one = parser()
    fed(one, b"HTTP/1.1 200 OK\r\nContent-Encoding: GZip \r\ncontent-length: 0\r\n\r\n")
    assert one.coding == "gzip"
    one.expect(bodiless=False, marked=False)
    fed(one, SIZED)
    assert one.coding == ""


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        (INTERIM * MAX_INFORMATIONAL + SIZED, ""),
        (INTERIM * (MAX_INFORMATIONAL + 1) + SIZED, f"{MAX_INFORMATIONAL} informational heads before the real one"),
        (b"HTTP/1.1 200 OK\r\n" + b"a: b\r\n" * MAX_FIELDS + b"\r\n", ""),
        (
            b"HTTP/1.1 200 OK\r\n" + b"a: b\r\n" * (MAX_FIELDS + 1) + b"\r\n",
            f"{MAX_FIELDS} header fields or {MAX_HEAD} bytes of them",
        ),
        (b"HTTP/1.1 200 OK\r\na: " + b"b" * MAX_HEAD, f"a head of {MAX_HEAD} bytes"),
    ],
)
def test_a_head_has_bounds(raw: bytes, said: str) -> None:
    assert fed(parser(), raw) == said


@pytest.mark.parametrize("marked", [True, False])
def test_marks_every_chunk_but_the_last_if_asked(marked: bool) -> None:
    one = parser(marked=marked)
    one.feed(memoryview(CHUNKED + b"1\r\na\r\n1\r\nb\r\n0\r\n\r\n"))
    assert one.pieces == ([b"a", b"", b"b", b""] if marked else [b"a", b"b"])


@pytest.mark.parametrize(
    ("raw", "lasts"),
    [
        (b"HTTP/1.1 200 OK\r\n\r\n", True),
        (b"HTTP/1.1 200 OK\r\ntransfer-encoding: identity\r\n\r\n", True),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, Chunked \r\n\r\n", False),
        (SIZED, False),
        (CHUNKED, False),
    ],
)
def test_knows_whether_a_body_lasts_until_the_end(raw: bytes, lasts: bool) -> None:
    one = parser()
    one.feed(memoryview(raw))
    assert one.judge_head(len(raw)) == ""
    assert one.until_close is lasts
