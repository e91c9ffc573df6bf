"""UTF-8 text in pieces."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.wire.utf8 import Utf8Reader, valid, well_formed
from tests.support.cuts import bytewise, scattered, two_way

BODIES = [
    b"",
    "aé€🙂\u2028".encode(),
    b"\xff",
    b"\xc3",
    b"\xe2\x82",
    b"\xf0\x9f\x99",
    b"\xf0\x9f\x99a",
    b"\xf0\x9f\xe2\x82\xac",
    b"\xed\xa0\x80",
    b"\xed\xa0\xbd\xed\xb8\x80",
    b"\xc0\xaf",
    b"\xf4\x90\x80\x80",
    b"\x80\xbf",
    b"\xef\xbb\xbfa",
]


def read(pieces: list[bytes]) -> str:
    reader = Utf8Reader()
    return "".join([reader.feed(piece) for piece in pieces]) + reader.finish()


@pytest.mark.parametrize("body", BODIES)
def test_text_is_the_same_at_every_cut(body: bytes) -> None:
    expected = body.decode("utf-8", "replace")
    for pieces in ([body], bytewise(body), *two_way(body)):
        assert read(pieces) == expected


@given(st.binary(max_size=20) | st.text(max_size=12).map(str.encode), st.integers(0, 2**32))
def test_any_bytes_are_the_same_at_any_cut(body: bytes, seed: int) -> None:
    assert read(scattered(body, seed)) == body.decode("utf-8", "replace")


def test_a_whole_character_is_given_out_at_once() -> None:
    reader = Utf8Reader()
    assert [reader.feed(piece) for piece in bytewise("a€b".encode())] == ["a", "", "", "€", "b"]


@pytest.mark.parametrize(
    ("text", "whole"),
    [
        ("", ""),
        ("aé€🙂", "aé€🙂"),
        ("\ud83d", "\ufffd"),
        ("\ude42", "\ufffd"),  # noqa: PT014  # ruff takes all half characters for the same one
        ("\ud83d\ude42", "🙂"),
        ("\ude42\ud83d", "\ufffd\ufffd"),
        ("a\ud83d\ud83d\ude42b\ud83d", "a\ufffd🙂b\ufffd"),
        ("\ud83d🙂", "\ufffd🙂"),
    ],
)
def test_half_characters_are_replaced(text: str, whole: str) -> None:
    assert well_formed(text) == whole


units = st.sampled_from(["\ud800", "\udbff", "\udc00", "\udfff", "a", "🙂", "é", "\uffff"])


@given(st.lists(units, max_size=12).map("".join))
def test_well_formed_text_is_what_javascript_encodes(text: str) -> None:
    pairs = list(text)
    out: list[str] = []
    i = 0
    while i < len(pairs):
        unit, following = pairs[i], pairs[i + 1] if i + 1 < len(pairs) else ""
        if "\ud800" <= unit <= "\udbff" and "\udc00" <= following <= "\udfff":
            out.append(chr(0x10000 + ((ord(unit) - 0xD800) << 10) + ord(following) - 0xDC00))
            i += 1
        else:
            out.append("\ufffd" if "\ud800" <= unit <= "\udfff" else unit)
        i += 1
    assert well_formed(text) == "".join(out)
    assert well_formed(well_formed(text)) == well_formed(text)


def test_bytes_that_are_no_text_are_replaced_and_all_others_stay() -> None:
    for data in (b"", b"a", "ä👋".encode()):
        assert valid(data) is data
    assert valid(b"a\xffb") == "a\ufffdb".encode()
