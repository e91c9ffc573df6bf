"""The table of what callers do wrong: when, how, and what must come of it. Every cell is made from it."""

import gzip
import socket
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from enum import Enum
from itertools import product

from msgspec import Struct

from tests.faults.dialects import DIALECTS, FRONTS
from tests.faults.fault import USES, Use
from tests.faults.ground import CALLER_KEY, PROMPT, Ground, until
from tests.faults.wire import RESET
from tests.support.gateway import CallerConnection, Got
from tests.support.raw import answers, turns

MAX_BODY = 100_000
"""Bytes of a request that the gateway of these cells takes."""


class At(Enum):
    """When the caller does it."""

    IN_HEAD = "in its head"
    IN_BODY = "in its body"
    WAITING = "while nothing has come"
    BEGUN = "before the first content"
    MID_ANSWER = "in the answer"
    AFTER = "after the answer"


IN_HEAD, IN_BODY, WAITING, BEGUN, MID_ANSWER, AFTER = At


class Caller:
    """A caller in the middle of its deed."""

    def __init__(self, up: Ground, wire: CallerConnection, front: str, model: str, *, stream: bool) -> None:
        self.wire = wire
        self.path, self.body = FRONTS[front].ask(model, PROMPT, stream=stream)
        self.stream = stream
        self.up = up

    def head(self, *more: str, length: int | None = None, method: str = "POST", host: str = "localhost") -> bytes:
        """The head of its request; `length`: -1 for none."""
        size = len(self.body) if length is None else length
        lines = [f"{method} {self.path} HTTP/1.1", f"Authorization: Bearer {CALLER_KEY}"]
        lines += [f"Host: {host}"] if host else []
        lines += [f"Content-Length: {size}"] if size >= 0 else []
        return "\r\n".join([*lines, *more, "\r\n"]).encode()

    async def send(self, *pieces: bytes) -> None:
        """Sends these, each a read of its own."""
        for piece in pieces:
            with suppress(ConnectionError):
                self.wire.writer.write(piece)
                await self.wire.writer.drain()
            await turns()

    async def reach(self, at: At) -> None:
        """Asks, and returns when the answer is that far."""
        await self.send(self.head() + self.body)
        service = self.up.service
        assert await until(lambda: bool(service.requests))
        if at is AFTER:
            assert (await self.wire.answer()).clean
        elif at is MID_ANSWER and self.stream:
            assert await self.wire.head() == 200
            await self.wire.chunk()
        else:
            await turns(10)

    def reset(self) -> None:
        """Leaves with RST."""
        transport = self.wire.writer.transport
        transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        transport.abort()


class Refused(Struct, frozen=True):
    """The caller is told that this is wrong, in its own protocol; no service is asked."""

    status: int
    code: str
    plain: bool = False
    """Whether it is told in the words of no protocol, because the request could not be read."""


class Gone(Struct, frozen=True):
    """Nobody is told; the service is let go. `row`: how the request log calls its end; empty: it has no row."""

    row: str = "gone"


class Served(Struct, frozen=True):
    """It is answered like any other. `large`: with a large answer."""

    large: bool = False


Act = Callable[[Caller, At], Awaitable[list[Got]]]
"""Does it, and returns the answers that came."""


class Misdeed(Struct, frozen=True):
    """A row of the table."""

    name: str
    comes: dict[At, Refused | Gone | Served]
    act: Act
    uses: tuple[Use, ...] = USES
    fronts: tuple[str, ...] = DIALECTS

    @property
    def reaches(self) -> bool:
        """Whether a service gets the request."""
        return not all(isinstance(each, Refused) for each in self.comes.values())


async def _in(caller: Caller, at: At) -> None:
    match at:
        case At.IN_HEAD:
            await caller.send(caller.head()[:30])
        case At.IN_BODY:
            await caller.send(caller.head() + caller.body[:10])
        case _:
            await caller.reach(at)


async def _closes(caller: Caller, at: At) -> list[Got]:
    await _in(caller, at)
    caller.wire.writer.close()
    return []


async def _resets(caller: Caller, at: At) -> list[Got]:
    await _in(caller, at)
    caller.reset()
    return []


