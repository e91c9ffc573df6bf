"""What may pass by the bypass, alone: reads, one by one."""

import asyncio

import pytest

from dragoman.engine.bypass import Bypass
from dragoman.loop.outbox import Outbox
from dragoman.protocols.openai_chat.lane import lane
from dragoman.protocols.openai_chat.tap import ChatTap
from tests.support.wires import Wire

EVENT = b'data: {"id":"c","choices":[{"index":0,"delta":{"content":"%b"},"finish_reason":null}]}\n\n'


def chunk(text: bytes = b" word", size: bytes = b"%x", after: bytes = b"\r\n") -> bytes:
    """A chunk with an event of this text."""
    event = EVENT % text
    return size % len(event) + b"\r\n" + event + after


def made(wire: Wire, *, room: int = 1000, keeps: bool = False) -> Bypass:
    """One for events like `EVENT`, to `wire`."""
    bypass = Bypass(keeps=keeps)
    shape = lane(EVENT % b"x")
    assert shape is not None
    bypass.shape, bypass.room = shape, room
    bypass.outbox, bypass.transport = Outbox(asyncio.get_running_loop()), wire
    return bypass


def wired() -> Wire:
    """A wire to nobody."""
    return Wire(asyncio.Protocol(), asyncio.get_running_loop())


PASSES = {
    "an event": chunk(),
    "no text": chunk(b""),
    "escapes": chunk(rb"\"quoted\" \n \u00e9 \\ "),
    "other characters": chunk("Grüße".encode()),
    "a few events": chunk() + chunk(b"two") + chunk(b"three"),
    "three digits": chunk(b"x" * 300),
}
STAYS = {
    "half a chunk": chunk()[:-10],
    "a chunk without its last byte": chunk()[:-1],
    "a chunk without its end": chunk(after=b""),
    "a chunk and a half": chunk() + chunk()[:20],
    "a chunk and a byte": chunk() + b"5",
    "the end": b"0\r\n\r\n",
    "an event and the end": chunk() + b"0\r\n\r\n",
    "no frame": EVENT % b"x",
    "nothing but a line end": b"\r\n",
    "upper case": chunk(size=b"%X"),
    "a zero before": chunk(size=b"0%x"),
    "an extension": chunk(size=b"%x;a=b"),
    "a blank": chunk(size=b"%x "),
    "a sign": chunk(size=b"+%x"),
    "a length too short": b"50\r\n" + EVENT % b"x" + b"\r\n",
    "a length too long": b"5f\r\n" + EVENT % b"x" + b"\r\n",
    "a string that ends": chunk(b'a","refusal":"b'),
    "a line end": chunk(b"a\n"),
    "a CR": chunk(b"a\r"),
    "a control character": chunk(b"a\x01"),
    "a NUL": chunk(b"\0"),
    "an escape at the end": chunk(b"a\\"),
    "an escaped backslash at the end": chunk(rb"a\\"),
    "two events in a chunk": b"%x\r\n%b\r\n" % (2 * len(EVENT % b"x"), 2 * (EVENT % b"x")),
    "another event": b"e\r\ndata: [DONE]\n\n\r\n",
    "an event and another": chunk() + b"e\r\ndata: [DONE]\n\n\r\n",
}


@pytest.mark.parametrize("name", PASSES)
async def test_what_fits_passes_as_it_came(name: str) -> None:
    wire, data = wired(), PASSES[name]
    bypass = made(wire)
    assert bypass.take(data, 7.0)
    await asyncio.sleep(0)
    assert (bytes(wire.written), bypass.sent_at) == (data, 7.0)
    assert bypass.passed == sum(len(part) for part in data.split(b"\r\n")[1::2])
    assert bypass.room == 1000 - bypass.passed


@pytest.mark.parametrize("name", STAYS)
async def test_what_does_not_fit_is_left_alone(name: str) -> None:
    wire = wired()
    bypass = made(wire)
    assert not bypass.take(STAYS[name], 7.0)
    await asyncio.sleep(0)
    assert (bytes(wire.written), bypass.sent_at, bypass.passed, bypass.room) == (b"", 0.0, 0, 1000)


async def test_no_more_passes_than_an_answer_may_have() -> None:
    size = len(EVENT % b" word")
    bypass = made(wired(), room=2 * size)
    assert bypass.take(chunk(), 1.0)
    assert not bypass.take(chunk() + chunk(), 2.0)
    assert bypass.take(chunk(), 3.0)
    assert not bypass.take(chunk(b""), 4.0)
    assert (bypass.passed, bypass.room, bypass.sent_at) == (2 * size, 0, 3.0)


class Told(ChatTap):
    """A tap that notes what has passed."""

    def __init__(self) -> None:
        super().__init__()
        self.told: list[bytes] = []

    def passed(self, data: bytes) -> None:
        self.told.append(data)


@pytest.mark.parametrize("keeps", [False, True])
async def test_the_tap_is_told_once(keeps: bool) -> None:
    bypass, tap = made(wired(), keeps=keeps), Told()
    assert bypass.tell(tap) == 0
    assert bypass.take(chunk(b"one"), 1.0)
    assert bypass.take(chunk(b"two"), 1.0)
    assert bypass.tell(tap) == bypass.passed == 2 * len(EVENT % b"two")
    assert bypass.tell(tap) == 0
    assert tap.told == [chunk(b"two") if keeps else b""]
