"""Chunks whose id, time or padding changes: what else must be the same, and what a tap then decodes."""

import pytest

from dragoman.protocols.openai_chat.chunk_form import form_of
from dragoman.protocols.openai_chat.tap import ChatTap
from dragoman.protocols.streams.event_form import Form
from dragoman.protocols.streams.lane import Lane
from dragoman.protocols.streams.sse_tap import TRIES

CHUNK = (
    b'data: {"id":"%b","created":%d,"choices":[{"index":0,"delta":{"content":"%b"},"finish_reason":null}],'
    b'"obfuscation":"%b"}\n\n'
)


def chunk(name: bytes = b"c1", created: int = 1, text: bytes = b"Hello", padding: bytes = b"x") -> bytes:
    return CHUNK % (name, created, text, padding)


def test_id_time_text_and_padding_may_differ() -> None:
    form = form_of(chunk())
    assert form is not None
    row = b""
    for text in (b"", b" more", rb"\"quoted\"", rb"\\", b'\\n{\\"id\\":\\"'):
        other = chunk(b"c" * len(text), 10 + len(text), text, b"y" * len(text))
        assert form.holds(other)
        row += other
    assert form.length(row, 0) == len(row)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"null", b'"stop"'),
        (b"null", b"nul"),
        (b'"created":1', b'"created":"1"'),
        (b'"created":1', b'"created":-1'),
        (b'"created":1', b'"error":{"id":"1"}'),
        (b'"c1"', b"null"),
        (b'"Hello"', b"null"),
        (b'"Hello"', b'["Hello"]'),
        (b'"Hello"', b'"Hello","refusal":"No."'),
        (b'"Hello"', b'"Hello"},"finish_reason":"stop","x":{"y":"z"'),
        (b'"x"', b'"x","usage":{"prompt_tokens":1}'),
        (b'"x"', b'"\\"'),
        (b'"x"', b'"\n"'),
        (b'"index":0', b'"index":1'),
        (b"content", b"refusal"),
        (b"data:", b"date:"),
    ],
)
def test_nothing_else_may_differ(old: bytes, new: bytes) -> None:
    form, other = form_of(chunk()), chunk().replace(old, new)
    assert form is not None
    assert other != chunk()
    assert not form.holds(other)


def test_the_field_that_has_a_text_is_the_hole() -> None:
    event = chunk().replace(b'"content":"Hello"', b'"content":"","reasoning_content":"Hm"')
    form = form_of(event)
    assert form is not None
    assert form.take(event, 0) == ([b"Hm"], len(event))
    assert not form.holds(event.replace(b'"content":""', b'"content":"a"'))


@pytest.mark.parametrize(
    "event",
    [
        chunk().replace(b'"content":"Hello"', b'"content":"Hello","reasoning":"Hm"'),
        chunk(text=b""),
        chunk().replace(b"\n\n", b"\r\n\r\n"),
        b": comment\n" + chunk(),
        chunk()[:-1],
    ],
)
def test_an_unusual_event_has_none(event: bytes) -> None:
    assert form_of(event) is None


def test_padding_is_known_at_once_and_other_changes_at_the_second_event() -> None:
    tap = ChatTap()
    for number in range(3):
        event = chunk(padding=b"x" * number)
        assert tap.feed(event) == event
        assert isinstance(tap.shape, Form)

    bare, tap = chunk().replace(b',"obfuscation":"x"', b""), ChatTap()
    for number, kind in enumerate((Lane, Form, Form, Form)):
        event = bare.replace(b"c1", b"c%d" % number)
        assert tap.feed(event) == event
        assert isinstance(tap.shape, kind), number


def test_a_time_that_changes_now_and_then_needs_no_form() -> None:
    tap = ChatTap()
    bare = chunk().replace(b',"obfuscation":"x"', b"")
    for second in range(2 * TRIES):
        for _ in range(2):
            event = bare.replace(b'"created":1', b'"created":%d' % second)
            tap.feed(event)
        assert isinstance(tap.shape, Lane), second
        assert tap.shape.fits(event, 0, len(event))
