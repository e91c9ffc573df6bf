"""A service's list of its models."""

import pytest

from dragoman.errors import AuthenticationError, BadEventError, DragomanError
from dragoman.protocols.listed_names import MAX_NAME
from dragoman.protocols.openai_chat.models import (
    decode_facts,
    decode_models,
    encode_model,
    encode_models,
    models_request,
)
from dragoman.types import HttpResponse, ModelFacts, ResponseHead
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
        (b'{"data":["a",{"name":"b"},{"id":null,"name":"c"}]}', ("a", "b", "c")),
        (b'{"models":[{"id":"a"}]}', ("a",)),
        (b'{"data":null,"models":["a"]}', ("a",)),
        (b'["a"]', ("a",)),
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
    facts = ModelFacts(context=4096, max_output=512)
    written = encode_models(names, 7, {names[1]: facts})
    reply = HttpResponse(ResponseHead(written.status), written.body)
    assert decode_models(reply) == names
    assert decode_facts(reply) == {"fast": NOTHING, names[1]: facts, "up/org/m": NOTHING}
    assert json.decode_event(written.body)["data"][1] == json.decode_event(encode_model(names[1], 7, facts).body)
    assert json.decode_event(encode_model("fast", 7, NOTHING).body) == {
        "id": "fast",
        "object": "model",
        "created": 7,
        "owned_by": "dragoman",
    }
    assert json.decode_event(encode_model("up/org/m", 7, NOTHING).body)["owned_by"] == "up"


NOTHING = ModelFacts()


@pytest.mark.parametrize(
    ("entry", "facts"),
    [
        ('"object":"model"', NOTHING),
        (
            '"context_length":131072,"pricing":{"prompt":"0.0000025","completion":"0.00001"},'
            '"top_provider":{"context_length":1,"max_completion_tokens":8192}',
            ModelFacts(context=131072, max_output=8192, input_price=2.5, output_price=10.0),
        ),
        ('"pricing":{"prompt":"0","completion":"0"}', ModelFacts(input_price=0.0, output_price=0.0)),
        ('"pricing":{"prompt":"-1","completion":"-1"},"top_provider":null', NOTHING),
        ('"pricing":{"prompt":"free","completion":null}', NOTHING),
        (
            '"context_length":8192,"pricing":{"hourly":0,"input":0.3,"output":0.6}',
            ModelFacts(context=8192, input_price=0.3, output_price=0.6),
        ),
        ('"pricing":{"hourly":2.5,"input":0,"output":0}', NOTHING),
        ('"context_window":8192,"max_completion_tokens":512', ModelFacts(context=8192, max_output=512)),
        ('"max_context_length":32768', ModelFacts(context=32768)),
        ('"max_model_len":4096', ModelFacts(context=4096)),
        ('"context_length":0,"max_completion_tokens":null', NOTHING),
        ('"context_length":"many","pricing":[],"top_provider":5', NOTHING),
        ('"context_length":true,"pricing":{"input":true,"output":1e999}', NOTHING),
    ],
)
def test_what_a_list_says_of_a_model_is_read_and_nothing_is_made_up(entry: str, facts: ModelFacts) -> None:
    reply = HttpResponse(ResponseHead(200), f'{{"data":[{{"id":"a",{entry}}},5]}}'.encode())
    assert decode_facts(reply) == {"a": facts}


@pytest.mark.parametrize("number", ["1" + "0" * 400, "1e300", "-1", "NaN", "true", '"8192"', "null"])
def test_a_number_that_is_no_size_and_no_price_costs_no_list(number: str) -> None:
    entry = f'{{"id":"a","context_length":{number},"max_completion_tokens":{number},"pricing":{{"input":{number}}}}}'
    reply = HttpResponse(ResponseHead(200), f'{{"data":[{entry}]}}'.encode())
    assert decode_models(reply) == ("a",)
    assert decode_facts(reply) == {"a": ModelFacts()}


@pytest.mark.parametrize("price", ["1e308", "-1", "x", "nan"])
def test_a_price_of_a_token_that_is_none_costs_no_list(price: str) -> None:
    reply = HttpResponse(ResponseHead(200), f'{{"data":[{{"id":"a","pricing":{{"prompt":"{price}"}}}}]}}'.encode())
    assert decode_facts(reply) == {"a": ModelFacts()}
