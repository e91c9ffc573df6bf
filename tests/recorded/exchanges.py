"""Recorded exchanges, read from a folder.

`DIALECT.jsonl` has one exchange a line; `streams/VENDOR/NAME.chunks.txt` has the data of one event a line, and
`streams/VENDOR/NAME.json` is a whole answer. The dialect of a file in `streams` is what its values look like.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from msgspec import Struct

DIALECTS = ("openai-chat", "openai-responses", "anthropic", "gemini", "ollama")


class Recorded(Struct, frozen=True):
    """One exchange with a service."""

    dialect: str
    vendor: str
    name: str
    reply: bytes
    stream: bool
    status: int = 200
    path: str = ""
    query: str = ""
    request: dict[str, Any] | None = None
    """The request's body; None if it was not recorded."""


def exchanges(folder: Path) -> list[Recorded]:
    """All exchanges with chats."""
    found = [each for dialect in DIALECTS for each in _lines(folder / f"{dialect}.jsonl", dialect)]
    for path in sorted((folder / "streams").glob("*/*")):
        found += _file(path)
    return found


def _lines(path: Path, dialect: str) -> Iterator[Recorded]:
    if not path.exists():
        return
    for line in path.read_text().splitlines():
        said = json.loads(line)
        reply = said["response"]
        yield Recorded(
            dialect,
            said["vendor"],
            f"{path.name}#{said['id']}",
            reply.encode() if isinstance(reply, str) else json.dumps(reply).encode(),
            stream=said["stream"],
            status=said["status"],
            path=said["path"],
            query=said["query"].removeprefix("?"),
            request=said["request"] if isinstance(said["request"], dict) else None,
        )


def _file(path: Path) -> Iterator[Recorded]:
    name = f"{path.parent.name}/{path.name}"
    if path.name.endswith(".chunks.txt"):
        events = [line for line in path.read_text().splitlines() if line.strip()]
        dialect = _dialect(json.loads(events[0]))
        if dialect:
            yield Recorded(dialect, path.parent.name, name, _framed(dialect, events), stream=True)
    elif path.suffix == ".json":
        value = json.loads(path.read_text())
        dialect = _dialect(value)
        if dialect:
            yield Recorded(dialect, path.parent.name, name, json.dumps(value).encode(), stream=False)


def _dialect(value: Any) -> str:
    """The dialect of a first event or of a whole answer; empty if it is none of a chat."""
    if not isinstance(value, dict):
        return ""
    if str(value.get("object", "")).startswith("chat.completion"):
        return "openai-chat"
    if str(value.get("type", "")).startswith("response.") or value.get("object") == "response":
        return "openai-responses"
    if value.get("type") in {"message_start", "message"}:
        return "anthropic"
    if "candidates" in value or "promptFeedback" in value:
        return "gemini"
    return "openai-chat" if isinstance(value.get("choices"), list) and "model" in value else ""


def _framed(dialect: str, events: list[str]) -> bytes:
    """Events as their service frames them."""
    if dialect == "gemini":
        return "".join(f"data: {event}\r\n\r\n" for event in events).encode()
    if dialect == "openai-chat":
        return "".join(f"data: {event}\n\n" for event in events).encode() + b"data: [DONE]\n\n"
    return "".join(f"event: {json.loads(event)['type']}\ndata: {event}\n\n" for event in events).encode()
