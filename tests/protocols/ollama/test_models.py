"""A service's list of its models, and ours."""

import pytest

from dragoman.errors import AuthenticationError, BadEventError, DragomanError, InvalidRequestError, OverloadedError
from dragoman.protocols.listed_names import MAX_NAME
from dragoman.protocols.ollama.models import decode_tags, encode_show, encode_tags, shown_model, tags_request
from dragoman.types import HttpResponse, ModelProfile, ResponseHead, ServerRequest
from dragoman.wire import json


def test_a_list_is_asked_for_with_the_key() -> None:
    asked = tags_request("http://h/", "sk-1")
    assert (asked.method, asked.url) == ("GET", "http://h/api/tags")
    assert asked.headers == (("accept", "application/json"), ("authorization", "Bearer sk-1"))
    assert tags_request("http://h", None).headers == (("accept", "application/json"),)


@pytest.mark.parametrize(
    ("body", "names"),
    [
        (b'{"models":[{"name":"a:8b","model":"a:8b"},{"model":"b/c:d"}]}', ("a:8b", "b/c:d")),
        (b'{"models":[{"name":"a"},{"name":"a"}]}', ("a",)),
        (b'{"models":[]}', ()),
        (b'{"models":[5,null,{"name":7},{},{"name":""},{"name":"a b"},{"name":"\\u001b[2J"},{"name":"ok"}]}', ("ok",)),
        (b'{"models":[{"name":"%b"},{"name":"ok"}]}' % (b"x" * (MAX_NAME + 1)), ("ok",)),
    ],
)
def test_the_names_are_read_and_what_is_none_is_left_out(body: bytes, names: tuple[str, ...]) -> None:
    assert decode_tags(HttpResponse(ResponseHead(200), body)) == names


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"", BadEventError),
        (b"<html>", BadEventError),
        (b"[]", BadEventError),
        (b'{"models":null}', BadEventError),
        (b'{"error":"busy","code":"overloaded"}', OverloadedError),
        (b'{"error":"no","code":"invalid_api_key"}', AuthenticationError),
    ],
)
def test_what_is_no_list_is_an_error(body: bytes, kind: type[DragomanError]) -> None:
    with pytest.raises(kind):
        decode_tags(HttpResponse(ResponseHead(200), body))


def test_our_list_is_one_that_we_read() -> None:
    answer = encode_tags(["fast", "up/a:8b"], 1_795_230_435)
    assert decode_tags(HttpResponse(ResponseHead(200), answer.body)) == ("fast", "up/a:8b")
    first = json.decode_event(answer.body)["models"][0]
    assert first["modified_at"] == "2026-11-21T03:07:15.000000Z"
    assert len(first["digest"]) == 64


@pytest.mark.parametrize(
    ("profile", "can"),
    [
        (ModelProfile(), ["completion", "tools"]),
        (ModelProfile(tools=False, images=True), ["completion", "vision"]),
        (ModelProfile(efforts=("low", "high")), ["completion", "tools", "thinking"]),
        (ModelProfile(efforts=()), ["completion", "tools"]),
    ],
)
def test_a_model_can_what_its_profile_says(profile: ModelProfile, can: list[str]) -> None:
    assert json.decode_event(encode_show(profile, None, 1).body)["capabilities"] == can


@pytest.mark.parametrize("body", [b'{"model":"m"}', b'{"name":"m"}', b'{"model":"","name":"m"}'])
def test_the_model_that_is_asked_about(body: bytes) -> None:
    assert shown_model(ServerRequest(method="POST", path="/api/show", body=body)) == "m"


@pytest.mark.parametrize("body", [b"", b"{}", b"[]", b'{"model":5}'])
def test_a_question_about_no_model_is_refused(body: bytes) -> None:
    with pytest.raises(InvalidRequestError):
        shown_model(ServerRequest(method="POST", path="/api/show", body=body))
