"""The form of events with a piece of text."""

import pytest

from dragoman.protocols.gemini.chunk_form import form_of

EVENT = b'data: {"candidates":[{"content":{"parts":[{"text":"a"}]},"index":0}]}'


@pytest.mark.parametrize("end", [b"\n\n", b"\r\n\r\n"])
def test_an_event_of_one_line_has_a_form(end: bytes) -> None:
    found = form_of(EVENT + end)
    assert found is not None
    assert found.take(EVENT.replace(b'"a"', b'"b"') + end, 0)[0] == [b"b"]


@pytest.mark.parametrize("line_end", [b"\n", b"\r\n", b"\r"])
def test_an_event_of_several_lines_has_none(line_end: bytes) -> None:
    assert form_of(EVENT.replace(b',"index"', b"," + line_end + b'data: "index"') + line_end * 2) is None
