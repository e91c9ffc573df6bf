"""Cache breakpoints. https://platform.openai.com/docs/guides/prompt-caching"""

from typing import Any

from dragoman.protocols.json_fields import Fields
from dragoman.types import CacheBreakpoint

FIELD = "prompt_cache_breakpoint"
MODE = "explicit"
TTL: dict[str, int] = {"30m": 1800, "12h": 43200}
"""How long a cache may live, in the protocol's words, to seconds."""


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
