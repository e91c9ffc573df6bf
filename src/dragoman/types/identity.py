"""Who asks, as far as a key tells. The key itself is nowhere in it."""

from msgspec import Struct


class Identity(Struct, frozen=True):
    """Who showed which key."""

    fingerprint: str = ""
    """What tells keys apart in a log: 8 hexadecimal digits of the SHA-256 of the one shown; empty if there is none."""
    known: bool = False
    """Whether the key was checked, and opens."""
