"""A response that a task sends on: all of it goes out, in the parts in which it is taken."""

import asyncio
from time import monotonic

from dragoman.gateway.outgoing import UNSENT, Outgoing
from dragoman.gateway.serving.lasting.lasting_answer import ALONE, LastingAnswer
from dragoman.types import Outcome
from dragoman.wire.event_ids import EventIds

EVENTS = 3 * UNSENT // 1000


def outgoing() -> Outgoing:
    return Outgoing(Outcome("id", "POST", "/x", monotonic()), lambda writer: None)


async def test_of_a_stream_that_is_resumed_when_it_is_over_the_end_is_sent_too() -> None:
    first, second = outgoing(), outgoing()
    answer = LastingAnswer(
        Outcome("id", "POST", "/x", monotonic()),
        first.writer,
        name="n",
        ids=EventIds("n"),
        left=lambda answer: answer.stay(ALONE),
        grown=lambda answer, size: None,
        released=lambda answer: None,
    )
    answer.writer.start_nowait(200, b"content-type: text/event-stream\r\n", sized=False)
    answer.writer.write_nowait(b"data: first\n\n")
    assert b"first" in (await first.part()).body
    first.close(sent=False)
    for number in range(EVENTS):
        answer.writer.write_nowait(b"data: %b %d\n\n" % (b"x" * 1000, number))
    answer.writer.write_nowait(b"data: [DONE]\n\n", more=False)

    answer.join(second.writer, 1)
    got = b""
    while True:
        part = await asyncio.wait_for(second.part(), 5)
        got += part.body
        if part.ends:
            break
    second.close(sent=True)
    assert (got.count(b"x" * 1000), got.count(b"[DONE]"), part.whole) == (EVENTS, 1, True)
