"""Lines of bytes, cut anywhere."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.errors import BadEventError
from dragoman.wire.lines import MAX_LINE, LineReader
from tests.support.cuts import bytewise, scattered, two_way

BODIES = [b"", b"\n", b"\n\n", b"a", b"a\n", b"a\nb", b"a\r\nb\r\n", b"\na\n\nbc\n", "é\u2028ż\n🙂".encode()]


def read(pieces: list[bytes], limit: int = MAX_LINE) -> tuple[list[bytes], bytes | None]:
    """The lines and the tail; None for it where a line was too long."""
    reader = LineReader(limit)
    lines: list[bytes] = []
    try:
        for piece in pieces:
            lines.extend(reader.feed(piece))
    except BadEventError:
        return lines, None
    return lines, reader.finish()


@pytest.mark.parametrize("body", BODIES)
def test_lines_are_the_same_at_every_cut(body: bytes) -> None:
    *lines, tail = body.split(b"\n")
    for pieces in ([body], bytewise(body), *two_way(body)):
        assert read(pieces) == (lines, tail)


@given(st.lists(st.sampled_from([b"a", b"\n", b"\r", b"bb"]), max_size=30).map(b"".join), st.integers(0, 2**32))
def test_a_line_that_is_too_long_fails_behind_the_good_ones_at_every_cut(body: bytes, seed: int) -> None:
    *lines, tail = body.split(b"\n")
    long = [i for i, line in enumerate([*lines, tail]) if len(line) > 4]
    expected = (lines[: long[0]], None) if long else (lines, tail)
    assert read([body], 4) == expected
    assert read(scattered(body, seed), 4) == expected
    assert [*read(bytewise(body), 4)] == [*expected]


def test_finishing_leaves_nothing_behind() -> None:
    reader = LineReader(4)
    assert list(reader.feed(b"abc")) == []
    assert reader.finish() == b"abc"
    assert reader.finish() == b""
    assert list(reader.feed(b"defg\n")) == [b"defg"]


def test_a_line_stays_too_long() -> None:
    reader = LineReader(2)
    for piece in (b"abc", b"d", b"e\n"):
        with pytest.raises(BadEventError, match="at most 2 bytes") as caught:
            list(reader.feed(piece))
        assert caught.value.code == "upstream_too_large"


class Counted(bytes):
    """Bytes that count how many of them are searched."""

    searched = 0

    def __contains__(self, item: object) -> bool:
        Counted.searched += len(self)
        return super().__contains__(item)  # type: ignore[operator]  # only bytes are looked for


def test_no_byte_of_an_unfinished_line_is_searched_twice() -> None:
    reader = LineReader()
    Counted.searched = 0
    for _ in range(MAX_LINE // 16):
        assert not list(reader.feed(Counted(b"x" * 16)))
    assert Counted.searched == MAX_LINE
    assert list(reader.feed(b"\n")) == [b"x" * MAX_LINE]


def test_a_long_line_in_single_bytes_is_kept_whole() -> None:
    reader = LineReader()
    for _ in range(MAX_LINE):
        assert not reader.feed(b"x")
    assert reader.finish() == b"x" * MAX_LINE
