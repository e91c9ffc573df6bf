"""Requests that are wrong: the refusal names the field, what was expected and what came."""

from contextlib import suppress
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dragoman.errors import EndpointNotFoundError, InvalidRequestError, RequestError
from dragoman.protocols.gemini import GeminiServer
from dragoman.types import ServerRequest

SERVER = GeminiServer()
PATH = "/v1beta/models/m:generateContent"
HELLO = {"role": "user", "parts": [{"text": "Hello"}]}
CALLED = {"role": "model", "parts": [{"functionCall": {"name": "f", "args": {}, "id": "c"}}]}


def call(body: Any) -> ServerRequest:
    return ServerRequest(method="POST", path=PATH, body=msgspec.json.encode(body))


def part(**fields: Any) -> dict[str, Any]:
    return {"contents": [{"parts": [fields]}]}


def config(**fields: Any) -> dict[str, Any]:
    return {"contents": [HELLO], "generationConfig": fields}


def answered(**fields: Any) -> dict[str, Any]:
    return {"contents": [HELLO, CALLED, {"parts": [{"functionResponse": fields}]}]}


def tool(**fields: Any) -> dict[str, Any]:
    return {"contents": [HELLO], "tools": [fields]}


WRONG: list[tuple[Any, str]] = [
    ([], "the body: expected an object, got a list"),
    ({}, "contents: expected a list of contents, got nothing"),
    ({"contents": "Hello"}, "contents: expected a list of contents, got a string"),
    ({"contents": []}, "contents: expected 1 to 10000 contents, got 0"),
    ({"contents": [1]}, "contents[0]: expected an object, got an integer"),
    ({"contents": [{"role": "bot", "parts": []}]}, "contents[0].role: expected 'user' or 'model', got 'bot'"),
    ({"contents": [{"role": 5, "parts": []}]}, "contents[0].role: expected a string, got an integer"),
    ({"contents": [{"role": "user"}]}, "contents[0].parts: expected a list of parts, got nothing"),
    ({"contents": [{"role": "user", "parts": []}]}, "contents[0].parts: expected at least one part"),
    ({"contents": [HELLO, {"parts": ["x"]}]}, "contents[1].parts[0]: expected an object, got a string"),
    (part(), "contents[0].parts[0]: expected one of text, inlineData"),
    (part(thought=True), "contents[0].parts[0]: expected one of text, inlineData"),
    (part(text=5), "contents[0].parts[0].text: expected a string, got an integer"),
    (part(text="a", inlineData={}), "contents[0].parts[0]: expected one of text and inlineData, got both"),
    (part(text="a", thought="yes"), "contents[0].parts[0].thought: expected a boolean, got a string"),
    (part(text="a", thoughtSignature="?!"), "contents[0].parts[0].thoughtSignature: expected base64"),
    (part(inlineData="x"), "contents[0].parts[0].inlineData: expected an object, got a string"),
    (part(inlineData={"mimeType": "image/png"}), "contents[0].parts[0].inlineData.data: expected a string"),
    (part(inlineData={"data": "a*b"}), "contents[0].parts[0].inlineData.data: expected base64"),
    (part(inlineData={"data": ""}), "contents[0].parts[0].inlineData.data: expected base64, got an empty string"),
    (part(inline_data={"data": "a"}), "contents[0].parts[0].inlineData.data: expected base64"),
    (part(fileData={"mimeType": "x/y"}), "contents[0].parts[0].fileData.fileUri: expected a string, got nothing"),
    (part(fileData={"fileUri": ""}), "contents[0].parts[0].fileData.fileUri: expected a URI"),
    (part(functionCall={"args": {}}), "contents[0].parts[0].functionCall.name: expected a string, got nothing"),
    (
        part(functionCall={"name": "f", "args": "{}"}),
        "contents[0].parts[0].functionCall.args: expected an object, got a string",
    ),
    (
        part(functionResponse={"name": "f", "response": {}}),
        "contents[0].parts[0].functionResponse.name: expected a result of a call before it, got one of 'f'",
    ),
    (answered(response={}), "contents[2].parts[0].functionResponse.name: expected a result of a call before it"),
    (answered(name="g", response={}), "contents[2].parts[0].functionResponse.name: expected a result of a call"),
    (
        answered(name="f", id="c", response="x"),
        "contents[2].parts[0].functionResponse.response: expected an object, got a string",
    ),
    (
        answered(name="f", id="c", parts=[{"inlineData": {"data": "?"}}]),
        "contents[2].parts[0].functionResponse.parts[0].inlineData.data: expected base64",
    ),
    (
        {"contents": [{"parts": [{"functionCall": {"name": "f"}}]}]},
        "contents[0].parts[0].functionCall: expected it in a content of the model",
    ),
    (
        {
            "contents": [
                HELLO,
                CALLED,
                {"role": "model", "parts": [{"functionResponse": {"name": "f", "response": {}}}]},
            ]
        },
        "contents[2].parts[0].functionResponse: expected it in a content of the user",
    ),
    (
        tool(functionDeclarations=[{"name": "f", "parametersJsonSchema": []}]),
        "tools[0].functionDeclarations[0].parametersJsonSchema: expected an object, got a list",
    ),
    ({"contents": [HELLO], "systemInstruction": "x"}, "systemInstruction: expected an object, got a string"),
    ({"contents": [HELLO], "system_instruction": {"parts": 1}}, "systemInstruction.parts: expected a list of parts"),
    (
        {"contents": [HELLO], "systemInstruction": {}, "system_instruction": {}},
        "systemInstruction: expected it once, got system_instruction too",
    ),
    ({"contents": [HELLO], "generationConfig": []}, "generationConfig: expected an object, got a list"),
    (config(temperature="hot"), "generationConfig.temperature: expected a finite number, got a string"),
    (config(topK=1.5), "generationConfig.topK: expected an integer, got a number"),
    (config(top_k="1"), "generationConfig.topK: expected an integer, got a string"),
    (config(maxOutputTokens=0), "generationConfig.maxOutputTokens: expected at least 1, got 0"),
    (config(candidateCount=0), "generationConfig.candidateCount: expected at least 1, got 0"),
    (config(seed=1.5), "generationConfig.seed: expected an integer, got a number"),
    (config(stopSequences=[1]), "generationConfig.stopSequences[0]: expected a string, got an integer"),
    (config(stopSequences={}), "generationConfig.stopSequences: expected a list, got an object"),
    (config(logprobs=3), "generationConfig.logprobs: expected it with `responseLogprobs` only"),
    (config(responseLogprobs=True, logprobs=21), "generationConfig.logprobs: expected 0 to 20, got 21"),
    (config(thinkingConfig=1), "generationConfig.thinkingConfig: expected an object, got an integer"),
    (
        config(thinking_config={"thinking_budget": -2}),
        "generationConfig.thinkingConfig.thinkingBudget: expected at least -1, got -2",
    ),
    (
        config(responseMimeType="application/json", responseSchema={}, responseJsonSchema={}),
        "generationConfig.responseSchema: expected one of responseSchema and responseJsonSchema, got both",
    ),
    (
        config(responseMimeType="application/json", responseSchema=1),
        "generationConfig.responseSchema: expected an object, got an integer",
    ),
    ({"contents": [HELLO], "tools": "x"}, "tools: expected a list of tools, got a string"),
    ({"contents": [HELLO], "tools": [1]}, "tools[0]: expected an object, got an integer"),
    (tool(functionDeclarations=[{}]), "tools[0].functionDeclarations[0].name: expected a string, got nothing"),
    (tool(functionDeclarations=[{"name": ""}]), "tools[0].functionDeclarations[0].name: expected a name"),
    (
        tool(functionDeclarations=[{"name": "f", "parameters": [], "description": "d"}]),
        "tools[0].functionDeclarations[0].parameters: expected an object, got a list",
    ),
    (
        tool(functionDeclarations=[{"name": "f", "parameters": {}, "parametersJsonSchema": {}}]),
        "tools[0].functionDeclarations[0].parameters: expected one of parameters and parametersJsonSchema",
    ),
    (tool(googleSearch=1), "tools[0].googleSearch: expected an object, got an integer"),
    (
        {"contents": [HELLO], "toolConfig": {"functionCallingConfig": {"mode": "SOMETIMES"}}},
        "toolConfig.functionCallingConfig.mode: expected one of AUTO, ANY, NONE, VALIDATED, got 'SOMETIMES'",
    ),
    ({"contents": [HELLO], "labels": {"a": 1}}, "labels.a: expected a string, got an integer"),
    ({"contents": [HELLO], "store": "yes"}, "store: expected a boolean, got a string"),
]


