"""A service's failures: the exact class, the service's own words, and nothing that is nobody's business."""

import json

import msgspec
import pytest

from dragoman.errors import (
    AuthenticationError,
    BadEventError,
    ContentFilterError,
    ContextLengthError,
    DragomanError,
    EndpointNotFoundError,
    InvalidRequestError,
    ModelNotFoundError,
    OverloadedError,
    PermissionDeniedError,
    QuotaExhaustedError,
    RateLimitError,
    TruncatedStreamError,
    UnsupportedFeatureError,
    UpstreamError,
)
from dragoman.protocols.anthropic.errors import reported as anthropic_reported
from dragoman.protocols.openai_chat import OpenAIChatClient, OpenAIChatServer
from dragoman.protocols.openai_chat.errors import envelope, reported, stream_error
from dragoman.types import ChatRequest, HttpResponse, ResponseHead, user
from tests.support.cuts import drive

CODEC = OpenAIChatClient("http://up")
REQUEST = ChatRequest(model="m", messages=(user("x"),))


def failed(status: int, body: bytes, **headers: str) -> DragomanError:
    pairs = tuple((name.replace("_", "-").encode(), value.encode()) for name, value in headers.items())
    return CODEC.decode_error(HttpResponse(ResponseHead(status, pairs), body))


def said(message: str = "why", **more: object) -> bytes:
    return msgspec.json.encode({"error": {"message": message, **more}})


FAILURES: list[tuple[int, bytes, type[DragomanError], int]] = [
    (400, said(type="invalid_request_error"), InvalidRequestError, 400),
    (400, said(code="context_length_exceeded"), ContextLengthError, 400),
    (400, said("This model's Maximum context length is 5", type="BadRequestError", code=400), ContextLengthError, 400),
    (400, said(code="content_policy_violation"), ContentFilterError, 400),
    (400, b'{"object":"error","message":"why","code":40001}', InvalidRequestError, 400),
    (400, b'{"object":"error","message":"why","code":40101}', AuthenticationError, 401),
    (
        400,
        b'{"object":"error","message":"your model x: why","code":40301}',
        ModelNotFoundError,
        404,
    ),
    (400, b'{"object":"error","message":"why","code":42901}', RateLimitError, 429),
    (400, b'{"object":"error","message":"why","code":42903}', OverloadedError, 503),
    (400, b'{"object":"error","message":"why","code":50002}', UpstreamError, 500),
    (401, said(code="invalid_api_key"), AuthenticationError, 401),
    (401, b'{"detail":"why"}', AuthenticationError, 401),
    (402, said(), QuotaExhaustedError, 402 + 27),
    (403, said(type="permission_error"), PermissionDeniedError, 403),
    (404, said(code="model_not_found"), ModelNotFoundError, 404),
    (404, said("why, the model `x` does not exist"), ModelNotFoundError, 404),
    (404, b'{"detail":"why: Not Found"}', EndpointNotFoundError, 404),
    (409, said(), UpstreamError, 409),
    (413, said(), InvalidRequestError, 413),
    (400, said("prompt is too long: 208310 tokens > 200000 maximum. why"), ContextLengthError, 400),
    (
        400,
        said("The input token count (9) exceeds the maximum number of tokens allowed (8). why"),
        ContextLengthError,
        400,
    ),
    (400, b'{"errors":[{"message":"why"}]}', InvalidRequestError, 400),
    (200, b'{"code":1214,"msg":"why"}', UpstreamError, 500),
    (200, b'{"status":"435","msg":"why","body":null}', UpstreamError, 435),
    (422, b'{"detail":[{"loc":["body"],"msg":"why","type":"missing"}]}', InvalidRequestError, 422),
    (429, said(code="rate_limit_exceeded", type="tokens"), RateLimitError, 429),
    (429, said(code="insufficient_quota", type="insufficient_quota"), QuotaExhaustedError, 429),
    (429, b'[{"error":{"code":429,"message":"why","status":"RESOURCE_EXHAUSTED"}}]', RateLimitError, 429),
    (500, said(type="server_error"), UpstreamError, 500),
    (500, b'{"error":"why"}', UpstreamError, 500),
    (500, b'{"object":"error","message":"why","code":500}', UpstreamError, 500),
    (503, said(), OverloadedError, 503),
    (529, said(type="overloaded_error"), OverloadedError, 503),
    (418, said(), UpstreamError, 418),
    (200, said(code=503), OverloadedError, 503),
    (200, said(type="requests"), RateLimitError, 429),
    (200, said(code="404"), EndpointNotFoundError, 404),
]


