"""Where the gateway listens, as its settings say it. Opens nothing."""

from msgspec import Struct

from dragoman.config import GatewayConfig
from dragoman.errors import ConfigurationError

UNIX = "unix:"

MAX_PATH = 107
"""Bytes of the path of a Unix socket: Linux has 108 with the last zero, see unix(7)."""

HIGHEST_PORT = 65535


class TcpPlace(Struct, frozen=True):
    """A port of one or more addresses."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"port {self.port} of {self.host or 'every address'}"


class UnixPlace(Struct, frozen=True):
    """A socket in the file system."""

    path: str

    def __str__(self) -> str:
        return f"{UNIX}{self.path}"


Place = TcpPlace | UnixPlace


def places(gateway: GatewayConfig) -> tuple[Place, ...]:
    """All of them. Raises ConfigurationError for one that cannot be."""
    return tuple(map(_place, gateway.listen)) or (TcpPlace(gateway.host, gateway.port),)


def first_port(gateway: GatewayConfig) -> TcpPlace | None:
    """Where it is called over TCP; None if it only has Unix sockets. Raises ConfigurationError as `places` does."""
    return next((place for place in places(gateway) if isinstance(place, TcpPlace)), None)


def _place(text: str) -> Place:
    if text.startswith(UNIX):
        path = text.removeprefix(UNIX)
        if len(path.encode()) > MAX_PATH:
            raise ConfigurationError(f"expected a path of at most {MAX_PATH} bytes for a Unix socket, got {path!r}")
        return UnixPlace(path)
    host, _, port = text.rpartition(":")
    if int(port) > HIGHEST_PORT:
        raise ConfigurationError(f"expected a port up to {HIGHEST_PORT}, got {text!r}")
    return TcpPlace(host, int(port))
