"""What OpenAI's Chat Completions refuse, and Mistral's, which have an order of roles."""

import re
from collections.abc import Iterator
from itertools import pairwise

from tests.strict.rules import Json, Rule

NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")
NINE = re.compile(r"[a-zA-Z0-9]{9}")
LONGEST = 40


def _calls(message: Json) -> list[str]:
    return [call["id"] for call in message.get("tool_calls") or ()]


def _answered(body: Json) -> Iterator[str]:
    for i, message in enumerate(body["messages"]):
        if message["role"] == "tool":
            continue
        given = []
        for later in body["messages"][i + 1 :]:
            if later["role"] != "tool":
                break
            given.append(later["tool_call_id"])
        yield from (f"messages[{i}]: {call}" for call in _calls(message) if call not in given)


def _called(body: Json) -> Iterator[str]:
    calls: list[str] = []
    for i, message in enumerate(body["messages"]):
        if message["role"] != "tool":
            calls = _calls(message)
        elif message["tool_call_id"] not in calls:
            yield f"messages[{i}]"


def _ids(body: Json) -> Iterator[str]:
    for message in body["messages"]:
        yield from (call for call in _calls(message) if not 0 < len(call) <= LONGEST)


def _names(body: Json) -> Iterator[str]:
    said = [call["function"]["name"] for message in body["messages"] for call in message.get("tool_calls") or ()]
    said += [tool["function"]["name"] for tool in body.get("tools", ())]
    yield from (name for name in said if not NAME.fullmatch(name))


def _contents(body: Json) -> Iterator[str]:
    for i, message in enumerate(body["messages"]):
        content = message.get("content")
        if content is None and not message.get("tool_calls") and not message.get("refusal"):
            yield f"messages[{i}].content"
        if content == []:
            yield f"messages[{i}].content"
        if message["role"] == "tool" and isinstance(content, list) and any(part["type"] != "text" for part in content):
            yield f"messages[{i}]: a result is text"
        if message.get("tool_calls") == []:
            yield f"messages[{i}].tool_calls"


def _nine(body: Json) -> Iterator[str]:
    for message in body["messages"]:
        yield from (call for call in _calls(message) if not NINE.fullmatch(call))
        if message["role"] == "tool" and not NINE.fullmatch(message["tool_call_id"]):
            yield message["tool_call_id"]


FOLLOWS = {
    "system": {"system", "user", "assistant"},
    "user": {"system", "user", "assistant"},
    "assistant": {"system", "user", "assistant", "tool"},
    "tool": {"assistant", "tool"},
}
"""Which role may come after which."""


def _order(body: Json) -> Iterator[str]:
    for i, (before, after) in enumerate(pairwise(body["messages"])):
        if after["role"] not in FOLLOWS[before["role"]]:
            yield f"messages[{i + 1}]: {after['role']} after {before['role']}"


def _last(body: Json) -> Iterator[str]:
    last = body["messages"][-1]
    if last["role"] == "assistant" and not last.get("prefix"):
        yield "the last message is the assistant's"


def _silent(body: Json) -> Iterator[str]:
    for i, message in enumerate(body["messages"]):
        if message["role"] == "assistant" and not message.get("content") and not message.get("tool_calls"):
            yield f"messages[{i}]"


SHARED = (
    Rule("each call has its result right after it", "microsoft/vscode#299295", _answered),
    Rule("each result has its call right before it", "langchain-ai/langgraph#5109", _called),
    Rule("names are plain", "https://platform.openai.com/docs/api-reference/chat", _names),
)
RULES = (
    *SHARED,
    Rule("ids have at most 40 characters", "https://platform.openai.com/docs/api-reference/chat", _ids),
    Rule("contents are there", "https://platform.openai.com/docs/api-reference/chat", _contents),
)
MISTRAL = (
    *SHARED,
    Rule("ids are nine letters and digits", "anomalyco/opencode#1680", _nine),
    Rule("roles have their order", "pipecat-ai/pipecat-flows#178", _order),
    Rule("the assistant is not last", "0xPlaygrounds/rig#1130", _last),
    Rule("an assistant says something", "https://docs.mistral.ai/api", _silent),
)
