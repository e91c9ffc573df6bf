"""The prompt in a request to a service, as its cache sees it: what was sent before, and what follows."""

import json
from typing import Any

Json = dict[str, Any]

TURNS = ("messages", "input", "contents")
MARK = "cache_control"
"""It moves to the newest message, and is no part of the prompt."""
ASIDE = frozenset({"client_metadata"})
"""What is no part of it either."""


def bare(value: Any) -> Any:
    """Without the marks."""
    match value:
        case dict():
            return {name: bare(each) for name, each in value.items() if name != MARK}
        case list():
            return [bare(each) for each in value]
        case _:
            return value


def beginning(body: Json) -> str:
    """All but the turns."""
    return json.dumps(bare({name: value for name, value in body.items() if name not in TURNS and name not in ASIDE}))


def blocks(body: Json) -> list[str]:
    """The turns, piece by piece: what follows may be added to a turn of the same role, and a text become a block."""
    (turns,) = (body[name] for name in TURNS if name in body)
    found: list[str] = []
    for turn in turns:
        if isinstance(turn.get("content"), str):
            turn |= {"content": [{"type": "text", "text": turn["content"]}]}
        inner = next((name for name in ("parts", "content") if isinstance(turn.get(name), list)), None)
        pieces = [turn] if inner is None or "role" not in turn else [turn | {inner: piece} for piece in turn[inner]]
        found += [json.dumps(bare(piece)) for piece in pieces]
    return found