@pytest.mark.parametrize(("status", "body", "kind", "shown"), FAILURES)
def test_a_failure_is_the_exact_class_in_the_services_words(
    status: int, body: bytes, kind: type[DragomanError], shown: int
) -> None:
    error = failed(status, body)
    assert type(error) is kind
    assert error.status == shown
    assert "why" in error.message or "context" in error.message


PAGE = b"<!DOCTYPE html><title>Secret page</title>"


@pytest.mark.parametrize(
    ("status", "body", "kind", "message"),
    [
        (502, PAGE, UpstreamError, "answered 502 with an HTML page"),
        (403, b"\xef\xbb\xbf \n" + PAGE, PermissionDeniedError, "answered 403 with an HTML page"),
        (200, PAGE, BadEventError, "answered 200 with an HTML page"),
        (200, b"Secret", BadEventError, "answered 200 with a body that is not of this protocol"),
        (500, b"", UpstreamError, "answered 500 with an empty body"),
        (500, b"\xff\xfeSecret", UpstreamError, "answered 500 with a body that is not of this protocol"),
        (500, b"[" * 100_000, UpstreamError, "answered 500 with a body that is not of this protocol"),
        (500, b"[]", UpstreamError, "answered 500 with a body that is not of this protocol"),
        (500, b'"Secret"', UpstreamError, "answered 500 with a body that is not of this protocol"),
        (301, b"Secret", UpstreamError, "answered 301, a redirect, which is not followed"),
        (500, b'{"error":{"text":"Secret"}}', UpstreamError, "no reason was given"),
        (500, b'{"error":[5]}', UpstreamError, "no reason was given"),
    ],
)
def test_a_page_is_named_and_never_shown(status: int, body: bytes, kind: type[DragomanError], message: str) -> None:
    error = failed(status, body)
    assert type(error) is kind
    assert error.message == message


def test_a_page_has_a_code_of_its_own() -> None:
    assert failed(200, PAGE).code == "upstream_html"
    assert failed(301, b"").code == "upstream_redirect"
    assert failed(502, b"x", content_type="text/html").message == "answered 502 with an HTML page"


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry_after": "7"}, 7.0),
        ({"retry_after_ms": "1500", "retry_after": "9"}, 1.5),
        ({"retry_after": "Sat, 21 Nov 2026 06:00:30 GMT", "date": "Sat, 21 Nov 2026 06:00:00 GMT"}, 30.0),
        ({"retry_after": "soon"}, None),
        ({}, None),
    ],
)
def test_a_rate_limit_keeps_how_long_to_wait(headers: dict[str, str], seconds: float | None) -> None:
    error = failed(429, said(), **headers)
    assert isinstance(error, RateLimitError)
    assert error.retry_after == seconds


def test_a_message_is_cut_and_holds_no_key() -> None:
    error = failed(
        401, said("Incorrect API key provided: sk-fake. You can find your API key at https://h/api-keys. " + "x" * 3000)
    )
    assert error.message.startswith("Incorrect API key provided: …. You can find your API key at https://h/api-keys. x")
    assert len(error.message) == 2000


@pytest.mark.parametrize(("status", "body", "kind", "shown"), FAILURES)
def test_the_same_failure_is_an_error_inside_an_answer(
    status: int, body: bytes, kind: type[DragomanError], shown: int
) -> None:
    for reply in (body, b"data: " + body + b"\n\n", b"event: error\ndata: " + body + b"\n\n"):
        events, error = drive(CODEC.decoder(REQUEST), [reply])
        assert events == []
        assert error is not None
        assert issubclass(error[0], DragomanError)
        assert "why" in error[1] or "context" in error[1]


def test_an_error_event_may_be_plain_text() -> None:
    _, error = drive(CODEC.decoder(REQUEST), [b"event: error\ndata: it broke\n\n"])
    assert error == (UpstreamError, "it broke")


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        (AuthenticationError, "why"),
        (ContextLengthError, "the maximum context length is 5"),
        (QuotaExhaustedError, "why"),
        (RateLimitError, "why"),
        (ModelNotFoundError, "why"),
    ],
)
def test_an_error_of_ours_is_read_back_as_the_same(kind: type[DragomanError], words: str) -> None:
    answer = OpenAIChatServer().encode_error(kind(words))
    error = failed(answer.status, answer.body)
    assert type(error) is kind
    assert error.message == words


