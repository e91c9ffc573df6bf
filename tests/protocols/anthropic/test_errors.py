"""Failures both ways: the exact class, the service's own words, and the envelope that callers know."""

import json

import msgspec
import pytest

from dragoman.errors import (
    AuthenticationError,
    BadEventError,
    ConnectError,
    ContextLengthError,
    DragomanError,
    EndpointNotFoundError,
    InvalidRequestError,
    ModelNotFoundError,
    OverloadedError,
    PermissionDeniedError,
    QuotaExhaustedError,
    RateLimitError,
    RequestError,
    TimeoutError,
    TruncatedStreamError,
    UpstreamError,
)
from dragoman.protocols.anthropic import NAME, AnthropicClient, AnthropicServer
from dragoman.protocols.openai_chat import OpenAIChatClient
from dragoman.types import HttpResponse, ResponseHead

CODEC, SERVER = AnthropicClient("http://up"), AnthropicServer()


def failed(status: int, body: bytes, **headers: str) -> DragomanError:
    """The error that a reply means."""
    pairs = tuple((name.replace("_", "-").encode(), value.encode()) for name, value in headers.items())
    return CODEC.decode_error(HttpResponse(ResponseHead(status, pairs), body))


def said(kind: str, message: str = "why", **more: object) -> bytes:
    """The body of a failure."""
    return msgspec.json.encode(
        {"type": "error", "error": {"type": kind, "message": message, **more}, "request_id": "r"}
    )


@pytest.mark.parametrize(
    ("status", "body", "kind", "outward"),
    [
        (400, said("invalid_request_error"), InvalidRequestError, 400),
        (400, said("invalid_request_error", "prompt is too long: 2 > 1, why"), ContextLengthError, 400),
        (401, said("authentication_error"), AuthenticationError, 401),
        (402, said("billing_error"), QuotaExhaustedError, 402),
        (403, said("permission_error"), PermissionDeniedError, 403),
        (404, said("not_found_error", "model: why"), ModelNotFoundError, 404),
        (404, said("not_found_error"), EndpointNotFoundError, 404),
        (409, said("conflict_error"), UpstreamError, 409),
        (413, said("request_too_large"), InvalidRequestError, 413),
        (429, said("rate_limit_error"), RateLimitError, 429),
        (500, said("api_error"), UpstreamError, 500),
        (504, said("timeout_error"), UpstreamError, 504),
        (529, said("overloaded_error"), OverloadedError, 529),
        (200, said("overloaded_error"), OverloadedError, 529),
        (502, b'{"error":{"message":"why"}}', UpstreamError, 502),
        (502, b'{"detail":"why"}', UpstreamError, 502),
        (502, b'{"error":"why"}', UpstreamError, 502),
        (200, b"<html>why</html>", BadEventError, 502),
        (302, b"", UpstreamError, 502),
        (503, b"", OverloadedError, 529),
    ],
)
def test_a_failure_of_a_service_is_told_to_a_caller(
    status: int, body: bytes, kind: type[DragomanError], outward: int
) -> None:
    error = failed(status, body)
    assert type(error) is kind
    answer = SERVER.encode_error(error)
    assert answer.status == outward
    told = json.loads(answer.body)
    assert told["type"] == "error"
    if b'"type"' in body:
        assert told["error"] == json.loads(body)["error"]


def test_what_more_a_service_says_is_kept() -> None:
    error = failed(429, said("rate_limit_error", details={"error_code": "x", "key": "sk-ant-secret"}), retry_after="7")
    assert error.retry_after == 7
    assert error.extra == {NAME: {"details": {"error_code": "x", "key": "…"}}}
    answer = SERVER.encode_error(error)
    assert dict(answer.headers)["retry-after"] == "7"
    assert json.loads(answer.body)["error"]["details"]["error_code"] == "x"


