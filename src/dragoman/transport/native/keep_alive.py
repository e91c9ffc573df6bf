"""How long an idle connection is kept. Knows one header field, and no connection."""

import re
from functools import lru_cache

KEEP = 4.5
"""Seconds, where the server says nothing: Node, which runs chatgpt-demo, closes after 5 s (FIN seen at 6 s), and a
request sent into that is lost."""

MAX_KEEP = 60.0
"""No address is held on to for longer, however long the server would."""

TIMEOUT = re.compile(rb"timeout=(\d{1,5})")


@lru_cache(maxsize=256)
def kept_for(field: bytes) -> float:
    """Seconds for which a server with this `keep-alive` field keeps it too; 0 or less: not at all."""
    said = TIMEOUT.search(field)
    return min(float(said[1]) - 1, MAX_KEEP) if said else KEEP
