"""A conversation in the words of each protocol, as its agents write it."""

import json
from collections.abc import Callable, Mapping
from typing import Any

from tests.matrix.scenes import PNG
from tests.strict.rules import Json
from tests.strict.stories import Call, Result, Say, Story, Think, Turn

MODEL = "up/m"
ARGS = {"path": "a.txt"}
SCHEMA = {"type": "object", "properties": {"path": {"type": "string"}}, "required": ["path"]}


def names(story: Story) -> list[str]:
    """The tools that are called."""
    return sorted({part.name for turn in story for part in turn.parts if isinstance(part, Call)})


def _texts(turn: Turn) -> str:
    return "".join(part.text for part in turn.parts if isinstance(part, Say))


# Anthropic, as Claude Code: system messages in the midst are turns, results with pictures are lists, a tool is to be
# loaded later.


def anthropic(story: Story) -> Json:
    """A body of Messages."""
    messages: list[Json] = []
    body: Json = {"model": MODEL, "max_tokens": 4096}
    for i, turn in enumerate(story):
        if turn.role in {"system", "developer"}:
            if i == 0:
                mark = {"cache_control": {"type": "ephemeral"}}
                body["system"] = [{"type": "text", "text": _texts(turn)} | mark]
                continue
            messages.append({"role": "system", "content": _texts(turn)})
            continue
        role = "user" if turn.role == "tool" else turn.role
        messages.append({"role": role, "content": [_block(part) for part in turn.parts]})
    tools = [{"name": name, "input_schema": SCHEMA} for name in names(story)]
    later = {"name": "Later", "input_schema": SCHEMA, "defer_loading": True}
    return body | {"messages": messages, "tools": [later, *tools] if tools else []}


def _block(part: Any) -> Json:
    match part:
        case Say(text=text):
            return {"type": "text", "text": text}
        case Think(text=text, proof=proof):
            return {"type": "thinking", "thinking": text, "signature": proof}
        case Call():
            return {"type": "tool_use", "id": part.id, "name": part.name, "input": ARGS}
        case _:
            content: Any = part.text
            if part.picture:
                source = {"type": "base64", "media_type": "image/png", "data": PNG}
                content = [{"type": "text", "text": part.text}, {"type": "image", "source": source}]
            return {"type": "tool_result", "tool_use_id": part.id, "content": content, "is_error": part.failed}


# Chat, as opencode: pictures of results in a user's message after them, reasoning_content comes back.


def chat(story: Story) -> Json:
    """A body of Chat Completions."""
    messages: list[Json] = []
    for turn in story:
        results = [part for part in turn.parts if isinstance(part, Result)]
        if results:
            messages += [{"role": "tool", "tool_call_id": one.id, "content": one.text} for one in results]
            if any(one.picture for one in results):
                url = {"url": f"data:image/png;base64,{PNG}"}
                messages.append({"role": "user", "content": [{"type": "image_url", "image_url": url}]})
            if words := _texts(turn):
                messages.append({"role": "user", "content": words})
            continue
        message: Json = {"role": turn.role, "content": _texts(turn)}
        if thoughts := "".join(part.text for part in turn.parts if isinstance(part, Think)):
            message["reasoning_content"] = thoughts
        calls = [part for part in turn.parts if isinstance(part, Call)]
        if calls:
            message["tool_calls"] = [
                {"id": one.id, "type": "function", "function": {"name": one.name, "arguments": json.dumps(ARGS)}}
                for one in calls
            ]
        messages.append(message)
    tools = [{"type": "function", "function": {"name": name, "parameters": SCHEMA}} for name in names(story)]
    return {"model": MODEL, "messages": messages} | ({"tools": tools} if tools else {})


# Responses, as Codex: items, without state at the service.


