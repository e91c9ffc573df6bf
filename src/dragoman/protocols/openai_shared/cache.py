"""Cache breakpoints. https://platform.openai.com/docs/guides/prompt-caching"""

from collections.abc import Iterator, Sequence
from typing import Any

from dragoman.protocols.json_fields import Fields
from dragoman.protocols.speech import CACHE, PARTS
from dragoman.types import AnyPart, CacheBreakpoint, ChangedField, ChatRequest, Loss, ToolResult

FIELD = "prompt_cache_breakpoint"
MODE = "explicit"
CACHED = frozenset({"text.cache", "refusal.cache", "image.cache", "audio.cache", "file.cache"})
"""What may have a breakpoint: not calls, results and tools."""
TTL: dict[str, int] = {"30m": 1800, "12h": 43200}
"""How long a cache may live, in the protocol's words, to seconds."""

EXACT = (None, *TTL.values())


def decode_breakpoint(fields: Fields) -> CacheBreakpoint | None:
    """The breakpoint of a part; one in a form that is not known is left in the fields' rest."""
    match fields.rest.get(FIELD):
        case {"mode": "explicit", **rest} if not rest:
            found = CacheBreakpoint()
        case {"mode": "explicit", "ttl": str(ttl), **rest} if ttl in TTL and not rest:
            found = CacheBreakpoint(TTL[ttl])
        case _:
            return None
    fields.any(FIELD)
    return found


def encode_breakpoint(breakpoint: CacheBreakpoint | None) -> dict[str, Any]:
    """The field of a part; empty if there is no breakpoint."""
    if breakpoint is None:
        return {}
    said = {"mode": MODE}
    if breakpoint.ttl is not None:
        said["ttl"] = next((word for word, most in TTL.items() if breakpoint.ttl <= most), "12h")
    return {FIELD: said}


def changed(request: ChatRequest) -> Iterator[Loss]:
    """Breakpoints that live as long as the nearest time that the protocol has."""
    if request.cache is not None and request.cache.ttl is not None:
        yield ChangedField("cache.ttl")  # the service caches each conversation, for as long as it likes
    for i, message in enumerate(request.messages):
        yield from _changed(message.parts, f"messages[{i}]")


def _changed(parts: Sequence[AnyPart], place: str) -> Iterator[Loss]:
    for j, part in enumerate(parts):
        if part.cache is not None and part.cache.ttl not in EXACT and f"{PARTS[type(part)]}.{CACHE}" in CACHED:
            yield ChangedField(f"{place}.parts[{j}].cache.ttl")
        if isinstance(part, ToolResult):
            yield from _changed(part.parts, f"{place}.parts[{j}]")
