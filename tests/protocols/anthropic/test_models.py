"""The list of a service's models: how it is asked for, and what it says."""

import json
from typing import Any

import pytest

from dragoman.errors import AuthenticationError, BadEventError, DragomanError
from dragoman.protocols.anthropic.models import decode_facts, decode_models, encode_model, models_request
from dragoman.types import HttpResponse, ModelFacts, ResponseHead


def reply(value: Any) -> HttpResponse:
    return HttpResponse(ResponseHead(200), json.dumps(value).encode())


@pytest.mark.parametrize(("key", "shown"), [("k", True), (None, False), ("", False)])
def test_a_list_is_asked_for_with_the_key_if_there_is_one(key: str | None, shown: bool) -> None:
    asked = models_request("http://up/", key)
    assert (asked.method, asked.url) == ("GET", "http://up/v1/models?limit=1000")
    assert (("x-api-key", "k") in asked.headers) is shown


def test_each_name_is_read_once_and_what_is_none_is_left_out() -> None:
    data = [{"id": "a"}, {"id": "b"}, {"id": "a"}, {"id": 5}, 5, {"id": "no name"}, {"id": "x" * 300}]
    assert decode_models(reply({"data": data})) == ("a", "b")


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        ([], BadEventError),
        ({}, BadEventError),
        ({"data": {}}, BadEventError),
        ({"type": "error", "error": {"type": "authentication_error", "message": "no"}}, AuthenticationError),
    ],
)
def test_anything_else_is_an_error(value: Any, kind: type[DragomanError]) -> None:
    with pytest.raises(kind):
        decode_models(reply(value))


def test_the_sizes_in_a_list_are_read() -> None:
    body = b'{"data":[{"id":"a","max_input_tokens":1048576,"max_tokens":65536},{"id":"b"}]}'
    assert decode_facts(HttpResponse(ResponseHead(200), body)) == {
        "a": ModelFacts(context=1048576, max_output=65536),
        "b": ModelFacts(),
    }


def test_a_model_has_what_callers_types_require() -> None:
    """`ModelInfo` of anthropics/anthropic-sdk-java cannot be read without `lifecycle`, nor can a list be validated."""
    told = json.loads(encode_model("a", "2026-11-28T00:00:00Z", ModelFacts(context=9)).body)
    assert told == {
        "type": "model",
        "id": "a",
        "display_name": "a",
        "created_at": "2026-11-28T00:00:00Z",
        "lifecycle": "active",
        "max_input_tokens": 9,
    }
