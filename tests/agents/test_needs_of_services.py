"""What an agent sends and other services must not get, or get in their own form. A translation names each loss."""

import json
from typing import Any

import pytest

from tests.agents.contract import CONTRACTS, SYSTEM
from tests.agents.stage import post, stage
from tests.matrix.dialects import SERVICES
from tests.matrix.scenes import Answer, Json, Say

SESSION = "00000000-0000-4000-8000-000000000001"
OTHERS = [name for name in SERVICES if name != "anthropic"]


async def sent(name: str, service: str, **more: Any) -> tuple[Json, list[str]]:
    """What a service gets of the agent's first request, and what is named as lost."""
    agent = CONTRACTS[name]
    async with stage(agent.front, service, [Answer((Say("Yes."),))]) as up:
        path, asked = agent.asked(up.model)
        got = await post(up, agent, path, asked | more)
    assert got.status == 200, got.text
    (request,) = up.requests
    return json.loads(request.body), got.headers.get("x-dragoman-losses", "").split(", ")


@pytest.mark.parametrize("service", OTHERS)
async def test_the_block_that_tells_anthropic_which_program_asks_reaches_nobody_else(service: str) -> None:
    body, lost = await sent("claude-code", service)
    said = json.dumps(body)
    assert "x-anthropic-billing-header" not in said
    assert SYSTEM in said
    assert "messages[0].parts[0] (unknown)" in lost


async def test_at_anthropic_that_block_stays_the_first() -> None:
    body, lost = await sent("claude-code", "anthropic")
    assert body["system"][0]["text"].startswith("x-anthropic-billing-header")
    assert lost == [""]


@pytest.mark.parametrize("service", ["openai-chat", "openai-responses"])
async def test_a_session_is_openais_key_of_the_cache_and_the_user_short_enough(service: str) -> None:
    body, lost = await sent("claude-code", service)
    assert body["prompt_cache_key"] == SESSION
    assert body["user"] == "0" * 64
    assert "user" in lost


@pytest.mark.parametrize("service", ["openai-chat", "openai-responses"])
@pytest.mark.parametrize("user", ["me", "{", '{"a": 1}'])
async def test_any_other_user_is_sent_as_it_is(service: str, user: str) -> None:
    body, _ = await sent("claude-code", service, metadata={"user_id": user})
    assert body["user"] == user
    assert "prompt_cache_key" not in body


@pytest.mark.parametrize("service", OTHERS)
async def test_what_only_decorates_is_named_and_not_refused(service: str) -> None:
    _, lost = await sent("claude-code", service, safeguards=[{"type": "x"}], x_new={"a": 1})
    assert {"context_management", "messages[2].output_config", "safeguards", "x_new"} <= set(lost)


@pytest.mark.parametrize("service", [name for name in SERVICES if name != "openai-responses"])
async def test_a_search_among_tools_that_codex_makes_itself_is_a_function(service: str) -> None:
    body, lost = await sent("codex", service)
    said = json.dumps(body["tools"])
    assert '"name": "tool_search"' in said
    assert '"name": "multi_agent_v1__spawn"' in said
    assert "client_metadata" in lost
    assert not {name for name in lost if name.startswith(("tools[4]", "tools[6]"))}


async def test_codexs_search_of_the_web_stands_beside_its_functions_at_gemini() -> None:
    body, lost = await sent("codex", "gemini")
    assert body["toolConfig"]["includeServerSideToolInvocations"] is True
    assert {"googleSearch": {}} in body["tools"]
    assert "tools[5] (web_search)" not in lost
