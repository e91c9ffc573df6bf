"""The content of an answer as a list of typed parts."""

from collections.abc import Iterator
from typing import Any

from dragoman.protocols.openai_chat.extra import NAME
from dragoman.protocols.openai_chat.thinking_parts import decode_thinking
from dragoman.types import Reasoning, Text, Unknown


def listed(content: list[Any], origin: str | None = None) -> Iterator[Reasoning | Text | Unknown]:
    """What a list of typed parts says, as Mistral sends it if the model thinks, or a list of plain texts."""
    for part in content:
        match part:
            case {"type": "thinking"} if found := tuple(decode_thinking(part, origin)):
                yield from found
            case "" | {"text": ""} | None | {"type": "thinking", "thinking": "" | [] | [{"text": ""}] | None}:
                pass
            case str(text) | {"text": str(text)}:
                yield Text(text=text)
            case list():
                yield from listed(part, origin)
            case _:
                yield Unknown(protocol=NAME, data=part)
