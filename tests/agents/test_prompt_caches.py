"""Every agent does a job of several turns: each one finds what is cached, whatever the agent writes anew in between.

And if something has changed, its place is named, relayed and translated alike.
"""

import copy
import json
from base64 import b64encode
from itertools import pairwise
from typing import Any

import pytest
from msgspec.structs import replace

from tests.agents.contract import CONTRACTS, PROMPT, SYSTEM, Contract, filled
from tests.agents.listeners import LISTENERS
from tests.agents.stage import post, stage
from tests.matrix.dialects import SERVICES
from tests.matrix.scenes import Answer, Call, Json, Say, Think, Tokens
from tests.support.prompts import beginning, blocks

WORKERS = [name for name, agent in CONTRACTS.items() if agent.calls]
TRANSLATED = [(name, service) for name in WORKERS for service in SERVICES if CONTRACTS[name].front != service]
SILENT = frozenset({"ollama"})
"""Services that report nothing of a cache."""
LONG = f"{SYSTEM} prompt-canary" * 200
COUNTED = Tokens(cached=40)


def long(body: Json) -> Json:
    """A request with a system prompt that is worth caching."""
    return json.loads(json.dumps(body).replace(SYSTEM, LONG))  # type: ignore[no-any-return]  # an object as before


def changed(agent: Contract, body: Json, where: str) -> tuple[Json, str]:
    """The request with a change, and the words for it."""
    edited: Any = copy.deepcopy(body)
    turns = edited[agent.turns]
    match where:
        case "tools" if agent.front == "gemini":
            edited["tools"][0]["functionDeclarations"].append({"name": "another"})
        case "tools":
            edited["tools"].append(filled(edited["tools"][0], {edited["tools"][0].get("name", ""): "another"}))
        case "system":
            return json.loads(json.dumps(edited).replace(LONG, f"{LONG} changed")), "system"
        case _:
            place = next(i for i, turn in enumerate(turns) if PROMPT in json.dumps(turn))
            turns[place] = json.loads(json.dumps(turns[place]).replace(PROMPT, "Do another job."))
            return edited, f"message {place}"
    return edited, where


@pytest.mark.parametrize("service", SERVICES)
@pytest.mark.parametrize("name", WORKERS)
async def test_the_second_turn_is_a_hit(name: str, service: str) -> None:
    agent = CONTRACTS[name]
    answers = (Answer(agent.called(), "tool", COUNTED), Answer((Say("It is done."),), usage=COUNTED))
    async with stage(agent.front, service, answers) as up:
        path, asked = agent.asked(up.model)
        asked = long(asked)
        first = await post(up, agent, path, asked)
        heard = LISTENERS[agent.name](first.body)
        last = await post(up, agent, path, agent.again(asked, heard.turn, heard.ids))
    assert (first.status, last.status) == (200, 200)
    expected = [None, None] if service in SILENT else ["first", "hit"]
    assert [use and use.words for use in (outcome.cache for outcome in up.outcomes)] == expected
    assert "canary" not in repr(up.outcomes)


STEPS = 3


@pytest.mark.parametrize(("name", "service"), TRANSLATED)
async def test_steps_that_say_the_same_are_each_the_beginning_of_the_next(name: str, service: str) -> None:
    """Each has a state of its own, which many agents do not send back."""
    agent = CONTRACTS[name]
    answers = tuple(Answer((Think("Hm.", _state(step)), *_called(agent, step)), "tool") for step in range(STEPS))
    async with stage(agent.front, service, (*answers, Answer((Say("It is done."),)))) as up:
        path, asked = agent.asked(up.model)
        for _ in range(STEPS + 1):
            got = await post(up, agent, path, asked)
            assert (got.status, up.refused) == (200, []), got.text
            heard = LISTENERS[agent.name](got.body)
            asked = agent.again(asked, heard.turn, heard.ids)
    bodies = [json.loads(request.body) for request in up.requests]
    for before, after in pairwise(bodies):
        assert beginning(after) == beginning(before)
        assert blocks(after)[: len(blocks(before))] == blocks(before)
    if service not in SILENT:
        last = up.requests[-1].body.decode()
        assert [last.count(_state(step)) for step in range(STEPS)] == [1] * STEPS


def _state(step: int) -> str:
    return b64encode(f"only the service can read this: {step}".encode()).decode()


def _called(agent: Contract, step: int) -> tuple[Call, ...]:
    return tuple(replace(call, id=f"call_{step}{i}abcdefgh") for i, call in enumerate(agent.called()))


@pytest.mark.parametrize("where", ["tools", "system", "message"])
@pytest.mark.parametrize("way", ["relayed", "translated"])
@pytest.mark.parametrize("name", WORKERS)
async def test_what_has_changed_is_named(name: str, way: str, where: str) -> None:
    agent = CONTRACTS[name]
    other = "openai-chat" if agent.front == "anthropic" else "anthropic"
    answers = (Answer((Say("Well."),), usage=COUNTED),) * 2
    async with stage(agent.front, agent.front if way == "relayed" else other, answers) as up:
        path, asked = agent.asked(up.model)
        asked = long(asked)
        edited, words = changed(agent, asked, where)
        for body in (asked, edited):
            got = await post(up, agent, path, body)
            assert got.status == 200, got.text
    if where == "message" and not up.outcomes[0].identity.attribution.session:
        words = "first"  # without a session, the first message is the conversation's name
    assert [outcome.cache and outcome.cache.words for outcome in up.outcomes] == ["first", words]
