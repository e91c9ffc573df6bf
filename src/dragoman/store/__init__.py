"""What outlives a request: values by owner and name, each for a while."""

from dragoman.store.base import Store
from dragoman.store.memory import MemoryStore
from dragoman.store.sqlite import SqliteStore

__all__ = ["MemoryStore", "SqliteStore", "Store"]
