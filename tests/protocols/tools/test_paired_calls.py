"""Calls and their results in pairs: what is left out with a call, and what stays."""

import pytest

from dragoman.protocols.anthropic import AnthropicClient
from dragoman.protocols.base import ClientCodec
from dragoman.protocols.gemini import GeminiClient
from dragoman.protocols.tools.paired_calls import unanswered, with_pairs
from dragoman.types import (
    AnyPart,
    ChatRequest,
    Message,
    ModelProfile,
    Reasoning,
    Text,
    ToolCall,
    ToolResult,
    names,
    user,
)

CALL, OTHER = ToolCall("c1", "read", "{}"), ToolCall("c2", "read", "{}")
THOUGHT, LATER = Reasoning("hm"), Reasoning("well")
SAID = Text("I look.")


def asked(*messages: Message) -> ChatRequest:
    return ChatRequest(model="m", messages=(user("hi"), *messages, user("stop")))


def answer(*parts: AnyPart) -> Message:
    return Message("assistant", parts)


def result(call: str, text: str) -> Message:
    return Message("tool", (ToolResult(call, (Text(text),)),))


@pytest.mark.parametrize(
    ("parts", "kept", "lost"),
    [
        ((SAID, THOUGHT, CALL), (SAID,), ("1] (reasoning)", "2] (tool_call)")),
        ((THOUGHT, SAID, LATER, CALL), (THOUGHT, SAID), ("2] (reasoning)", "3] (tool_call)")),
        ((THOUGHT, CALL, LATER, OTHER), (LATER, OTHER), ("0] (reasoning)", "1] (tool_call)")),
        ((THOUGHT, CALL, OTHER), (THOUGHT, OTHER), ("1] (tool_call)",)),
        ((THOUGHT, SAID, CALL), (THOUGHT, SAID), ("2] (tool_call)",)),
        ((THOUGHT, Text(""), CALL), (), ("0] (reasoning)", "2] (tool_call)")),
        ((Text("\n"), THOUGHT, CALL), (), ("1] (reasoning)", "2] (tool_call)")),
    ],
)
def test_no_thought_stays_that_nothing_follows(
    parts: tuple[AnyPart, ...], kept: tuple[AnyPart, ...], lost: tuple[str, ...]
) -> None:
    request = asked(answer(*parts), result("c2", "done")) if OTHER in parts else asked(answer(*parts))
    after = with_pairs(request, "turn")
    assert [m.parts for m in after.messages if m.role == "assistant"] == ([kept] if kept else [])
    assert tuple(names(tuple(unanswered(request, "turn")))) == tuple(f"messages[1].parts[{name}" for name in lost)


def test_a_result_that_stands_before_a_call_of_its_id_stays() -> None:
    request = asked(result("c1", "early"), answer(CALL), user("are you there?"), result("c1", "late"))
    after = with_pairs(request, "turn")
    assert (
        after.messages
        == asked(result("c1", "early"), answer(CALL), result("c1", "late"), user("are you there?")).messages
    )


@pytest.mark.parametrize("codec", [AnthropicClient("http://unused"), GeminiClient("http://unused")])
def test_of_a_call_that_is_left_out_nothing_more_is_told(codec: ClientCodec) -> None:
    request = asked(answer(SAID, ToolCall("c1", "read", '{"path": "a')))
    found = codec.losses(request, ModelProfile())
    assert [name for name in names(found) if name.startswith("messages")] == ["messages[1].parts[1] (tool_call)"]
