"""What an answer says, made at random; in no dialect."""

import json
import random
from typing import Any, Literal

from msgspec import Struct

Json = dict[str, Any]
Kind = Literal["think", "say", "refuse", "call", "odd"]

WORDS = (
    *("a", " word", "", " ", "\n\n", "Grüße", "世界", "\U0001f600", '"quoted"', "back\\slash"),
    *("x" * 70, "```json\n{}", "{}"),
)
ARGUMENTS = (
    "{}",
    '{"city":"Köln"}',
    r'{"a":[1,2.50,{"b":null}],"c":"\u00e9\n\"x\""}',
    '{ "n": 12345678901234567890 }',
)
ODD_ARGUMENTS = ("", '{"city":"Kö', "null", "[]", '"x"')
KINDS: dict[Kind, int] = {"think": 4, "say": 10, "refuse": 1, "call": 8, "odd": 1}
"""Kinds of parts, and how often each comes."""


class Told(Struct, frozen=True):
    """A part. `id` and `name` are those of a call, whose arguments are its `text`; `proof`: state of the service."""

    kind: Kind
    text: str
    id: str = ""
    name: str = ""
    proof: str = ""
    sources: int = 0


class Made(Struct, frozen=True):
    """An answer. `usage`: tokens in, out, and of the latter for reasoning."""

    parts: tuple[Told, ...]
    reason: str
    usage: tuple[int, int, int] | None


def made(reasons: tuple[str, ...], rng: random.Random) -> Made:
    """An answer that stops for one of `reasons`, of which the first is the usual one."""
    kinds = rng.choices(list(KINDS), list(KINDS.values()), k=rng.randrange(1, 6))
    parts = [_part(kind, number, rng) for number, kind in enumerate(kinds)]
    calls = [number for number, part in enumerate(parts) if part.kind == "call"]
    if calls and rng.random() < 0.15:
        for number in calls[1:]:
            parts[number] = Told("call", parts[number].text, parts[calls[0]].id, parts[number].name)
    reason = rng.choice(reasons) if rng.random() < 0.6 else reasons[0]
    usage = None if rng.random() < 0.2 else (rng.randrange(50), 20 + rng.randrange(9), rng.randrange(20))
    return Made(tuple(parts), reason, usage)


def _part(kind: Kind, number: int, rng: random.Random) -> Told:
    if kind == "call":
        text = rng.choice(ARGUMENTS if rng.random() < 0.9 else ODD_ARGUMENTS)
        return Told(kind, text, "" if rng.random() < 0.15 else f"call_{number}x", rng.choice(("weather", "time")))
    text = "".join(rng.choices(WORDS, k=rng.randrange(0, 5)))
    proof = "c2ln" + "AAAA" * rng.randrange(2) if kind == "think" and rng.random() < 0.5 else ""
    return Told(kind, text, proof=proof, sources=rng.choice((0, 0, 0, 1, 2)) if kind == "say" and text else 0)


def pieces(text: str, rng: random.Random) -> list[str]:
    """The text in one piece, in two, in many, or beside empty ones."""
    match rng.randrange(4):
        case 0:
            return [text]
        case 1:
            return list(text) or [""]
        case 2:
            at = rng.randrange(len(text) + 1)
            return [text[:at], text[at:]]
        case _:
            return ["", text, ""]


def sse(value: Json, name: str = "") -> bytes:
    """An event."""
    return (f"event: {name}\n" if name else "").encode() + b"data: " + json.dumps(value).encode() + b"\n\n"


def joined(answer: Made, kind: Kind) -> str:
    """All texts of this kind."""
    return "".join(part.text for part in answer.parts if part.kind == kind)


def object_of(part: Told) -> Json:
    """The arguments of a call, for a dialect in which they are an object."""
    try:
        value = json.loads(part.text)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}
