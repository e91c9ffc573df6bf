"""The same answers over a WebSocket and as a stream of events: they say the same, event by event."""

import json
import re
from random import Random
from typing import Any

import pytest

from dragoman.gateway.http.websocket import MAX_WAITING
from dragoman.wire.sse import SseReader
from tests.support.gateway import ask
from tests.support.golden import cases
from tests.support.responses_socket import ENDS, PATH, Script, gateway, heard, socket
from tests.support.server import Exchange

ANSWERS = {
    f"{protocol}-{name}": (model, case.reply)
    for model, protocol in (("up/m", "openai-responses"), ("chat/m", "openai-chat"))
    for name, case in cases(protocol).items()
    if case.reply.lstrip().startswith((b"event:", b"data:")) and name != "bad-utf8"  # a message must be UTF-8
}
VARYING = (
    (re.compile(r'"[a-z]+_\w{8,}"'), '"ID"'),
    (re.compile(r'"(created_at|completed_at)": [0-9.]+'), '"AT"'),
    (re.compile(r"127\.0\.0\.1:\d+"), "HOST"),
)
"""What is another one in each answer: ids, times, the port of a service."""


def service(reply: bytes, *, cut: bool) -> Script:
    async def script(exchange: Exchange) -> None:
        await exchange.head(200, {"content-type": "text/event-stream"})
        if cut:
            await exchange.chunk(reply[: len(reply) * 2 // 3])
            exchange.close()
        else:
            await exchange.chunk(reply)
            await exchange.end()

    return script


def fixed(event: dict[str, Any]) -> str:
    text = json.dumps(event)
    for pattern, word in VARYING:
        text = pattern.sub(word, text)
    return text


@pytest.mark.parametrize("cut", [False, True], ids=["whole", "cut"])
@pytest.mark.parametrize("name", ANSWERS)
async def test_both_ways_say_the_same(name: str, cut: bool) -> None:
    model, reply = ANSWERS[name]
    question = {"model": model, "input": "hi", "store": False}
    async with gateway(service(reply, cut=cut)) as (run, _, _), socket(run) as caller:
        got = await ask(run.url, "POST", PATH, body=json.dumps(question | {"stream": True}).encode())
        if got.status == 200:
            said = [json.loads(event.data) for event in SseReader().feed(got.body)]
            if said[-1]["type"] == "response.failed":
                del said[-2]  # a turn over a WebSocket has one end
        else:
            said = [{"type": "error", "status": got.status, "error": json.loads(got.body)["error"]}]
        await caller.send(json.dumps(question | {"type": "response.create", "stream_id": "one"}))
        told = await heard(caller)
    assert {event.pop("stream_id") for event in told} == {"one"}
    for event in told:
        event.pop("headers", None)
    assert list(map(fixed, told)) == list(map(fixed, said))


MESSAGES: dict[str, tuple[dict[str, Any], str]] = {
    "well": ({}, "response.completed"),
    "refused by its service": ({}, "error"),
    "cut by its service": ({}, "response.failed"),
    "of no type": ({"type": "response.nothing"}, "error"),
    "for no model": ({"model": "nobody/m"}, "error"),
    "without items": ({"input": 5}, "error"),
    "that warms": ({"generate": False}, "response.completed"),
}
"""What a message has that is out of the ordinary, and how its turn ends."""


async def mixed(exchange: Exchange) -> None:
    question = exchange.request.body
    reply = cases("openai-chat" if b'"messages"' in question else "openai-responses")["text"].reply
    if b"refused" in question:
        await exchange.reply(400, {"content-type": "application/json"}, b'{"error":{"message":"no"}}')
    else:
        await service(reply, cut=b"cut" in question)(exchange)


@pytest.mark.parametrize("broken_end", ["clean", "cut"])
@pytest.mark.parametrize("seed", range(3))
async def test_each_message_of_any_lane_has_one_end_and_those_of_one_lane_keep_their_order(
    seed: int, broken_end: str
) -> None:
    random = Random(seed)
    expected: dict[str | None, list[str]] = {}
    came: dict[str | None, list[str]] = {}
    async with gateway(mixed, broken_end=broken_end) as (run, _, _), socket(run) as caller:
        for _ in range(MAX_WAITING // 2):
            words, lane = random.choice([*MESSAGES]), random.choice([None, *"abcdefghijklmnopqrstuvwxyz"])
            more, end = MESSAGES[words]
            message: dict[str, Any] = {
                "type": "response.create",
                "model": random.choice(["up/m", "chat/m"]),
                "input": words,
            } | more
            await caller.send(json.dumps(message | ({} if lane is None else {"stream_id": lane})))
            expected.setdefault(lane, []).append(end)
        while sum(map(len, came.values())) < sum(map(len, expected.values())):
            event = json.loads(await caller.recv())
            if event["type"] in ENDS:
                came.setdefault(event.get("stream_id"), []).append(event["type"])
    assert came == expected
