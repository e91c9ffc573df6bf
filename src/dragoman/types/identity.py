"""Who asks, as far as a key shows it. The key itself is nowhere in it."""

from msgspec import Struct


class Identity(Struct, frozen=True):
    """Who showed which key."""

    fingerprint: str = ""
    """Distinguishes keys in a log: 8 hexadecimal digits of the SHA-256 of the key; empty if no key was shown."""
    known: bool = False
    """Whether the key was checked and is valid."""
