"""Cache breakpoints. https://platform.claude.com/docs/en/build-with-claude/prompt-caching"""

from typing import Any

from dragoman.protocols.json_fields import Fields
from dragoman.types import CacheBreakpoint

FIELD = "cache_control"
KIND = "ephemeral"
TTL: dict[str, int] = {"5m": 300, "1h": 3600}
"""How long a cache may live, in the protocol's words, to seconds; the shorter one first."""
LONGEST = "1h"


def decode_breakpoint(fields: Fields) -> CacheBreakpoint | None:
    """The breakpoint of a block; one in a form that is not known is left in the fields' rest."""
    match fields.rest.get(FIELD):
        case None:
            found = None
        case {"type": "ephemeral", **rest} if not rest:
            found = CacheBreakpoint()
        case {"type": "ephemeral", "ttl": str(ttl), **rest} if ttl in TTL and not rest:
            found = CacheBreakpoint(TTL[ttl])
        case _:
            return None
    fields.any(FIELD)
    return found


def encode_breakpoint(breakpoint: CacheBreakpoint | None) -> dict[str, Any]:
    """The field of a block; empty if there is no breakpoint."""
    if breakpoint is None:
        return {}
    if breakpoint.ttl is None:
        return {FIELD: {"type": KIND}}
    return {FIELD: {"type": KIND, "ttl": _word(breakpoint.ttl)}}


def is_exact(breakpoint: CacheBreakpoint | None) -> bool:
    """Whether the protocol has a word for just this life time."""
    return breakpoint is None or breakpoint.ttl in {None, *TTL.values()}


def _word(ttl: int) -> str:
    return next((word for word, most in TTL.items() if ttl <= most), LONGEST)
