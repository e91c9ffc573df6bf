"""The sockets on which the gateway listens: opened here, or by systemd before. Accepts nobody.

Several workers have a TCP socket each at the same port (SO_REUSEPORT), and the kernel spreads callers over these by a
hash of their addresses. If they shared one, the worker that wakes first would take all who wait, and of 64 callers one
worker of four had 49 and another one 1. All are opened by the parent, so that a socket and its queue outlive a worker;
who accepts for a worker that is missing stands in `cover.py`.
"""

import errno
import os
import socket
import stat
import sys
from collections.abc import Sequence
from contextlib import suppress
from itertools import chain

from msgspec import Struct

from dragoman.config import Config
from dragoman.errors import ConfigurationError
from dragoman.gateway.hosts import addresses, exposed, unguarded
from dragoman.gateway.places import TcpPlace, UnixPlace, places
from dragoman.gateway.serving.acceptor import BACKLOG
from dragoman.gateway.serving.systemd import Inherited

REASONS = {
    errno.EADDRINUSE: "another program listens there already; stop it, or choose another port (--port, gateway.port)",
    errno.EACCES: "this user may not listen there; choose a port above 1023 (--port, gateway.port)",
    errno.EADDRNOTAVAIL: "this machine has no such address; choose another (--host, gateway.host)",
}

SPREADS = sys.platform == "linux"
"""Whether the kernel spreads callers over the sockets of one port; others give all of them to one socket."""

NOBODY_ELSE = 0o177
"""The mask with which a Unix socket is made: until it has its rights, only its owner may call."""


class SocketFile(Struct, frozen=True):
    """The file of a Unix socket that this process has made."""

    path: str
    identity: tuple[int, int, int]
    owner: int
    """The process."""

    def remove(self) -> None:
        """Removes it, unless another socket has taken its place, or this is another process."""
        if os.getpid() == self.owner:
            with suppress(OSError):
                if _identity(self.path) == self.identity:
                    os.unlink(self.path)


class Listeners(Struct, frozen=True):
    """All sockets, and what they are called in the log."""

    sockets: list[socket.socket]
    """Those on which every worker listens."""
    names: tuple[str, ...]
    files: tuple[SocketFile, ...] = ()
    unix_path: str = ""
    """A Unix socket by which callers on this machine reach the gateway, if there is no port."""
    own: tuple[list[socket.socket], ...] = ()
    """Those of each worker alone, by its place; empty if there are none."""

    @property
    def all(self) -> list[socket.socket]:
        """Each of them."""
        return [*self.sockets, *chain.from_iterable(self.own)]

    @property
    def port(self) -> int | None:
        """The first TCP port; None if there is none."""
        ports = [each.getsockname()[1] for each in self.all if each.family != socket.AF_UNIX]
        return ports[0] if ports else None

    def of(self, place: int) -> list[socket.socket]:
        """Those on which the worker at `place` listens."""
        return [*self.sockets, *(self.own[place] if self.own else ())]

    def of_others(self, place: int) -> list[socket.socket]:
        """Those on which it does not."""
        return [each for other, made in enumerate(self.own) if other != place for each in made]

    def close(self) -> None:
        """Gives the addresses up."""
        for file in self.files:
            file.remove()
        for each in self.all:
            each.close()


def listen(config: Config, given: Sequence[Inherited] = ()) -> Listeners:
    """The sockets of the configuration; if systemd has `given` some, these alone.

    Raises ConfigurationError that says why one cannot be.
    """
    if given:
        return _taken(config, given)
    workers = config.gateway.workers if SPREADS else 1
    sockets: list[socket.socket] = []
    own: tuple[list[socket.socket], ...] = tuple([] for _ in range(workers)) if workers > 1 else ()
    names: list[str] = []
    files: list[SocketFile] = []
    try:
        for place in places(config.gateway):
            match place:
                case TcpPlace(host, port):
                    made = bind(host, port)
                    (own[0] if own else sockets).extend(made)
                    names.append(str(TcpPlace(host, made[0].getsockname()[1])))
                    for each in made if own else ():
                        _copy(each, own[1:])
                case UnixPlace(path):
                    listener, file = bind_unix(path, int(config.gateway.listen_mode, 8))
                    sockets.append(listener)
                    files.append(file)
                    names.append(str(place))
    except ConfigurationError:
        Listeners(sockets, (), tuple(files), own=own).close()
        raise
    return Listeners(sockets, tuple(names), tuple(files), files[0].path if files else "", own)


