"""What is posted in one turn of the loop goes out at its end, in order."""

import asyncio

import pytest

from dragoman.loop.outbox import MAX_BYTES, MAX_MESSAGES, Outbox


class Line(asyncio.Transport):
    """Writes down, in `said`, what it is given; what `then` posts meanwhile must not be lost."""

    def __init__(self, said: list[bytes]) -> None:
        super().__init__()
        self.said = said
        self.closing = False
        self.unsent = 0
        self.then: Outbox | None = None

    def is_closing(self) -> bool:
        return self.closing

    def get_write_buffer_size(self) -> int:
        return self.unsent

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.said.append(bytes(data))
        if self.then is not None:
            outbox, self.then = self.then, None
            outbox.write(self, b"afterwards")


async def busy(said: list[bytes]) -> Outbox:
    """One that has just seen a turn of two messages."""
    outbox = Outbox(asyncio.get_running_loop())
    for _ in range(2):
        outbox.write(Line(said), b"")
    await asyncio.sleep(0)
    said.clear()
    return outbox


async def test_all_goes_out_at_the_end_of_the_turn_in_order() -> None:
    said: list[bytes] = []
    one, other = Line(said), Line(said)
    outbox = await busy(said)
    outbox.write(one, b"a")
    outbox.write(other, b"b")
    outbox.write(one, b"c")
    assert said == []
    await asyncio.sleep(0)
    assert said == [b"a", b"b", b"c"]
    outbox.write(one, b"d")
    assert said[3:] == []
    await asyncio.sleep(0)
    assert said[3:] == [b"d"]


async def test_what_comes_alone_goes_out_at_once() -> None:
    said: list[bytes] = []
    line = Line(said)
    outbox = await busy(said)
    outbox.write(line, b"waits, for the turn before was a busy one")
    await asyncio.sleep(0)
    said.clear()
    for _ in range(2):
        outbox.write(line, b"a")
        assert said.pop() == b"a"
        await asyncio.sleep(0)
    outbox.write(line, b"b")
    outbox.write(line, b"c")
    assert said == [b"b"]
    await asyncio.sleep(0)
    assert said == [b"b", b"c"]
    line.closing = True
    outbox.write(line, b"lost")
    await asyncio.sleep(0)
    outbox.write(line, b"lost")
    assert said == [b"b", b"c"]


async def test_many_do_not_wait_for_the_end() -> None:
    said: list[bytes] = []
    line = Line(said)
    outbox = await busy(said)
    for number in range(MAX_MESSAGES + 1):
        outbox.write(line, b"%d" % number)
    assert said == [b"%d" % number for number in range(MAX_MESSAGES)]
    await asyncio.sleep(0)
    assert said == [b"%d" % number for number in range(MAX_MESSAGES + 1)]


async def test_who_closes_may_flush_first() -> None:
    said: list[bytes] = []
    one, other = Line(said), Line(said)
    outbox = await busy(said)
    outbox.write(one, b"a")
    outbox.flush()
    one.closing = True
    outbox.write(one, b"lost")
    outbox.write(other, b"b")
    await asyncio.sleep(0)
    assert said == [b"a", b"b"]


async def test_what_is_posted_while_it_sends_is_sent_too() -> None:
    said: list[bytes] = []
    line = Line(said)
    outbox = await busy(said)
    line.then = outbox
    outbox.write(line, b"a")
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert said == [b"a", b"afterwards"]


async def test_so_many_bytes_do_not_wait_for_the_turns_end() -> None:
    said: list[bytes] = []
    outbox = await busy(said)
    line = Line(said)
    half = bytes(MAX_BYTES // 2)
    outbox.write(line, half)
    assert said == []
    outbox.write(line, half)
    assert said == [half, half]
    outbox.write(line, b"after")
    assert said == [half, half]
    await asyncio.sleep(0)
    assert said == [half, half, b"after"]


class Note:
    """Writes down, in `said`, what it is told."""

    def __init__(self, said: list[bytes], fault: Exception | None = None) -> None:
        self.said = said
        self.fault = fault

    def sent(self) -> None:
        self.said.append(b"sent")
        if self.fault is not None:
            raise self.fault

    def wait(self) -> None:
        self.said.append(b"wait")


@pytest.mark.parametrize(("closing", "unsent", "told"), [(False, 0, b"sent"), (False, 1, b"wait"), (True, 0, b"wait")])
async def test_a_receipt_says_whether_all_has_gone(closing: bool, unsent: int, told: bytes) -> None:
    said: list[bytes] = []
    line = Line(said)
    outbox = await busy(said)
    outbox.write(line, b"a")
    assert [data for _, data in outbox.pending] == [b"a"]
    outbox.receipts.append((line, Note(said)))
    line.closing, line.unsent = closing, unsent
    await asyncio.sleep(0)
    assert said == ([told] if closing else [b"a", told])
    assert (outbox.pending, outbox.receipts) == ([], [])


async def test_a_receipt_that_fails_is_reported_and_keeps_nobody_waiting() -> None:
    said: list[bytes] = []
    reported: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: reported.append(context["exception"]))
    line = Line(said)
    outbox = await busy(said)
    outbox.write(line, b"a")
    fault = RuntimeError()
    outbox.receipts += [(line, Note(said, fault)), (line, Note(said))]
    outbox.flush()
    assert said == [b"a", b"sent", b"sent"]
    assert reported == [fault]
