"""The bypass changes nothing: the same reads, with it and without it, give a caller the same bytes and the same log.

Streams are made at random, from a seed that is printed: events as services write them and odd ones, in chunks and reads
cut anywhere, to callers that are slow or leave, from services that fall silent, break off or fail.
"""

import asyncio
import json
import random
import re
from typing import Any

import pytest
from msgspec import Struct
from msgspec.structs import asdict

from dragoman.transport.base import Bypass as Passing
from dragoman.transport.native.connection import Connection
from tests.faults.dialects import DIALECTS, FRONTS, in_band, reply
from tests.support.golden import cases
from tests.support.paused import paused
from tests.support.wires import Make, Stage, unframed

SEED = 20_261_126
STREAMS = 120
"""Of each dialect."""
MAX_ANSWER = 5000
"""Bytes of an answer, which some of the streams exceed."""

WORDS = (
    *(
        "a",
        " word",
        " two words",
        "",
        "x" * 300,
        "Grüße",
        "世界",
        "\U0001f600",
        "é\n",
        "tab\t",
        "[DONE]",
        "data: [DONE]\n\n",
    ),
    *('"quoted"', 'ends with "', "back\\slash", "ends with \\", '"error":{"message":"m"}', '"}]}\n\n', "\\u12", "\x7f"),
)
EVENTS = re.compile(rb".+?(?:\r\n\r\n|\n\n|\r\r|\Z)", re.DOTALL)
LINES = re.compile(rb".+?(?:\n|\Z)", re.DOTALL)
ODD = (b": comment\n\n", b"\n", b"data: \n\n", b"data: {\n\n", b"event: ping\ndata: {}\n\n", b'{"error":"it failed"}\n')
SPLICES = (
    *(b"\n", b"\r", b"\r\n\r\n", b"\\", b"\\\\", b"\x01", b"\0", b'","refusal":"No.', b'","error":"it failed'),
    *(b'","tool_calls":[{"index":0,"id":"c","function":{"name":"f"}}],"x":"', b'"},"finish_reason":"stop","x":{"y":"'),
    *(
        b'","content":"more',
        b'"}],"finishReason":"STOP","x":[{"y":"',
        b'","done":true,"x":"',
        b'"}}\n\ndata: {"x":{"y":"',
    ),
)
"""What may stand in a text, and end it."""
DATE = re.compile(rb"\r\ndate: [^\r]*")
OURS = re.compile(rb'"(?:item_)?id":"[a-z]+_[0-9a-f]{20,}"|"(?:created|created_at|completed_at)":\d+')
"""What a translation makes up: ids and times."""
HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: %b\r\ntransfer-encoding: chunked\r\n\r\n"
TIMES = frozenset({"request_id", "received_at", "complete_at", "asked_at", "came_at", "first_byte_at", "ended_at"})


class Parsed(Connection):
    """A connection without a bypass."""

    def open_bypass(self, bypass: Passing, last: bytes) -> None:
        """Does not open it."""


class Counted(Connection):
    """One that counts the reads that passed by it."""

    __slots__ = ()
    reads = 0

    def open_bypass(self, bypass: Passing, last: bytes) -> None:
        super().open_bypass(Counting(bypass), last)


class Counting(Struct):
    """A bypass that counts."""

    bypass: Passing

    def take(self, data: bytes, now: float) -> bool:
        taken = self.bypass.take(data, now)
        Counted.reads += taken
        return taken


def events_of(dialect: str, rng: random.Random) -> list[bytes]:
    """The events of an answer, most of them as its services write them."""
    if rng.random() < 0.6:
        texts = tuple(rng.choice(WORDS) for _ in range(rng.randrange(1, 25)))
        found = list(reply(dialect, ("Begin", *texts), stream=True).pieces)
        if dialect == "openai-responses":
            found = [piece for event in found for piece in deltas(event, texts)]
    else:
        body = rng.choice([case.reply for case in cases(dialect).values()])
        found = (LINES if dialect == "ollama" else EVENTS).findall(body)
        if len(found) > 2:
            again = rng.randrange(len(found))
            found[again:again] = [found[again]] * rng.randrange(8)
    form = rng.random()
    if form < 0.2:
        found = [
            event.replace(b"}\n", b',"obfuscation":"%b"}\n' % (b"x" * rng.randrange(1, 9)))
            if rng.random() < 0.9
            else event
            for event in found
        ]
    elif form < 0.3:
        found = [event.replace(b'"created":1', b'"created":%d' % rng.randrange(1, 99)) for event in found]
    while rng.random() < 0.3:
        at = rng.randrange(len(found) + 1)
        found.insert(at, rng.choice((*ODD, in_band(dialect), rng.choice(found))))
    if rng.random() < 0.3:
        at = rng.randrange(len(found))
        splice = rng.choice(SPLICES)
        found[at] = re.sub(rb'(?<=[tagk]":")([^"\\]+)(?=")', lambda text: text[1] + splice, found[at])
    if rng.random() < 0.1:
        at = rng.randrange(len(found))
        spoilt = bytearray(found[at])
        spoilt[rng.randrange(len(spoilt))] = rng.choice(b'\r\n"\\}x\x00\xff')
        found[at] = bytes(spoilt)
    return found


def deltas(event: bytes, texts: tuple[str, ...]) -> list[bytes]:
    """The event, or in place of a piece of text one for each of `texts`: the service that is played sends two."""
    if b"output_text.delta" not in event:
        return [event]
    before, after = re.split(rb'(?<="delta":")(?:[^"\\]|\\.)*', event, maxsplit=1)
    said = [json.dumps(each).encode()[1:-1] for each in texts]
    number = re.compile(rb'(?<=_number":)\d+')
    return [event, *(before + each + number.sub(b"%d" % (20 + at), after) for at, each in enumerate(said))]


