"""What may pass by the bypass, alone: reads, one by one."""

import asyncio

import pytest

from dragoman.engine.bypass import Bypass
from dragoman.loop.outbox import Outbox
from dragoman.protocols.openai_chat.lane import lane
from dragoman.protocols.openai_chat.tap import ChatTap
from tests.support.lone_events import EVENT, PASSES, STAYS, chunk
from tests.support.wires import Wire


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
