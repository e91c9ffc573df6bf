"""The scripts of the table of faults: how a good answer is cut, put off, replaced. Knows no row."""

import gzip
from collections.abc import Callable
from typing import Protocol

from msgspec.structs import replace

from tests.faults.dialects import failed
from tests.faults.fault import KEY, Phase, Said, document, frame, head, said
from tests.faults.wire import Script, Step, Steps, Wait

JSON = "application/json"
SSE = "text/event-stream"
PAGE = f"<!DOCTYPE html><html><title>Just a moment</title><p>{KEY}</p></html>".encode()
WORDS = f"It broke, said the service to {KEY}."
SMALL = 256 << 10
"""Bytes of an answer that are allowed where one is to be too large, so that it costs little."""

Make = Callable[[Said, Phase], Script]


def cut(*steps: Step) -> Make:
    """The answer up to the phase, then these steps."""
    return lambda good, phase: Script((*good.before(phase), *steps))


def put(make: Callable[[Said, Phase], Steps]) -> Make:
    """The whole answer, with these steps at the phase."""
    return lambda good, phase: Script((*good.before(phase), *make(good, phase), *good.after(phase)))


def event(data: str) -> Make:
    """The whole answer, with one more event at the phase."""
    return put(lambda good, phase: (good.event(data),))


def instead(make: Callable[[Said], Steps]) -> Make:
    """Something else than the answer."""
    return lambda good, phase: Script(make(good))


class Pieces(Protocol):
    """What makes the pieces of another answer."""

    def __call__(self, dialect: str, /, *, stream: bool) -> tuple[bytes, ...]: ...


def in_place(pieces: Pieces) -> Make:
    """Another answer, which has these pieces."""

    def make(good: Said) -> Steps:
        other = replace(good.reply, pieces=pieces(good.dialect, stream=good.stream))
        return said(good.dialect, other, stream=good.stream).whole

    return instead(make)


def changed(change: Callable[[tuple[bytes, ...]], tuple[bytes, ...]]) -> Make:
    """The answer, with other pieces."""

    def make(good: Said, phase: Phase) -> Script:
        pieces = good.reply.pieces if good.stream else (b"".join(good.reply.pieces),)
        reply = replace(good.reply, pieces=change(pieces))
        return Script(said(good.dialect, reply, stream=good.stream).whole)

    return make


def replaced(old: bytes, new: bytes) -> Make:
    """The answer, with other bytes."""
    return changed(lambda pieces: tuple(piece.replace(old, new) for piece in pieces))


def reading(size: int, *steps: Step) -> Make:
    """So many bytes of the request's body are read; then these steps."""
    return lambda good, phase: Script(steps, reads=size)


def refused(number: int, *fields: str, words: str = WORDS) -> Make:
    """A failure with this status, whose words hold the key."""

    def make(good: Said) -> Steps:
        return document(JSON, failed(good.dialect, number, words), *fields, status=f"{number} Failed")

    return instead(make)


def page(status: str) -> Make:
    """An HTML page with this status."""
    return instead(lambda good: document("text/html; charset=utf-8", PAGE, status=status))


def _packed(good: Said, name: str, data: bytes) -> Steps:
    more = ("transfer-encoding: chunked", f"content-encoding: {name}")
    return (head(good.reply.media_type, *more), frame(data[: len(data) // 2]), frame(data[len(data) // 2 :]))


def packed(*, name: str = "gzip", plain: bool = False, upto: float = 1.0, bomb: bool = False) -> Make:
    """The answer packed with gzip: `name` is what its head says, `plain`: it is not packed, `upto`: the part of it that
    comes, `bomb`: it unpacks to far more."""

    def make(good: Said) -> Steps:
        body = b"".join(good.reply.pieces)
        packed = body if plain else gzip.compress(b" " * (8 << 20) if bomb else body, mtime=0)
        return (*_packed(good, name, packed[: int(len(packed) * upto)]), b"0\r\n\r\n")

    return instead(make)


def headed(*fields: str) -> Make:
    """The answer, with more in its head."""
    lines = "".join(f"{field}\r\n" for field in fields).encode()
    return instead(lambda good: (good.head[:-2] + lines + good.head[-2:], *good.frames, good.end))


def sized(size: int, *steps: Step) -> Make:
    """The answer as a body of its length and `size` bytes more, or less."""

    def make(good: Said, phase: Phase) -> Script:
        pieces = good.reply.pieces
        length = sum(map(len, pieces)) + size
        begin = head(good.reply.media_type, f"content-length: {length}")
        return Script((begin, *pieces[: good.place(phase)], *steps))

    return make


def until_close(*steps: Step) -> Make:
    """The answer as a body that lasts until the connection's end."""

    def make(good: Said, phase: Phase) -> Script:
        begin = head(good.reply.media_type, "connection: close")
        return Script((begin, *good.reply.pieces[: good.place(phase)], *steps))

    return make


def ping(good: Said) -> bytes:
    """A sign of life between events."""
    return frame(b"\n" if good.dialect == "ollama" else b": ping\n\n")


def pings(good: Said, phase: Phase) -> Steps:
    """Signs of life, for longer than anybody waits."""
    return tuple(step for _ in range(200) for step in (ping(good), Wait(0.01)))


def line_ends(good: Said, ending: bytes) -> Script:
    """The answer, its lines ended in another way."""
    body = b"".join(good.reply.pieces).replace(b"\r\n", b"\n").replace(b"\n", ending)
    return Script((good.head, frame(body[: len(body) // 2]), frame(body[len(body) // 2 :]), good.end))
