"""Turns of the system without words, which only say something in the way of one protocol. Knows none by name."""

from msgspec.structs import replace

from dragoman.protocols.speech import ONLY, OURS
from dragoman.types import ChatRequest, Message, Unknown


def without_wordless(request: ChatRequest, own: str) -> ChatRequest:
    """`request` without such turns of other protocols than `own`; the same object if there is none.

    Nothing is left of them, and services refuse a message in which nothing is said.
    """
    if not any(_is_foreign(message, own) for message in request.messages):
        return request
    return replace(request, messages=tuple(message for message in request.messages if not _is_foreign(message, own)))


def _is_foreign(message: Message, own: str) -> bool:
    if message.role not in {"system", "developer"}:
        return False
    if message.parts:
        return all(isinstance(part, Unknown) and part.protocol != own for part in message.parts)
    others = message.extra.keys() - {OURS}
    if (only := message.extra.get(OURS, {}).get(ONLY)) is not None:
        return bool(only != own)
    return bool(others) and own not in others