@pytest.mark.parametrize(
    ("error", "status", "kind"),
    [
        (InvalidRequestError("x"), 400, "invalid_request_error"),
        (RequestError("x", status=405), 405, "invalid_request_error"),
        (RequestError("x", status=413), 413, "request_too_large"),
        (InvalidRequestError("x", code="request_too_large"), 413, "request_too_large"),
        (ModelNotFoundError("x"), 404, "not_found_error"),
        (AuthenticationError("x"), 401, "authentication_error"),
        (QuotaExhaustedError("x"), 402, "billing_error"),
        (OverloadedError("x"), 529, "overloaded_error"),
        (ConnectError("x"), 502, "api_error"),
        (TruncatedStreamError("x"), 502, "api_error"),
        (TimeoutError("x", phase="total"), 504, "timeout_error"),
        (DragomanError("x"), 500, "api_error"),
    ],
)
def test_each_error_has_a_status_and_a_type_that_callers_know(error: DragomanError, status: int, kind: str) -> None:
    answer = SERVER.encode_error(error)
    assert (answer.status, json.loads(answer.body)["error"]) == (status, {"type": kind, "message": f"x{error.tail}"})


@pytest.mark.parametrize(
    ("body", "kind", "status", "shown"),
    [
        ({"message": "model 'x' not found", "type": "api_error"}, "openai", 404, "not_found_error"),
        ({"message": "model 'x' not found", "type": "api_error"}, NAME, 404, "not_found_error"),
        ({"message": "image input is not supported", "type": "api_error"}, NAME, 500, "invalid_request_error"),
        ({"message": "server busy, please try again", "type": "api_error"}, "openai", 503, "overloaded_error"),
        ({"message": "broken", "type": "api_error"}, "openai", 500, "api_error"),
        ({"message": "broken", "type": "api_error"}, NAME, 502, "api_error"),
    ],
)
def test_a_type_that_says_nothing_gives_way_to_the_status(
    body: dict[str, str], kind: str, status: int, shown: str
) -> None:
    client = CODEC if kind == NAME else OpenAIChatClient("http://up")
    error = client.decode_error(HttpResponse(ResponseHead(status, ()), msgspec.json.encode({"error": body})))
    assert json.loads(SERVER.encode_error(error).body)["error"]["type"] == shown


def test_a_conversation_that_is_too_long_is_told_in_the_words_that_agents_know() -> None:
    answer = SERVER.encode_error(ContextLengthError("maximum context length is 5"))
    assert json.loads(answer.body)["error"]["message"] == "prompt is too long: maximum context length is 5"


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        ("context window exceeds limit (2013)", "prompt is too long: context window exceeds limit (2013)"),
        ("prompt is too long: 2 tokens > 1 maximum", "prompt is too long: 2 tokens > 1 maximum"),
        ("input length and `max_tokens` exceed context limit: 1 + 2 > 2", None),
    ],
)
def test_only_words_that_agents_do_not_know_are_introduced(words: str, shown: str | None) -> None:
    error = failed(400, said("invalid_request_error", words))
    assert type(error) is ContextLengthError
    assert json.loads(SERVER.encode_error(error).body)["error"]["message"] == (shown or words)


def test_a_service_without_money_keeps_its_own_status() -> None:
    error = failed(400, said("invalid_request_error", "Your credit balance is too low to access the Anthropic API."))
    error.upstream_status = 400
    assert type(error) is QuotaExhaustedError
    answer = SERVER.encode_error(error)
    assert (answer.status, dict(answer.headers).get("x-should-retry")) == (400, None)
    assert json.loads(answer.body)["error"]["type"] == "invalid_request_error"
    spent = failed(429, said("rate_limit_error", details={"error_code": "enforced_spend_limit_reached"}))
    spent.upstream_status = 429
    assert type(spent) is QuotaExhaustedError
    headers = dict(SERVER.encode_error(spent).headers)
    assert (headers.get("retry-after"), headers["x-should-retry"]) == (None, "false")


def test_no_key_is_shown() -> None:
    error = failed(401, said("authentication_error", "invalid x-api-key sk-ant-api03-abcdef"))
    assert "abcdef" not in str(error)


def test_a_wait_in_a_field_is_read() -> None:
    assert failed(429, said("rate_limit_error", retry_after=11)).retry_after == 11
    assert failed(429, said("rate_limit_error", retry_after=11), retry_after="7").retry_after == 7
