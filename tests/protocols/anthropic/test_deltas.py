"""The forms of deltas: known before any comes, or made of the first one."""

import pytest

from dragoman.protocols.anthropic.deltas import FIELDS, form_of

DELTA = (
    b'event: content_block_delta\ndata: {"type":"content_block_delta","index":%d,"delta":{"type":"%b","%b":"%b"%b}}\n\n'
)


@pytest.mark.parametrize(("kind", "field"), FIELDS)
def test_a_form_that_is_known_before_is_the_one_that_would_be_made(kind: bytes, field: bytes) -> None:
    for text in (b"", b"Hello", rb"\"\n\\"):
        event = DELTA % (3, kind, field, text, b"")
        spaced = event.replace(b"data: ", b"data:")
        known, made = form_of(event, 3, padded=False), form_of(spaced, 3, padded=False)
        assert known is not None
        assert made is not None
        assert known is form_of(DELTA % (3, kind, field, b"another", b""), 3, padded=False)
        assert made.fixed == tuple(piece.replace(b"data: ", b"data:") for piece in known.fixed)
        assert known.take(event, 0) == ([text], len(event))
        assert made.take(spaced, 0) == ([text], len(spaced))


@pytest.mark.parametrize("padded", [True, False])
def test_nothing_else_has_a_form(padded: bool) -> None:
    kind, field = FIELDS[0]
    for event in (
        DELTA % (2, kind, field, b"another block", b""),
        DELTA % (3, kind, field, b"more", b',"x":1'),
        DELTA % (3, b"signature_delta", b"signature", b"x", b""),
        DELTA % (3, kind, field, b'no "text"', b""),
        (DELTA % (3, kind, field, b"half", b""))[:-1],
        (DELTA % (3, kind, field, b"half", b""))[1:],
    ):
        assert form_of(event, 3, padded=padded) is None
