"""Requests there and back: what a caller writes is what the service of the same protocol gets."""

import json
from base64 import b64encode
from itertools import chain
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from dragoman.protocols.ollama import OllamaClient, OllamaServer
from dragoman.protocols.registry import DIALECTS
from dragoman.types import ChatRequest, HttpRequest, ModelProfile, ServerRequest, names
from tests.support.env import fixed_env

SERVER, CLIENT = OllamaServer(), OllamaClient("http://127.0.0.1:11434")

steady = settings(derandomize=True, database=None, deadline=None, suppress_health_check=[HealthCheck.too_slow])

words = st.text(st.characters(codec="utf-8"), max_size=12)
names_ = st.from_regex(r"[a-z_]{1,12}", fullmatch=True)
values = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | words, lambda v: st.lists(v, max_size=2), max_leaves=4
)
unknown = st.dictionaries(names_.map(lambda name: f"x_{name}"), values.filter(lambda v: v is not None), max_size=2)
images = st.lists(st.binary(min_size=1, max_size=6).map(lambda data: b64encode(data).decode()), min_size=1, max_size=2)
arguments = st.dictionaries(names_, values, max_size=2)


def some(required: dict[str, Any], optional: dict[str, Any]) -> st.SearchStrategy[dict[str, Any]]:
    """An object with these fields, and with unknown ones."""
    plain = st.fixed_dictionaries(required, optional=optional)
    return st.builds(lambda known, more: more | known, plain, unknown)


def turn(role: str, **more: Any) -> st.SearchStrategy[dict[str, Any]]:
    return some({"role": st.just(role)}, {"content": words, "images": images} | more)


function = some({"name": names_, "arguments": arguments}, {"index": st.integers(0, 3)})
call = some({"function": function}, {"id": names_})
spoken = turn("system") | turn("user") | turn("assistant", thinking=words.filter(bool))


@st.composite
def rounds(draw: st.DrawFn) -> list[dict[str, Any]]:
    """A turn with calls, and their results, which name the call by id, by the tool's name, by both or by neither."""
    asked = draw(
        some(
            {"role": st.just("assistant"), "tool_calls": st.lists(call, min_size=1, max_size=3)},
            {"content": words, "thinking": words.filter(bool)},
        )
    )
    results = []
    for each in asked["tool_calls"]:
        said = draw(some({"role": st.just("tool")}, {"content": words, "images": images}))
        if "id" in each and draw(st.booleans()):
            said["tool_call_id"] = each["id"]
        if draw(st.booleans()):
            said["tool_name"] = each["function"]["name"]
        results.append(said)
    return [asked, *results]


schemas: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {"type": st.just("object")}, optional={"properties": st.just({}), "x": values}
)
tools = st.lists(
    some(
        {"function": some({"name": names_}, {"description": words, "parameters": schemas})},
        {"type": st.just("function")},
    )
    | some({"type": names_.map(lambda name: f"x_{name}")}, {}),
    min_size=1,
    max_size=2,
)
options = some(
    {},
    {
        "temperature": st.floats(0, 2),
        "top_p": st.floats(0, 1),
        "top_k": st.integers(0, 99),
        "seed": st.integers(-1, 99),
        "stop": st.lists(words, min_size=1, max_size=2),
        "num_predict": st.integers(-2, 99),
        "frequency_penalty": st.floats(-2, 2),
        "presence_penalty": st.floats(-2, 2),
        "num_ctx": st.integers(1, 9999),
        "mirostat": st.integers(0, 2),
        "use_mmap": st.booleans(),
    },
).filter(bool)
settings_ = {
    "format": st.just("json") | schemas,
    "options": options,
    "think": st.booleans() | st.sampled_from(["low", "medium", "high"]),
    "keep_alive": st.sampled_from(["5m", -1, 0, 1.5]),
    "truncate": st.booleans(),
    "shift": st.booleans(),
}
chats = some(
    {
        "model": names_,
        "messages": st.lists(spoken.map(lambda m: [m]) | rounds(), min_size=1, max_size=4).map(lambda m: [*chain(*m)]),
    },
    settings_ | {"tools": tools},
)
generates = some(
    {"model": names_, "prompt": words.filter(bool)},
    settings_
    | {
        "system": words.filter(bool),
        "images": images,
        "suffix": words,
        "template": words,
        "raw": st.booleans(),
        "context": st.lists(st.integers(0, 9), max_size=3),
        "width": st.integers(1, 9),
    },
)
probabilities = st.none() | st.integers(0, 20)


def wanted(count: int | None) -> dict[str, Any]:
    """The fields that ask for log probabilities."""
    return {} if count is None else {"logprobs": True} | ({"top_logprobs": count} if count else {})


def decoded(body: dict[str, Any] | bytes, path: str = "/api/chat") -> ChatRequest:
    """The request that a caller's body means."""
    data = body if isinstance(body, bytes) else json.dumps(body, ensure_ascii=False).encode()
    return SERVER.decode_request(ServerRequest(method="POST", path=path, body=data))


def sent(request: ChatRequest) -> HttpRequest:
    """What the service gets."""
    message = CLIENT.encode_request(CLIENT.fit(request, ModelProfile()), fixed_env())
    assert isinstance(message, HttpRequest)
    return message


