"""OpenAI's clients as callers of Responses."""

import json
from typing import Any

import openai
from openai import AsyncOpenAI

from tests.matrix.hearing import LONG, Caller, Failed, Heard, without_nulls
from tests.matrix.scenes import LIMIT, SCHEMA, Json, Question, Result


def ask(question: Question, model: str) -> Json:
    """The parameters of `responses.create`."""
    parts: list[Json] = [{"type": "input_text", "text": question.text}]
    if question.image:
        url = f"data:image/png;base64,{question.image}"
        parts.append({"type": "input_image", "image_url": url, "detail": "auto"})
    if question.pdf:
        data = f"data:application/pdf;base64,{question.pdf}"
        parts.append({"type": "input_file", "file_data": data, "filename": "a.pdf"})
    tools: list[Json] = [
        {"type": "function", "name": name, "description": "A tool.", "parameters": SCHEMA, "strict": True}
        for name in question.tools
    ]
    if question.freeform:
        tools.append({"type": "custom", "name": question.freeform, "description": "A tool."})
    content = parts if len(parts) > 1 else question.text
    form = {"type": "json_schema", "name": "answer", "schema": SCHEMA, "strict": True}
    thinking = {"reasoning": {"effort": "low", "summary": "auto"}, "include": ["reasoning.encrypted_content"]}
    return (
        {"model": model, "input": [{"role": "user", "content": content}], "max_output_tokens": LIMIT, "store": False}
        | ({"tools": tools} if tools else {})
        | ({"text": {"format": form}} if question.schema else {})
        | (thinking if question.think else {})
    )


def again(asked: Json, reply: Json, result: Result) -> Json:
    """The same with the answer and the results of its calls."""
    parts: list[Json] = [{"type": "input_text", "text": result.text}]
    if result.image:
        url = f"data:image/png;base64,{result.image}"
        parts.append({"type": "input_image", "image_url": url, "detail": "auto"})
    output = parts if result.image else result.text
    items = [without_nulls(item) for item in reply["output"]]
    results = [
        {"type": f"{item['type']}_output", "call_id": item["call_id"], "output": output}
        for item in items
        if item["type"] in {"function_call", "custom_tool_call"}
    ]
    return asked | {"input": [*asked["input"], *items, *results]}


def hear(reply: Json) -> Heard:
    """What the answer says. Raises Failed if it says that it failed."""
    if reply["status"] == "failed":
        raise Failed(Heard(error="failed", message=reply["error"]["message"]))
    parts = [part for item in reply["output"] if item["type"] == "message" for part in item["content"]]
    texts = [part for part in parts if part["type"] == "output_text"]
    thoughts = [item for item in reply["output"] if item["type"] == "reasoning"]
    usage = reply.get("usage") or {}
    return Heard(
        text="".join(part["text"] for part in texts),
        thoughts="".join(part["text"] for item in thoughts for part in (item.get("content") or item["summary"])),
        refusal="".join(part["refusal"] for part in parts if part["type"] == "refusal"),
        calls=tuple(
            (item["name"], item["input"] if item["type"] == "custom_tool_call" else json.loads(item["arguments"]))
            for item in reply["output"]
            if item["type"] in {"function_call", "custom_tool_call"}
        ),
        finish=(reply.get("incomplete_details") or {}).get("reason") or reply["status"],
        sources=tuple(cited["url"] for part in texts for cited in part["annotations"]),
        usage={
            "input": usage.get("input_tokens"),
            "output": usage.get("output_tokens"),
            "cached": (usage.get("input_tokens_details") or {}).get("cached_tokens"),
            "reasoning": (usage.get("output_tokens_details") or {}).get("reasoning_tokens"),
        },
    )


def client(url: str) -> AsyncOpenAI:
    """A client that asks once."""
    return AsyncOpenAI(base_url=f"{url}/v1", api_key="key-of-caller", max_retries=0, timeout=LONG)


ENDS = {"response.completed", "response.incomplete", "response.failed"}


async def send(caller: Any, asked: Json, stream: bool) -> Json:
    """The answer; of a stream its last event, after the client's own helper has gathered all."""
    if not stream:
        return dict((await caller.responses.create(**asked)).to_dict(mode="json"))
    last: Any = None
    async with caller.responses.stream(**asked) as helper:
        async for event in helper:
            if event.type == "error":
                raise Failed(Heard(error="error", message=event.message))
            last = event
    if last is None or last.type not in ENDS:
        raise openai.OpenAIError("a stream without its last event")
    return dict(last.response.to_dict(mode="json"))


CALLER = Caller(ask, again, hear, client, send)
