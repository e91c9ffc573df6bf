"""The connections of HTTP/1 that libcurl keeps, and whether something has come on one of them. Knows no transfer.

Before it uses a connection again, libcurl looks whether something has come on it, but once a second only (8.23,
2026-11): in between, an answer that nobody asked for would be that of the next request.
"""

import socket
import sys

from dragoman.transport.http.target import Origin, Proxy

Way = Origin | Proxy
"""Where a connection leads to. One to a forwarding proxy serves all origins behind it."""

LOOK = socket.MSG_PEEK if sys.platform == "win32" else socket.MSG_PEEK | socket.MSG_DONTWAIT


class AtRest:
    """Their sockets, by number and name: they are libcurl's, which may have closed them, and numbers come again."""

    def __init__(self) -> None:
        self._sockets: dict[Way, dict[int, object]] = {}

    def add(self, origin: Origin, number: int) -> None:
        """A request to `origin` is over, and libcurl may keep its connection, of this number; -1 if not."""
        if number < 0:
            return
        with _Lent(number) as found:
            if found is not None:
                self._sockets.setdefault(_way(origin), {})[number] = found.getsockname()

    def disturbed(self, origin: Origin) -> bool:
        """Whether one that leads to `origin` has something to be read. If one has ended, the next request finds out."""
        numbers = self._sockets.get(_way(origin), {})
        for number, name in list(numbers.items()):
            with _Lent(number) as found:
                if found is None or found.getsockname() != name:
                    del numbers[number]
                elif _has_come(found):
                    return True
        return False

    def clear(self) -> None:
        """libcurl keeps none any more."""
        self._sockets.clear()


class _Lent:
    """The socket of a number, which is not closed here; None if it is none any more."""

    def __init__(self, number: int) -> None:
        try:
            self._found: socket.socket | None = socket.socket(fileno=number)
        except OSError:
            self._found = None

    def __enter__(self) -> socket.socket | None:
        return self._found

    def __exit__(self, *_: object) -> None:
        if self._found is not None:
            self._found.detach()


def _way(origin: Origin) -> Way:
    return origin.proxy if origin.forwarded and origin.proxy is not None else origin


def _has_come(found: socket.socket) -> bool:
    try:
        return bool(found.recv(1, LOOK))
    except OSError:  # nothing, or a reset
        return False
