"""Lists of models, and paths that name one."""

import pytest

from dragoman.errors import BadEventError, DragomanError, PermissionDeniedError
from dragoman.protocols.gemini.models import (
    decode_facts,
    decode_models,
    encode_model,
    encode_models,
    models_request,
)
from dragoman.protocols.gemini.relay import READER, Target, path_of, read_target
from dragoman.protocols.listed_names import MAX_NAME
from dragoman.types import HttpResponse, ModelFacts, ResponseHead, ServerRequest
from dragoman.wire import json


def test_a_list_is_asked_for_with_the_key() -> None:
    asked = models_request("http://h/", "AIza")
    assert (asked.method, asked.url) == ("GET", "http://h/v1beta/models?pageSize=1000")
    assert asked.headers == (("accept", "application/json"), ("x-goog-api-key", "AIza"))
    assert models_request("http://h", None).headers == (("accept", "application/json"),)


@pytest.mark.parametrize(
    ("body", "names"),
    [
        (b'{"models":[{"name":"models/a"},{"name":"tunedModels/b"},{"name":"models/a"}]}', ("a", "tunedModels/b")),
        (b'{"models":[{"name":"models/e","supportedGenerationMethods":["embedContent"]}]}', ()),
        (b'{"models":[{"name":"models/g","supportedGenerationMethods":["generateContent"]}]}', ("g",)),
        (b'{"models":[5,{},{"name":7},{"name":"models/"},{"name":"a b"},{"name":"\\u001b"}]}', ()),
        (b'{"models":[{"name":"%b"}]}' % (b"x" * (MAX_NAME + 1)), ()),
    ],
)
def test_the_names_of_models_that_chat_are_read(body: bytes, names: tuple[str, ...]) -> None:
    assert decode_models(HttpResponse(ResponseHead(200), body)) == names


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"", BadEventError),
        (b'{"data":[]}', BadEventError),
        (b'{"error":{"code":403,"message":"no","status":"PERMISSION_DENIED"}}', PermissionDeniedError),
    ],
)
def test_anything_else_is_an_error(body: bytes, kind: type[DragomanError]) -> None:
    with pytest.raises(kind):
        decode_models(HttpResponse(ResponseHead(200), body))


def test_a_list_is_read_as_it_was_written() -> None:
    response = encode_models(["fast", "up/m"], {"up/m": ModelFacts(context=8192, max_output=100)}, {})
    assert decode_models(HttpResponse(ResponseHead(200), response.body)) == ("fast", "up/m")
    assert json.decode_event(encode_model("up/m", ModelFacts()).body)["name"] == "models/up/m"


@pytest.mark.parametrize(
    ("model", "path"),
    [
        ("gemini-3", "models/gemini-3"),
        ("models/gemini-3", "models/gemini-3"),
        ("tunedModels/a-1", "tunedModels/a-1"),
        ("up/m:free", "models/up/m:free"),
        ("ü ?#%", "models/%C3%BC%20%3F%23%25"),
    ],
)
def test_a_model_is_named_in_the_path(model: str, path: str) -> None:
    assert path_of(model) == path


@pytest.mark.parametrize(
    ("path", "query", "target"),
    [
        ("/v1/models/m:generateContent", "", Target("m", stream=False)),
        ("/v1beta/models/up/m:free:streamGenerateContent", "alt=sse", Target("up/m:free", stream=True)),
        ("/v1beta/models/models/m:streamGenerateContent", "a=b&alt=sse", Target("m", stream=True)),
        ("/v1/models/m:streamGenerateContent", "alt=json&key=k", Target("m", stream=True, array=True)),
        ("/v1/tunedModels/t:generateContent", "alt=sse", Target("tunedModels/t", stream=False)),
    ],
)
def test_the_path_says_the_model_and_the_form_of_the_answer(path: str, query: str, target: Target) -> None:
    assert read_target(ServerRequest(method="POST", path=path, query=query)) == target


@pytest.mark.parametrize(
    ("query", "body", "relayed"),
    [
        ("alt=sse", b'{"contents":[]}', True),
        ("", b'{"contents":[]}', False),
    ],
)
def test_a_request_is_relayed_unless_it_must_be_written_again(query: str, body: bytes, relayed: bool) -> None:
    path = "/v1/models/m:streamGenerateContent"
    found = READER.at_once(ServerRequest(method="POST", path=path, query=query, body=body))
    assert (found is not None) is relayed
    assert found is None or (found.body_for("other") is body and found.headers == ())


@pytest.mark.parametrize(
    ("text", "origin"),
    [
        (b"dragomanMarkMGExYjJjM2Q0ZTVmLmEuYg==", "0a1b2c3d4e5f"),
        (b"dragomanMark.0a1b2c3d4e5f.a.b", "0a1b2c3d4e5f"),
        (b"dragomanMark.x", ""),
        (b"dragomanMark!", ""),
        (b"dragomanMark_w==", ""),
    ],
)
def test_whose_state_a_request_holds_is_read(text: bytes, origin: str) -> None:
    path = "/v1/models/m:generateContent"
    found = READER.at_once(ServerRequest(method="POST", path=path, body=b'{"a":"%b","b":"dragomanMark"}' % text))
    assert found is not None
    assert found.origins == {origin, ""}


@pytest.mark.parametrize("body", [b"", b"[]", b'{"a":1', b'{"a":1,"a":2}', b'{"a":NaN}', b'"x"'])
def test_a_body_that_is_no_request_is_refused_as_a_translation_refuses_it(body: bytes) -> None:
    path = "/v1/models/m:generateContent"
    with pytest.raises(DragomanError) as caught:
        READER.at_once(ServerRequest(method="POST", path=path, body=body))
    assert caught.value.status == 400


def test_the_sizes_in_a_list_are_read() -> None:
    body = b'{"models":[{"name":"models/a","inputTokenLimit":1048576,"outputTokenLimit":65536},{"name":"models/b"}]}'
    assert decode_facts(HttpResponse(ResponseHead(200), body)) == {
        "a": ModelFacts(context=1048576, max_output=65536),
        "b": ModelFacts(),
    }
