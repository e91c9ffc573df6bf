"""What Codex asks beside its turns, and its tool that takes any text."""

import json

import pytest

from tests.agents.contract import CONTRACTS
from tests.agents.hear_responses import hear
from tests.agents.stage import config, post, stage
from tests.matrix.dialects import SERVICES
from tests.matrix.scenes import Answer, Call, Say
from tests.support.gateway import ask, running

AGENT = CONTRACTS["codex"]
PATCH = "*** Begin Patch\n*** Add File: /repo/new.txt\n+gamma\n*** End Patch\n"
DONE = "Exit code: 0\nOutput:\nSuccess."
NOBODY = "http://127.0.0.1:9"


async def test_its_catalogue_is_empty_so_that_it_keeps_its_own() -> None:
    async with running(config(NOBODY, "openai-responses")) as up:
        got = await ask(up.url, "GET", "/v1/models?client_version=0.169.0", {"Authorization": "Bearer key-of-caller"})
    assert (got.status, json.loads(got.body)) == (200, {"models": []})


@pytest.mark.parametrize("service", SERVICES)
async def test_a_patch_is_plain_text_for_it_whatever_the_service_has(service: str) -> None:
    call = Call("call_1abcdefgh", "apply_patch", input=PATCH)
    answers = [Answer((call,), "tool"), Answer((Say("It is done."),))]
    async with stage(AGENT.front, service, answers) as up:
        path, asked = AGENT.asked(up.model)
        first = hear((await post(up, AGENT, path, asked)).body)
        assert first.calls == [("apply_patch", PATCH)]
        assert [item["type"] for item in first.turn] == ["custom_tool_call"]
        result = {"type": "custom_tool_call_output", "id": "ctco_1", "call_id": first.ids[0], "output": DONE}
        got = await post(up, AGENT, path, asked | {"input": [*asked["input"], *first.turn, result]})
    assert not up.refused
    assert hear(got.body).text == "It is done."
    second = json.loads(up.requests[1].body)
    assert PATCH in _texts(second)
    assert any(DONE in text for text in _texts(second))


def _texts(thing: object) -> list[str]:
    """All texts, those in arguments that are JSON too."""
    if isinstance(thing, str):
        try:
            inner = json.loads(thing)
        except ValueError:
            return [thing]
        return [thing, *(_texts(inner) if isinstance(inner, dict) else [])]
    values = thing.values() if isinstance(thing, dict) else thing if isinstance(thing, list) else ()
    return [text for value in values for text in _texts(value)]


async def test_session_and_key_of_the_cache_reach_openai_as_they_came() -> None:
    async with stage(AGENT.front, "openai-responses", [Answer((Say("Yes."),))]) as up:
        path, asked = AGENT.asked(up.model)
        await post(up, AGENT, path, asked)
    (request,) = up.requests
    assert request.headers["session-id"] == json.loads(request.body)["prompt_cache_key"]
    assert request.headers["thread-id"] == AGENT.headers["thread-id"]
