"""The words of a failure are found in whatever form a program before the service has put them."""

from typing import Any

import pytest

from dragoman.protocols.errors.said import words_of
from dragoman.protocols.registry import DIALECTS
from dragoman.types import HttpResponse, ResponseHead

FORMS = [
    b'{"error": true, "message": "too hot"}',
    b'{"error": {"error": "too hot"}}',
    b'{"error": {"message": {"detail": "too hot"}}}',
    b'{"error": {"message": ["too hot"]}}',
    b'{"error": {"code": 400, "msg": "too hot"}}',
    b'{"error": ["too hot"]}',
    b'{"detail": "too hot"}',
    b'{"detail": [{"loc": ["body"], "msg": "too hot", "type": "missing"}]}',
    b'{"message": "too hot"}',
    b'{"object": "error", "message": "too hot", "type": "BadRequestError", "code": 400}',
    # Mistral: editor-code-assistant/eca#231
    b'{"object": "error", "message": {"detail": [{"msg": "too hot"}]}, "type": "invalid_request_error"}',
    b'{"object": "Error", "detail": [{"msg": "too hot"}], "message": [{"msg": "too hot"}], "code": 3001}',
]


@pytest.mark.parametrize("name", ["openai-chat", "openai-responses", "anthropic", "gemini", "ollama"])
@pytest.mark.parametrize("body", FORMS)
def test_a_failure_is_told_in_its_own_words(name: str, body: bytes) -> None:
    client: Any = DIALECTS[name].client
    head = ResponseHead(status=400, headers=((b"content-type", b"application/json"),))
    error = client("http://up").decode_error(HttpResponse(head, body))
    assert (error.status, error.message) == (400, "too hot")


BOTH = [
    (
        b'{"statusCode": 401, "error": "Unauthorized", "message": "the key is missing"}',
        "Unauthorized: the key is missing",
    ),
    (b'{"statusCode": 400, "error": "Bad Request", "message": ["a is wrong"]}', "Bad Request: a is wrong"),
    (b'{"error": "too hot", "message": "It is too hot."}', "It is too hot."),
    (b'{"error": "It is too hot.", "detail": "too hot"}', "It is too hot."),
    (b'{"error": "too hot", "message": ""}', "too hot"),
]


@pytest.mark.parametrize("name", ["openai-chat", "openai-responses", "anthropic", "gemini", "ollama"])
@pytest.mark.parametrize(("body", "told"), BOTH)
def test_the_reason_beside_a_word_is_told_after_it(name: str, body: bytes, told: str) -> None:
    client: Any = DIALECTS[name].client
    head = ResponseHead(status=400, headers=((b"content-type", b"application/json"),))
    assert client("http://up").decode_error(HttpResponse(head, body)).message == told


PLACED = [
    (["body", "messages", 0, "role"], "no such word", "messages.0.role: no such word"),
    (["body", "user"], "user: Field required", "user: Field required"),
    (["body", "user"], "Field 'user' required", "Field 'user' required"),
    (["body", "n"], "Extra inputs are not permitted", "n: Extra inputs are not permitted"),
    (["body", "input"], "Extra inputs are not permitted", "input: Extra inputs are not permitted"),
    (["query", "key"], "Field required", "query.key: Field required"),
    (["body", {}], "Field required", "Field required"),
    ("body", "Field required", "Field required"),
]


@pytest.mark.parametrize(("place", "words", "told"), PLACED)
def test_the_field_that_fastapi_names_beside_its_words_is_told_too(place: object, words: str, told: str) -> None:
    failure = {"object": "error", "message": {"detail": [{"type": "extra_forbidden", "loc": place, "msg": words}]}}
    assert words_of(failure) == told


@pytest.mark.parametrize("body", [5, [], {}, {"error": 5}, {"error": {"error": {"error": {"error": {"error": "x"}}}}}])
def test_where_there_are_none_none_are_made_up(body: object) -> None:
    assert words_of(body) == ""
