"""Tools of the service beside functions: not every model takes both in one request."""

import json
from typing import Any

import pytest
from msgspec.structs import replace

from dragoman.protocols.gemini import GeminiClient
from dragoman.types import AnyTool, ChatRequest, HostedTool, ModelProfile, Tool, ToolChoice, names, user
from tests.support.env import fixed_env

SEARCH = HostedTool(tool="web_search")
BOTH = (Tool("f"), SEARCH)
NOT_MIXED = ModelProfile(mixed_tools=False)
FLAG = "includeServerSideToolInvocations"


def sent(
    tools: tuple[AnyTool, ...], profile: ModelProfile, *, enterprise: bool = False, choice: ToolChoice | None = None
) -> tuple[dict[str, Any], tuple[str, ...]]:
    client = GeminiClient("http://up", enterprise=enterprise)
    request = ChatRequest(model="m", messages=(user("hi"),), tools=tools, tool_choice=choice)
    encoded = client.encode_request(client.fit(request, profile), replace(fixed_env(), profile=profile))
    return json.loads(encoded.body), names(client.losses(request, profile))


def test_the_service_is_told_that_both_are_wanted() -> None:
    body, lost = sent(BOTH, ModelProfile(), choice=ToolChoice("required"))
    assert body["toolConfig"] == {FLAG: True, "functionCallingConfig": {"mode": "ANY"}}
    assert len(body["tools"]) == 2
    assert lost == ()


def test_models_that_take_one_of_them_get_the_functions() -> None:
    body, lost = sent(BOTH, NOT_MIXED)
    assert [list(group) for group in body["tools"]] == [["functionDeclarations"]]
    assert "toolConfig" not in body
    assert lost == ("tools[1] (web_search)",)


@pytest.mark.parametrize("profile", [ModelProfile(), NOT_MIXED])
@pytest.mark.parametrize("tool", [SEARCH, Tool("f")])
def test_one_kind_alone_stays_as_it_is(tool: AnyTool, profile: ModelProfile) -> None:
    body, lost = sent((tool,), profile)
    assert len(body["tools"]) == 1
    assert "toolConfig" not in body
    assert lost == ()


def test_vertex_does_not_know_the_word() -> None:
    body, _ = sent(BOTH, ModelProfile(), enterprise=True)
    assert "toolConfig" not in body
    assert len(body["tools"]) == 2
