"""What agents get while a service says nothing: each front has its own heartbeat, because none suits all of them."""

import asyncio

import pytest

from dragoman.gateway import ServerTimeouts
from tests.agents.contract import CONTRACTS
from tests.agents.listeners import LISTENERS
from tests.agents.stage import JSON, MODEL, config
from tests.matrix.dialects import SERVICES
from tests.matrix.exchange import Seen, dumped
from tests.matrix.scenes import Answer, Say
from tests.support.gateway import connect, running
from tests.support.server import Exchange, serve

AGENTS = ("claude-code", "codex", "gemini-cli", "opencode-chat")
"""One for each front."""
SOON = ServerTimeouts(grace=0, heartbeat=0.02, head_after=0.02)
TEXT = ("Hello, ", "world.")


def is_heartbeat(front: str, piece: bytes) -> bool:
    """Whether a piece holds the agent's connection, and is none of its content."""
    match front:
        case "anthropic":
            return piece.startswith(b"event: ping\n")
        case "openai-responses":  # a comment does not reset Codex's timer: only events with data do
            return piece.startswith(b"event: keepalive\n") and b"\ndata: {" in piece
        case "gemini":
            return piece.strip() == b""
        case _:
            return piece.startswith(b":")


@pytest.mark.parametrize("where", ["before", "within"])
@pytest.mark.parametrize("service", SERVICES)
@pytest.mark.parametrize("name", AGENTS)
async def test_a_silence_is_held_in_the_agents_own_way_and_the_answer_stays_whole(
    name: str, service: str, where: str
) -> None:
    agent = CONTRACTS[name]
    reply = SERVICES[service].write(Answer(tuple(map(Say, TEXT))), Seen(MODEL, stream=True))
    first = 0 if where == "before" else 1 + next(i for i, piece in enumerate(reply.pieces) if b"Hel" in piece)
    go = asyncio.Event()

    async def play(exchange: Exchange) -> None:
        if first:
            await exchange.head(headers=reply.headers)
        for piece in reply.pieces[:first]:
            await exchange.chunk(piece)
        await go.wait()
        if not first:
            await exchange.head(headers=reply.headers)
        for piece in reply.pieces[first:]:
            await exchange.chunk(piece)
        await exchange.end()

    async with (
        serve(play) as up,
        running(config(up.url, service), timeouts=SOON) as gateway,
        connect(gateway.url) as wire,
    ):
        path, asked = agent.asked(f"{service}/{MODEL}")
        wire.send("POST", path, agent.headers | JSON, dumped(asked).encode())
        assert await wire.head() == 200
        chunks = []
        while chunk := await wire.chunk():
            chunks.append(chunk)
            if any(is_heartbeat(agent.front, piece) for piece in chunks):
                go.set()
    assert go.is_set()
    assert LISTENERS[name](b"".join(chunks)).text == "".join(TEXT)
