"""The service of a case: what it answers, and how what it answers is cut and ends. Knows HTTP, and one short form."""

import asyncio
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from tests.cases.page import Block, Page, repeated
from tests.support.relaying import turn
from tests.support.server import Exchange

OPTIONS = frozenset({"name", "for", "status", "type", "retry-after", "end"})
ROLES: Mapping[str, frozenset[str]] = {
    "events service": OPTIONS,
    "json service": OPTIONS,
    "http service": frozenset({"name", "for", "end", "escapes"}),
}
TYPES = {"events service": "text/event-stream", "json service": "application/json"}
ENDS = frozenset({"clean", "close", "fin", "reset", "stall"})
USES = frozenset({"stream", "whole"})

SHORT = re.compile(r"([CM])\((.*)\)")
BLANK = re.compile(rb"\n\n|\r\n\r\n|\r\r")

SLOWLY = "hi, slowly"
"""The question that is answered byte by byte."""
MAX_READS = 4096
"""Bytes of an answer, and so reads, up to which it comes byte by byte."""
PIECE = 997
MAX_PIECES = 100
"""What a longer answer comes in: pieces of so many bytes, or so many pieces."""


class Served(Struct, frozen=True):
    """One answer. `use`: the kind of question it is for; "": both. `name`: the first part of the paths it is for."""

    name: str
    use: str
    status: int
    headers: dict[str, str]
    body: bytes
    end: str
    events: tuple[bytes, ...] = ()

    def pieces(self, *, slowly: bool) -> Sequence[bytes]:
        """The body as it is read: event by event, or in pieces that know no border."""
        if not slowly:
            return self.events
        size = 1 if len(self.body) <= MAX_READS else max(PIECE, len(self.body) // MAX_PIECES)
        return [self.body[at : at + size] for at in range(0, len(self.body), size)]


class Service:
    """Answers as the blocks say; keeps the bodies that it was sent."""

    def __init__(self, answers: Sequence[Served]) -> None:
        self._answers = answers
        self.bodies: list[bytes] = []

    async def __call__(self, exchange: Exchange) -> None:
        request = exchange.request
        self.bodies.append(request.body)
        answer = self._answer(request.path.split("/")[1], _is_streamed(request.body))
        # What ends with the connection has no length and no chunks; anything else has chunks.
        await exchange.head(answer.status, answer.headers, chunked=answer.end != "close")
        slowly = SLOWLY.encode() in request.body
        for piece in answer.pieces(slowly=slowly):
            await exchange.chunk(piece)
            await (asyncio.sleep(0) if slowly else turn())
        await turn()  # a reset may take what has not been read yet
        match answer.end:
            case "clean" | "close":
                await exchange.end()
            case "reset":
                exchange.reset()
            case "stall":
                await exchange.closed()
            case _:
                exchange.close()

    def _answer(self, name: str, use: str) -> Served:
        known = [answer for answer in self._answers if answer.name in {"", name} and answer.use in {"", use}]
        assert known, f"the case says nothing that a {use} question to /{name} is answered with"
        return max(known, key=lambda answer: (bool(answer.name), bool(answer.use)))


def services(page: Page) -> list[Served]:
    """All answers of a case. Raises CaseError."""
    found = [_served(page, block) for block in page.blocks if block.role in ROLES]
    return [replace(answer, events=tuple(_events(answer.body))) for answer in found]


def _events(body: bytes) -> Iterator[bytes]:
    ends = [0, *(blank.end() for blank in BLANK.finditer(body)), len(body)]
    return (body[begin:end] for begin, end in pairwise(ends) if begin < end)


def _served(page: Page, block: Block) -> Served:
    end, use = block.options.get("end", "clean"), block.options.get("for", "")
    if end not in ENDS or use not in USES | {""}:
        raise page.error(block.line, f"expected end= of {', '.join(sorted(ENDS))} and for= of {', '.join(USES)}")
    if block.role == "http service":
        status, headers, body = _http(page, block)
        return Served(block.name, use, status, headers, body, end)
    headers = {"content-type": block.options.get("type", TYPES[block.role])}
    if "retry-after" in block.options:
        headers["retry-after"] = block.options["retry-after"]
    lines = [expand(line) for line in block.text.split("\n") if line]
    said = "".join(f"data: {line}\n\n" for line in lines) if block.role == "events service" else "\n".join(lines)
    body = repeated(said.encode())
    return Served(block.name, use, int(block.options.get("status", "200")), headers, body, end)


def _http(page: Page, block: Block) -> tuple[int, dict[str, str], bytes]:
    head, blank, body = block.text.partition("\n\n")
    status, *fields = head.split("\n")
    if not blank or not status.startswith("HTTP/1.1 "):
        raise page.error(block.line, "expected a status line, headers, and a blank line")
    headers = {name.strip().lower(): value.strip() for name, _, value in (field.partition(":") for field in fields)}
    if {"content-length", "transfer-encoding", "connection"} & headers.keys():
        raise page.error(block.line, "expected no header that says where the body ends: `end=` does")
    data = Block("", "", {}, body, 0).escaped() if "escapes" in block.options else repeated(body.encode())
    return int(status.split()[1]), headers, data


def expand(line: str) -> str:
    """`C(delta, reason, more)` as a chunk, `M(message, reason, more)` as a whole completion, else `line`."""
    found = SHORT.fullmatch(line)
    if found is None:
        return line
    values: list[Any] = [*json.loads(f"[{found[2]}]"), None, None]
    said, reason, more = values[:3]
    streamed = found[1] == "C"
    kind, key = ("chat.completion.chunk", "delta") if streamed else ("chat.completion", "message")
    choice = {"index": 0, key: said, "finish_reason": reason}
    body = {"id": "c1", "object": kind, "created": 1, "model": "m", "choices": [choice]} | (more or {})
    return json.dumps(body, ensure_ascii=False, separators=(",", ":"))


def _is_streamed(body: bytes) -> str:
    try:
        value: Any = json.loads(body)
    except ValueError:
        return "whole"
    return "stream" if isinstance(value, dict) and value.get("stream") else "whole"
