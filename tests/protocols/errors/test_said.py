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
]


@pytest.mark.parametrize("name", ["openai-chat", "openai-responses", "anthropic", "gemini", "ollama"])
@pytest.mark.parametrize("body", FORMS)
def test_a_failure_is_told_in_its_own_words(name: str, body: bytes) -> None:
    client: Any = DIALECTS[name].client
    head = ResponseHead(status=400, headers=((b"content-type", b"application/json"),))
    error = client("http://up").decode_error(HttpResponse(head, body))
    assert (error.status, error.message) == (400, "too hot")


@pytest.mark.parametrize("body", [5, [], {}, {"error": 5}, {"error": {"error": {"error": {"error": {"error": "x"}}}}}])
def test_where_there_are_none_none_are_made_up(body: object) -> None:
    assert words_of(body) == ""