async def _half_closes(caller: Caller, at: At) -> list[Got]:
    await _in(caller, at)
    caller.wire.writer.write_eof()
    with suppress(ConnectionError):
        await caller.wire.reader.read()
    return []


async def _reads_nothing(caller: Caller, at: At) -> list[Got]:
    await caller.send(caller.head() + caller.body)
    caller.wire.writer.transport.pause_reading()  # type: ignore[attr-defined]  # a stream's transport reads
    seen = len(caller.up.outcomes)
    assert await until(lambda: len(caller.up.outcomes) > seen)
    caller.reset()
    return []


async def _reads_slowly(caller: Caller, at: At) -> list[Got]:
    transport = caller.wire.writer.transport
    await caller.send(caller.head() + caller.body)
    for _ in range(10):
        transport.pause_reading()  # type: ignore[attr-defined]  # as above
        await turns(20)
        transport.resume_reading()  # type: ignore[attr-defined]  # as above
        await turns(2)
    return [await caller.wire.answer()]


async def _waits(caller: Caller, at: At) -> list[Got]:
    await _in(caller, at)
    return await answers(caller.wire)


async def _drips(caller: Caller, at: At) -> list[Got]:
    data = caller.head() + caller.body
    await caller.send(*(data[begin : begin + 9] for begin in range(0, len(data), 9)))
    return [await caller.wire.answer()]


async def _asks_twice(caller: Caller, at: At) -> list[Got]:
    await caller.send((caller.head() + caller.body) * 2)
    return [await caller.wire.answer(), await caller.wire.answer()]


def _says(make: Callable[[Caller], bytes], *, last: bool = True) -> Act:
    """Sends these bytes, and reads to the connection's end, or one answer."""

    async def act(caller: Caller, at: At) -> list[Got]:
        await caller.send(make(caller))
        return await answers(caller.wire) if last else [await caller.wire.answer()]

    return act


def _body(data: bytes, *more: str) -> Act:
    """Its request with another body."""
    return _says(lambda caller: caller.head(*more, length=len(data)) + data, last=False)


def _chunks(data: bytes) -> Act:
    return _says(lambda caller: caller.head("Transfer-Encoding: chunked", length=-1) + data)


BAD_HTTP = Refused(400, "bad_http", plain=True)
INVALID = Refused(400, "invalid_json")
LATE = Refused(408, "request_timeout")
LARGE = Refused(413, "request_too_large")
HEAD = Refused(431, "head_too_large")
GONE = {WAITING: Gone(), BEGUN: Gone(), MID_ANSWER: Gone(), AFTER: Gone("whole")}
ONCE: tuple[Use, ...] = ("whole",)
"""For what does not depend on the answer."""
FORMLESS = tuple(front for front in DIALECTS if front != "ollama")
"""Fronts that want to be told that a body is JSON; Ollama's own server does not ask."""

