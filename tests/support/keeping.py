"""A scripted service of Responses that keeps its answers, as OpenAI's does. Shares nothing with the code under test."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import count
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from tests.support.server import Exchange, Server, serve

JSON, EVENTS = {"content-type": "application/json"}, {"content-type": "text/event-stream"}


class Keeper:
    """Answers `POST /v1/responses`, and keeps what it answers under ids that begin with `name`."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.answers: dict[str, dict[str, Any]] = {}
        self.asked: list[str] = []
        """Method and target of each request."""
        self.bodies: list[dict[str, Any]] = []
        """What was posted."""
        self.plain = False
        """Whether a stream that was asked for comes as one whole answer."""
        self.stops = False
        """Whether a stream breaks off in the middle."""
        self.down = False
        """Whether it says that it cannot answer."""
        self.server: Server
        self._numbers = count(1)

    async def __call__(self, exchange: Exchange) -> None:
        request = exchange.request
        self.asked.append(f"{request.method} {request.path}")
        assert request.headers["authorization"] == "Bearer canary"
        where = urlsplit(request.path)
        named, _, part = where.path.removeprefix("/v1/responses").strip("/").partition("/")
        named = unquote(named)
        if self.down:
            await _say(exchange, 503, {"error": {"message": "down"}})
        elif not named:
            await self._create(exchange)
        elif named == "input_tokens":
            self.bodies.append(json.loads(request.body))
            await _say(exchange, 200, {"object": "response.input_tokens", "input_tokens": 7})
        elif named not in self.answers:
            words = f"No response {named} at {self.name}, asked with canary"
            await _say(exchange, 404, {"error": {"message": words, "type": "invalid_request_error", "code": None}})
        elif request.method == "DELETE":
            del self.answers[named]
            await _say(exchange, 200, {"id": named, "object": "response.deleted", "deleted": True})
        elif part == "input_items":
            await _say(exchange, 200, {"object": "list", "data": [], "has_more": False, "x_from": self.name})
        elif part == "cancel":
            self.answers[named]["status"] = "cancelled"
            await _say(exchange, 200, self.answers[named])
        elif "stream" in parse_qs(where.query):
            await self._stream(exchange, self.answers[named], int(parse_qs(where.query)["starting_after"][0]) + 1)
        else:
            await _say(exchange, 200, self.answers[named])

    async def _create(self, exchange: Exchange) -> None:
        body = json.loads(exchange.request.body)
        self.bodies.append(body)
        answer = self._answer(body)
        if body.get("store") is not False:
            self.answers[answer["id"]] = answer
        if body.get("stream") and not self.plain:
            await self._stream(exchange, answer)
        else:
            await _say(exchange, 200, answer)

    def _answer(self, body: dict[str, Any]) -> dict[str, Any]:
        number = next(self._numbers)
        content = [{"type": "output_text", "text": f"{self.name} {number}", "annotations": []}]
        message = {"type": "message", "id": f"msg_{number}", "status": "completed", "role": "assistant"}
        return {
            "id": f"{self.name}_{number}",
            "object": "response",
            "created_at": 1,
            "status": "queued" if body.get("background") else "completed",
            "model": body["model"],
            "previous_response_id": body.get("previous_response_id"),
            "output": [] if body.get("background") else [{**message, "content": content}],
            "parallel_tool_calls": True,
            "tool_choice": "auto",
            "tools": [],
        }

    async def _stream(self, exchange: Exchange, answer: dict[str, Any], start: int = 0) -> None:
        """The events of `answer` from the number `start` on."""
        await exchange.head(200, EVENTS)
        events = _events(answer)
        for event in events[start : 4 if self.stops else None]:
            await exchange.chunk(f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode())
        if not self.stops:
            await exchange.end()


@asynccontextmanager
async def keeping(name: str) -> AsyncIterator[Keeper]:
    """A service that runs until the block ends."""
    keeper = Keeper(name)
    async with serve(keeper) as keeper.server:
        yield keeper


async def _say(exchange: Exchange, status: int, value: dict[str, Any]) -> None:
    # Spaces as no encoder of ours writes them: they show that bytes passed.
    await exchange.reply(status, JSON, json.dumps(value, indent=3).encode())


def _events(answer: dict[str, Any]) -> list[dict[str, Any]]:
    (message,) = answer["output"]
    (part,) = message["content"]
    begun = {**answer, "status": "in_progress", "output": []}
    place = {"item_id": message["id"], "output_index": 0, "content_index": 0}
    events: list[dict[str, Any]] = [
        {"type": "response.created", "response": begun},
        {"type": "response.output_item.added", "output_index": 0, "item": {**message, "content": []}},
        {"type": "response.content_part.added", **place, "part": {**part, "text": ""}},
        {"type": "response.output_text.delta", **place, "delta": part["text"]},
        {"type": "response.output_text.done", **place, "text": part["text"]},
        {"type": "response.content_part.done", **place, "part": part},
        {"type": "response.output_item.done", "output_index": 0, "item": message},
        {"type": "response.completed", "response": answer},
    ]
    return [{**event, "sequence_number": number} for number, event in enumerate(events)]
