"""Values in memory: gone with the process, and not seen by other workers."""

from collections import OrderedDict

from msgspec import Struct

from dragoman.store.base import ENTRY, Store


class _Entry(Struct, frozen=True, gc=False):
    value: bytes
    expires: float


class MemoryStore(Store):
    """Forgets what was not used for longest once there are more than `max_bytes`."""

    def __init__(self, max_bytes: int) -> None:
        self.max_bytes = max_bytes
        self._entries: OrderedDict[tuple[str, str], _Entry] = OrderedDict()
        self._size = 0

    def get(self, owner: str, name: str, now: float) -> bytes | None:
        entry = self._entries.get((owner, name))
        if entry is None:
            return None
        if entry.expires <= now:
            self.delete(owner, name)
            return None
        self._entries.move_to_end((owner, name))
        return entry.value

    def put(self, owner: str, name: str, value: bytes, *, now: float, expires: float) -> bool:
        self.delete(owner, name)
        if len(value) + ENTRY > self.max_bytes:
            return False
        self._entries[owner, name] = _Entry(value, expires)
        self._size += len(value) + ENTRY
        while self._size > self.max_bytes:
            _, oldest = self._entries.popitem(last=False)
            self._size -= len(oldest.value) + ENTRY
        return True

    def delete(self, owner: str, name: str) -> bool:
        entry = self._entries.pop((owner, name), None)
        if entry is None:
            return False
        self._size -= len(entry.value) + ENTRY
        return True

    def size(self) -> int:
        return self._size

    def close(self) -> None:
        self._entries.clear()
        self._size = 0
