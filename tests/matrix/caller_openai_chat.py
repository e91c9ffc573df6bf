"""OpenAI's clients as callers of Chat Completions."""

import json
from typing import Any

from openai import AsyncOpenAI

from tests.matrix.hearing import LONG, Caller, Heard
from tests.matrix.scenes import LIMIT, SCHEMA, Json, Question, Result


def ask(question: Question, model: str) -> Json:
    """The parameters of `chat.completions.create`."""
    parts: list[Json] = [{"type": "text", "text": question.text}]
    if question.image:
        parts.append({"type": "image_url", "image_url": {"url": f"data:image/png;base64,{question.image}"}})
    if question.pdf:
        data = f"data:application/pdf;base64,{question.pdf}"
        parts.append({"type": "file", "file": {"file_data": data, "filename": "a.pdf"}})
    tools: list[Json] = [
        {"type": "function", "function": {"name": name, "description": "A tool.", "parameters": SCHEMA}}
        for name in question.tools
    ]
    if question.freeform:
        tools.append({"type": "custom", "custom": {"name": question.freeform, "description": "A tool."}})
    content = parts if len(parts) > 1 else question.text
    form = {"type": "json_schema", "json_schema": {"name": "answer", "schema": SCHEMA, "strict": True}}
    return (
        {"model": model, "messages": [{"role": "user", "content": content}], "max_completion_tokens": LIMIT}
        | ({"tools": tools} if tools else {})
        | ({"response_format": form} if question.schema else {})
        | ({"reasoning_effort": "low"} if question.think else {})
        | ({"stop": [question.stop]} if question.stop else {})
    )


def again(asked: Json, reply: Json, result: Result) -> Json:
    """The same with the answer and the results of its calls."""
    message = reply["choices"][0]["message"]
    parts: list[Json] = [{"type": "text", "text": result.text}]
    if result.image:
        parts.append({"type": "image_url", "image_url": {"url": f"data:image/png;base64,{result.image}"}})
    content = parts if result.image else result.text
    results = [{"role": "tool", "tool_call_id": call["id"], "content": content} for call in message["tool_calls"]]
    return asked | {"messages": [*asked["messages"], message, *results]}


def hear(reply: Json) -> Heard:
    """What the answer says."""
    choice = reply["choices"][0]
    message = choice["message"]
    usage = reply.get("usage") or {}
    return Heard(
        text=message.get("content") or "",
        thoughts=message.get("reasoning_content") or message.get("reasoning") or "",
        refusal=message.get("refusal") or "",
        calls=tuple(map(_call, message.get("tool_calls") or ())),
        finish=choice["finish_reason"],
        sources=tuple(cited["url_citation"]["url"] for cited in message.get("annotations") or ()),
        usage={
            "input": usage.get("prompt_tokens"),
            "output": usage.get("completion_tokens"),
            "cached": (usage.get("prompt_tokens_details") or {}).get("cached_tokens"),
            "reasoning": (usage.get("completion_tokens_details") or {}).get("reasoning_tokens"),
        },
    )


def _call(call: Json) -> tuple[str, Json | str]:
    if call["type"] == "custom":
        return call["custom"]["name"], call["custom"]["input"]
    return call["function"]["name"], json.loads(call["function"]["arguments"])


def client(url: str) -> AsyncOpenAI:
    """A client that asks once."""
    return AsyncOpenAI(base_url=f"{url}/v1", api_key="key-of-caller", max_retries=0, timeout=LONG)


async def send(caller: Any, asked: Json, stream: bool) -> Json:
    """The answer; a stream as the client's own helper gathers it."""
    if not stream:
        return dict((await caller.chat.completions.create(**asked)).to_dict(mode="json"))
    options = {"include_usage": True}
    if any(tool["type"] == "custom" for tool in asked.get("tools", ())):
        # The helper of openai 3.57 raises AttributeError for calls of custom tools.
        return _gathered(
            [
                chunk.to_dict(mode="json")
                async for chunk in await caller.chat.completions.create(**asked, stream=True, stream_options=options)
            ]
        )
    async with caller.chat.completions.stream(**asked, stream_options=options) as helper:
        # `get_final_completion` raises for an answer that was cut short by its length or a filter.
        await helper.until_done()
        return dict(helper.current_completion_snapshot.to_dict(mode="json"))


def _gathered(chunks: list[Json]) -> Json:
    calls: dict[int, Json] = {}
    message: Json = {"role": "assistant", "content": ""}
    finish = None
    for chunk in chunks:
        for choice in chunk["choices"]:
            finish = choice.get("finish_reason") or finish
            message["content"] += choice["delta"].get("content") or ""
            for entry in choice["delta"].get("tool_calls", ()):
                known = calls.setdefault(entry["index"], {"id": entry.get("id"), "type": entry.get("type")})
                kind = known["type"]
                for name, value in entry.get(kind, {}).items():
                    part = known.setdefault(kind, {})
                    part[name] = part.get(name, "") + value
    message["tool_calls"] = list(calls.values())
    return {"choices": [{"message": message, "finish_reason": finish}], "usage": chunks[-1].get("usage")}


CALLER = Caller(ask, again, hear, client, send)
