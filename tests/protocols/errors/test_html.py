"""Pages and answers, told apart by their first bytes."""

import pytest

from dragoman.protocols.errors.html import LOOKED_AT, looks_like_html


@pytest.mark.parametrize(
    ("head", "verdict"),
    [
        (b"", None),
        (b" \r\n\t", None),
        (b"\xef", None),
        (b"\xef\xbb\xbf", None),
        (b"<", None),
        (b"<!DOC", None),
        (b"\xef\xbb\xbf\n<HTM", None),
        (b"<html", True),
        (b"<!DocType HTML PUBLIC", True),
        (b"\xef\xbb\xbf <html lang=en>", True),
        (b"\n\xef\xbb\xbf<html>", True),
        (b"<b>", False),
        (b"<!-- x", False),
        (b"Hello", False),
        (b"Hello <html>", False),
        (b"\xef\xbb\xbfHello", False),
        (b" " * LOOKED_AT, False),
    ],
)
def test_first_bytes_tell_pages(head: bytes, verdict: bool | None) -> None:
    assert looks_like_html(head) is verdict
