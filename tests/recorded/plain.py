"""What a person would read in an answer's JSON, without any of our codecs: its text, reasoning, calls and usage."""

import json
from collections.abc import Callable
from typing import Any

from msgspec import Struct, field


class Read(Struct):
    """The plain reading of one answer."""

    text: str = ""
    reasoning: str = ""
    calls: list[tuple[str, Any]] = field(default_factory=list)
    """Names, and arguments as values."""
    input_tokens: int | None = None
    output_tokens: int | None = None


def events_of(body: bytes) -> list[dict[str, Any]]:
    """The data of server-sent events, or lines of JSON, or a list."""
    text = body.decode()
    if text.lstrip().startswith("["):
        found: list[dict[str, Any]] = json.loads(text)
        return found
    lines = [line.removeprefix("data:").strip() for line in text.splitlines() if line.startswith(("data:", "{"))]
    return [json.loads(line) for line in lines if line.startswith("{")]


def read(dialect: str, body: bytes, *, stream: bool) -> Read:
    """The plain reading of `body`."""
    return READERS[dialect](events_of(body) if stream else [json.loads(body)])


def value_of(arguments: str) -> Any:
    """The value of a call's arguments, or their text if they are not JSON."""
    try:
        return json.loads(arguments or "{}")
    except ValueError:
        return arguments


def _chat(events: list[dict[str, Any]]) -> Read:
    found = Read()
    calls: dict[int, list[str]] = {}
    for event in events:
        for choice in event.get("choices", [])[:1]:
            said = choice.get("delta") or choice.get("message") or {}
            content = said.get("content")
            for part in content if isinstance(content, list) else [content]:
                if isinstance(part, dict) and part.get("type") == "thinking":
                    found.reasoning += "".join(each.get("text", "") for each in part["thinking"])
                elif isinstance(part, dict):
                    found.text += part.get("text", "")
                else:
                    found.text += part or ""
            found.reasoning += said.get("reasoning_content") or said.get("reasoning") or ""
            for place, call in enumerate(said.get("tool_calls") or []):
                function = call.get("function") or call.get("custom") or {}
                entry = calls.setdefault(call.get("index") or (0 if "delta" in choice else place), ["", ""])
                entry[0] = entry[0] or function.get("name") or ""
                entry[1] += function.get("arguments") or function.get("input") or ""
        usage = event.get("usage")
        if isinstance(usage, dict):
            found.input_tokens, found.output_tokens = usage.get("prompt_tokens"), usage.get("completion_tokens")
            thought = (usage.get("completion_tokens_details") or {}).get("reasoning_tokens") or 0
            if thought and usage["total_tokens"] == usage["prompt_tokens"] + usage["completion_tokens"] + thought:
                found.output_tokens = usage["completion_tokens"] + thought
    found.calls = [(name, value_of(text)) for name, text in calls.values()]
    return found


ENDS = frozenset({"completed", "incomplete", "failed"})


def _responses(events: list[dict[str, Any]]) -> Read:
    ends = [event for event in events if str(event.get("type")).removeprefix("response.") in ENDS]
    whole = (ends or events)[0].get("response", events[-1])
    found = Read()
    for item in whole.get("output") or []:
        match item.get("type"):
            case "message":
                found.text += "".join(part.get("text", "") for part in item["content"])
            case "reasoning":
                parts = [*(item.get("summary") or []), *(item.get("content") or [])]
                found.reasoning += "".join(part.get("text", "") for part in parts)
            case "function_call":
                found.calls.append((item["name"], value_of(item["arguments"])))
            case "custom_tool_call":
                found.calls.append((item["name"], item["input"]))
    usage = whole.get("usage") or {}
    found.input_tokens, found.output_tokens = usage.get("input_tokens"), usage.get("output_tokens")
    return found


def _anthropic(events: list[dict[str, Any]]) -> Read:
    found = Read()
    usage: dict[str, Any] = {}
    calls: dict[int, list[str]] = {}
    for event in events:
        match event["type"]:
            case "message":
                usage |= event.get("usage") or {}
                for block in event["content"]:
                    found.text += block.get("text", "") if block["type"] == "text" else ""
                    found.reasoning += block.get("thinking", "")
                    if block["type"] == "tool_use":
                        found.calls.append((block["name"], block["input"]))
            case "message_start":
                usage |= event["message"].get("usage") or {}
            case "content_block_start" if event["content_block"]["type"] == "tool_use":
                calls[event["index"]] = [event["content_block"]["name"], ""]
                found.calls += (
                    [(event["content_block"]["name"], said)] if (said := event["content_block"]["input"]) else []
                )
            case "content_block_start" if event["content_block"]["type"] == "text":
                found.text += event["content_block"].get("text", "")
            case "content_block_delta":
                delta = event["delta"]
                found.text += delta.get("text", "") if delta["type"] == "text_delta" else ""
                found.reasoning += delta.get("thinking", "")
                if delta["type"] == "input_json_delta" and event["index"] in calls:
                    calls[event["index"]][1] += delta["partial_json"]
            case "message_delta":
                usage |= {name: value for name, value in (event.get("usage") or {}).items() if value is not None}
            case "message_stop":
                break
    given = bool(found.calls) and not any(text for _, text in calls.values())
    found.calls += [] if given else [(name, value_of(text)) for name, text in calls.values()]
    if usage:
        names = ("input_tokens", "cache_creation_input_tokens", "cache_read_input_tokens")
        found.input_tokens = sum(usage.get(name) or 0 for name in names)
        found.output_tokens = usage.get("output_tokens")
    return found


def _gemini(events: list[dict[str, Any]]) -> Read:
    found = Read()
    for event in events:
        for candidate in event.get("candidates", [])[:1]:
            for part in (candidate.get("content") or {}).get("parts") or []:
                if part.get("thought"):
                    found.reasoning += part.get("text", "")
                elif "functionCall" in part:
                    call = part["functionCall"]
                    if "name" in call:
                        found.calls.append((call["name"], call.get("args", {})))
                    for piece in call.get("partialArgs", ()):
                        arguments, name = found.calls[-1][1], piece["jsonPath"].removeprefix("$.")
                        arguments[name] = arguments.get(name, "") + piece.get("stringValue", "")
                else:
                    found.text += part.get("text", "")
        if usage := event.get("usageMetadata"):
            found.input_tokens = (usage.get("promptTokenCount") or 0) + (usage.get("toolUsePromptTokenCount") or 0)
            if "candidatesTokenCount" in usage or "thoughtsTokenCount" in usage:
                found.output_tokens = (usage.get("candidatesTokenCount") or 0) + (usage.get("thoughtsTokenCount") or 0)
    return found


def _ollama(events: list[dict[str, Any]]) -> Read:
    found = Read()
    for event in events:
        message = event.get("message") or {}
        found.text += message.get("content", "")
        found.reasoning += message.get("thinking") or ""
        for call in message.get("tool_calls") or []:
            found.calls.append((call["function"]["name"], call["function"]["arguments"]))
        found.input_tokens = event.get("prompt_eval_count", found.input_tokens)
        found.output_tokens = event.get("eval_count", found.output_tokens)
    return found


READERS: dict[str, Callable[[list[dict[str, Any]]], Read]] = {
    "openai-chat": _chat,
    "openai-responses": _responses,
    "anthropic": _anthropic,
    "gemini": _gemini,
    "ollama": _ollama,
}
