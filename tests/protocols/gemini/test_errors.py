"""Failures of a service, and the envelope for a caller."""

import json
from typing import Any

import pytest

from dragoman.errors import (
    AuthenticationError,
    BadEventError,
    ContextLengthError,
    DragomanError,
    EndpointNotFoundError,
    InvalidRequestError,
    ModelNotFoundError,
    OverloadedError,
    PermissionDeniedError,
    QuotaExhaustedError,
    RateLimitError,
    UpstreamError,
)
from dragoman.protocols.gemini import NAME, GeminiClient, GeminiServer
from dragoman.protocols.gemini.errors import word_of
from dragoman.types import HttpResponse, ResponseHead

CLIENT, SERVER = GeminiClient("https://h"), GeminiServer()


def decoded(status: int, body: Any, **headers: str) -> DragomanError:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    head = ResponseHead(status, tuple((name.encode(), value.encode()) for name, value in headers.items()))
    return CLIENT.decode_error(HttpResponse(head, data))


def said(code: int, status: str, message: str = "Because.", *details: dict[str, Any]) -> dict[str, Any]:
    return {"error": {"code": code, "message": message, "status": status} | ({"details": details} if details else {})}


def envelope(error: DragomanError) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(SERVER.encode_error(error).body)["error"]
    return found


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (400, said(400, "INVALID_ARGUMENT"), InvalidRequestError),
        (400, said(400, "INVALID_ARGUMENT", "input exceeds the maximum number of tokens"), ContextLengthError),
        (400, said(400, "INVALID_ARGUMENT", "API key not valid.", {"reason": "API_KEY_INVALID"}), AuthenticationError),
        (401, said(401, "UNAUTHENTICATED"), AuthenticationError),
        (403, said(403, "PERMISSION_DENIED"), PermissionDeniedError),
        (
            400,
            said(400, "FAILED_PRECONDITION", "User location is not supported for the API use."),
            PermissionDeniedError,
        ),
        (404, said(404, "NOT_FOUND", "models/x is not found"), ModelNotFoundError),
        (404, said(404, "NOT_FOUND", "nothing here"), EndpointNotFoundError),
        (429, said(429, "RESOURCE_EXHAUSTED"), RateLimitError),
        (500, said(500, "INTERNAL"), UpstreamError),
        (503, said(503, "UNAVAILABLE"), OverloadedError),
        (503, [said(503, "UNAVAILABLE")], OverloadedError),
        (200, {"error": {"message": "m", "status": "UNAVAILABLE"}}, OverloadedError),
        (200, {"error": "busy"}, UpstreamError),
        (502, b"<html>bad gateway", UpstreamError),
        (302, b"", UpstreamError),
        (200, b"<html>", BadEventError),
        (200, b"junk", BadEventError),
    ],
)
def test_a_failure_is_the_most_exact_error(status: int, body: Any, kind: type[DragomanError]) -> None:
    assert type(decoded(status, body)) is kind


def test_when_to_try_again_is_in_the_details_or_in_a_header() -> None:
    info = {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "34.4s"}
    assert decoded(429, said(429, "RESOURCE_EXHAUSTED", "Slow.", info)).retry_after == 34.4
    assert decoded(429, said(429, "RESOURCE_EXHAUSTED"), **{"retry-after": "7"}).retry_after == 7
    for odd in ("soon", 5, "-1s", None):
        assert decoded(429, said(429, "RESOURCE_EXHAUSTED", "Slow.", {"retryDelay": odd})).retry_after is None


