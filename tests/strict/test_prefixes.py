"""Conversations of agents, translated turn by turn: what is in a service's cache stays the beginning of the prompt."""

from collections.abc import Iterator
from random import Random

import pytest

from tests.strict.rules import Json
from tests.strict.stories import Choice, Story, sampled, single
from tests.strict.tellers import TELLERS
from tests.strict.test_conversations import SERVICES, explained, sent
from tests.support.prompts import beginning, blocks

SEED, MANY = 20261129, 8


def asked(story: Story) -> Iterator[Story]:
    """The conversation as it is each time that the model is asked."""
    for i, turn in enumerate(story, 1):
        if turn.role in {"user", "tool"} and (i == len(story) or story[i].role == "assistant"):
            yield story[:i]


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
