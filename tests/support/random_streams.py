"""Streams made at random: events as services write them and odd ones, in chunks and reads cut anywhere, to callers that
are slow or leave, from services that fall silent, break off or fail.
"""

import asyncio
import json
import random
import re
from typing import Any

from msgspec.structs import asdict

from tests.faults.dialects import FRONTS, in_band, reply
from tests.support.golden import cases
from tests.support.wires import Stage, unframed

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
OURS = re.compile(
    rb'"(?:[a-z]+[_-](?:dr1i?)?)?[0-9a-f]{20,}(?:n\d+)?"'
    rb'|"(?:created|created_at|completed_at|total_duration)":(?:\d+|"20\d\d-[^"]*")'
)
"""What a translation makes up: ids and times."""
HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: %b\r\ntransfer-encoding: chunked\r\n\r\n"
TIMES = frozenset({"request_id", "received_at", "complete_at", "asked_at", "came_at", "first_byte_at", "ended_at"})


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


async def played(stage: Stage, front: str, moves: list[Move], *, singly: bool = False) -> dict[str, Any]:
    """What became of one request at this front. `singly`: a task has time to deal with each read before the next."""
    path, body = FRONTS[front].ask("up/m", "hi", stream=True)
    play = await stage.ask(path, body)
    for move, what in moves:
        match move:
            case "read":
                play.service.deliver(what)
                for _ in range(6 * singly):
                    await asyncio.sleep(0)
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
    top, bare = DATE.sub(b"", top), OURS.sub(b"", sent)
    said = {name: value for name, value in asdict(outcome).items() if name not in TIMES}
    said["sent"] -= len(sent) - len(bare)
    said["attempts"] = [(each.target, each.code) for each in outcome.attempts]
    return {"head": top, "sent": bare, "end": end, "closed": closed} | {f"log.{name}": said[name] for name in said}