def reads_of(events: list[bytes], rng: random.Random) -> list[bytes]:
    """The events in chunks, in reads."""
    wild = rng.random() < 0.5
    pieces: list[bytes] = []
    for event in events:
        if wild and pieces and rng.random() < 0.1:
            pieces[-1] += event
        elif wild and rng.random() < 0.1:
            at = rng.randrange(len(event) + 1)
            pieces += filter(None, (event[:at], event[at:]))
        else:
            pieces.append(event)
    reads: list[bytes] = []
    joined = False
    for piece in pieces:
        size = b"%x" % len(piece)
        if wild and rng.random() < 0.1:
            size = rng.choice((size.upper(), b"0" + size, size + b";a=b", size + b" ", size + b";\n"))
        data = b"%b\r\n%b\r\n" % (size, piece)
        if joined:
            data = reads.pop() + data
        joined = rng.random() < (0.2 if wild else 0.05)
        if wild and rng.random() < 0.15:
            at = rng.choice((rng.randrange(1, len(data)), len(data) - 2, len(data) - 1))
            reads += (data[:at], data[at:])
        elif wild and rng.random() < 0.05:
            # A chunk within a chunk, which begins a read.
            reads += (b"%x\r\n%b" % (len(piece) + len(data), piece), data, b"\r\n")
            joined = False
        else:
            reads.append(data)
    return reads


Move = tuple[str, Any]


def moves_of(dialect: str, rng: random.Random) -> list[Move]:
    """What happens, in order."""
    kind = b"application/x-ndjson" if dialect == "ollama" else b"text/event-stream"
    moves: list[Move] = [
        ("read", HEAD % kind),
    ]
    calm, slow = rng.random() < 0.4, rng.random() < 0.1
    reads = reads_of(events_of(dialect, rng), rng)
    if not calm and rng.random() < 0.4:
        del reads[rng.randrange(len(reads) + 1) :]
    for read in reads:
        moves.append(("read", read))
        if slow:
            moves.append(("sleep", 6))
        if not calm and rng.random() < 0.15:
            moves.append(rng.choice((("pause", None), ("sleep", rng.choice((1, 4.999, 6, 14, 16, 59, 61))))))
        if not calm and rng.random() < 0.2:
            moves.append(("resume", None))
        if rng.random() < 0.7:
            moves.append(("turn", None))
    moves.append(("resume", None))
    moves += rng.choice(
        (
            [("read", b"0\r\n\r\n")],
            [("read", b"0\r\n\r\n")],
            [("read", None)],
            [("sleep", 100)],
            [],
        )
    )
    return moves


async def played(stage: Stage, dialect: str, moves: list[Move]) -> dict[str, Any]:
    """What became of one request."""
    path, body = FRONTS[dialect].ask("up/m", "hi", stream=True)
    play = await stage.ask(path, body)
    for move, what in moves:
        match move:
            case "read":
                play.service.deliver(what)
            case "pause":
                play.pause()
            case "resume":
                play.resume()
            case "sleep":
                await asyncio.sleep(what)
            case "turn":
                await asyncio.sleep(0)
                await asyncio.sleep(0)
    for _ in range(6):
        await asyncio.sleep(0)
    closed = play.caller.is_closing()
    play.caller.lose()
    for _ in range(6):
        await asyncio.sleep(0)
    play.service.lose()
    (outcome,) = stage.outcomes
    stage.outcomes.clear()
    top, sent, end = unframed(bytes(play.caller.written))
    top, sent = DATE.sub(b"", top), OURS.sub(b"", sent)
    said = {name: value for name, value in asdict(outcome).items() if name not in TIMES}
    said["attempts"] = [(each.target, each.code) for each in outcome.attempts]
    return {"head": top, "sent": sent, "end": end, "closed": closed} | {f"log.{name}": said[name] for name in said}


@pytest.mark.parametrize("dialect", DIALECTS)
def test_with_and_without_it_a_caller_gets_the_same(dialect: str) -> None:
    print(f"seed {SEED}")
    Counted.reads = 0

    async def all_of(make: Make, seeds: range) -> list[dict[str, Any]]:
        stage = Stage(dialect, make=make, max_answer=MAX_ANSWER)
        try:
            return [
                await played(stage, dialect, moves_of(dialect, random.Random(f"{dialect} {seed}"))) for seed in seeds
            ]
        finally:
            await stage.aclose()

    seeds = range(SEED, SEED + STREAMS)
    found, expected = (paused(all_of(make, seeds)) for make in (Counted, Parsed))
    for seed, one, other in zip(seeds, found, expected, strict=True):
        differs = {name: (one[name], other[name]) for name in one if one[name] != other[name]}
        assert not differs, (seed, differs)
    assert Counted.reads > STREAMS, Counted.reads


@pytest.mark.parametrize(("version", "passes"), [(b"HTTP/1.1", 5), (b"HTTP/1.0", 0)])
async def test_a_caller_without_chunks_gets_events_the_long_way(version: bytes, passes: int) -> None:
    Counted.reads = 0
    stage = Stage("openai-chat", make=Counted)
    try:
        path, body = FRONTS["openai-chat"].ask("up/m", "hi", stream=True)
        play = await stage.ask(path, body, version=version)
        play.service.deliver(HEAD % b"text/event-stream")
        event = b'data: {"choices":[{"index":0,"delta":{"content":"word"},"finish_reason":null}]}\n\n'
        for _ in range(6):
            play.service.deliver(b"%x\r\n%b\r\n" % (len(event), event))
            await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert bytes(play.caller.written).count(event) == 6
        assert Counted.reads == passes
        play.caller.lose()
    finally:
        await stage.aclose()
