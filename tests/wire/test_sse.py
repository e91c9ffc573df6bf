"""Server-sent events: as the standard reads them, at every cut."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.errors import BadEventError
from dragoman.wire.sse import HEARTBEAT, MAX_EVENT, MAX_LINES, SseEvent, SseReader, encode
from dragoman.wire.utf8 import BOM
from tests.support.cuts import bytewise, scattered, two_way
from tests.wire.reference import interpret

BODIES = [
    b"",
    b"\n",
    b"data: x\n\n",
    b"data:x\n\n",
    b"data:  x\n\n",
    b"data\n\n",
    b"data:\n\n",
    b"data\ndata\n\n",
    b"data: a\ndata: b\n\ndata: c\n\n",
    b"event: add\ndata: 1\n\nevent:remove\ndata: 2\n\n",
    b"event: a\nevent:  b\ndata: 1\n\n",
    b"event\ndata: 1\n\n",
    b"event: lost\n\ndata: 1\n\n",
    b"data: 1\nevent: late\n\n",
    b": ping\n\ndata: 1\n:\n\n",
    b":data: no\n\n",
    b"id: 1\nretry: 10\nfoo: bar\nfoo\ndata: x\n\n",
    b"id: \x00\ndata: x\n\n",
    b"Data: x\nDATA: y\n data: z\ndata : w\n\n",
    b"data: a\rdata: b\r\rdata: c\r\r",
    b"data: a\r\ndata: b\r\n\r\ndata: c\r\n\r\n",
    b"data: a\rdata: b\r\ndata: c\n\r\ndata: d\r\rdata: e\n\rdata: f\r\n\n",
    b"\r\n\r\r\n\n\rdata: x\n\n",
    BOM + b"data: x\n\n",
    BOM + BOM + b"data: x\n\n",
    BOM + b"\n" + BOM + b"data: x\n\ndata: y\n" + BOM + b"\n" + BOM + b": c\n\n",
    BOM[:2] + b"data: x\n\ndata: y\n\n",
    BOM,
    BOM[:2],
    BOM + b"\rdata: x\n\n",
    "data: a\u2028b\u2029c\u0085d\x0be\x0cf\x1cg\x1dh\x1ei\x00j\n\n".encode(),
    "data: żółw 🙂\n\ndata: \ufeffx\n\n".encode(),
    b"data: \xff\xf0\x9f\n\n",
    b'data: {"a":1}\n\ndata: [DONE]\n\n',
    b"data: x\n\ndata: tail",
    b"data: x\n",
    b"data: x\r",
    b"data: x\r\n\r",
]


def read(pieces: list[bytes]) -> list[SseEvent]:
    """The events of a body in pieces."""
    reader = SseReader()
    return [event for piece in pieces for event in reader.feed(piece)]


def plain(events: list[SseEvent]) -> list[tuple[str, str]]:
    """As the reference has them, which drops lines that are no field."""
    return [
        (event.data.decode("utf-8", "replace"), event.event.decode("utf-8", "replace"))
        for event in events
        if not event.stray
    ]


@pytest.mark.parametrize("body", BODIES)
def test_reads_what_the_standard_reads_at_every_cut(body: bytes) -> None:
    expected = interpret(body)
    assert plain(read([body])) == expected
    for pieces in two_way(body):
        assert plain(read(pieces)) == expected, f"cut at byte {len(pieces[0])}"
        assert plain(read([pieces[0], b"", pieces[1]])) == expected, f"an empty piece at byte {len(pieces[0])}"
    assert plain(read(bytewise(body))) == expected


@pytest.mark.parametrize("body", [body for body in BODIES if len(body) <= 24])
def test_reads_short_bodies_at_every_pair_of_cuts(body: bytes) -> None:
    expected = interpret(body)
    for i in range(len(body) + 1):
        for j in range(i, len(body) + 1):
            assert plain(read([body[:i], body[i:j], body[j:]])) == expected, (i, j)


LINES = st.lists(
    st.sampled_from(
        [
            b"data",
            b"event",
            b"id",
            b"x",
            b":",
            b": ",
            b"\n",
            b"\r",
            b"\r\n",
            b" ",
            b"a",
            BOM,
            b"\xf0\x9f",
            "é\u2028".encode(),
        ]
    ),
    max_size=30,
).map(b"".join)


@given(LINES, st.integers(0, 2**32))
def test_reads_any_body_as_the_standard_does(body: bytes, seed: int) -> None:
    assert plain(read(scattered(body, seed))) == plain(read([body])) == interpret(body)


@pytest.mark.parametrize(
    ("body", "tail"),
    [
        (b"", None),
        (b"data: x\n\n", None),
        (b"data: x\n\nevent: y", None),
        (b"data: x\n\n: ping", None),
        (b"data: x", SseEvent(b"x")),
        (b"data: x\n", SseEvent(b"x")),
        (b"data: x\r", SseEvent(b"x")),
        (b"data: x\r\n", SseEvent(b"x")),
        (b"event: e\ndata: x\ndata: y", SseEvent(b"x\ny", b"e")),
        (BOM + b"data: x", SseEvent(b"x")),
        (BOM[:2], SseEvent(BOM[:2], stray=True)),
        (BOM, None),
    ],
)
def test_gives_out_what_the_end_cut_short(body: bytes, tail: SseEvent | None) -> None:
    for pieces in ([body], bytewise(body)):
        reader = SseReader()
        for piece in pieces:
            list(reader.feed(piece))
        assert reader.finish() == ([] if tail is None else [tail])


def test_keeps_bytes_that_are_no_line_end() -> None:
    data = "\u2028\u2029\u0085\x0b\x0c\x1c\x00\ufeff\xa0".encode() + b"\xff"
    assert read([b"data: " + data + b"\n\n"]) == [SseEvent(data)]


def test_what_is_written_is_read() -> None:
    for data, event in ((b"x", b""), (b"", b""), (b" x ", b"add"), (b"a\nb\n\n", b"e"), ("é\u2028".encode(), b"")):
        assert read(bytewise(encode(data, event))) == [SseEvent(data, event)]
    assert read([encode(b"a\r\nb\rc")]) == [SseEvent(b"a\nb\nc")]
    assert read([HEARTBEAT, encode(b"x"), HEARTBEAT]) == [SseEvent(b"x")]
    assert encode(b"x", b"e") == b"event: e\ndata: x\n\n"


@given(st.lists(st.tuples(st.binary(max_size=9), st.sampled_from([b"", b"e"])), max_size=5), st.integers(0, 2**32))
def test_any_events_that_are_written_are_read(events: list[tuple[bytes, bytes]], seed: int) -> None:
    body = b"".join(encode(data, event) for data, event in events)
    expected = [SseEvent(data.replace(b"\r\n", b"\n").replace(b"\r", b"\n"), event) for data, event in events]
    assert read(scattered(body, seed)) == expected


GOOD = b"data: good\n\n"
LIMIT = 40
LARGE = {
    "no end": b"data: " + b"x" * LIMIT,
    "one line": b"data: " + b"x" * LIMIT + b"\n\n",
    "a comment": b": " + b"x" * LIMIT + b"\n\n",
    "several lines": (b"data: " + b"x" * (LIMIT // 4) + b"\n") * 5,
    "many empty lines": b"data\n" * (LIMIT + 1),
}


@pytest.mark.parametrize("body", LARGE.values(), ids=LARGE)
def test_an_event_that_is_too_large_fails_behind_the_good_ones(body: bytes) -> None:
    whole = GOOD + body + GOOD
    for pieces in ([whole], bytewise(whole), *two_way(whole)):
        reader = SseReader(LIMIT)
        feeding = (event for piece in pieces for event in reader.feed(piece))
        assert next(feeding) == SseEvent(b"good")
        with pytest.raises(BadEventError) as caught:
            next(feeding)
        assert caught.value.code == "upstream_too_large"


def test_the_largest_event_is_read_and_no_larger_one() -> None:
    value = b"x" * (MAX_EVENT - len(b"data: "))
    assert read([b"data: " + value + b"\n\n"]) == [SseEvent(value)]
    with pytest.raises(BadEventError):
        read([b"data: " + value + b"x\n\n"])


def test_the_unfinished_event_has_the_same_limit() -> None:
    reader = SseReader(LIMIT)
    assert not list(reader.feed(b"data\n" * LIMIT + b"data"))
    with pytest.raises(BadEventError):
        reader.finish()


@pytest.mark.parametrize("line", [b"data: x\n", b"stray\n"])
def test_an_event_has_only_so_many_lines(line: bytes) -> None:
    reader = SseReader()
    for _ in range(2):
        assert list(reader.feed(line * MAX_LINES + b"\n"))
    list(reader.feed(line * MAX_LINES))
    with pytest.raises(BadEventError, match="lines") as caught:
        list(reader.feed(line))
    assert caught.value.code == "upstream_too_large"


def test_a_line_that_is_no_field_is_given_out_where_it_stands() -> None:
    body = b'data: x\n\nupstream failed\n{"error":1}\n: ping\nid: 1\nretry: 5\ndata: y\nlast\n\nand more'
    strays = [SseEvent(line, stray=True) for line in (b"upstream failed", b'{"error":1}', b"last", b"and more")]
    expected = [SseEvent(b"x"), *strays[:3], SseEvent(b"y"), strays[3]]
    for pieces in ([body], bytewise(body)):
        reader = SseReader()
        assert [*(event for piece in pieces for event in reader.feed(piece)), *reader.finish()] == expected
