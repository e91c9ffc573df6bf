"""Requests that are turned away at once, so that those under way end well. Knows no protocol and no server."""

from collections.abc import Hashable

from dragoman.config.limits import LimitsConfig
from dragoman.errors import DragomanError, OverloadedError, RateLimitError
from dragoman.types import Identity, ServerRequest

SOON = 1.0
"""Seconds after which a caller should ask again: long enough for a turn of those under way, and callers wait longer of
their own accord when they are refused again."""


class Gate:
    """Counts the requests that are under way, and says which may begin. Only those with a body count (POST)."""

    def __init__(self, limits: LimitsConfig) -> None:
        self._most = limits.max_in_flight
        self._most_per_key = limits.max_in_flight_per_key
        self._counts = self._most is not None or self._most_per_key is not None
        self.active = self._counts
        """Whether there is anything to ask: a request need not be shown to a gate that refuses nobody."""
        self._lags = False
        self._keys: dict[Hashable, str] = {}
        """The requests under way, with the key of each."""
        self._by_key: dict[str, int] = {}

    @property
    def closed(self) -> bool:
        """Whether every request is turned away now."""
        return self._lags or (self._most is not None and len(self._keys) >= self._most)

    def lags(self, on: bool) -> None:
        """From now on the processor has too much to do, or no longer."""
        self._lags = on
        self.active = on or self._counts

    def enter(self, request: Hashable, call: ServerRequest, identity: Identity) -> DragomanError | None:
        """Why a request may not begin; None if it may. It then counts until it leaves, and may enter again.

        `request` is any object that stands for it alone.
        """
        if call.method != "POST" or request in self._keys:
            return None
        if self.closed:
            return OverloadedError(
                "the gateway has too much to do; try again soon", provider="dragoman", retry_after=SOON
            )
        if self._counts:
            key = identity.fingerprint
            number = self._by_key.get(key, 0)
            if self._most_per_key is not None and number >= self._most_per_key:
                message = f"expected at most {self._most_per_key} requests of one key at a time"
                return RateLimitError(message, provider="dragoman", retry_after=SOON)
            self._keys[request] = key
            self._by_key[key] = number + 1
        return None

    def leave(self, request: Hashable) -> None:
        """A request is over. Does nothing if it does not count."""
        key = self._keys.pop(request, None)
        if key is None:
            return
        number = self._by_key[key] - 1
        if number:
            self._by_key[key] = number
        else:
            del self._by_key[key]
