"""Tools that are to be loaded later, at services that load all of them at once."""

import json
from typing import Any

import pytest

from dragoman.client import Client
from dragoman.client.explain import Asked, explain_call
from dragoman.config import Config, GatewayConfig, ProviderConfig
from dragoman.protocols.openai_responses.client import OpenAIResponsesClient
from dragoman.protocols.registry import DIALECTS
from dragoman.protocols.tools.deferred import with_loaded
from dragoman.protocols.tools.search import MARK
from dragoman.types import AnyTool, ChatRequest, HostedTool, ModelProfile, ServerRequest, Tool, names, user

JSON = ((b"content-type", b"application/json"),)
PROVIDERS = {
    "openai-chat": "openai",
    "openai-responses": "openairesponses",
    "gemini": "gemini",
    "ollama": "ollama",
}


def sent(dialect: str, *tools: dict[str, Any]) -> tuple[list[dict[str, Any]], list[str]]:
    """The tools that a service gets from a caller of Anthropic's protocol, and what is named as lost."""
    up = ProviderConfig(type=PROVIDERS[dialect], url="http://up.invalid/v1", api_key="k")
    client = Client(Config(gateway=GatewayConfig(port=0), providers={"up": up}))
    body = {"model": "up/m", "max_tokens": 99, "messages": [{"role": "user", "content": "a"}], "tools": tools}
    call = ServerRequest(method="POST", path="/", headers=JSON, body=json.dumps(body).encode())
    found = explain_call(client, Asked(call, DIALECTS["anthropic"].server()), 0.0)
    assert found.request is not None, found.error
    said = json.loads(found.request.body)["tools"]
    said = [each for tool in said for each in tool.get("functionDeclarations", [tool.get("function", tool)])]
    return said, list(names(found.losses))


def tool(name: str, **more: Any) -> dict[str, Any]:
    return {"name": name, "input_schema": {"type": "object", "properties": {}}} | more


LATER = {"defer_loading": True}


@pytest.mark.parametrize("dialect", PROVIDERS)
def test_what_is_found_comes_after_what_was_there(dialect: str) -> None:
    """As Claude Code, which puts what its search has found among the others, in the order of their names."""
    before, _ = sent(dialect, tool("Agent"), tool("Placeholder", **LATER), tool("Write"))
    after, lost = sent(dialect, tool("Agent"), tool("Fetch", **LATER), tool("Placeholder", **LATER), tool("Write"))
    assert [each["name"] for each in before] == ["Agent", "Write", "Placeholder"]
    assert [each["name"] for each in after] == ["Agent", "Write", "Fetch", "Placeholder"]
    assert not any("defer_loading" in each for each in after)
    assert lost == ["tools[1].defer_loading", "tools[2].defer_loading"]


def test_a_search_that_openai_does_not_have_loads_nothing() -> None:
    search = {"type": "tool_search_tool_bm25_20251119", "name": "tool_search_tool_bm25"}
    tools, lost = sent("openai-responses", search, tool("Fetch", **LATER), tool("Write"))
    assert [each["name"] for each in tools] == ["Write", "Fetch"]
    assert lost == ["tools[0] (tool_search)", "tools[1].defer_loading"]


@pytest.mark.parametrize(
    "search", [HostedTool(tool="tool_search", extra={"openai-responses": {}}), Tool("s", extra=MARK)]
)
def test_openai_loads_tools_later_if_it_searches_them(search: AnyTool) -> None:
    codec = OpenAIResponsesClient("http://up")
    request = ChatRequest(model="m", messages=(user("a"),), tools=(search, Tool("f", defer_loading=True), Tool("g")))
    assert codec.fit(request, ModelProfile()).tools == request.tools
    assert "tools[1].defer_loading" not in names(codec.losses(request, ModelProfile()))


def test_a_request_without_such_tools_stays_the_same_object() -> None:
    request = ChatRequest(model="m", messages=(user("a"),), tools=(Tool("f"), Tool("g", defer_loading=False)))
    assert with_loaded(request) is request
