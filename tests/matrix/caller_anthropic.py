"""Anthropic's clients as callers of Messages."""

from typing import Any

from anthropic import AsyncAnthropic

from tests.matrix.hearing import LONG, Caller, Heard, without_nulls
from tests.matrix.scenes import LIMIT, SCHEMA, Json, Question, Result


def ask(question: Question, model: str) -> Json:
    """The parameters of `messages.create`."""
    blocks: list[Json] = [{"type": "text", "text": question.text}]
    if question.image:
        blocks.append({"type": "image", "source": _source("image/png", question.image)})
    if question.pdf:
        blocks.append({"type": "document", "source": _source("application/pdf", question.pdf)})
    if question.cached:
        blocks[0]["cache_control"] = {"type": "ephemeral"}
    tools = [{"name": name, "description": "A tool.", "input_schema": SCHEMA} for name in question.tools]
    config: Json = {"format": {"type": "json_schema", "schema": SCHEMA}} if question.schema else {}
    if question.think:
        config["effort"] = "low"
    content = blocks if len(blocks) > 1 or question.cached else question.text
    return (
        {"model": model, "messages": [{"role": "user", "content": content}], "max_tokens": LIMIT}
        | ({"tools": tools} if tools else {})
        | ({"output_config": config} if config else {})
        | ({"thinking": {"type": "adaptive"}} if question.think else {})
        | ({"stop_sequences": [question.stop]} if question.stop else {})
    )


def _source(media_type: str, data: str) -> Json:
    return {"type": "base64", "media_type": media_type, "data": data}


def again(asked: Json, reply: Json, result: Result) -> Json:
    """The same with the answer and the results of its calls."""
    blocks: list[Json] = [{"type": "text", "text": result.text}]
    if result.image:
        blocks.append({"type": "image", "source": _source("image/png", result.image)})
    results = [
        {"type": "tool_result", "tool_use_id": block["id"], "content": blocks}
        for block in reply["content"]
        if block["type"] == "tool_use"
    ]
    turn = {"role": "assistant", "content": [without_nulls(block) for block in reply["content"]]}
    return asked | {"messages": [*asked["messages"], turn, {"role": "user", "content": results}]}


def hear(reply: Json) -> Heard:
    """What the answer says. A refusal is told by the reason to stop alone."""
    blocks = reply["content"]
    texts = [block for block in blocks if block["type"] == "text"]
    usage = reply["usage"]
    cached = usage.get("cache_read_input_tokens") or 0
    return Heard(
        text="".join(block["text"] for block in texts),
        thoughts="".join(block["thinking"] for block in blocks if block["type"] == "thinking"),
        calls=tuple((block["name"], block["input"]) for block in blocks if block["type"] == "tool_use"),
        finish=reply["stop_reason"],
        sources=tuple(cited["url"] for block in texts for cited in block.get("citations") or ()),
        usage={
            "input": usage["input_tokens"] + cached + (usage.get("cache_creation_input_tokens") or 0),
            "output": usage["output_tokens"],
            "cached": cached,
            "reasoning": (usage.get("output_tokens_details") or {}).get("thinking_tokens"),
        },
    )


def client(url: str) -> AsyncAnthropic:
    """A client that asks once."""
    return AsyncAnthropic(base_url=url, api_key="key-of-caller", max_retries=0, timeout=LONG)


async def send(caller: Any, asked: Json, stream: bool) -> Json:
    """The answer; a stream as the client's own helper gathers it."""
    if not stream:
        return dict((await caller.messages.create(**asked)).to_dict(mode="json"))
    async with caller.messages.stream(**asked) as helper:
        return dict((await helper.get_final_message()).to_dict(mode="json"))


CALLER = Caller(ask, again, hear, client, send)
