"""Replies in no words of their protocol: what they are is said, and a page is never shown."""

from collections.abc import Callable

import pytest

from dragoman.errors import BadEventError, DragomanError, PermissionDeniedError, UpstreamError
from dragoman.protocols.errors.body import decode_failure
from dragoman.protocols.errors.unread import unread
from dragoman.types import HttpResponse, ResponseHead

PAGE = b"<!DOCTYPE html><title>Secret page</title>"
OTHER = "a body that is not of this protocol"


def read(status: int, body: bytes, media_type: str = "application/json") -> DragomanError:
    return unread(HttpResponse(ResponseHead(status, ((b"content-type", media_type.encode()),)), body))


@pytest.mark.parametrize(
    ("status", "body", "media_type", "kind", "message"),
    [
        (502, PAGE, "application/json", UpstreamError, "answered 502 with an HTML page"),
        (403, b"\xef\xbb\xbf \n" + PAGE, "text/plain", PermissionDeniedError, "answered 403 with an HTML page"),
        (200, PAGE, "text/html", BadEventError, "answered 200 with an HTML page"),
        (502, b"x", "text/html", UpstreamError, "answered 502 with an HTML page"),
        (500, b" ", "text/html", UpstreamError, "answered 500 with an empty body"),
        (500, b"<?xml version='1.0'?><Error/>", "application/xml", UpstreamError, f"answered 500 with {OTHER}"),
        (500, b"<", "application/json", UpstreamError, f"answered 500 with {OTHER}"),
        (500, b"no room", "text/plain", UpstreamError, "answered 500 with 'no room'"),
        (200, b"Secret", "application/json", BadEventError, f"answered 200 with {OTHER}"),
        (301, b"Secret", "text/plain", UpstreamError, "answered 301, a redirect, which is not followed"),
    ],
)
def test_what_a_body_is(status: int, body: bytes, media_type: str, kind: type[DragomanError], message: str) -> None:
    error = read(status, body, media_type)
    assert (type(error), error.message) == (kind, message)


def test_a_page_and_a_redirect_have_codes_of_their_own() -> None:
    assert read(200, PAGE).code == "upstream_html"
    assert read(200, b"x", "text/html").code == "upstream_html"
    assert read(301, b"").code == "upstream_redirect"


@pytest.mark.parametrize("status", [200, 403, 503, 520])
@pytest.mark.parametrize("read_by", [unread, decode_failure])
def test_a_page_has_its_code_whatever_its_status(status: int, read_by: Callable[[HttpResponse], DragomanError]) -> None:
    plain = ((b"content-type", b"text/html"),)
    assert read_by(HttpResponse(ResponseHead(status, plain), PAGE)).code == "upstream_html"
    asking = ResponseHead(status, (*plain, (b"cf-mitigated", b"challenge")))
    error = read_by(HttpResponse(asking, PAGE))
    assert error.code == "upstream_challenge"
    assert "Secret" not in str(error)


def test_credentials_in_a_plain_text_are_not_shown() -> None:
    assert "sk-proj-0123456789abcdefghij" not in read(500, b"key sk-proj-0123456789abcdefghij", "text/plain").message
    assert len(read(500, b"x" * 9999, "text/plain").message) < 600