def begin_to_listen(listeners: Listeners) -> None:
    """From now on callers wait to be accepted. Raises ConfigurationError that says why one of them cannot be reached.

    Two gateways that start at the same moment may both have the address until one of them listens.
    """
    for each in listeners.all:
        try:
            each.listen(BACKLOG)
        except OSError as exc:
            address = each.getsockname()
            place = UnixPlace(address) if each.family == socket.AF_UNIX else TcpPlace(address[0], address[1])
            raise ConfigurationError(f"cannot listen on {place}: {REASONS.get(exc.errno or 0, exc.strerror)}") from exc


def _taken(config: Config, given: Sequence[Inherited]) -> Listeners:
    sockets = [each.socket for each in given]
    for each in sockets:
        if each.family != socket.AF_UNIX and not config.gateway.api_keys and exposed(host := each.getsockname()[0]):
            raise ConfigurationError(f"a socket of systemd: {unguarded(host)}")
    paths = [str(each.getsockname()) for each in sockets if each.family == socket.AF_UNIX]
    return Listeners(sockets, tuple(f"systemd's {each.name}" for each in given), (), paths[0] if paths else "")


def bind(host: str, port: int) -> list[socket.socket]:
    """A socket for each address of `host`, all on one port. Raises ConfigurationError that says why that cannot be."""
    listeners: list[socket.socket] = []
    failures: list[OSError] = []
    for family, address in addresses(host):
        listener = _unbound(family)
        try:
            listener.bind((address, listeners[0].getsockname()[1] if listeners else port))
        except OSError as exc:
            listener.close()
            failures.append(exc)
        else:
            listeners.append(listener)
    # A machine without IPv6 may still resolve a name to `::1`: that alone is no reason to stop.
    fatal = [exc for exc in failures if not listeners or exc.errno != errno.EADDRNOTAVAIL]
    if fatal:
        for listener in listeners:
            listener.close()
        reason = REASONS.get(fatal[0].errno or 0, fatal[0].strerror)
        raise ConfigurationError(f"cannot listen on port {port} of {host or 'any address'}: {reason}") from fatal[0]
    return listeners


def _copy(bound: socket.socket, places: Sequence[list[socket.socket]]) -> None:
    """Adds a socket of the same address to each of `places`. Raises ConfigurationError."""
    # Only now, because the first one must not be bound beside the sockets of another gateway.
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    for place in places:
        made = _unbound(bound.family)
        place.append(made)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        try:
            made.bind(bound.getsockname())
        except OSError as exc:
            raise ConfigurationError(f"cannot listen on port {bound.getsockname()[1]}: {exc.strerror}") from exc


def _unbound(family: int) -> socket.socket:
    made = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if family == socket.AF_INET6:
        made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    return made


def bind_unix(path: str, mode: int) -> tuple[socket.socket, SocketFile]:
    """A Unix socket at `path` that listens. What a killed gateway has left there is replaced.

    Raises ConfigurationError that says why that cannot be: another program listens there, a file is in the way.
    """
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    mask = os.umask(NOBODY_ELSE)
    try:
        _clear(path)
        listener.bind(path)
        # At once, because who looks whether anybody listens here would take the file away otherwise.
        listener.listen()
        os.chmod(path, mode)
        return listener, SocketFile(path, _identity(path), os.getpid())
    except OSError as exc:
        listener.close()
        raise ConfigurationError(f"cannot listen on unix:{path}: {exc.strerror}") from exc
    except ConfigurationError:
        listener.close()
        raise
    finally:
        os.umask(mask)


def _clear(path: str) -> None:
    """Removes the socket file of a program that is gone. Raises ConfigurationError if it is anything else."""
    try:
        kind = os.lstat(path).st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(kind):
        raise ConfigurationError(f"cannot listen on unix:{path}: expected a socket or nothing there, got another file")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as caller:
        caller.setblocking(False)  # a full backlog would wait
        try:
            caller.connect(path)
        except ConnectionRefusedError:
            os.unlink(path)
            return
        except BlockingIOError:
            pass
    raise ConfigurationError(f"cannot listen on unix:{path}: another program listens there already")


def _identity(path: str) -> tuple[int, int, int]:
    status = os.lstat(path)
    return status.st_dev, status.st_ino, status.st_mtime_ns  # a number of an inode is soon given again
