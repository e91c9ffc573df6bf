"""Callers of five protocols and a service that sometimes fails. Knows nothing of how the gateway is measured."""

import asyncio
import random
from collections import Counter
from contextlib import suppress
from typing import Any

from dragoman.wire import json
from tests.schedules.services import ANSWERS, STREAMS, TOOL, asks_stream, protocol_of
from tests.support.gateway import CallerConnection, connect
from tests.support.readings import CALLS, RELAYED
from tests.support.server import Exchange

FAULTS = LEAVERS = 0.05
"""The parts of requests that meet a fault, and whose callers leave."""
LARGE = 0.02
SIZE = 256 << 10
"""The part of requests that are large, and bytes of one."""
TOOLS = 0.1
AT_ONCE = 16
"""Callers."""
WEATHER = {
    "type": "function",
    "function": {"name": "weather", "parameters": {"type": "object", "properties": {"city": {"type": "string"}}}},
}
FAULT_KINDS = ("503", "429", "reset", "cut", "garbage", "empty")
ERROR = b'{"error":{"message":"no","type":"server_error"}}'


class FlakyService:
    """Answers in the dialect that the path names; FAULTS of its answers are wrong."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng

    async def __call__(self, exchange: Exchange) -> None:
        name, stream = protocol_of(exchange), asks_stream(exchange)
        body = ANSWERS[name, "text" if stream else "whole"]
        if name == "openai-chat" and stream and b'"tools"' in exchange.request.body:
            body = TOOL
        kind = STREAMS.get(name, "text/event-stream") if stream else "application/json"
        if self._rng.random() < FAULTS:
            await self._fail(exchange, body, kind)
            return
        await exchange.head(headers={"content-type": kind})
        half = self._rng.randrange(1, len(body))
        await exchange.chunk(body[:half])
        await asyncio.sleep(0)
        await exchange.chunk(body[half:])
        await exchange.end()

    async def _fail(self, exchange: Exchange, body: bytes, kind: str) -> None:
        match self._rng.choice(FAULT_KINDS):
            case "503" | "429" as status:
                await exchange.reply(int(status), {"content-type": "application/json", "retry-after": "0"}, ERROR)
            case "reset":
                exchange.reset()
            case "cut":
                await exchange.head(headers={"content-type": kind})
                await exchange.chunk(body[: len(body) // 2])
                exchange.close()
            case "garbage":
                await exchange.reply(200, {"content-type": kind}, b"<html>\xff" + body[:50])
            case _:
                await exchange.reply(200, {"content-type": kind})


def question(front: str, model: str, rng: random.Random, *, stream: bool) -> tuple[str, bytes]:
    """The path and the body of a request of this front."""
    path, query, fields = CALLS[front]
    body: dict[str, Any] = dict(fields)
    if front == "gemini":
        path = f"/v1beta/models/{model}:{'streamGenerateContent' if stream else 'generateContent'}"
        path += f"?{query}" if stream else ""
    else:
        body |= {"model": model, "stream": stream}
    if front == "openai-chat" and rng.random() < TOOLS:
        body["tools"] = [WEATHER]
    if front == "openai-chat" and rng.random() < LARGE:
        body["messages"] = [{"role": "user", "content": "x" * SIZE}]
    return path, json.encode(body)


class Callers:
    """AT_ONCE callers, each with one request at a time, on a connection that it keeps while it is whole."""

    def __init__(self, url: str, rng: random.Random) -> None:
        self._url = url
        self._rng = rng
        self._stopping = False
        self.sent = 0
        """Requests so far."""
        self.seen: dict[str, bool] = {}
        """The ids of requests since `forget`; whether the gateway must have a row for it: it answered, or began to."""
        self.outcomes: Counter[str] = Counter()

    def stop(self) -> None:
        """Each caller ends after its request."""
        self._stopping = True

    def forget(self) -> dict[str, bool]:
        """The requests since the last call, which are then forgotten."""
        seen, self.seen = self.seen, {}
        return seen

    async def run(self) -> None:
        """Calls until it is stopped."""
        self._stopping = False
        async with asyncio.TaskGroup() as group:
            for _ in range(AT_ONCE):
                group.create_task(self._caller())

    async def _caller(self) -> None:
        while not self._stopping:
            with suppress(ConnectionError, asyncio.IncompleteReadError):
                async with connect(self._url) as wire:
                    while await self._ask(wire) and not self._stopping:
                        pass

    async def _ask(self, wire: CallerConnection) -> bool:
        """One request; whether the connection can be used again."""
        rng = self._rng
        front, stream = rng.choice(RELAYED), rng.random() < 0.5
        model = rng.choice([*(f"{name}/m" for name in RELAYED), "route", "route"])
        path, body = question(front, model, rng, stream=stream)
        self.sent += 1
        name = f"soak-{self.sent}"
        self.seen[name] = False
        leaves = rng.random() < LEAVERS
        wire.send("POST", path, {"content-type": "application/json", "x-request-id": name}, body)
        if leaves and rng.random() < 0.5:
            await asyncio.sleep(rng.random() / 100)
            self.outcomes["left before the answer"] += 1
            wire.writer.transport.abort()
            return False
        try:
            status = await wire.head()
            self.seen[name] = True
            if leaves:
                self.outcomes["left in the answer"] += 1
                wire.writer.transport.abort()
                return False
            got = await wire.rest(status)
        except (ConnectionError, asyncio.IncompleteReadError):
            self.outcomes["cut off"] += 1
            return False
        self.outcomes[str(status) if got.clean else "cut off"] += 1
        return got.clean and got.headers.get("connection") != "close"