def test_a_field_has_the_callers_name_in_the_words_too() -> None:
    error = UnsupportedFeatureError("up: candidate_count cannot be followed", param="candidate_count")
    said = envelope(error)["error"]
    assert (said["param"], said["message"]) == ("n", "up: n cannot be followed")


def test_what_the_service_said_goes_on_to_a_caller_of_the_same_protocol() -> None:
    body = {
        "message": "Provider returned error",
        "type": "invalid_request_error",
        "param": "tools[0].function.parameters",
        "code": "unsupported_value",
        "metadata": {"raw": "expected `x`; your key sk-12345678 is fine"},
        "innererror": {"code": "ResponsibleAIPolicyViolation"},
    }
    error = failed(400, msgspec.json.encode({"error": body}), retry_after="7")
    assert error.message == "Provider returned error: expected `x`; your key … is fine"
    assert (error.param, error.code, error.native_code) == (body["param"], "invalid_request", "unsupported_value")
    answer = OpenAIChatServer().encode_error(error)
    metadata = {"raw": "expected `x`; your key … is fine"}
    assert answer.status == 400
    assert msgspec.json.decode(answer.body) == {"error": body | {"message": error.message, "metadata": metadata}}
    assert dict(answer.headers)["retry-after"] == "7"


def test_a_code_that_says_less_than_the_message_does_not_hide_what_is_wrong() -> None:
    error = failed(400, said("prompt is too long: 9 tokens > 8 maximum", code="bad_request"))
    assert (
        msgspec.json.decode(OpenAIChatServer().encode_error(error).body)["error"]["code"] == "context_length_exceeded"
    )


def test_a_short_plain_text_is_shown() -> None:
    error = failed(503, b"model is loading", content_type="text/plain; charset=utf-8")
    assert error.message == "answered 503 with 'model is loading'"


def test_a_long_echo_beside_the_message_is_left_out() -> None:
    error = failed(400, said(input="x" * 5000))
    assert error.extra == {}


def test_a_limit_of_a_plan_says_when_it_begins_anew() -> None:
    error = failed(429, said(type="usage_limit_reached", plan_type="plus", resets_in_seconds=7200))
    assert (type(error), error.retry_after, error.native_type) == (RateLimitError, 7200, "usage_limit_reached")
    assert failed(429, said(resets_in_seconds="soon")).retry_after is None
    assert failed(429, said(resets_in_seconds=7200), retry_after="7").retry_after == 7


def test_a_code_that_says_less_than_the_words_is_not_told() -> None:
    error = failed(413, said("Request too large for m on tokens per minute", code="rate_limit_exceeded", type="tokens"))
    assert (type(error), error.native_code, error.native_type) == (ContextLengthError, None, "tokens")


@pytest.mark.parametrize(
    ("words", "introduced"),
    [
        ("prompt is too long: 2 tokens > 1 maximum", True),
        ("Prompt exceeds max length", True),
        ("This model's maximum context length is 1 tokens", False),
        ("The input token count (2) exceeds the maximum number of tokens allowed (1).", False),
        ("the request exceeds the available context size", False),
    ],
)
def test_a_conversation_that_is_too_long_is_told_in_words_that_programs_know(words: str, introduced: bool) -> None:
    here = "Input tokens exceed the configured limit. Please reduce the length of the messages. " if introduced else ""
    said = envelope(ContextLengthError(words, provider="up"))["error"]
    assert (said["message"], said["code"]) == (f"{here}up: {words}", "context_length_exceeded")


def test_a_service_of_this_protocol_says_it_in_its_own_words() -> None:
    assert envelope(failed(400, said("Prompt exceeds max length")))["error"]["message"] == "Prompt exceeds max length"


@pytest.mark.parametrize(
    ("error", "type_"),
    [
        (TruncatedStreamError("the answer broke off"), "server_error"),
        (OverloadedError("busy"), "server_error"),
        (anthropic_reported({"error": {"type": "api_error", "message": "why"}}), "server_error"),
        (anthropic_reported({"error": {"type": "rate_limit_error", "message": "why"}}), "rate_limit_error"),
        (reported({"message": "why", "type": "its_own"}), "its_own"),
    ],
)
def test_a_stream_says_in_this_protocols_words_that_the_service_failed(error: DragomanError, type_: str) -> None:
    """It has no status: Continue asks again by the type alone."""
    assert json.loads(stream_error(error)[6:])["error"]["type"] == type_