@steady
@given(body=chats, count=probabilities, stream=st.sampled_from([None, True, False]))
def test_a_chat_comes_out_as_it_went_in(body: dict[str, Any], count: int | None, stream: bool | None) -> None:
    said = [call.get("id") for message in body["messages"] for call in message.get("tool_calls") or ()]
    known = [each for each in said if each]
    assume(len({*known}) == len(known))  # else each call gets an id of its own
    body = body | wanted(count)
    request = decoded(body | ({} if stream is None else {"stream": stream}))
    assert request.stream is (stream is not False)
    message = sent(request)
    assert message.url.endswith("/api/chat")
    assert json.loads(message.body) == body | {"stream": True}
    assert CLIENT.losses(request, ModelProfile()) == ()


@steady
@given(body=generates, count=probabilities)
def test_a_text_to_be_continued_comes_out_as_it_went_in(body: dict[str, Any], count: int | None) -> None:
    body = body | wanted(count)
    request = decoded(body, "/api/generate")
    message = sent(request)
    assert message.url.endswith("/api/generate")
    assert json.loads(message.body) == body | {"stream": True}
    assert CLIENT.losses(request, ModelProfile()) == ()


@pytest.mark.parametrize(
    "arguments_",
    ['{"n": 12345678901234567890.123456789, "e": 1E300, "z": -0.0}', '{ "b":1,"a": 2 }', '{"t":"\\u00e9\\/"}', "{}"],
)
def test_arguments_of_calls_keep_their_text(arguments_: str) -> None:
    call_body = f'{{"function":{{"name":"f","arguments":{arguments_}}}}}'
    body = f'{{"model":"m","messages":[{{"role":"user"}},{{"role":"assistant","tool_calls":[{call_body}]}}]}}'
    request = decoded(body.encode())
    (call_,) = request.messages[1].parts
    assert call_.arguments == arguments_  # type: ignore[union-attr]  # it is a call
    assert arguments_.encode() in sent(request).body


ELSEWHERE = DIALECTS["openai-chat"].client("https://h/v1")  # type: ignore[call-arg]  # it takes a URL


def named(body: dict[str, Any], path: str = "/api/chat") -> set[str]:
    """What another protocol loses of a request."""
    return set(names(ELSEWHERE.losses(decoded(body, path), ModelProfile())))


def test_what_only_this_protocol_has_is_named_elsewhere() -> None:
    body = {
        "model": "m",
        "messages": [
            {"role": "user", "content": "x", "x_a": 1},
            {
                "role": "assistant",
                "tool_calls": [{"x_b": 1, "function": {"name": "f", "arguments": {}, "x_c": 1, "index": 3}}],
            },
        ],
        "tools": [{"type": "function", "x_d": 1, "function": {"name": "f", "x_e": 1}}, {"type": "x_tool"}],
        "options": {"num_ctx": 1, "num_predict": -2, "num_thread": 4},
        "keep_alive": "5m",
        "shift": False,
        "x_f": 1,
    }
    assert named(body) == {
        "messages[0].x_a",
        "messages[1].parts[0].x_b",
        "messages[1].parts[0].function.x_c",
        "tools[0].x_d",
        "tools[0].function.x_e",
        "tools[1] (x_tool)",
        "options.num_ctx",
        "options.num_predict",
        "shift",
        "x_f",
    }


def test_what_means_nothing_to_a_model_is_not_named() -> None:
    silent = {"options": {"num_predict": -1, "use_mmap": True}, "keep_alive": 0, "top_logprobs": 3, "stream": False}
    assert named({"model": "m", "messages": [{"role": "user", "content": "x"}]} | silent) == set()
    sdk = {"suffix": "", "template": "", "raw": False, "system": "", "context": None, "images": None}
    assert named({"model": "m", "prompt": "x"} | sdk, "/api/generate") == set()


@pytest.mark.parametrize(
    ("body", "path"), [({"model": "m", "messages": []}, "/api/chat"), ({"model": "m"}, "/api/generate")]
)
def test_a_request_to_load_a_model_comes_out_as_it_went_in(body: dict[str, Any], path: str) -> None:
    request = decoded(body | {"keep_alive": 0}, path)
    assert request.messages == ()
    assert json.loads(sent(request).body) == body | {"keep_alive": 0, "stream": True}


def test_a_request_that_asks_for_no_answer_is_refused_elsewhere() -> None:
    body = {"model": "m", "messages": [{"role": "user", "content": "x"}], "_debug_render_only": True}
    (loss,) = ELSEWHERE.losses(decoded(body), ModelProfile())
    assert (loss.name, loss.severity) == ("_debug_render_only", 3)


@pytest.mark.parametrize("field", [{"raw": True}, {"template": "t"}, {"suffix": "s"}, {"context": [1]}, {"width": 64}])
def test_what_only_a_service_of_this_protocol_can_follow_is_refused_elsewhere(field: dict[str, Any]) -> None:
    request = decoded({"model": "m", "prompt": "x"} | field, "/api/generate")
    (loss,) = ELSEWHERE.losses(request, ModelProfile())
    assert (loss.name, loss.severity) == (next(iter(field)), 3)
