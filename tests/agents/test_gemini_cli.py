"""What Gemini CLI asks beside its turns, and the forms that its requests may have."""

import json

import pytest

from tests.agents.contract import CONTRACTS, RESULT
from tests.agents.listeners import LISTENERS
from tests.agents.stage import JSON, MODEL, config, post, stage
from tests.matrix.dialects import SERVICES
from tests.matrix.exchange import dumped
from tests.matrix.scenes import Answer, Json, Say
from tests.support.gateway import ask, running

AGENT = CONTRACTS["gemini-cli"]
NOBODY = "http://127.0.0.1:9"
ROUTING: Json = {
    "type": "OBJECT",
    "properties": {"reasoning": {"type": "STRING"}, "score": {"type": "INTEGER"}},
    "required": ["reasoning", "score"],
}
CHOICE = '{"reasoning": "It is short.", "score": 3}'


@pytest.mark.parametrize("service", SERVICES)
async def test_its_question_which_model_to_take_is_answered_in_json(service: str) -> None:
    form = {"responseMimeType": "application/json", "responseJsonSchema": ROUTING}
    body = {
        "contents": AGENT.body["contents"],
        "systemInstruction": AGENT.body["systemInstruction"],
        "generationConfig": AGENT.body["generationConfig"] | form,
    }
    async with stage(AGENT.front, service, [Answer((Say(CHOICE),))]) as up:
        got = await post(up, AGENT, f"/v1beta/models/{up.model}:generateContent", body)
    assert not up.refused
    assert got.status == 200, got.text
    (candidate,) = json.loads(got.body)["candidates"]
    assert json.loads(candidate["content"]["parts"][0]["text"])["score"] == 3
    if service not in {"gemini", "ollama"}:
        (seen,) = up.seen
        assert seen.schema is not None
        assert seen.schema["type"] == "object", "no other service knows types in capitals"
        assert seen.schema["properties"]["score"]["type"] == "integer"


@pytest.mark.parametrize("service", SERVICES)
@pytest.mark.parametrize("version", ["v1beta", "v1beta1/publishers/google", "v1/publishers/google"])
async def test_the_paths_of_vertex_are_served_too(version: str, service: str) -> None:
    async with stage(AGENT.front, service, [Answer((Say("Yes."),))]) as up:
        path, asked = AGENT.asked(up.model)
        got = await post(up, AGENT, path.replace("v1beta", version), asked)
    assert got.status == 200, got.text
    assert LISTENERS["gemini-cli"](got.body).text == "Yes."


@pytest.mark.parametrize(
    "keys",
    [
        {"x-goog-api-key": "key-of-caller"},
        {"Authorization": "Bearer key-of-caller"},
        {"x-goog-api-key": "key-of-caller", "Authorization": "Bearer key-of-caller"},
    ],
)
async def test_its_key_may_stand_in_one_header_or_in_both(keys: dict[str, str]) -> None:
    body = dumped({"contents": [{"parts": [{"text": "one two three"}]}]}).encode()
    async with running(config(NOBODY, "gemini")) as up:
        got = await ask(up.url, "POST", "/v1beta/models/offline/echo:countTokens", JSON | keys, body)
    assert got.status == 200, got.text
    assert json.loads(got.body)["totalTokens"] == 3


async def test_tokens_of_a_result_with_an_image_are_counted() -> None:
    body = dumped({"contents": AGENT.results}).encode()
    headers = JSON | AGENT.headers
    async with running(config(NOBODY, "gemini")) as up:
        got = await ask(up.url, "POST", "/v1beta/models/offline/echo:countTokens", headers, body)
    assert got.status == 200, got.text


@pytest.mark.parametrize("service", SERVICES)
@pytest.mark.parametrize(
    "response",
    [
        {"name": "read_file", "response": {"output": RESULT}},
        {"id": "x", "name": "read_file", "response": {"output": RESULT}},
        {"id": "x", "name": "read_file", "response": {"name": "read_file", "content": RESULT}},
        {"id": "x", "name": "read_file", "response": {"error": RESULT}},
    ],
)
async def test_a_result_may_have_any_of_its_forms(response: Json, service: str) -> None:
    call = {"name": "read_file", "args": {"file_path": "a"}} | ({"id": "x"} if "id" in response else {})
    result = {"role": "user", "parts": [{"functionResponse": response}]}
    turns = [{"role": "model", "parts": [{"functionCall": call}]}, result]
    async with stage(AGENT.front, service, [Answer((Say("Yes."),))]) as up:
        path, asked = AGENT.asked(up.model)
        got = await post(up, AGENT, path, asked | {"contents": [*asked["contents"], *turns]})
    assert not up.refused
    assert got.status == 200, got.text
    assert RESULT.encode() in up.requests[0].body
    assert MODEL in up.requests[0].path + up.requests[0].body.decode()
