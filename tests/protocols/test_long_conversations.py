"""Conversations with very many calls are read and written in linear time: in another, these would take minutes."""

from typing import Any

from dragoman.protocols.anthropic.messages import arranged
from dragoman.protocols.gemini.call_ids import CallIds
from dragoman.protocols.gemini.contents import decode_contents
from dragoman.protocols.json_fields import entries
from dragoman.protocols.ollama.messages import Conversation
from dragoman.protocols.tools.paired_calls import with_pairs
from dragoman.protocols.wordless import unasked, without_emptied
from dragoman.types import ChatRequest, LostPart, Message, Reasoning, Text, ToolCall, ToolResult, user

MANY = 60_000
CALLS = tuple(ToolCall(id=f"c{i}", name="f", arguments="{}") for i in range(MANY))


def test_gemini_finds_the_calls_of_results_in_any_order() -> None:
    ids = CallIds()
    for i in range(MANY):
        ids.call(f"c{i}" if i % 2 else None, "f")
    assert [ids.result(f"c{i}", "f", "") for i in range(MANY - 1, 0, -2)] == [f"c{i}" for i in range(MANY - 1, 0, -2)]
    assert [ids.result(None, "f", "") for _ in range(MANY // 2)] == [f"call_0_{i}" for i in range(0, MANY, 2)]


def test_gemini_joins_the_contents_of_a_turn() -> None:
    piece = "x" * 2000
    contents: list[dict[str, Any]] = [{"role": "model", "parts": [{"text": piece}]} for _ in range(5000)]
    signed = {"text": "y", "thought": True, "thoughtSignature": "AAAA"}
    contents += [{"role": "model", "parts": [signed] * 20} for _ in range(5000)]
    (message,) = decode_contents(None, contents, (), open_ended=False)
    text, *thoughts = message.parts
    assert isinstance(text, Text)
    assert text.text == piece * 5000
    assert len(thoughts) == 100_000
    assert all(isinstance(part, Reasoning) for part in thoughts)


def test_ollama_finds_the_calls_of_results_in_any_order() -> None:
    function = {"name": "f", "arguments": {}}
    asked = {"role": "assistant", "tool_calls": [{"id": f"c{i}", "function": function} for i in range(MANY)]}
    results = [{"role": "tool", "tool_call_id": f"c{i}", "content": "x"} for i in reversed(range(0, MANY, 2))]
    others = [{"role": "tool", "tool_name": "f", "content": "x"} for _ in range(MANY // 4)]
    last = [{"role": "tool", "content": "x"} for _ in range(MANY // 4)]
    _, *found = Conversation({}).read(entries([asked, *results, *others, *last], "messages"))
    ids = [part.id for message in found for part in message.parts if isinstance(part, ToolResult)]
    assert ids == [f"c{i}" for i in (*reversed(range(0, MANY, 2)), *range(1, MANY, 2))]


def test_anthropic_puts_results_in_the_order_of_the_calls() -> None:
    results = tuple(ToolResult(id=call.id, parts=()) for call in reversed(CALLS))
    messages = (Message("user", (Text(text="x"),)), Message("assistant", CALLS), Message("tool", results))
    (_, _, answered) = arranged(messages, system_turns=False).turns
    assert [part.id for part in answered.parts if isinstance(part, ToolResult)] == [call.id for call in CALLS]


def test_what_is_left_of_a_turn_that_has_lost_all_its_parts() -> None:
    thoughts = tuple(Reasoning(text="x") for _ in range(MANY))
    request = ChatRequest(model="m", messages=(user("a"), Message("assistant", thoughts), Message("user", thoughts)))
    lost = [LostPart(f"messages[{i}].parts[{j}] (reasoning)") for i in (1, 2) for j in range(MANY)]
    assert without_emptied(request, lost).messages == (user("a"),)
    assert [loss.name for loss in unasked(request, lost, "own")] == ["messages[2]"]


def test_results_of_one_call_become_one() -> None:
    given = tuple(Message("tool", (ToolResult(id="c", parts=(Text(text=str(i)),)),)) for i in range(MANY))
    request = ChatRequest(model="m", messages=(user("a"), Message("assistant", (ToolCall(id="c", name="f"),)), *given))
    (result,) = with_pairs(request, "turn").messages[-1].parts
    assert isinstance(result, ToolResult)
    assert [part.text for part in result.parts if isinstance(part, Text)] == [str(i) for i in range(MANY)]
