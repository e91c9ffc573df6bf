"""What OpenAI's Responses refuse."""

import re
from collections.abc import Iterator

from tests.strict.rules import Json, Rule

NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")
PREFIXES = {"function_call": "fc", "custom_tool_call": "ctc", "reasoning": "rs", "message": "msg"}
LONGEST = 64
CALLS = {"function_call": "function_call_output", "custom_tool_call": "custom_tool_call_output"}


def _items(body: Json) -> list[Json]:
    return [{"type": "message"} | item for item in body["input"]] if isinstance(body["input"], list) else []


def _answered(body: Json) -> Iterator[str]:
    items = _items(body)
    for kind, output in CALLS.items():
        for i, item in enumerate(items):
            if item["type"] == kind and not any(
                later["type"] == output and later["call_id"] == item["call_id"] for later in items[i + 1 :]
            ):
                yield item["call_id"]


def _called(body: Json) -> Iterator[str]:
    items = _items(body)
    for kind, output in CALLS.items():
        for i, item in enumerate(items):
            if item["type"] == output and not any(
                before["type"] == kind and before["call_id"] == item["call_id"] for before in items[:i]
            ):
                yield item["call_id"]


def _ids(body: Json) -> Iterator[str]:
    for item in _items(body):
        if "call_id" in item and not 0 < len(item["call_id"]) <= LONGEST:
            yield f"call_id {item['call_id']}"
        known = item.get("id")
        if known is not None and (len(known) > LONGEST or not known.startswith(PREFIXES.get(item["type"], ""))):
            yield f"{item['type']} {known}"


def _unique(body: Json) -> Iterator[str]:
    known = [item["id"] for item in _items(body) if item.get("id")]
    yield from {name for name in known if known.count(name) > 1}
    calls = [item["call_id"] for item in _items(body) if item["type"] in CALLS]
    yield from {name for name in calls if calls.count(name) > 1}


def _followed(body: Json) -> Iterator[str]:
    items = [*_items(body), {"type": "end"}]
    for i, item in enumerate(items):
        if item["type"] == "reasoning":
            after = items[i + 1]
            said = after["type"] in {"reasoning", *CALLS} or after.get("role") == "assistant"
            if not said and not after["type"].endswith("_call"):
                yield f"input[{i}]"


def _kinds(body: Json) -> Iterator[str]:
    for i, item in enumerate(_items(body)):
        content = item.get("content")
        if item["type"] != "message":
            continue
        if content in (None, []):
            yield f"input[{i}].content"
        for part in content if isinstance(content, list) else ():
            said = part["type"] in {"output_text", "refusal"}
            if said != (item["role"] == "assistant"):
                yield f"input[{i}]: {part['type']} of {item['role']}"


def _names(body: Json) -> Iterator[str]:
    said = [item["name"] for item in _items(body) if item["type"] in CALLS]
    said += [tool["name"] for tool in body.get("tools", ()) if tool["type"] in {"function", "custom"}]
    yield from (name for name in said if not NAME.fullmatch(name))


def _searched(body: Json) -> Iterator[str]:
    tools = body.get("tools", ())
    if not any(tool["type"] == "tool_search" for tool in tools):
        yield from (tool["name"] for tool in tools if tool.get("defer_loading"))


RULES = (
    Rule("each call has its output", "openai/openai-agents-python#1611", _answered),
    Rule("each output has its call", "continuedev/continue#11785", _called),
    Rule("ids begin as they should and are short", "can1357/oh-my-pi#284, decolua/9router#393", _ids),
    Rule("no id is there twice", "NousResearch/hermes-agent#10217", _unique),
    Rule("what was thought is followed", "openai/openai-agents-python#1611", _followed),
    Rule("texts are of their side", "https://platform.openai.com/docs/api-reference/responses", _kinds),
    Rule("names are plain", "https://platform.openai.com/docs/api-reference/responses", _names),
    Rule("tools that are loaded later are searched for", "pydantic/pydantic-ai#6080", _searched),
)
