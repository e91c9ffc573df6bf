"""The dialects in which answers are told."""

import random
from collections.abc import Callable

from tests.told import anthropic, gemini, ollama, openai_chat, openai_responses
from tests.told.answer import made

TELLERS: dict[str, tuple[tuple[str, ...], Callable[..., bytes]]] = {
    "openai-chat": (openai_chat.REASONS, openai_chat.told),
    "openai-responses": (openai_responses.REASONS, openai_responses.told),
    "anthropic": (anthropic.REASONS, anthropic.told),
    "gemini": (gemini.REASONS, gemini.told),
    "ollama": (ollama.REASONS, ollama.told),
}
"""Their reasons to stop, and what writes an answer."""
STREAMED = 0.75
"""The part of answers that are streams."""


def told(dialect: str, rng: random.Random) -> bytes:
    """An answer in this dialect."""
    reasons, tell = TELLERS[dialect]
    return tell(made(reasons, rng), rng, stream=rng.random() < STREAMED)
