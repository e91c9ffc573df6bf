"""Tools that stand in an item of the input, as Codex says them: they are tools of the request elsewhere."""

import json
from typing import Any

import pytest

from dragoman.engine.question import question
from dragoman.protocols.openai_responses import OpenAIResponsesServer
from dragoman.protocols.registry import DIALECTS
from dragoman.types import ModelProfile, ServerRequest, names
from tests.support.env import fixed_env

RUN = {"type": "custom", "name": "exec", "description": "Runs a program."}
GROUP = {"type": "namespace", "name": "functions", "description": "", "tools": [RUN]}
ASKED = {"role": "user", "content": "a"}


def sent(name: str, *tools: dict[str, Any]) -> tuple[dict[str, Any], tuple[str, ...]]:
    """What a service is sent, and what is lost."""
    item = {"type": "additional_tools", "role": "developer", "tools": list(tools)}
    body = json.dumps({"model": "m", "input": [item, ASKED]}).encode()
    request = OpenAIResponsesServer().decode_request(ServerRequest(method="POST", path="/", body=body))
    client: Any = DIALECTS[name].client
    codec = client("http://up")
    asked = question(request, codec, ModelProfile())
    whole: dict[str, Any] = json.loads(codec.encode_request(codec.fit(asked.request, ModelProfile()), fixed_env()).body)
    return whole, names(asked.losses)


@pytest.mark.parametrize("name", ["openai-chat", "anthropic", "gemini", "ollama"])
def test_other_services_get_them_beside_those_of_the_request(name: str) -> None:
    body, lost = sent(name, RUN)
    assert '"exec"' in json.dumps(body["tools"])
    assert "additional_tools" not in json.dumps(body)
    assert lost == ()
    grouped, _ = sent(name, GROUP)
    assert '"functions__exec"' in json.dumps(grouped["tools"])


def test_services_of_the_protocol_get_the_item_as_it_came() -> None:
    body, lost = sent("openai-responses", GROUP, RUN)
    assert body["input"][0] == {"type": "additional_tools", "role": "developer", "tools": [GROUP, RUN]}
    assert ("tools" in body, lost) == (False, ())


def test_what_of_them_is_no_tool_of_the_caller_is_named() -> None:
    body, lost = sent("openai-chat", RUN, {"type": "web_search"})
    assert '"exec"' in json.dumps(body["tools"])
    assert lost == ("messages[0].parts[0] (unknown)",)
