"""Cache breakpoints. https://platform.openai.com/docs/guides/prompt-caching"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final, Literal

from dragoman.protocols.json_fields import Fields
from dragoman.protocols.speech import CACHE, PARTS
from dragoman.types import AnyPart, CacheBreakpoint, ChangedField, ChatRequest, Loss, ToolResult

FIELD: Final = "prompt_cache_breakpoint"
MODE = "explicit"
CACHED = frozenset({"text.cache", "refusal.cache", "image.cache", "audio.cache", "file.cache"})
"""What may have a breakpoint: not calls, results and tools."""
TTL: dict[str, int] = {"30m": 1800, "12h": 43200}
"""How long a cache may live, in the protocol's words, to seconds."""

BreakpointField = Literal["prompt_cache_breakpoint", "cache_control"]
"""The field of a part that is a breakpoint: OpenAI's own, or Anthropic's, which some services know in this protocol."""

EXACT: dict[BreakpointField, tuple[int | None, ...]] = {
    "prompt_cache_breakpoint": (None, *TTL.values()),
    "cache_control": (None, 300),
}
"""The times that each field says."""


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


def encode_control(breakpoint: CacheBreakpoint | None) -> dict[str, Any]:
    """The same as `cache_control`, of which all services that know it have just this form."""
    return {} if breakpoint is None else {"cache_control": {"type": "ephemeral"}}


WRITERS: Mapping[BreakpointField | None, Callable[[CacheBreakpoint | None], dict[str, Any]]] = {
    None: lambda breakpoint: {},
    "prompt_cache_breakpoint": encode_breakpoint,
    "cache_control": encode_control,
}
"""How a breakpoint is written; None: the service has none."""


def changed(request: ChatRequest, field: BreakpointField | None = FIELD) -> Iterator[Loss]:
    """Breakpoints that live as long as the nearest time that the protocol has."""
    if request.cache is not None and request.cache.ttl is not None:
        yield ChangedField("cache.ttl")  # the service caches each conversation, for as long as it likes
    if field is None:
        return
    for i, message in enumerate(request.messages):
        yield from _changed(message.parts, f"messages[{i}]", EXACT[field])


def _changed(parts: Sequence[AnyPart], place: str, exact: tuple[int | None, ...]) -> Iterator[Loss]:
    for j, part in enumerate(parts):
        if part.cache is not None and part.cache.ttl not in exact and f"{PARTS[type(part)]}.{CACHE}" in CACHED:
            yield ChangedField(f"{place}.parts[{j}].cache.ttl")
        if isinstance(part, ToolResult):
            yield from _changed(part.parts, f"{place}.parts[{j}]", exact)
