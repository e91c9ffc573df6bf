"""What Anthropic's Messages refuse."""

import re
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

from tests.strict.rules import Json, Rule

ID = re.compile(r"[a-zA-Z0-9_-]+")
NAME = re.compile(r"[a-zA-Z0-9_-]{1,128}")
MARKS = 4
"""Cache breakpoints of a request."""


def _turns(body: Json) -> list[tuple[str, list[Json]]]:
    """The turns, neighbours of one role joined as the service does."""
    turns: list[tuple[str, list[Json]]] = []
    for message in body["messages"]:
        content = message["content"]
        blocks = [{"type": "text", "text": content}] if isinstance(content, str) else content
        if turns and turns[-1][0] == message["role"]:
            turns[-1][1].extend(blocks)
        else:
            turns.append((message["role"], list(blocks)))
    return turns


def _ids(blocks: list[Json], kind: str, name: str) -> list[str]:
    return [block[name] for block in blocks if block["type"] == kind]


def _blocks(body: Json) -> Iterator[tuple[str, Json]]:
    for i, (_, blocks) in enumerate(_turns(body)):
        yield from ((f"turn {i}", block) for block in blocks)


def _first(body: Json) -> Iterator[str]:
    turns = _turns(body)
    if not turns or turns[0][0] != "user":
        yield "the first turn"


def _answered(body: Json) -> Iterator[str]:
    turns = [turn for turn in _turns(body) if turn[0] != "system"]
    for i, ((role, blocks), (_, after)) in enumerate(pairwise([*turns, ("user", [])])):
        if role == "assistant":
            given = _ids(after, "tool_result", "tool_use_id")
            for call in _ids(blocks, "tool_use", "id"):
                if call not in given:
                    yield f"turn {i}: {call}"


def _called(body: Json) -> Iterator[str]:
    turns = [turn for turn in _turns(body) if turn[0] != "system"]
    for i, ((_, before), (role, blocks)) in enumerate(pairwise([("", []), *turns])):
        calls = _ids(before, "tool_use", "id")
        if role == "user":
            for call in _ids(blocks, "tool_result", "tool_use_id"):
                if call not in calls:
                    yield f"turn {i}: {call}"


def _once(body: Json) -> Iterator[str]:
    for i, (_, blocks) in enumerate(_turns(body)):
        given = Counter(_ids(blocks, "tool_result", "tool_use_id"))
        yield from (f"turn {i}: {call}" for call, count in given.items() if count > 1)


def _unique(body: Json) -> Iterator[str]:
    used = Counter(block["id"] for _, block in _blocks(body) if block["type"] == "tool_use")
    yield from (call for call, count in used.items() if count > 1)


def _results_first(body: Json) -> Iterator[str]:
    for i, (_, blocks) in enumerate(_turns(body)):
        kinds = [block["type"] == "tool_result" for block in blocks]
        if kinds != sorted(kinds, reverse=True):
            yield f"turn {i}"


def _texts(body: Json) -> Iterator[tuple[str, str]]:
    for place, block in _blocks(body):
        if block["type"] == "text":
            yield place, block["text"]
        inner = block.get("content")
        if isinstance(inner, list):
            yield from ((place, part["text"]) for part in inner if part["type"] == "text")


def _system(body: Json) -> list[str]:
    system = body.get("system") or []
    return [system] if isinstance(system, str) else [block["text"] for block in system]


def _empty(body: Json) -> Iterator[str]:
    yield from (place for place, text in _texts(body) if not text.strip())
    yield from ("system" for text in _system(body) if not text.strip())
    yield from (f"messages[{i}]" for i, message in enumerate(body["messages"]) if not message["content"])


def _last_words(body: Json) -> Iterator[str]:
    role, blocks = _turns(body)[-1]
    if (
        role == "assistant"
        and blocks
        and blocks[-1]["type"] == "text"
        and blocks[-1]["text"] != blocks[-1]["text"].rstrip()
    ):
        yield "the last turn"


def _names(body: Json) -> Iterator[str]:
    yield from (
        block["id"] for _, block in _blocks(body) if block["type"] == "tool_use" and not ID.fullmatch(block["id"])
    )
    said = [block["name"] for _, block in _blocks(body) if block["type"] == "tool_use"]
    said += [tool["name"] for tool in body.get("tools", ())]
    yield from (name for name in said if not NAME.fullmatch(name))


def _forms(body: Json) -> Iterator[str]:
    yield from (
        place for place, block in _blocks(body) if block["type"] == "tool_use" and not isinstance(block["input"], dict)
    )
    yield from (tool["name"] for tool in body.get("tools", ()) if tool.get("input_schema", {}).get("type") != "object")


def _thinking(body: Json) -> Iterator[str]:
    for place, block in _blocks(body):
        if block["type"] == "thinking" and not block.get("signature"):
            yield place
    thinking = body.get("thinking") or {}
    if thinking.get("type") not in {"enabled", "adaptive"}:
        return
    if thinking.get("budget_tokens", 0) >= body["max_tokens"]:
        yield "budget_tokens"
    if body.get("temperature", 1) != 1:
        yield "temperature"
    if (body.get("tool_choice") or {}).get("type") in {"any", "tool"}:
        yield "tool_choice"
    if thinking["type"] == "enabled":
        turns = _turns(body)
        for (_, blocks), (role, after) in pairwise(turns):
            waits = (role, after) == turns[-1] and _ids(after, "tool_result", "tool_use_id")
            if waits and blocks[0]["type"] not in {"thinking", "redacted_thinking"}:
                yield "thinking is not the first block of the turn that waits"


def _marks(value: Any) -> int:
    match value:
        case dict():
            return ("cache_control" in value) + sum(map(_marks, value.values()))
        case list():
            return sum(map(_marks, value))
    return 0


def _marked(body: Json) -> Iterator[str]:
    if _marks(body) > MARKS:
        yield f"{_marks(body)} cache breakpoints"


DOCS = "https://platform.claude.com/docs/en/api/messages"
RULES = (
    Rule("the user speaks first", "livekit/agents#669", _first),
    Rule("each call has its result in the next turn", "anthropics/claude-code#1776", _answered),
    Rule("each result has its call in the turn before", "langchain-ai/langgraph#5109", _called),
    Rule("a call has one result", "anthropics/claude-code#2157", _once),
    Rule("calls have ids of their own", "NVIDIA-NeMo/Switchyard#502", _unique),
    Rule("results come first", "Zoo-Code-Org/Zoo-Code#1705", _results_first),
    Rule("texts are not empty", DOCS, _empty),
    Rule("the last words end without white space", DOCS, _last_words),
    Rule("ids and names are plain", DOCS, _names),
    Rule("inputs and schemas are objects", DOCS, _forms),
    Rule("thinking has what it needs", DOCS, _thinking),
    Rule("four cache breakpoints", DOCS, _marked),
)
