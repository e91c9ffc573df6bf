"""Words of the model between what tools gave and the next words of another."""

import json
from typing import Any

import pytest

from dragoman.protocols.openai_chat.turn_order import WORDS, added, is_in_order, with_words
from dragoman.types import Message, Reasoning, Text, ToolCall, ToolResult

CALL = Message("assistant", (ToolCall(id="c", name="f"),))
GAVE = ToolResult(id="c", parts=(Text(text="done"),))
RESULT = Message("tool", (GAVE,))
OK = Message("assistant", (Text(text=WORDS),))
ASKS = Message("user", (Text(text="stop"),))
TOLD = Message("system", (Text(text="be short"),))
SAID = Message("assistant", (Text(text="well"),))
THOUGHT = Reasoning(text="hm")


@pytest.mark.parametrize(
    ("turns", "expected", "places"),
    [
        ((CALL, RESULT, ASKS), (CALL, RESULT, OK, ASKS), [2]),
        ((CALL, RESULT, TOLD, ASKS), (CALL, RESULT, OK, TOLD, ASKS), [2]),
        ((CALL, RESULT, RESULT, SAID, ASKS), (CALL, RESULT, RESULT, SAID, ASKS), []),
        ((CALL, RESULT), (CALL, RESULT), []),
        ((CALL, Message("user", (GAVE,)), SAID), (CALL, Message("user", (GAVE,)), SAID), []),
        (
            (CALL, Message("user", (ASKS.parts[0], GAVE)), SAID),
            (CALL, Message("user", (GAVE,)), OK, Message("user", ASKS.parts), SAID),
            [1],
        ),
        ((CALL, RESULT, ASKS, ASKS), (CALL, RESULT, OK, ASKS, ASKS), [2]),
        ((Message("assistant", (THOUGHT,)), ASKS), (Message("assistant", (THOUGHT, *OK.parts)), ASKS), [0]),
        ((Message("assistant", (Text(text=""),)),), (Message("assistant", (Text(text=""), *OK.parts)),), [0]),
        ((ASKS, TOLD, ASKS, SAID, SAID), (ASKS, TOLD, ASKS, SAID, SAID), []),
        ((), (), []),
    ],
)
def test_words_are_added_where_they_are_missing_and_named(
    turns: tuple[Message, ...], expected: tuple[Message, ...], places: list[int]
) -> None:
    assert with_words(turns) == expected
    assert with_words(expected) == expected
    assert [loss.name for loss in added(turns)] == [f"messages[{i}]" for i in places]


@pytest.mark.parametrize(
    ("roles", "expected"),
    [
        (["user", "assistant", "tool", "tool", "assistant", "user"], True),
        (["tool", "user"], False),
        (["tool", "system"], False),
        (["tool", "tool"], True),
        ([], True),
    ],
)
def test_the_order_is_seen_in_the_text_of_a_conversation(roles: list[str], *, expected: bool) -> None:
    turns: list[Any] = [{"role": role, "content": None} for role in roles]
    assert is_in_order(json.dumps(turns).encode()) is expected


@pytest.mark.parametrize("text", [b"null", b"7", b'[{"role": 7}]', b"[\xff]", b""])
def test_what_is_no_conversation_is_left_to_the_service(text: bytes) -> None:
    assert is_in_order(text)