def test_the_service_s_own_words_come_back_to_its_callers() -> None:
    info = {"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "R", "domain": "googleapis.com"}
    error = decoded(400, said(400, "FAILED_PRECONDITION", "Billing.", info))
    assert envelope(error) == {
        "code": 400,
        "message": "Billing.",
        "status": "FAILED_PRECONDITION",
        "details": [info],
    }
    assert error.extra[NAME]["status"] == "FAILED_PRECONDITION"


def test_the_envelope_is_one_that_the_sdk_knows() -> None:
    error = RateLimitError("Slow down.", retry_after=1.5)
    response = SERVER.encode_error(error)
    assert response.status == 429
    assert dict(response.headers)["retry-after"] == "2"
    assert response.body.startswith(b'{"error":{"code":429,')
    assert envelope(error)["details"] == [{"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "1.5s"}]
    assert SERVER.encode_error(OverloadedError("busy", status=529)).status == 503
    assert SERVER.encode_stream_error(error).startswith(b'data: {"error":{"code":429,')
    assert SERVER.encode_stream_error(error).endswith(b"}\r\n\r\n")


def test_money_that_is_used_up_is_no_429_after_which_callers_ask_again() -> None:
    answer = SERVER.encode_error(QuotaExhaustedError("no credit"))
    assert answer.status == 402
    assert json.loads(answer.body)["error"] == {"code": 402, "message": "no credit", "status": "RESOURCE_EXHAUSTED"}
    quota = {"violations": [{"quotaId": "GenerateRequestsPerDayPerProjectPerModel-FreeTier"}]}
    own = decoded(429, said(429, "RESOURCE_EXHAUSTED", "spent", quota, {"retryDelay": "37s"}))
    assert (own.retryable, own.retry_after) == (False, None)
    answer = SERVER.encode_error(own)
    assert answer.status == 429
    assert "retry-after" not in dict(answer.headers)
    assert json.loads(answer.body)["error"]["details"] == [quota, {"retryDelay": "37s"}]


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        ("Prompt exceeds max length", "The input token count exceeds the maximum number of tokens allowed: up: Prompt"),
        ("The input token count (5) exceeds the maximum number of tokens", "up: The input token count (5) exceeds"),
    ],
)
def test_a_conversation_that_is_too_long_is_told_in_the_words_that_agents_know(words: str, shown: str) -> None:
    message = json.loads(SERVER.encode_error(ContextLengthError(words, provider="up")).body)["error"]["message"]
    assert message.startswith(shown)
    assert message.endswith(words)


def test_a_service_of_this_protocol_says_it_in_its_own_words() -> None:
    words = "the input token count is 5 but model only supports up to 4"
    error = decoded(400, said(400, "INVALID_ARGUMENT", words))
    assert type(error) is ContextLengthError
    assert json.loads(SERVER.encode_error(error).body)["error"]["message"] == words


def test_every_status_has_a_word() -> None:
    words = {status: word_of(status) for status in (400, 402, 408, 413, 422, 429, 499, 500, 502, 503, 504, 529, 599)}
    assert words == {
        400: "INVALID_ARGUMENT",
        402: "RESOURCE_EXHAUSTED",
        408: "INVALID_ARGUMENT",
        413: "INVALID_ARGUMENT",
        422: "INVALID_ARGUMENT",
        429: "RESOURCE_EXHAUSTED",
        499: "CANCELLED",
        500: "INTERNAL",
        502: "UNAVAILABLE",
        503: "UNAVAILABLE",
        504: "DEADLINE_EXCEEDED",
        529: "UNAVAILABLE",
        599: "INTERNAL",
    }


def test_credentials_and_long_details_are_not_kept() -> None:
    error = decoded(400, said(400, "INVALID_ARGUMENT", "key=AIzaSyABCDEF wrong", {"reason": "sk-secret-secret"}))
    assert "AIza" not in error.message
    assert "sk-secret" not in json.dumps(error.extra[NAME])
    assert decoded(400, said(400, "INVALID_ARGUMENT", "m", {"reason": "x" * 5000})).extra == {}


def test_a_request_that_is_too_large_is_known_by_its_words_and_keeps_its_status() -> None:
    error = decoded(400, said(400, "INVALID_ARGUMENT", "Request payload size exceeds the limit: 20971520 bytes."))
    assert (type(error), error.status, error.code) == (InvalidRequestError, 400, "request_too_large")
    assert decoded(400, said(400, "INVALID_ARGUMENT")).code == "invalid_request"
