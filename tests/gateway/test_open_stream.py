"""What an open stream holds: of a translated request, which may be large, nothing but the caller's bytes."""

import asyncio
import gc
import json

import pytest

from dragoman.types import Message
from dragoman.types.http import ResponseHead
from tests.faults.dialects import FRONTS, reply
from tests.support.wires import Play, Stage

WORDS = "a question of its own kind"
HEAD = b"HTTP/1.1 200 OK\r\nx-own: %b\r\ncontent-type: %b\r\ntransfer-encoding: chunked\r\n\r\n"

PAIRS = [(front, "anthropic" if front == "openai-chat" else "openai-chat", True) for front in FRONTS]
PAIRS.append(("openai-responses", "openai-chat", False))


def held() -> list[Message]:
    """What there is of the conversation, as values. Other tests may have left messages that are none."""
    gc.collect()
    return [each for each in gc.get_objects() if type(each) is Message and WORDS in repr(each)]


async def begun(stage: Stage, front: str, service: str, *, kept: bool) -> tuple[Play, bytes]:
    """An answer whose first text has come, and the rest of it."""
    path, body = FRONTS[front].ask("up/m", WORDS, stream=True)
    if not kept:
        body = json.dumps(json.loads(body) | {"store": False}).encode()
    play = await stage.ask(path, body)
    assert held()
    answer = reply(service, stream=True)
    play.service.deliver(HEAD % (WORDS.encode(), answer.media_type.encode()))
    pieces = [b"%x\r\n%b\r\n" % (len(piece), piece) for piece in answer.pieces]
    for piece in pieces[: answer.first + 1]:
        play.service.deliver(piece)
        for _ in range(9):
            await asyncio.sleep(0)
    assert b"200 OK" in play.caller.written
    return play, b"".join(pieces[answer.first + 1 :]) + b"0\r\n\r\n"


@pytest.mark.parametrize(("front", "service", "kept"), PAIRS)
async def test_an_open_stream_holds_no_values_of_its_conversation(front: str, service: str, kept: bool) -> None:
    stage = Stage(service)
    try:
        play, rest = await begun(stage, front, service, kept=kept)
        assert not held()
        play.service.deliver(rest)
        for _ in range(9):
            await asyncio.sleep(0)
        assert [outcome.end for outcome in stage.outcomes] == ["whole"]
    finally:
        await stage.aclose()


@pytest.mark.parametrize(("front", "service", "kept"), PAIRS)
async def test_an_open_stream_holds_no_headers_of_its_service(front: str, service: str, kept: bool) -> None:
    stage = Stage(service)
    try:
        play, _ = await begun(stage, front, service, kept=kept)
        gc.collect()
        heads = [each for each in gc.get_objects() if type(each) is ResponseHead]
        assert not [head for head in heads if head.header("x-own") == WORDS]
        assert not play.service.lost
    finally:
        await stage.aclose()
