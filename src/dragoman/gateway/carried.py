"""What a gateway keeps besides its configuration, and hands to the one that replaces it when that is reloaded."""

from pathlib import Path
from time import time
from typing import Self

from msgspec import Struct

from dragoman.config import Config
from dragoman.errors import ConfigurationError
from dragoman.gateway.kept_turns import SIZE, KeptTurns
from dragoman.gateway.prompt_caches.explained import Lifetime, PromptCaches
from dragoman.gateway.request_log import RequestLog
from dragoman.gateway.targets import Targets
from dragoman.store import MemoryStore, SqliteStore, Store


class Carried(Struct, frozen=True, eq=False):
    """What outlives a configuration. A file is opened again only if another one is configured."""

    store: Store
    request_log: RequestLog | None
    turns: KeptTurns
    caches: PromptCaches
    targets: Targets

    @classmethod
    def new(cls, config: Config, lifetime: Lifetime) -> Self:
        """With nothing in it. Raises ConfigurationError if a file of `config` cannot be used."""
        turns = KeptTurns(MemoryStore(SIZE), time)
        return cls(open_store(config), open_request_log(config), turns, PromptCaches(lifetime), Targets())

    def over(self, old: Config, new: Config, lifetime: Lifetime) -> "Carried":
        """The same for a gateway of the configuration `new`; that of `old` goes on with its own.

        Raises ConfigurationError if a file cannot be used.
        """
        is_same = _place(old) == _place(new)
        same_log = old.gateway.request_log == new.gateway.request_log
        # The log first: it holds no file until it is written, so that nothing is left open if the store fails.
        request_log = self.request_log if same_log else open_request_log(new)
        store = self.store if is_same else open_store(new)
        return Carried(store, request_log, self.turns, self.caches.successor(lifetime), self.targets)

    def discard(self, earlier: "Carried | None") -> None:
        """Closes what `earlier` does not use, before any of it was used."""
        if (request_log := self._log_beside(earlier)) is not None:
            request_log.close()
        self._close_store(earlier)

    async def aclose(self, successor: "Carried | None") -> None:
        """Closes what the `successor` does not use; the last lines of the log are awaited."""
        if (request_log := self._log_beside(successor)) is not None:
            await request_log.aclose()
        self._close_store(successor)

    def _log_beside(self, other: "Carried | None") -> RequestLog | None:
        return None if other is not None and other.request_log is self.request_log else self.request_log

    def _close_store(self, other: "Carried | None") -> None:
        if other is None or other.store is not self.store:
            self.store.close()


def _place(config: Config) -> tuple[str | None, int]:
    return config.gateway.store, config.gateway.store_size


def try_files(config: Config) -> None:
    """Raises ConfigurationError if a file of the configuration cannot be used.

    None stays open: a process that is forked must not inherit a connection to SQLite, by which it would believe that it
    holds locks which only its parent has. https://www.sqlite.org/howtocorrupt.html
    """
    if (request_log := open_request_log(config)) is not None:
        request_log.close()
    open_store(config).close()


def open_request_log(config: Config) -> RequestLog | None:
    """The request log of the configuration. Raises ConfigurationError if it cannot be written."""
    place = config.gateway.request_log
    try:
        return RequestLog(place) if place else None
    except ConfigurationError as exc:
        raise ConfigurationError(f"{config.where('gateway', 'request_log')}: {exc.message}") from exc


def open_store(config: Config) -> Store:
    """The store of the configuration. Raises ConfigurationError if its file cannot be used."""
    place, size = _place(config)
    try:
        return MemoryStore(size) if place is None else SqliteStore(Path(place).expanduser(), size)
    except ConfigurationError as exc:
        raise ConfigurationError(f"{config.where('gateway', 'store')}: {exc.message}") from exc
