"""Memory that the C library keeps for the next large request. Knows no request.

glibc gives memory back to the system as soon as a few megabytes are free, and each page that is asked for again costs
the kernel three microseconds: of a body of 4 MB, which is in memory three times, as much time as all the rest.
"""

import ctypes

KEPT = 32 << 20
"""Bytes that are kept, once they were needed: as many as the largest body has, and the most that glibc keeps itself."""

TRIM_THRESHOLD, MMAP_THRESHOLD = -1, -3
"""What `mallopt` sets: how much may be free, and from which size on memory is never kept; see mallopt(3)."""


def keep_memory() -> bool:
    """Keeps freed memory for this process and its children; False if the C library cannot be told so."""
    try:
        tell = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):
        return False  # not glibc
    # If one of the two is set, both must be, since glibc then no longer moves them.
    return all(tell(what, KEPT) == 1 for what in (MMAP_THRESHOLD, TRIM_THRESHOLD))
