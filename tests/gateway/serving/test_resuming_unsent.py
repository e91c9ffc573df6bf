"""Answers that may outlive their callers, of which some waits to be sent: who got what, and who can come back."""

import asyncio
from typing import Any

import pytest

from tests.gateway.http.test_pressure import narrow
from tests.gateway.http.test_unsent import SIZE, STREAM
from tests.gateway.serving.test_resuming import WAYS, Scene, scene
from tests.support.gateway import CallerConnection

LASTING: dict[str, dict[str, Any]] = {
    "resumed": {"resume": 30.0, "resume_size": 4 * SIZE, "resume_total": 8 * SIZE},
    "drained": {"resume": 0, "on_disconnect": "drain"},
}


async def unread(on: Scene, wire: CallerConnection) -> str:
    """Asks for an answer and does not read it; the name of its stream, once it has ended."""
    wire.send("POST", on.front.path, body=on.front.asked)
    on.say()
    assert await wire.head() == 200
    while not any(getattr(each, "_sending", None) for each in on.gateway.server._connections):  # noqa: ASYNC110  # nobody else can see it
        await asyncio.sleep(0)
    assert on.outcomes.empty()
    assert on.gateway.gateway.under_way == 1
    return wire.headers.get("x-dragoman-stream", "")


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("kind", LASTING)
@pytest.mark.parametrize("reads", [True, False])
async def test_it_is_whole_if_its_caller_was_sent_all(kind: str, way: str, reads: bool) -> None:
    async with scene("openai-chat", way, pieces=[STREAM], **LASTING[kind]) as on, narrow(on.url) as wire:
        await unread(on, wire)
        if reads:
            assert (await wire.rest(200)).clean
        else:
            wire.writer.transport.abort()
        assert (await on.outcomes.get()).end == ("whole" if reads else "gone")
        assert on.gateway.gateway.under_way == 0
    assert on.outcomes.empty()


@pytest.mark.parametrize("leaves", [True, False])
async def test_a_caller_who_comes_back_gets_what_was_not_sent(leaves: bool) -> None:
    async with scene("openai-chat", pieces=[STREAM], **LASTING["resumed"]) as on, narrow(on.url) as wire:
        name = await unread(on, wire)
        if leaves:
            wire.writer.transport.abort()
            assert (await on.outcomes.get()).end == "gone"
        got = await on.resumed(f"{name}:0")
        assert got.clean
        assert len(got.body) > SIZE
        assert b"[DONE]" in got.body
        if not leaves:  # its first connection is one that nobody will read
            assert (await on.outcomes.get()).end == "gone"
        assert (await on.outcomes.get()).end == "whole"
    assert on.outcomes.empty()


async def test_a_stop_lets_it_be_read() -> None:
    async with scene("openai-chat", pieces=[STREAM], **LASTING["resumed"]) as on, narrow(on.url) as wire:
        await unread(on, wire)
        on.gateway.server.current.drain()
        assert (await wire.rest(200)).clean
        assert (await on.outcomes.get()).end == "whole"
