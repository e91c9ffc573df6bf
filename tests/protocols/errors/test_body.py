"""Replies that are no answer."""

import pytest

from dragoman.errors import (
    AuthenticationError,
    BadEventError,
    DragomanError,
    EndpointNotFoundError,
    InvalidRequestError,
    OverloadedError,
    PermissionDeniedError,
    QuotaExhaustedError,
    RateLimitError,
    UpstreamError,
)
from dragoman.protocols.errors.body import decode_failure, error_in
from dragoman.types import HttpResponse, ResponseHead


def reply(status: int, body: bytes, *headers: tuple[bytes, bytes]) -> HttpResponse:
    return HttpResponse(ResponseHead(status, headers), body)


@pytest.mark.parametrize(
    ("status", "body", "kind", "message"),
    [
        (400, b'{"error":{"message":"No input text."}}', InvalidRequestError, "No input text."),
        (401, b'{"error":{"message":"Invalid signature."}}', AuthenticationError, "Invalid signature."),
        (403, b"Not for you", PermissionDeniedError, "Not for you"),
        (404, b"", EndpointNotFoundError, "expected an answer, got 404 and no words"),
        (429, b'{"error":{"message":"pay","code":"insufficient_quota"}}', QuotaExhaustedError, "pay"),
        (500, b'{"error":{"code":"TypeError","message":"fetch failed"}}', UpstreamError, "fetch failed"),
        (500, b'{"error":"boom"}', UpstreamError, "boom"),
        (500, b'{"message":"boom"}', UpstreamError, "boom"),
        (500, b'{"error":[]}', UpstreamError, "expected an answer, got 500 and no words"),
        (503, b"[1]", OverloadedError, "expected an answer, got 503 and no words"),
        (502, b"<html><body>Bad Gateway", UpstreamError, "expected an answer, got 502 and an HTML page"),
        (200, b" <!doctype html>", BadEventError, "expected an answer, got an HTML page"),
        (200, b"{}", BadEventError, "expected text, got something else"),
        (200, b'{"error":{"message":"late","code":429}}', RateLimitError, "late"),
        (200, b'{"code":401,"msg":"who?"}', AuthenticationError, "who?"),
        (200, b'{"message":"what"}', UpstreamError, "what"),
    ],
)
def test_a_failure_is_its_exact_class(status: int, body: bytes, kind: type[DragomanError], message: str) -> None:
    error = decode_failure(reply(status, body))
    assert (type(error), error.message) == (kind, message)


def test_a_page_by_its_content_type_is_not_shown() -> None:
    error = decode_failure(reply(403, b"secret page", (b"content-type", b"text/html")))
    assert type(error) is PermissionDeniedError
    assert "secret" not in error.message


def test_when_to_come_again_is_kept() -> None:
    error = decode_failure(reply(429, b"slow down", (b"retry-after", b"7")))
    assert isinstance(error, RateLimitError)
    assert error.retry_after == 7


def test_words_are_cut_and_keys_are_not_repeated() -> None:
    key = "sk-" + "a1B2" * 12
    error = decode_failure(reply(401, f'{{"error":"Incorrect API key: {key} {"x" * 5000}"}}'.encode()))
    assert key not in error.message
    assert len(error.message) == 2000


@pytest.mark.parametrize(
    ("value", "kind", "message"),
    [
        ({"error": {"message": "no"}}, UpstreamError, "no"),
        ({"error": {}}, UpstreamError, "the service sent an error without words"),
        ({"error": "no", "code": 401}, AuthenticationError, "no"),
        ({"error": True}, UpstreamError, "the service sent an error without words"),
        ({"code": 429, "message": "slow"}, RateLimitError, "slow"),
        ({"code": -1, "msg": "no"}, UpstreamError, "no"),
        ({"code": "E1", "msg": "no"}, UpstreamError, "no"),
        ({"error": {"type": "overloaded_error", "message": "full"}}, OverloadedError, "full"),
    ],
)
def test_an_error_object_in_an_answer_is_an_error(value: object, kind: type[DragomanError], message: str) -> None:
    error = error_in(value)
    assert error is not None
    assert (type(error), error.message) == (kind, message)


@pytest.mark.parametrize(
    "value",
    [None, [], "x", {}, {"error": None}, {"error": ""}, {"code": 0, "msg": "ok"}, {"code": 1}, {"code": 1, "msg": 5}],
)
def test_what_is_no_error_object_is_none(value: object) -> None:
    assert error_in(value) is None
