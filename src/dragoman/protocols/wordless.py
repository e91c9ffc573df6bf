"""Turns of the system without words, which set something in the fields of one protocol alone. Knows none by name."""

from msgspec.structs import replace

from dragoman.protocols.speech import OURS
from dragoman.types import ChatRequest, Message


def without_wordless(request: ChatRequest, own: str) -> ChatRequest:
    """`request` without such turns of other protocols than `own`; the same object if there is none.

    Nothing is left of them, and services refuse a message in which nothing is said.
    """
    for message in request.messages:
        if not message.parts and _is_foreign(message, own):
            kept = (each for each in request.messages if each.parts or not _is_foreign(each, own))
            return replace(request, messages=tuple(kept))
    return request


def _is_foreign(message: Message, own: str) -> bool:
    others = message.extra.keys() - {OURS}
    return message.role in {"system", "developer"} and bool(others) and own not in others
