"""The seam of what outlives a request. Knows no driver, and nothing of what is stored.

An entry belongs to an owner, usually the fingerprint of a caller's key: nobody else finds it. It expires, and if there
are too many bytes, those that nobody has used for longest are forgotten first. So who asks for an entry must be ready
to be told that it is gone.
"""

from abc import ABC, abstractmethod

ENTRY = 400
"""Bytes that an entry takes beside its value: its names and its place, measured in memory. Without them a store of
short values would take twenty times what it may."""


class Store(ABC):
    """Values by owner and name. No method waits for the network; times are seconds since 1970."""

    max_bytes: int
    """Bytes of all entries together: of each its value, and ENTRY."""

    @abstractmethod
    def get(self, owner: str, name: str, now: float) -> bytes | None:
        """The value; None if there is none, or if it has expired. It counts as used."""

    @abstractmethod
    def put(self, owner: str, name: str, value: bytes, *, now: float, expires: float) -> bool:
        """Keeps `value` until `expires`, in place of an older one; False if it alone is more than `max_bytes`."""

    @abstractmethod
    def delete(self, owner: str, name: str) -> bool:
        """Forgets the value; False if there was none."""

    @abstractmethod
    def size(self) -> int:
        """Bytes of all entries together."""

    @abstractmethod
    def close(self) -> None:
        """Ends its use. May be called twice."""