def responses(story: Story) -> Json:
    """A body of Responses."""
    items: list[Json] = []
    for i, turn in enumerate(story):
        if turn.role == "assistant":
            items += [_item(part, f"{i}{j}") for j, part in enumerate(turn.parts)]
            continue
        items += [_output(part) for part in turn.parts if isinstance(part, Result)]
        if turn.role != "tool":
            content = [{"type": "input_text", "text": _texts(turn)}]
            items.append({"type": "message", "role": turn.role, "content": content})
    tools = [{"type": "function", "name": name, "parameters": SCHEMA, "strict": False} for name in names(story)]
    more = {"store": False, "include": ["reasoning.encrypted_content"], "prompt_cache_key": "session"}
    return {"model": MODEL, "input": items, "tools": tools} | more


def _item(part: Any, number: str) -> Json:
    match part:
        case Say(text=text):
            return {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": text}]}
        case Think(text=text, proof=proof):
            summary = [{"type": "summary_text", "text": text}]
            body: Json = {"type": "reasoning", "id": f"rs_{number}", "summary": summary}
            return body | ({"encrypted_content": proof} if proof else {})
    return {"type": "function_call", "call_id": part.id, "name": part.name, "arguments": json.dumps(ARGS)}


def _output(one: Result) -> Json:
    output: Any = one.text
    if one.picture:
        picture = {"type": "input_image", "image_url": f"data:image/png;base64,{PNG}"}
        output = [{"type": "input_text", "text": one.text}, picture]
    return {"type": "function_call_output", "call_id": one.id, "output": output}


# Gemini, as Gemini CLI: pictures beside results, signatures on calls, thoughts do not come back.


def gemini(story: Story) -> Json:
    """A body of generateContent."""
    contents: list[Json] = []
    body: Json = {}
    for i, turn in enumerate(story):
        if turn.role in {"system", "developer"} and i == 0:
            body["systemInstruction"] = {"parts": [{"text": _texts(turn)}]}
            continue
        role = "model" if turn.role == "assistant" else "user"
        proof = next((part.proof for part in turn.parts if isinstance(part, Think)), "")
        parts: list[Json] = []
        for part in turn.parts:
            match part:
                case Say(text=text):
                    parts.append({"text": text})
                case Call():
                    said: Json = {"functionCall": {"id": part.id, "name": part.name, "args": ARGS}}
                    parts.append(said | ({"thoughtSignature": proof} if proof else {}))
                    proof = ""
                case Result():
                    response = {"error" if part.failed else "output": part.text}
                    parts.append({"functionResponse": {"id": part.id, "name": part.name, "response": response}})
                    if part.picture:
                        parts.append({"inlineData": {"mimeType": "image/png", "data": PNG}})
                case _:
                    pass
        if parts:
            contents.append({"role": role, "parts": parts})
    tools = [{"name": name, "parametersJsonSchema": SCHEMA} for name in names(story)]
    return body | {"contents": contents} | ({"tools": [{"functionDeclarations": tools}]} if tools else {})


def ollama(story: Story) -> Json:
    """A body of /api/chat."""
    messages: list[Json] = []
    for turn in story:
        for one in turn.parts:
            if isinstance(one, Result):
                said = {"role": "tool", "tool_name": one.name, "tool_call_id": one.id, "content": one.text}
                messages.append(said | ({"images": [PNG]} if one.picture else {}))
        if turn.role == "tool":
            continue
        message: Json = {"role": "system" if turn.role == "developer" else turn.role, "content": _texts(turn)}
        if thoughts := "".join(part.text for part in turn.parts if isinstance(part, Think)):
            message["thinking"] = thoughts
        calls = [part for part in turn.parts if isinstance(part, Call)]
        if calls:
            message["tool_calls"] = [{"id": one.id, "function": {"name": one.name, "arguments": ARGS}} for one in calls]
        messages.append(message)
    tools = [{"type": "function", "function": {"name": name, "parameters": SCHEMA}} for name in names(story)]
    return {"model": MODEL, "messages": messages} | ({"tools": tools} if tools else {})


TELLERS: Mapping[str, Callable[[Story], Json]] = {
    "anthropic": anthropic,
    "openai-chat": chat,
    "openai-responses": responses,
    "gemini": gemini,
    "ollama": ollama,
}
