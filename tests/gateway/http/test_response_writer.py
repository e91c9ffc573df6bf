"""A caller seen from inside, where no server stands between."""

import asyncio

import pytest

from dragoman.gateway.asgi import AsgiResponseWriter, Message
from dragoman.gateway.http.response_writer import DisconnectedError
from dragoman.gateway.http.timeouts import ServerTimeouts
from dragoman.types import Outcome, ServerRequest, ServerResponse

CALL = ServerRequest(method="POST", path="/")


async def silent() -> Message:
    """Receives nothing, ever."""
    await asyncio.Event().wait()
    return {}


async def accept(message: Message) -> None:
    """Takes whatever is sent."""


async def leave() -> Message:
    return {"type": "http.disconnect"}


async def broken(message: Message) -> None:
    raise OSError("the peer has gone")


async def test_a_hang_up_ends_the_work_and_is_told() -> None:
    with pytest.raises(DisconnectedError):
        async with AsgiResponseWriter(leave, accept, Outcome("id", "POST", "/", 0.0), ServerTimeouts()):
            await asyncio.Event().wait()
    assert asyncio.current_task().cancelling() == 0  # type: ignore[union-attr]  # a test is a task


async def test_work_that_ends_first_is_not_disturbed() -> None:
    async with AsgiResponseWriter(leave, accept, Outcome("id", "POST", "/", 0.0), ServerTimeouts()) as writer:
        done = "whole"
    writer.interrupt(RuntimeError("too late"))
    await asyncio.sleep(0)
    assert done == "whole"


async def test_the_first_reason_holds() -> None:
    with pytest.raises(LookupError):
        async with AsgiResponseWriter(silent, accept, Outcome("id", "POST", "/", 0.0), ServerTimeouts()) as writer:
            writer.interrupt(LookupError("first"))
            writer.interrupt(RuntimeError("second"))
            await asyncio.Event().wait()


async def test_a_cancellation_from_elsewhere_stays_one() -> None:
    async def work() -> None:
        async with AsgiResponseWriter(silent, accept, Outcome("id", "POST", "/", 0.0), ServerTimeouts()):
            await asyncio.Event().wait()

    task = asyncio.create_task(work())
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_sending_to_a_caller_who_left_says_so() -> None:
    with pytest.raises(DisconnectedError):
        await AsgiResponseWriter(silent, broken, Outcome("id", "POST", "/", 0.0), ServerTimeouts()).send(
            ServerResponse()
        )


async def test_a_heartbeat_that_cannot_be_sent_ends_the_work() -> None:
    sent: list[Message] = []

    async def send(message: Message) -> None:
        if sent:
            raise OSError("the peer has gone")
        sent.append(message)

    with pytest.raises(DisconnectedError):
        async with AsgiResponseWriter(
            silent, send, Outcome("id", "POST", "/", 0.0), ServerTimeouts(heartbeat=0.001)
        ) as writer:
            writer.heartbeat = b":\n\n"
            await writer.start(200, ())
            await asyncio.Event().wait()


async def test_no_heartbeat_falls_into_a_piece_that_is_being_sent() -> None:
    sent: list[bytes] = []
    free = asyncio.Event()

    async def send(message: Message) -> None:
        if message.get("body") == b"piece":
            await free.wait()
        sent.append(message.get("body", b""))

    async with AsgiResponseWriter(
        silent, send, Outcome("id", "POST", "/", 0.0), ServerTimeouts(heartbeat=0.001)
    ) as writer:
        writer.heartbeat = b"beat"
        await writer.start(200, ())
        piece = asyncio.create_task(writer.write(b"piece"))
        await asyncio.sleep(0.01)
        assert not sent[1:] or set(sent[1:]) == {b"beat"}
        before = len(sent)
        await asyncio.sleep(0.01)
        assert len(sent) == before
        free.set()
        await piece
    assert b"piece" in sent
