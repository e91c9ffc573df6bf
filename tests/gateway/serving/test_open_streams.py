"""What an open relayed stream is made of, while its events come alone: there may be thousands."""

import asyncio
import gc
from collections import Counter
from typing import cast

from dragoman.transport.native.connection import Connection
from tests.support.gateway import chat_body
from tests.support.relaying import PATH
from tests.support.wires import Play, Stage

HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\nset-cookie: a=b\r\n\r\n"
EVENT = b'data: {"id":"c","choices":[{"index":0,"delta":{"content":" word"},"finish_reason":null}]}\n\n'
STREAMS = 20


async def opened(stage: Stage) -> Play:
    """A stream that has passed some events by the bypass."""
    play = await stage.ask(PATH, chat_body("hi", "up/m", stream=True))
    play.service.deliver(HEAD)
    for _ in range(4):
        play.service.deliver(b"%x\r\n%b\r\n" % (len(EVENT), EVENT))
        await asyncio.sleep(0)
    return play


def tracked() -> Counter[str]:
    """Objects that a collection looks at, by type."""
    gc.collect()
    return Counter(f"{type(each).__module__}.{type(each).__qualname__}" for each in gc.get_objects())


async def test_it_holds_few_objects() -> None:
    stage = Stage("openai-chat")
    try:
        plays = [await opened(stage) for _ in range(3)]  # what is made once is made by now
        before = tracked()
        plays += [await opened(stage) for _ in range(STREAMS)]
        more = tracked() - before
        for play in plays:
            play.caller.lose()
        await asyncio.sleep(0)
    finally:
        await stage.aclose()
    # Ten are of the test: the play and two wires, with what they hold.
    assert sum(more.values()) / STREAMS < 43, more.most_common()
    assert "httptools.parser.parser.HttpRequestParser" not in more  # between two requests there is none
    assert more["dragoman.transport.native.connection.Connection"] == STREAMS


async def test_it_forgets_the_head_of_its_reply() -> None:
    stage = Stage("openai-chat")
    try:
        play = await opened(stage)
        (wire,) = stage.transport.wires
        head = cast("Connection", wire._protocol).head
        assert (head.status, head.headers) == (200, ())
        play.caller.lose()
        await asyncio.sleep(0)
    finally:
        await stage.aclose()