LEAVING = (
    Misdeed("leaves with FIN", {IN_HEAD: Gone(""), IN_BODY: Gone(), **GONE}, _closes),
    Misdeed("leaves with RST", {IN_HEAD: Gone(""), IN_BODY: Gone(), **GONE}, _resets),
    Misdeed("closes its sending half", {WAITING: Gone(), BEGUN: Gone(), MID_ANSWER: Gone()}, _half_closes),
    # A whole answer is handed to the kernel in one piece: what it holds of it counts as sent.
    Misdeed("reads nothing", {MID_ANSWER: Gone()}, _reads_nothing, ("stream",)),
    Misdeed("reads slowly", {MID_ANSWER: Served(large=True)}, _reads_slowly),
    Misdeed("sends slowly", {IN_BODY: Served()}, _drips),
    Misdeed("asks twice at once", {IN_BODY: Served()}, _asks_twice),
)
SENDING = (
    Misdeed("stops", {IN_HEAD: Refused(408, "request_timeout", plain=True), IN_BODY: LATE}, _waits, ONCE),
    Misdeed("a large body", {IN_BODY: LARGE}, _says(lambda caller: caller.head(length=MAX_BODY + 1)), ONCE),
    Misdeed(
        "large chunks", {IN_BODY: LARGE}, _chunks(b"ffff\r\n" + b" " * 65_535 + b"\r\nffff\r\n" + b" " * 65_535), ONCE
    ),
    Misdeed("a large field", {IN_HEAD: HEAD}, _says(lambda caller: caller.head("X-Large: " + "x" * 20_000)), ONCE),
    Misdeed(
        "a large head", {IN_HEAD: HEAD}, _says(lambda caller: caller.head(*["X-Large: " + "x" * 10_000] * 7)), ONCE
    ),
    Misdeed("many fields", {IN_HEAD: HEAD}, _says(lambda caller: caller.head(*["X-Many: 1"] * 101)), ONCE),
    Misdeed("garbage", {IN_HEAD: BAD_HTTP}, _says(lambda caller: b"\x16\x03\x01\x02\x00\x01\x00\r\n\r\n"), ONCE),
    Misdeed("a field without a name", {IN_HEAD: BAD_HTTP}, _says(lambda caller: caller.head(": odd")), ONCE),
    Misdeed("two lengths", {IN_HEAD: BAD_HTTP}, _says(lambda caller: caller.head("Content-Length: 3")), ONCE),
    Misdeed(
        "a length and chunks",
        {IN_HEAD: BAD_HTTP},
        _says(lambda caller: caller.head("Transfer-Encoding: chunked")),
        ONCE,
    ),
    Misdeed("a chunk's size is none", {IN_BODY: BAD_HTTP}, _chunks(b"zz\r\n"), ONCE),
    Misdeed("bad JSON", {IN_BODY: INVALID}, _body(b'{"model": "m", "mess'), ONCE),
    Misdeed("deep JSON", {IN_BODY: INVALID}, _body(b'{"model":"m","x":' + b"[" * 5000), ONCE),
    Misdeed("bad UTF-8", {IN_BODY: INVALID}, _body(b'{"model":"m","x":"\xff"}'), ONCE),
    Misdeed(
        "damaged gzip",
        {IN_BODY: Refused(400, "damaged_content_encoding")},
        _body(b"no gzip", "Content-Encoding: gzip"),
        ONCE,
    ),
    Misdeed("gzip bomb", {IN_BODY: LARGE}, _body(gzip.compress(b" " * (8 << 20)), "Content-Encoding: gzip"), ONCE),
    Misdeed(
        "an unknown coding",
        {IN_BODY: Refused(415, "unsupported_content_encoding")},
        _body(b"x", "Content-Encoding: snappy"),
        ONCE,
    ),
    Misdeed(
        "a form",
        {IN_BODY: Refused(415, "unsupported_content_type")},
        _body(b"a=b", "Content-Type: application/x-www-form-urlencoded"),
        ONCE,
        FORMLESS,
    ),
)
MISDEEDS = (*LEAVING, *SENDING)


class Deed(Struct, frozen=True):
    """A cell: a misdeed, and all that it depends on."""

    misdeed: Misdeed
    at: At
    front: str
    use: Use
    relayed: bool
    secured: bool
    """Whether the service speaks TLS."""

    @property
    def stream(self) -> bool:
        """Whether the caller wants a stream."""
        return self.use == "stream"

    def __str__(self) -> str:
        way = "relayed" if self.relayed else "translated"
        over = ", over TLS" if self.secured else ""
        return f"{self.misdeed.name}, {self.at.value}, {self.front}, {self.use}, {way}{over}"


def _deeds() -> Iterator[Deed]:
    for misdeed in MISDEEDS:
        for front in misdeed.fronts:
            for use in misdeed.uses:
                # What reaches no service is neither relayed nor translated.
                ways = product((True, False), (False, True)) if misdeed.reaches else ((True, False),)
                for relayed, secured in ways:
                    for at in misdeed.comes:
                        # Of a whole answer nothing comes before all of it.
                        if use == "stream" or at is not BEGUN:
                            yield Deed(misdeed, at, front, use, relayed, secured)


DEEDS: tuple[Deed, ...] = tuple(_deeds())
SAMPLE = 60
"""Cells of a run that does not ask for all."""
