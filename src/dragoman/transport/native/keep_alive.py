"""How long a connection stays open while it is idle. Knows one header field, and no connection."""

import re
from functools import lru_cache

KEEP = 4.5
"""Seconds if the server names no time. Node, which runs chatgpt-demo, closes after 5 s (FIN seen at 6 s), and a request
that is sent just then is lost."""

MAX_KEEP = 60.0
"""Seconds at most, even if the server allows more: addresses of services change."""

TIMEOUT = re.compile(rb"timeout=(\d{1,5})")


@lru_cache(maxsize=256)
def keep_time(field: bytes) -> float:
    """Seconds for which a connection may be idle, by the server's `keep-alive` field; 0 or less: it serves no more."""
    found = TIMEOUT.search(field)
    return min(float(found[1]) - 1, MAX_KEEP) if found else KEEP
