"""Raw text, cut anywhere, and the few signs of failure that it has."""

import itertools
from codecs import getincrementaldecoder

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.errors import (
    AuthenticationError,
    BadEventError,
    ConnectError,
    InvalidRequestError,
    TruncatedStreamError,
)
from dragoman.protocols.webchat.raw_text import BROKEN_MARK, RawTextDecoder, RawTextEncoder
from dragoman.types import PartDelta, PartEnd, PartStart, ResponseEnd, ResponseStart, StreamEvent, Text, assistant
from dragoman.types.response import ChatResponse, unfold
from tests.support.cuts import assert_same_at_every_cut, bytewise, drive

MARK = BROKEN_MARK.encode()
GOLDEN = "Привет, мир! 👋 你好 👨‍👩‍👧‍👦 café\n\u2028\x00\ufeffend"


def marking() -> RawTextDecoder:
    return RawTextDecoder(BROKEN_MARK)


def whole(text: str) -> list[StreamEvent]:
    """The events of an answer of nothing but `text`."""
    if not text:
        return [ResponseStart(), ResponseEnd("stop")]
    return [ResponseStart(), PartStart(Text(text="")), PartDelta(text), PartEnd(), ResponseEnd("stop")]


def words(events: list[StreamEvent]) -> str:
    return "".join(event.text for event in events if isinstance(event, PartDelta))


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "I",
        "Inv",
        "Invalid signature!",
        "No input text, sorry",
        "<",
        "<b>",
        "<!doctype",
        " \n ",
        "\ufeffHi",
        "Internal",
        "Internal server errors",
        "It says: Internal server error",
        "Internal server error, it says",
        GOLDEN,
        "\n\n  " + GOLDEN,
    ],
    ids=ascii,
)
def test_text_arrives_whole_at_every_cut(text: str) -> None:
    events, error = assert_same_at_every_cut(marking, text.encode())
    assert (events, error) == (whole(text), None)


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"Invalid signature", AuthenticationError),
        (b"No input text", InvalidRequestError),
        (b"<!DOCTYPE html><title>x</title>", BadEventError),
        (b"\xef\xbb\xbf\r\n<HTML>", BadEventError),
        (MARK, TruncatedStreamError),
    ],
)
def test_whole_answers_that_are_errors_are_never_text(body: bytes, kind: type[Exception]) -> None:
    events, error = assert_same_at_every_cut(marking, body)
    assert events == []
    assert error is not None
    assert error[0] is kind


def test_a_page_has_its_own_code() -> None:
    decoder = marking()
    decoder.feed(b"<html>")
    assert decoder.error is not None
    assert decoder.error.code == "upstream_html"
    assert decoder.feed(b"more") == decoder.finish() == decoder.salvage() == []


def test_invalid_utf8_becomes_replacement_characters() -> None:
    body = b"a\xffb\xf0\x9f"
    events, error = assert_same_at_every_cut(marking, body)
    assert (events, error) == (whole(body.decode("utf-8", "replace")), None)


@given(st.binary(max_size=60), st.lists(st.integers(0, 60), max_size=6))
def test_any_bytes_at_any_cut_are_text_or_an_error_of_the_tree(body: bytes, marks: list[int]) -> None:
    edges = sorted({0, len(body), *(mark for mark in marks if mark < len(body))})
    pieces = [body[a:b] for a, b in itertools.pairwise(edges)]
    expected = drive(RawTextDecoder(), [body])
    assert drive(RawTextDecoder(), pieces) == expected
    if expected[1] is None:
        assert words(expected[0]) == body.decode("utf-8", "replace")


CHUNKS = st.lists(
    st.sampled_from(
        [MARK, b"Internal", b" server error", b"Say: ", "👋".encode(), b"\xf0\x9f", b"\x91\x8b", b"In", b"<", b" "]
    ),
    max_size=6,
)


@given(CHUNKS)
def test_a_last_chunk_that_is_the_mark_is_never_text(chunks: list[bytes]) -> None:
    pieces = [piece for chunk in chunks for piece in (*bytewise(chunk), b"")]
    events, error = drive(marking(), pieces)
    assert (events, error) == drive(marking(), [piece for chunk in chunks for piece in (chunk, b"")])
    broken = chunks[-1:] == [MARK]
    assert (error is not None) == broken
    body = b"".join(chunks[:-1] if broken else chunks)
    # Of a character that the failure cut nothing is shown.
    assert words(events) == getincrementaldecoder("utf-8")("replace").decode(body, final=not broken)


def test_the_mark_is_text_where_more_follows() -> None:
    events, error = drive(marking(), [b"a", b"", MARK, b"", MARK, b"", b"b", b""])
    assert (words(events), error) == (f"a{BROKEN_MARK}{BROKEN_MARK}b", None)


def test_the_mark_is_text_as_the_end_of_a_chunk_or_where_chunks_are_unknown() -> None:
    for pieces in ([b"a" + MARK, b""], [b"a", MARK], [b"a", b"", b"b", MARK, b""], [MARK + b".", b""]):
        events, error = drive(marking(), pieces)
        assert (words(events), error) == (b"".join(pieces).decode(), None)


@pytest.mark.parametrize("off", [None, ""])
def test_without_a_mark_it_is_text_like_any_other(off: str | None) -> None:
    events, error = drive(RawTextDecoder(off), [b"a", b"", MARK, b""])
    assert (words(events), error) == (f"a{BROKEN_MARK}", None)


def test_another_mark_may_be_set() -> None:
    events, error = drive(RawTextDecoder("[ERR]"), [b"a", b"", b"[ERR]", b""])
    assert (words(events), error and error[0]) == ("a", TruncatedStreamError)


def test_text_is_given_out_as_soon_as_it_can_be_nothing_else() -> None:
    decoder = marking()
    assert decoder.feed(b"Int") == []
    assert words(decoder.feed(b"o")) == "Into"
    assert words(decoder.feed(b"Internal server error")) == "Internal server error"
    assert decoder.feed(b"") == []
    assert decoder.feed(b"Internal ") == []
    assert words(decoder.feed(b"")) == "Internal "
    assert words(decoder.feed(b"x")) == "x"


@pytest.mark.parametrize(
    ("pieces", "text"),
    [
        ([b"In"], "In"),
        ([b"Internal"], "Internal"),
        ([b"a", b"", b"Internal serv"], "aInternal serv"),
        ([b"a", b"", MARK], "a"),
        ([b"a", b"", MARK, b""], "a"),
        ([b" "], " "),
        ([b"<ht"], "<ht"),
        ([b"Invalid signature"], ""),
        ([b"a\xf0\x9f"], "a"),
        ([], ""),
    ],
)
def test_a_broken_transfer_gives_out_what_was_held(pieces: list[bytes], text: str) -> None:
    events, error = drive(marking(), pieces, whole=False)
    assert (words(events), error) == (text, None)
    assert ResponseEnd("stop") not in events


def test_what_is_encoded_is_what_is_decoded() -> None:
    encoder = RawTextEncoder(broken_mark=BROKEN_MARK)
    data = encoder.send(unfold(ChatResponse(parts=assistant(GOLDEN).parts)))
    assert drive(marking(), [data]) == (whole(GOLDEN), None)


def test_a_failure_is_the_mark_or_nothing() -> None:
    error = ConnectError("secret words")
    assert RawTextEncoder(broken_mark=BROKEN_MARK).fail(error) == MARK
    assert RawTextEncoder().fail(error) == b""
