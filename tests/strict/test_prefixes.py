"""Conversations of agents, translated turn by turn: what is in a service's cache stays the beginning of the prompt."""

import json
from collections.abc import Iterator
from random import Random
from typing import Any

import pytest

from tests.strict.rules import Json
from tests.strict.stories import Choice, Story, sampled, single
from tests.strict.tellers import TELLERS
from tests.strict.test_conversations import SERVICES, explained, sent

SEED, MANY = 20261129, 8
TURNS = ("messages", "input", "contents")
MARK = "cache_control"
"""It moves to the newest message, and is no part of the prompt."""


def asked(story: Story) -> Iterator[Story]:
    """The conversation as it is each time that the model is asked."""
    for i, turn in enumerate(story, 1):
        if turn.role in {"user", "tool"} and (i == len(story) or story[i].role == "assistant"):
            yield story[:i]


def bare(value: Any) -> Any:
    """Without the marks."""
    match value:
        case dict():
            return {name: bare(each) for name, each in value.items() if name != MARK}
        case list():
            return [bare(each) for each in value]
        case _:
            return value


def beginning(body: Json) -> str:
    """All but the turns."""
    return json.dumps(bare({name: value for name, value in body.items() if name not in TURNS}))


def blocks(body: Json) -> list[str]:
    """The turns, piece by piece: what follows may be added to a turn of the same role, and a text become a block."""
    (turns,) = (body[name] for name in TURNS if name in body)
    found: list[str] = []
    for turn in turns:
        if isinstance(turn.get("content"), str):
            turn |= {"content": [{"type": "text", "text": turn["content"]}]}
        inner = next((name for name in ("parts", "content") if isinstance(turn.get(name), list)), None)
        pieces = [turn] if inner is None or "role" not in turn else [turn | {inner: piece} for piece in turn[inner]]
        found += [json.dumps(bare(piece)) for piece in pieces]
    return found


@pytest.mark.parametrize("service", SERVICES)
@pytest.mark.parametrize("front", TELLERS)
def test_a_turn_begins_with_all_that_was_sent_before(front: str, service: str) -> None:
    print(f"seed {SEED}")
    for choice in [*single(), *sampled(Random(f"{SEED} {front} {service}"), MANY)]:
        _follow(front, service, choice)


def _follow(front: str, service: str, choice: Choice) -> None:
    tell = TELLERS[front]
    tools = {name: value for name, value in tell(choice.story).items() if name == "tools"}
    before: Json | None = None
    for story in asked(choice.story):
        found = explained(front, service, tell(story) | tools)
        if found.error is not None or found.carried != "translated":
            before = None
            continue
        body = sent(found)
        if before is not None:
            assert beginning(body) == beginning(before), choice
            assert blocks(body)[: len(blocks(before))] == blocks(before), choice
        before = body
