"""What is known of conversations: the fingerprints of their latest requests. Knows no protocol and no clock."""

from msgspec import Struct

from dragoman.gateway.prompt_caches.fingerprint import Fingerprint

COUNT = 10_000
"""Conversations that are kept."""
SIZE = 16 << 20
"""Bytes of their digests: 16 MiB are enough for 5,000 conversations of 200 messages each."""
AGE = 4 * 3600.0
"""Seconds after which a conversation is forgotten: longer than services say that they keep a cache, so that what has
expired can be told from what is new."""
LATEST = 8
"""Requests of one conversation that are kept. A program that goes back to an earlier one finds it in the cache again,
and one session may have several threads."""


class Sent(Struct, frozen=True, gc=False):
    """A request that a service has answered."""

    target: str
    """The one that answered."""
    fingerprint: Fingerprint
    at: float
    """When it came, in seconds of the monotonic clock."""
    lifetime: float = 0.0
    """Seconds for which the service keeps its cache at least, by the service's own report."""

    @property
    def size(self) -> int:
        """Bytes of its digests."""
        return len(self.fingerprint.digests)


class Conversations:
    """The latest requests of conversations, by name. Those that were not used for longest are forgotten first."""

    def __init__(self, count: int = COUNT, size: int = SIZE, age: float = AGE) -> None:
        self._count = count
        self._size = size
        self._age = age
        self._known: dict[bytes, tuple[Sent, ...]] = {}
        self._bytes = 0

    def __len__(self) -> int:
        return len(self._known)

    @property
    def size(self) -> int:
        """Bytes of all digests."""
        return self._bytes

    def find(self, name: bytes, now: float) -> tuple[Sent, ...]:
        """The latest requests of a conversation, the last one at the end; none if it is not known, or no longer."""
        return tuple(sent for sent in self._known.get(name, ()) if now - sent.at <= self._age)

    def keep(self, name: bytes, requests: tuple[Sent, ...], now: float) -> None:
        """From now on these are its requests, of which the LATEST are kept."""
        self._forget(name)
        self._known[name] = kept = requests[-LATEST:]
        self._bytes += _size(kept)
        while self._known and self._is_over(now):
            self._forget(next(iter(self._known)))

    def _is_over(self, now: float) -> bool:
        oldest = next(iter(self._known.values()))
        return len(self._known) > self._count or self._bytes > self._size or now - oldest[-1].at > self._age

    def _forget(self, name: bytes) -> None:
        self._bytes -= _size(self._known.pop(name, ()))


def _size(requests: tuple[Sent, ...]) -> int:
    return sum(sent.size for sent in requests)
