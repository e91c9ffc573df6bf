"""Every agent does a job of two turns at services of every dialect: no request is refused, and no answer lacks what
the agent needs."""

import json

import pytest

from tests.agents.contract import CONTRACTS, PROMPT, RESULT, SYSTEM, Contract
from tests.agents.hearing import Heard
from tests.agents.listeners import LISTENERS
from tests.agents.stage import MODEL, Stage, post, stage
from tests.matrix.dialects import SERVICES
from tests.matrix.exchange import dumped
from tests.matrix.scenes import PDF, PNG, PROOF, Answer, Json, Say, Think, Tokens

TEXT = "It is done."
THOUGHT = Think("First I think.", PROOF)
COUNTED = Tokens(cached=40)
WORKERS = [name for name, agent in CONTRACTS.items() if agent.calls]


def test_every_contract_has_its_listener() -> None:
    assert set(CONTRACTS) == set(LISTENERS)


@pytest.mark.parametrize("service", SERVICES)
@pytest.mark.parametrize("name", WORKERS)
async def test_a_call_its_result_and_the_last_words(name: str, service: str) -> None:
    agent = CONTRACTS[name]
    answers = (Answer((THOUGHT, *agent.called()), "tool", COUNTED), Answer((Say(TEXT),), usage=COUNTED))
    async with stage(agent.front, service, answers) as up:
        path, asked = agent.asked(up.model)
        first = await _heard(up, agent, path, asked)
        assert first.calls == [(call["name"], call["arguments"]) for call in agent.calls]
        again = agent.again(asked, first.turn, first.ids)
        last = await _heard(up, agent, path, again)
    assert (last.text, last.calls) == (TEXT, [])
    if agent.front == service:
        for request, body in zip(up.requests, (asked, again), strict=True):
            said = dumped(body).replace(f'"{up.model}"', f'"{MODEL}"')
            if service == "openai-chat":
                said = said.replace('"max_tokens"', '"max_completion_tokens"')  # as OpenAI calls it
            assert request.body == said.encode()
    else:
        _check(up, agent)
    assert not any(outcome.error for outcome in up.outcomes)
    _count(agent.front, service, last.usage)


async def _heard(up: Stage, agent: Contract, path: str, body: Json) -> Heard:
    got = await post(up, agent, path, body)
    assert not up.refused
    assert (got.status, got.clean) == (200, True), got.text
    return LISTENERS[agent.name](got.body)


def _check(up: Stage, agent: Contract) -> None:
    first, second = up.seen
    for request in up.requests:
        assert PROMPT.encode() in request.body
        assert SYSTEM.encode() in request.body
    names = _functions(agent)
    assert set(names) <= set(first.tools)
    assert second.tools == first.tools, "what was cached stays in its place"
    assert second.calls == tuple((call["name"], call["arguments"]) for call in agent.calls)
    assert any(RESULT in result for result in second.results)
    assert [*second.images, *second.result_images] == [PNG]
    if PDF in json.dumps(agent.results):
        assert [*second.files, *second.result_files] == [PDF] or "(file)" in up.outcomes[1].losses


def _functions(agent: Contract) -> list[str]:
    tools = agent.body["tools"]
    if agent.front == "gemini":
        return [tool["name"] for tool in tools[0]["functionDeclarations"]]
    if agent.front == "openai-chat":
        return [tool["function"]["name"] for tool in tools]
    return [tool["name"] for tool in tools if tool.get("type", "function") == "function"]


def _count(front: str, service: str, usage: Json) -> None:
    """The counts are those of the last reply, each once."""
    cached = 0 if service == "ollama" else COUNTED.cached
    match front:
        case "anthropic":
            assert usage["input_tokens"] + (usage.get("cache_read_input_tokens") or 0) == COUNTED.input
            assert (usage.get("cache_read_input_tokens") or 0) == cached
            assert usage["output_tokens"] == COUNTED.output
        case "openai-responses":
            assert (usage["input_tokens"], usage["output_tokens"]) == (COUNTED.input, COUNTED.output)
            assert usage["input_tokens_details"]["cached_tokens"] == cached
        case "openai-chat":
            assert (usage["prompt_tokens"], usage["completion_tokens"]) == (COUNTED.input, COUNTED.output)
        case "gemini":
            assert (usage["promptTokenCount"], usage["candidatesTokenCount"]) == (COUNTED.input, COUNTED.output)


@pytest.mark.parametrize("service", SERVICES)
@pytest.mark.parametrize("name", ["aider-chat", "aider-messages"])
async def test_an_edit_and_the_words_for_its_commit_which_are_not_streamed(name: str, service: str) -> None:
    agent = CONTRACTS[name]
    answers = (Answer((Say(TEXT),)), Answer((Say("feat: a line"),)))
    async with stage(agent.front, service, answers) as up:
        path, asked = agent.asked(up.model)
        assert (await _heard(up, agent, path, asked)).text == TEXT
        got = await post(up, agent, path, {field: value for field, value in asked.items() if field != "stream"})
    assert got.status == 200, got.text
    said = json.loads(got.body)
    if agent.front == "anthropic":
        assert (said["content"][0]["text"], said["stop_reason"]) == ("feat: a line", "end_turn")
    else:
        (choice,) = said["choices"]
        assert (choice["message"]["content"], choice["finish_reason"]) == ("feat: a line", "stop")


@pytest.mark.parametrize("service", SERVICES)
@pytest.mark.parametrize("name", [name for name in CONTRACTS if "-title-" in name])
async def test_a_title_which_opencode_asks_for_first_with_two_users_turns_and_without_tools(
    name: str, service: str
) -> None:
    agent = CONTRACTS[name]
    async with stage(agent.front, service, [Answer((THOUGHT, Say("A small job")))]) as up:
        path, asked = agent.asked(up.model)
        heard = await _heard(up, agent, path, asked)
    assert (heard.text, heard.calls) == ("A small job", [])
    (request,) = up.requests
    for text in (PROMPT, SYSTEM, "Make a title for this conversation:"):
        assert text.encode() in request.body
    if agent.front != service:
        assert not up.seen[0].tools
    assert not any(outcome.error for outcome in up.outcomes)