@pytest.mark.parametrize(("body", "message"), WRONG)
def test_a_wrong_request_is_refused_by_the_field_s_name(body: Any, message: str) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        SERVER.decode_request(call(body))
    assert str(caught.value).startswith(message)
    assert caught.value.status == 400


@pytest.mark.parametrize(
    "path", ["/v1beta/models/m", "/v1beta/models/m:countTokens", "/v1beta/m:generateContent", "/v1beta/models:x"]
)
def test_a_path_that_names_no_call_is_refused(path: str) -> None:
    with pytest.raises(EndpointNotFoundError):
        SERVER.decode_request(ServerRequest(method="POST", path=path, body=b"{}"))


anything = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-5, 5)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=4),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    *("contents", "parts", "role", "text", "inlineData", "data", "functionCall", "args", "name", "id"),
                    *(
                        "functionResponse",
                        "response",
                        "tools",
                        "functionDeclarations",
                        "parameters",
                        "type",
                        "toolConfig",
                    ),
                    *(
                        "generationConfig",
                        "thinkingConfig",
                        "thoughtSignature",
                        "executableCode",
                        "toolCall",
                        "fileData",
                    ),
                    *("system_instruction", "function_call", "items", "properties", "googleSearch", "topK", "labels"),
                ]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@settings(derandomize=True, database=None, deadline=None, max_examples=100)
@given(anything)
def test_any_json_is_taken_or_refused(body: Any) -> None:
    with suppress(RequestError):
        SERVER.decode_request(call(body))
    with suppress(RequestError):
        SERVER.decode_request(call({"contents": [HELLO], "extra": body}))
    with suppress(RequestError):
        SERVER.decode_request(call({"contents": body}))
