"""What systemd asks of a service: to be told of its state, and to take over sockets. Without systemd nothing happens.

The two interfaces are a datagram (https://www.freedesktop.org/software/systemd/man/latest/sd_notify.html) and a few
variables (https://www.freedesktop.org/software/systemd/man/latest/sd_listen_fds.html), so that no library is needed.
"""

import os
import socket
from collections.abc import MutableMapping
from time import clock_gettime_ns

from msgspec import Struct

from dragoman.errors import ConfigurationError

FIRST = 3
"""The descriptor of the first socket: those below are standard input and outputs."""

USUAL = "unknown"
"""The name that systemd gives to a socket without one."""

READY, STOPPING, WATCHDOG = "READY=1", "STOPPING=1", "WATCHDOG=1"


class Inherited(Struct, frozen=True):
    """A listening socket that systemd has opened."""

    socket: socket.socket
    name: str
    """By `FileDescriptorName=`, else the name of the socket's unit."""


class Notifier:
    """Tells systemd the state of the service; does nothing if there is no `address`.

    `watchdog`: seconds after which systemd kills a service that did not say that it lives; None: it does not.
    """

    def __init__(self, address: str = "", watchdog: float | None = None) -> None:
        self.watchdog = watchdog
        self._address = f"\0{address[1:]}" if address.startswith("@") else address  # in the abstract namespace
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) if address else None
        if self._socket is not None:
            self._socket.setblocking(False)

    def ready(self) -> None:
        """It listens, or is again as it should be."""
        self._say(READY)

    def reloading(self) -> None:
        """It reads its configuration again; `ready` is said after that, well or not."""
        self._say(f"RELOADING=1\nMONOTONIC_USEC={clock_gettime_ns(1) // 1000}")  # 1: CLOCK_MONOTONIC

    def stopping(self) -> None:
        """It is about to end."""
        self._say(STOPPING)

    def alive(self) -> None:
        """The event loop turns: without a word of it for WatchdogSec, systemd restarts the gateway."""
        self._say(WATCHDOG)

    def close(self) -> None:
        """Says nothing any more."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _say(self, text: str) -> None:
        if self._socket is not None:
            try:
                self._socket.sendto(text.encode(), self._address)
            except OSError:
                return  # systemd is restarting, or does not read: there is nobody else to tell


def notifier(environ: MutableMapping[str, str]) -> Notifier:
    """The notifier that `environ` asks for. Its variables are taken away, because no other process is meant."""
    address = environ.pop("NOTIFY_SOCKET", "")
    microseconds, pid = environ.pop("WATCHDOG_USEC", ""), environ.pop("WATCHDOG_PID", "")
    meant = not pid or pid == str(os.getpid())
    watchdog = int(microseconds) / 1e6 if meant and microseconds.isdecimal() and int(microseconds) else None
    return Notifier(address if address.startswith(("/", "@")) else "", watchdog)


def inherited(environ: MutableMapping[str, str]) -> tuple[Inherited, ...]:
    """The sockets that were opened for this process. Raises ConfigurationError for one that is no listening stream."""
    pid, count = environ.pop("LISTEN_PID", ""), environ.pop("LISTEN_FDS", "")
    names = environ.pop("LISTEN_FDNAMES", "").split(":")
    if pid != str(os.getpid()) or not count.isdecimal():
        return ()
    found = []
    for place in range(int(count)):
        name = names[place] if place < len(names) and names[place] else USUAL
        os.set_inheritable(FIRST + place, False)
        found.append(Inherited(_listening(FIRST + place, name), name))
    return tuple(found)


def _listening(descriptor: int, name: str) -> socket.socket:
    expected = f"the socket {name!r} of systemd: expected a listening stream"
    try:
        made = socket.socket(fileno=descriptor)
    except OSError as exc:
        raise ConfigurationError(f"{expected}, got no socket") from exc
    if made.type != socket.SOCK_STREAM or not made.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
        raise ConfigurationError(f"{expected}, got another socket (Accept=yes and datagrams are not supported)")
    return made
