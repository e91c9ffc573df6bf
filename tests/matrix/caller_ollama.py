"""Ollama's clients as callers."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from ollama import AsyncClient

from tests.matrix.hearing import LONG, Caller, Heard, without_nulls
from tests.matrix.scenes import LIMIT, SCHEMA, Json, Question, Result


def ask(question: Question, model: str) -> Json:
    """The parameters of `chat`."""
    message: Json = {"role": "user", "content": question.text}
    if question.image:
        message["images"] = [question.image]
    tools = [
        {"type": "function", "function": {"name": name, "description": "A tool.", "parameters": SCHEMA}}
        for name in question.tools
    ]
    options = {"num_predict": LIMIT} | ({"stop": [question.stop]} if question.stop else {})
    return (
        {"model": model, "messages": [message], "options": options}
        | ({"tools": tools} if tools else {})
        | ({"format": SCHEMA} if question.schema else {})
        | ({"think": True} if question.think else {})
    )


def again(asked: Json, reply: Json, result: Result) -> Json:
    """The same with the answer and the results of its calls, which have no ids in these clients."""
    turn = _message(reply)
    more = {"images": [result.image]} if result.image else {}
    results = [
        {"role": "tool", "tool_name": call["function"]["name"], "content": result.text} | more
        for call in turn["tool_calls"]
    ]
    return asked | {"messages": [*asked["messages"], turn, *results]}


def _message(reply: Json) -> Json:
    message: Json = {"role": "assistant", "content": ""}
    for line in reply["lines"]:
        for name, value in without_nulls(line["message"]).items():
            message[name] = message[name] + value if name in message and name != "role" else value
    return message


def hear(reply: Json) -> Heard:
    """What the answer says."""
    message = _message(reply)
    last = reply["lines"][-1]
    assert last["done"], "a stream without its last line"
    return Heard(
        text=message["content"],
        thoughts=message.get("thinking", ""),
        calls=tuple(
            (call["function"]["name"], call["function"]["arguments"]) for call in message.get("tool_calls", ())
        ),
        finish=last["done_reason"],
        usage={"input": last.get("prompt_eval_count"), "output": last.get("eval_count")},
    )


@asynccontextmanager
async def client(url: str) -> AsyncIterator[AsyncClient]:
    """A client; it asks once."""
    caller = AsyncClient(host=url, headers={"authorization": "Bearer key-of-caller"}, timeout=LONG)
    try:
        yield caller
    finally:
        await caller.close()  # type: ignore[no-untyped-call]  # the vendor's


async def send(caller: Any, asked: Json, stream: bool) -> Json:
    """The answer as a list of lines, of which a whole one has one."""
    answer = await caller.chat(**asked, stream=stream)
    lines = [line async for line in answer] if stream else [answer]
    return {"lines": [line.model_dump(mode="json") for line in lines]}


CALLER = Caller(ask, again, hear, client, send)
