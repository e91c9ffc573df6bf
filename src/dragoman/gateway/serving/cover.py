"""Accepting callers of other workers, while one of these is missing. Does not know when that is so.

Each worker has TCP sockets of its own. If it dies, those who called stay in the sockets' queues, because the parent has
the sockets too, and its successor answers them at once. If there is no successor yet, or if it was told to stop and
still answers what is under way, all other workers listen on its sockets as well:

    a worker cannot start ───────────────────────> parent ── COVER ──> all workers
    a worker alone was told to stop ── SIGUSR2 ──> parent ── COVER ──> all workers
    all are there again ─────────────────────────> parent ── OWN ────> all workers

A worker that is still stopping when it hears OWN reports that again. To cover is harmless: callers are spread less
evenly.
"""

import socket
from collections.abc import Callable, Sequence

from dragoman.gateway.serving.acceptor import Acceptor


class Cover:
    """Accepts on the sockets `others` from `begin` to `end`, as often as that is wanted.

    `tell` is called when this worker is missing itself, and whenever it still is when `end` is called.
    """

    def __init__(self, others: Sequence[socket.socket], acceptor: Acceptor, tell: Callable[[], None]) -> None:
        self._others = others
        self._acceptor = acceptor
        self._tell = tell
        self._begun = False
        self._closed = False

    def begin(self) -> None:
        """Starts to accept for the others."""
        if self._begun or self._closed:
            return
        self._begun = True
        for each in self._others:
            self._acceptor.begin(each)

    def end(self) -> None:
        """Stops accepting for the others."""
        self._stop()
        if self._closed:
            self._tell()

    def close(self) -> None:
        """Stops for good: this worker accepts nobody any more."""
        self._stop()
        self._closed = True
        for each in self._others:
            each.close()
        self._tell()

    def _stop(self) -> None:
        if self._begun:
            self._begun = False
            for each in self._others:
                self._acceptor.end(each)
