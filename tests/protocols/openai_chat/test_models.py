"""A service's list of its models."""

import pytest

from dragoman.errors import AuthenticationError, BadEventError, DragomanError
from dragoman.protocols.openai_chat.models import MAX_NAME, decode_models, encode_model, encode_models, models_request
from dragoman.types import HttpResponse, ResponseHead
from dragoman.wire import json


def test_a_list_is_asked_for_with_the_key() -> None:
    asked = models_request("http://h/v1/", "sk-1")
    assert (asked.method, asked.url) == ("GET", "http://h/v1/models")
    assert asked.headers == (("accept", "application/json"), ("authorization", "Bearer sk-1"))
    assert models_request("http://h/v1", None).headers == (("accept", "application/json"),)


@pytest.mark.parametrize(
    ("body", "names"),
    [
        (b'{"object":"list","data":[{"id":"a","object":"model"},{"id":"b/c:d"}]}', ("a", "b/c:d")),
        (b'[{"id":"a"},{"id":"a"}]', ("a",)),
        (b'{"data":[]}', ()),
        (b'{"data":[5,null,{"id":7},{},{"id":""},{"id":"a b"},{"id":"\\u001b[2J"},{"id":"ok"}]}', ("ok",)),
        (b'{"data":[{"id":"%b"},{"id":"ok"}]}' % (b"x" * (MAX_NAME + 1)), ("ok",)),
    ],
)
def test_the_names_are_read_and_what_is_none_is_left_out(body: bytes, names: tuple[str, ...]) -> None:
    assert decode_models(HttpResponse(ResponseHead(200), body)) == names


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"", BadEventError),
        (b"<html>", BadEventError),
        (b'"text"', BadEventError),
        (b'{"data":"text"}', BadEventError),
        (b'{"error":{"message":"no","code":"invalid_api_key"}}', AuthenticationError),
    ],
)
def test_what_is_no_list_is_an_error(body: bytes, kind: type[DragomanError]) -> None:
    with pytest.raises(kind):
        decode_models(HttpResponse(ResponseHead(200), body))


def test_a_list_that_was_written_can_be_read() -> None:
    names = ("fast", "up/gpt-4o-mini", "up/org/m")
    written = encode_models(names, 7)
    assert decode_models(HttpResponse(ResponseHead(written.status), written.body)) == names
    assert json.decode_event(written.body)["data"][1] == json.decode_event(encode_model(names[1], 7).body)
    assert json.decode_event(encode_model("fast", 7).body) == {
        "id": "fast",
        "object": "model",
        "created": 7,
        "owned_by": "dragoman",
    }
    assert json.decode_event(encode_model("up/org/m", 7).body)["owned_by"] == "up"
