"""An answer whose buffer is full waits for its caller, and for no longer than that one may come back."""

import asyncio
from time import monotonic
from types import SimpleNamespace
from typing import Any, cast

from dragoman.config import GatewayConfig
from dragoman.gateway.outgoing import Outgoing
from dragoman.gateway.serving.lasting.lasting_answers import STREAM_SIZE, LastingAnswers
from dragoman.protocols.base import EventIdForm
from dragoman.types import Outcome, ServerRequest
from tests.support.paused import paused

EVENTS = 50
EVENT = b"data: " + b"x" * 200 + b"\n\n"


def outcome() -> Outcome:
    return Outcome("id", "POST", "/x", monotonic())


def test_nobody_comes_back_and_the_service_is_read_to_its_end() -> None:
    async def all_of() -> None:
        released: list[bool] = []
        settings = GatewayConfig(resume=30, resume_size=10 * len(EVENT), on_disconnect="drain")
        answers = LastingAnswers(settings, asyncio.get_running_loop())
        gateway: Any = SimpleNamespace(
            hold=lambda *given: None,
            release=lambda writer: released.append(writer.complete),
            postpone=lambda writer: None,
        )
        codec: Any = SimpleNamespace(event_ids=EventIdForm.LINES, public_id=lambda event: "")
        caller = Outgoing(outcome(), lambda writer: cast("None", answers.caller_released(writer)))
        writer = answers.open(gateway, codec, ServerRequest(method="POST", path="/x"), caller.writer)
        written = 0

        async def work() -> None:
            nonlocal written
            writer.start_nowait(200, b"content-type: text/event-stream\r\n", sized=False)
            for number in range(EVENTS):
                await writer.write(EVENT, more=number < EVENTS - 1)
                written += 1
                if number == 2:
                    caller.close(sent=False)
                await asyncio.sleep(0)

        task = asyncio.ensure_future(work())
        await asyncio.sleep(29)
        assert 3 < written < EVENTS
        await asyncio.sleep(2)
        await task
        assert (written, len(released)) == (EVENTS, 1)

    paused(all_of())


def test_short_streams_are_held_within_their_bound_too() -> None:
    """Each takes more beside its events than with them."""

    async def all_of() -> None:
        total = 100 << 10
        answers = LastingAnswers(GatewayConfig(resume=30, resume_total=total), asyncio.get_running_loop())
        gateway: Any = SimpleNamespace(hold=lambda *given: None, release=lambda writer: None)
        codec: Any = SimpleNamespace(event_ids=EventIdForm.LINES, public_id=lambda event: "")
        names: list[str] = []

        def answered() -> None:
            caller = Outgoing(outcome(), lambda writer: cast("None", answers.caller_released(writer)))
            writer = answers.open(gateway, codec, ServerRequest(method="POST", path="/x"), caller.writer)
            writer.start_nowait(200, b"content-type: text/event-stream\r\n", sized=False)
            names.append(next(reversed(answers._kept)))
            writer.write_nowait(b"data: x\n\n", more=False)
            caller.close(sent=True)

        for _ in range(200):
            answered()
            assert answers.held <= total
        assert total // (STREAM_SIZE + 1000) < len(answers._kept) <= total // STREAM_SIZE
        assert list(answers._kept) == names[-len(answers._kept) :], "the first to end is the first to go"
        await asyncio.sleep(31)
        assert (answers.held, answers._kept, answers._ended, answers._waiting) == (0, {}, {}, {})

    paused(all_of())
