"""What a service writes in the place of a chunk, piece by piece."""

import pytest

from dragoman.errors import BadEventError, DragomanError, UpstreamError
from dragoman.protocols.openai_chat.foreign import foreign_error, named_error, read_object, read_stray


@pytest.mark.parametrize("line", [b"", b"ping", b"PING", b"retry: 5", b"x-field: and so on"])
def test_some_lines_say_nothing(line: bytes) -> None:
    assert read_stray(line) is None


def test_words_may_be_why_an_answer_ended() -> None:
    error = read_stray(b"too many users, sk-aaaaaaaaaaaaaaaaaaaaaaaa")
    assert isinstance(error, UpstreamError)
    assert "too many users" in str(error)
    assert "aaaa" not in str(error)


@pytest.mark.parametrize(
    ("line", "kind", "said"),
    [
        (b"<html>", BadEventError, "HTML"),
        (b"error: no slot", UpstreamError, "no slot"),
        (b'Error :{"message": "no slot"}', UpstreamError, "no slot"),
    ],
)
def test_some_lines_are_failures(line: bytes, kind: type[DragomanError], said: str) -> None:
    with pytest.raises(kind, match=said):
        read_stray(line)


@pytest.mark.parametrize(
    ("data", "name", "strange"),
    [
        (b'{"id": "1", "object": "ping"}', b"", False),
        (b'{"status": ""}', b"", False),
        (b'{"status": "busy"}', b"", True),
        (b'{"status": "busy"}', b"message", True),
        (b'{"status": "busy"}', b"progress", False),
    ],
)
def test_an_object_that_is_no_chunk_may_be_a_message(data: bytes, name: bytes, strange: bool) -> None:
    assert (read_object(data, name) is not None) is strange


def test_an_object_may_report_a_failure_under_any_name() -> None:
    with pytest.raises(UpstreamError, match="no slot"):
        read_object(b'{"error": {"message": "no slot"}}', b"progress")


def test_an_event_named_error_is_one_whatever_it_holds() -> None:
    assert "no slot" in str(named_error(b"no slot"))
    assert "no slot" in str(named_error(b'{"error": {"message": "no slot"}}'))


def test_a_list_may_hold_an_error() -> None:
    assert "no slot" in str(foreign_error(b'[{"error": {"message": "no slot"}}]'))
    assert isinstance(foreign_error(b"[1]"), BadEventError)
