"""The metrics of a running gateway: asked for, and read. Knows no table."""

import re
import socket
from collections.abc import Mapping
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from urllib.parse import quote, urlsplit

from msgspec import Struct

from dragoman.errors import AuthenticationError, BadEventError, ConfigurationError, ConnectError, InvalidRequestError
from dragoman.gateway.places import UNIX
from dragoman.providers.vendor import SENDABLE
from dragoman.transport.http.target import PRINTABLE, parse

PATIENCE = 2.0
"""Seconds for an answer of the gateway."""

PATH = "/metrics"

SAMPLE = re.compile(r"(\w+)(?:\{(.*)\})? (\S+)")
LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')
ESCAPED = re.compile(r"\\(.)")

Labels = tuple[tuple[str, str], ...]


class Scrape(Struct, frozen=True):
    """What was counted until `at`, in seconds of any clock."""

    at: float
    values: Mapping[str, Mapping[Labels, float]]
    """By the name of a sample, and by its labels in the order of their names."""

    def named(self, name: str) -> Mapping[Labels, float]:
        """The samples of a name; none if there are none."""
        return self.values.get(name, {})

    def one(self, name: str) -> float:
        """The sample of a name without labels; 0 if there is none."""
        return self.named(name).get((), 0.0)


def read_scrape(text: str, at: float) -> Scrape:
    """The samples in Prometheus's text format. Raises BadEventError if there are none."""
    values: dict[str, dict[Labels, float]] = {}
    for line in text.splitlines():
        found = None if line.startswith("#") else SAMPLE.fullmatch(line)
        if found is None:
            continue
        pairs = [(name, ESCAPED.sub(_meant, value)) for name, value in LABEL.findall(found[2] or "")]
        try:
            values.setdefault(found[1], {})[tuple(sorted(pairs))] = float(found[3])
        except ValueError:
            continue
    if "dragoman_start_time_seconds" not in values:
        raise BadEventError("expected the metrics of a dragoman gateway, got something else")
    return Scrape(at, values)


def _meant(found: re.Match[str]) -> str:
    return "\n" if found[1] == "n" else found[1]


def fetch(url: str, key: str, at: float) -> Scrape:
    """The metrics of the gateway at `url`, asked with `key` if it is not empty.

    Raises ConfigurationError, ConnectError, AuthenticationError and BadEventError.
    """
    if key and not SENDABLE.fullmatch(key):
        raise ConfigurationError("expected a key of visible ASCII characters, got others")
    connection, path = _connection(url)
    try:
        connection.request("GET", path, headers={"Authorization": f"Bearer {key}"} if key else {})
        answer = connection.getresponse()
        status, body = answer.status, answer.read()
    except (OSError, HTTPException) as exc:
        said = exc.strerror if isinstance(exc, OSError) and exc.strerror else type(exc).__name__
        error = ConnectError(f"no gateway answers at {url}: {said}")
        error.add_note("`dragoman serve` starts one; --url names another.")
        raise error from exc
    finally:
        connection.close()
    if status in {401, 403}:
        wants = "does not know this key" if key else "wants one of its keys: name it with --key"
        refused = AuthenticationError(f"the gateway at {url} {wants}")
        refused.add_note("They are `gateway.api_keys` of its configuration.")
        raise refused
    if status == 404:
        raise ConfigurationError(f"the gateway at {url} shows no metrics (status 404): gateway.metrics may be `none`")
    if status != 200:
        raise BadEventError(f"expected the metrics of a dragoman gateway at {url}, got status {status}")
    return read_scrape(body.decode(errors="replace"), at)


class _UnixConnection(HTTPConnection):
    """One to a gateway that listens on the socket at `path`."""

    def __init__(self, path: str) -> None:
        super().__init__("localhost", timeout=PATIENCE)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


def _connection(url: str) -> tuple[HTTPConnection, str]:
    """One to the gateway at `url`, on which nothing was sent, and the path of its metrics."""
    if url.startswith(UNIX):
        return _UnixConnection(url.removeprefix(UNIX)), PATH
    try:
        origin = parse(url).origin
    except InvalidRequestError as exc:
        words = "expected the URL of a gateway, as http://127.0.0.1:8642, or unix:/PATH"
        raise ConfigurationError(f"{words}: {exc.message}") from exc
    kind = HTTPSConnection if origin.scheme == "https" else HTTPConnection
    path = quote(urlsplit(url).path.rstrip("/"), safe=PRINTABLE)
    return kind(origin.host, origin.port, timeout=PATIENCE), path + PATH
