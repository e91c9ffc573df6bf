"""Requests that are refused, by the place of the mistake."""

from typing import Any

import pytest

from dragoman.errors import InvalidRequestError
from dragoman.protocols.openai_responses import NAME
from dragoman.types import ChatRequest, Message, ServerRequest, Text, ToolCall, Unknown
from tests.protocols.openai_responses.requests import CALL, RESULT, SERVER, USER, decode, encode


def test_a_question_of_which_nothing_can_be_asked_is_refused() -> None:
    with pytest.raises(InvalidRequestError, match="expected at least one with content"):
        encode(ChatRequest(model="m", messages=(Message("user", (Unknown(protocol="anthropic", data={}),)),)))
    told = Message("system", (Text(text="a"),), top_level=True)
    with pytest.raises(InvalidRequestError, match="expected at least one with content"):
        encode(ChatRequest(model="m", messages=(told,)))
    kept = ChatRequest(model="m", messages=(told,), extra={NAME: {"previous_response_id": "resp_1"}})
    assert encode(kept)["instructions"] == "a"
    assert encode(ChatRequest(model="m", messages=()))["input"] == []


@pytest.mark.parametrize(
    ("field", "values", "words"),
    [
        ("previous_response_id", (5, [], {}, True, ["resp_1"]), "a string"),
        ("conversation", (5, [], False), "a string or an object"),
        ("prompt", ("pmpt_1", [], 0), "an object"),
        ("background", (0, "", "yes", {}), "a boolean"),
    ],
)
def test_a_reference_of_another_type_is_refused(field: str, values: tuple[Any, ...], words: str) -> None:
    for value in values:
        with pytest.raises(InvalidRequestError, match=f"{field}: expected {words}, got ") as caught:
            decode({"input": "x", field: value})
        assert caught.value.param == field


def test_a_result_with_a_refusal_is_refused() -> None:
    output = [{"type": "input_text", "text": "a"}, {"type": "refusal", "refusal": "No"}]
    with pytest.raises(InvalidRequestError) as caught:
        decode({"input": [USER, CALL, RESULT | {"output": output}]})
    assert caught.value.param == "input[2].output[1].type"


WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "no input": ({}, "input: expected a string or a list of items, got nothing"),
    "a number": ({"input": 5}, "input: expected a string or a list of items"),
    "an item that is none": ({"input": ["x"]}, r"input\[0\]: expected an object, got a string"),
    "a type that is none": ({"input": [{"type": 5}]}, r"input\[0\]\.type: expected a string"),
    "no role": ({"input": [{"content": "x"}]}, r"input\[0\]\.role: expected a string, got nothing"),
    "an unknown role": ({"input": [{"role": "boss", "content": "x"}]}, r"input\[0\]\.role: expected one of user"),
    "no content": ({"input": [{"role": "user"}]}, r"input\[0\]\.content: expected a string or a list of parts"),
    "a part that is none": ({"input": [{"role": "user", "content": [5]}]}, r"input\[0\]\.content\[0\]: expected an"),
    "a part without a type": (
        {"input": [USER, {"role": "user", "content": [{"text": "x"}]}]},
        r"input\[1\]\.content\[0\]\.type: expected a string, got nothing",
    ),
    "a text that is none": (
        {"input": [{"role": "user", "content": [{"type": "input_text", "text": 5}]}]},
        r"input\[0\]\.content\[0\]\.text: expected a string, got an integer",
    ),
    "no base64": (
        {"input": [{"role": "user", "content": [{"type": "input_image", "image_url": "data:image/png;base64,!!"}]}]},
        r"input\[0\]\.content\[0\]\.image_url: expected base64",
    ),
    "a picture from nowhere": (
        {"input": [{"role": "user", "content": [{"type": "input_image"}]}]},
        r"input\[0\]\.content\[0\]\.image_url: expected it, or `file_id`",
    ),
    "a file from nowhere": (
        {"input": [{"role": "user", "content": [{"type": "input_file"}]}]},
        r"input\[0\]\.content\[0\]\.file_data: expected it",
    ),
    "a call without a name": ({"input": [{"type": "function_call", "call_id": "c"}]}, r"input\[0\]\.name: expected a"),
    "a result without a call": ({"input": [USER, RESULT]}, r"input\[1\]\.call_id: no call before it has the id 'c1'"),
    "a result without an output": (
        {"input": [CALL, {"type": "function_call_output", "call_id": "c1"}]},
        r"input\[1\]\.output: expected a string or a list of parts",
    ),
    "a summary of another type": (
        {"input": [{"type": "reasoning", "summary": [{"type": "x", "text": "a"}]}]},
        r"input\[0\]\.summary\[0\]\.type: expected 'summary_text'",
    ),
    "a tool without a name": ({"input": "x", "tools": [{"type": "function"}]}, r"tools\[0\]\.name: expected a string"),
    "a tool without a type": ({"input": "x", "tools": [{"name": "f"}]}, r"tools\[0\]\.type: expected a string"),
    "a choice that is none": (
        {"input": "x", "tool_choice": "any"},
        "tool_choice: expected one of auto, none, required",
    ),
    "a choice without a name": ({"input": "x", "tool_choice": {"type": "function"}}, r"tool_choice\.name: expected"),
    "too few tokens": ({"input": "x", "max_output_tokens": 15}, "max_output_tokens: expected at least 16, got 15"),
    "too many logprobs": ({"input": "x", "top_logprobs": 21}, "top_logprobs: expected 0 to 20, got 21"),
    "metadata": ({"input": "x", "metadata": {"a": 1}}, r"metadata\.a: expected a string"),
    "include": ({"input": "x", "include": [1]}, r"include\[0\]: expected a string"),
    "a format without a name": (
        {"input": "x", "text": {"format": {"type": "json_schema"}}},
        r"text\.format\.name: expected a string",
    ),
    "text": ({"input": "x", "text": "short"}, "text: expected an object, got a string"),
    "reasoning": ({"input": "x", "reasoning": {"effort": 5}}, r"reasoning\.effort: expected a string"),
    "a temperature": ({"input": "x", "temperature": "hot"}, "temperature: expected a finite number"),
    "a choice that is a number": ({"input": "x", "tool_choice": 5}, "tool_choice: expected a string or an object, got"),
    "annotations that are none": (
        {"input": [{"role": "assistant", "content": [{"type": "output_text", "text": "x", "annotations": "y"}]}]},
        r"input\[0\]\.content\[0\]\.annotations: expected a list, got a string",
    ),
    "an annotation that is none": (
        {"input": [{"role": "user", "content": [{"type": "input_text", "text": "x", "annotations": [5]}]}]},
        r"input\[0\]\.content\[0\]\.annotations\[0\]: expected an object, got an integer",
    ),
    "logprobs that are none": (
        {
            "input": [
                {"role": "assistant", "content": [{"type": "output_text", "text": "x", "logprobs": [{"token": 5}]}]}
            ]
        },
        r"input\[0\]\.content\[0\]\.logprobs: expected log probabilities of tokens",
    ),
    "no items": ({"input": []}, "input: expected at least one item, got none"),
    "too many items": ({"input": [USER] * 10_001}, "input: expected at most 10000 items, got 10001"),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_request_is_refused_by_the_place_of_the_mistake(name: str) -> None:
    body, words = WRONG[name]
    with pytest.raises(InvalidRequestError, match=f"^{words}"):
        decode(body)


@pytest.mark.parametrize("body", [b"[]", b"5", b"null"])
def test_a_body_must_be_an_object(body: bytes) -> None:
    with pytest.raises(InvalidRequestError, match="the body: expected an object"):
        SERVER.decode_request(ServerRequest(method="POST", path="/", body=body))


@pytest.mark.parametrize(
    ("message", "words"),
    [
        (Message("tool", (Text(text="x"),)), "expected only results in a tool's turn"),
        (Message("user", (ToolCall(id="c", name="f"),)), "expected tool calls only in an assistant's turn"),
    ],
)
def test_a_part_in_the_wrong_turn_is_refused(message: Message, words: str) -> None:
    with pytest.raises(InvalidRequestError, match=words):
        encode(ChatRequest(model="m", messages=(message,)))


def test_half_a_character_is_refused() -> None:
    request = ChatRequest(model="m", messages=(Message("user", (Text(text="\ud83d"),)),))
    with pytest.raises(InvalidRequestError, match="half a character"):
        encode(request)
