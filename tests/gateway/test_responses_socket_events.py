"""The same answers over a WebSocket and as a stream of events: they say the same, event by event."""

import json
import re
from typing import Any

import pytest

from dragoman.wire.sse import SseReader
from tests.gateway.test_responses_socket import PATH, Script, gateway, heard, socket
from tests.support.gateway import ask
from tests.support.golden import cases
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
