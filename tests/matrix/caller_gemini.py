"""Google's clients as callers of the Gemini API."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from google import genai
from google.genai import types

from tests.matrix.hearing import LONG, Caller, Heard
from tests.matrix.scenes import LIMIT, SCHEMA, Json, Question, Result


def ask(question: Question, model: str) -> Json:
    """The parameters of `models.generate_content`, with names as Node has them."""
    parts: list[Json] = [{"text": question.text}]
    if question.image:
        parts.append({"inlineData": {"mimeType": "image/png", "data": question.image}})
    if question.pdf:
        parts.append({"inlineData": {"mimeType": "application/pdf", "data": question.pdf}})
    declared = [{"name": name, "description": "A tool.", "parametersJsonSchema": SCHEMA} for name in question.tools]
    config = (
        {"maxOutputTokens": LIMIT}
        | ({"tools": [{"functionDeclarations": declared}]} if declared else {})
        | ({"responseMimeType": "application/json", "responseJsonSchema": SCHEMA} if question.schema else {})
        | ({"thinkingConfig": {"includeThoughts": True, "thinkingLevel": "LOW"}} if question.think else {})
        | ({"stopSequences": [question.stop]} if question.stop else {})
    )
    return {"model": model, "contents": [{"role": "user", "parts": parts}], "config": config}


def again(asked: Json, reply: Json, result: Result) -> Json:
    """The same with the answer and the results of its calls. A stream's turn goes back as one content a chunk."""
    contents = [candidate["content"] for candidate in _candidates(reply) if candidate.get("content", {}).get("parts")]
    calls = [part["functionCall"] for content in contents for part in content["parts"] if "functionCall" in part]
    more = {"parts": [{"inlineData": {"mimeType": "image/png", "data": result.image}}]} if result.image else {}
    results = [
        {"functionResponse": {"name": call["name"], "response": {"output": result.text}} | _id(call) | more}
        for call in calls
    ]
    return asked | {"contents": [*asked["contents"], *contents, {"role": "user", "parts": results}]}


def _id(call: Json) -> Json:
    return {"id": call["id"]} if call.get("id") else {}


def _candidates(reply: Json) -> list[Json]:
    return [candidate for chunk in reply["chunks"] for candidate in chunk.get("candidates") or ()]


def hear(reply: Json) -> Heard:
    """What the answer says."""
    candidates = _candidates(reply)
    parts = [part for candidate in candidates for part in (candidate.get("content") or {}).get("parts") or ()]
    words = [candidate["finishReason"] for candidate in candidates if candidate.get("finishReason")]
    grounds = [candidate["groundingMetadata"] for candidate in candidates if candidate.get("groundingMetadata")]
    usage = reply["chunks"][-1].get("usageMetadata") or {}
    thinking = usage.get("thoughtsTokenCount")
    return Heard(
        text="".join(part.get("text") or "" for part in parts if not part.get("thought")),
        thoughts="".join(part.get("text") or "" for part in parts if part.get("thought")),
        calls=tuple(
            (part["functionCall"]["name"], part["functionCall"].get("args") or {})
            for part in parts
            if part.get("functionCall")
        ),
        finish=words[-1] if words else (reply["chunks"][-1].get("promptFeedback") or {}).get("blockReason"),
        sources=tuple(chunk["web"]["uri"] for ground in grounds for chunk in ground.get("groundingChunks") or ()),
        usage={
            "input": usage.get("promptTokenCount"),
            "output": (usage.get("candidatesTokenCount") or 0) + (thinking or 0),
            "cached": usage.get("cachedContentTokenCount"),
            "reasoning": thinking,
        },
    )


@asynccontextmanager
async def client(url: str) -> AsyncIterator[genai.Client]:
    """A client that asks once."""
    options = types.HttpOptions(base_url=url, timeout=LONG * 1000)
    caller = genai.Client(api_key="key-of-caller", http_options=options)
    try:
        yield caller
    finally:
        await caller.aio.aclose()
        caller.close()


async def send(caller: Any, asked: Json, stream: bool) -> Json:
    """The answer as a list of chunks, of which a whole one has one."""
    given = {
        "model": asked["model"],
        "contents": [types.Content.model_validate_json(json.dumps(content)) for content in asked["contents"]],
        "config": types.GenerateContentConfig.model_validate_json(json.dumps(asked["config"])),
    }
    if stream:
        chunks = [chunk async for chunk in await caller.aio.models.generate_content_stream(**given)]
    else:
        chunks = [await caller.aio.models.generate_content(**given)]
    return {"chunks": [chunk.model_dump(mode="json", by_alias=True, exclude_none=True) for chunk in chunks]}


CALLER = Caller(ask, again, hear, client, send)
