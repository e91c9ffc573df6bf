"""A parser serves one connection after another: what it has read of the one changes nothing for the other."""

import pytest

from dragoman.gateway.http.heads import BadHeadError
from dragoman.gateway.http.parser import RequestParser
from dragoman.gateway.http.parsers import MOST, Parsers
from tests.gateway.http.test_parser import CHUNKED, HEAD, PLAIN, UPGRADE, Seen

LAST = b"GET /g HTTP/1.1\r\nHost: here\r\nConnection: close\r\n\r\n"
OLD = b"GET /g HTTP/1.0\r\nHost: here\r\n\r\n"
WHOLE = {"sized": HEAD + b"hello", "chunked": CHUNKED, "upgrade": UPGRADE, "plain": PLAIN}


def fed(*pieces: bytes) -> tuple[RequestParser[str], Seen]:
    seen = Seen()
    parser: RequestParser[str] = RequestParser(seen)
    for piece in pieces:
        parser.feed(piece, at_rest=seen.ended == len(seen.requests) and not parser.in_head)
    return parser, seen


def told(seen: Seen) -> list[tuple[object, bytes, bool]]:
    return [(each.call, body, each.keep_alive) for each, body in zip(seen.requests, seen.bodies, strict=True)]


@pytest.mark.parametrize("first", WHOLE.values(), ids=WHOLE)
@pytest.mark.parametrize("then", [*WHOLE.values(), LAST, OLD])
@pytest.mark.parametrize("size", [1, 7, 1000])
def test_it_reads_the_next_connection_as_a_new_one_would(first: bytes, then: bytes, size: int) -> None:
    parsers: Parsers[str] = Parsers()
    pieces = [then[at : at + size] for at in range(0, len(then), size)]
    before, again = Seen(), Seen()
    parser = parsers.take(before)
    parser.feed(first, at_rest=True)
    assert parser.between
    parsers.give_back(parser)
    same = parsers.take(again)
    assert same is parser
    for piece in pieces:
        same.feed(piece, at_rest=again.ended == len(again.requests) and not same.in_head)
    assert told(again) == told(fed(*pieces)[1])
    assert again.ended == 1


@pytest.mark.parametrize(
    "pieces",
    [
        [],
        [WHOLE["sized"]],
        [WHOLE["sized"], WHOLE["chunked"]],
        [UPGRADE],
    ],
)
def test_it_is_free_between_two_requests(pieces: list[bytes]) -> None:
    assert fed(*pieces)[0].between


@pytest.mark.parametrize(
    "pieces",
    [
        [b"\r\n"],
        [PLAIN, b"\r\n"],
        [PLAIN, b"GET"],
        [HEAD],
        [HEAD + b"hell"],
        [CHUNKED[:-2]],
        [UPGRADE[:-1]],
        [LAST],
        [OLD],
        [PLAIN + HEAD + b"hell"],
    ],
)
def test_it_is_not_free_in_the_midst_of_one_or_after_the_last(pieces: list[bytes]) -> None:
    assert not fed(*pieces)[0].between


@pytest.mark.parametrize("text", [b"junk\r\n\r\n", b"GET  / HTTP/1.1\r\n", PLAIN + b"junk\r\n\r\n"])
def test_it_is_not_free_after_a_mistake(text: bytes) -> None:
    parser: RequestParser[str] = RequestParser(Seen())
    with pytest.raises(BadHeadError):
        parser.feed(text, at_rest=True)
    assert not parser.between


def test_one_that_was_stopped_is_not_free() -> None:
    parser, _ = fed(PLAIN)
    parser.stopped = True
    assert not parser.between


def test_no_more_are_kept_than_a_few() -> None:
    parsers: Parsers[str] = Parsers()
    many = [parsers.take(Seen()) for _ in range(MOST + 1)]
    for parser in many:
        parsers.give_back(parser)
    again = [parsers.take(Seen()) for _ in range(MOST + 1)]
    assert set(map(id, again[:MOST])) == set(map(id, many[:MOST]))
    assert again[MOST] not in many


def test_it_holds_nobody_while_it_waits() -> None:
    parsers: Parsers[str] = Parsers()
    parser = parsers.take(Seen())
    parsers.give_back(parser)
    assert not hasattr(parser, "events")
