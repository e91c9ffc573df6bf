"""The gateway that an agent calls: the one that runs already, or one of our own for the time of a run."""

import json
import os
import secrets
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from http.client import HTTPConnection, HTTPException
from pathlib import Path

from msgspec import Struct

from dragoman.config import Config
from dragoman.errors import ConfigurationError
from dragoman.gateway.hosts import unbracketed
from dragoman.gateway.places import TcpPlace, first_port
from dragoman.gateway.serving.serve import EVERYWHERE

PATIENCE = 2.0
"""Seconds for each answer of a gateway on this machine."""

PARTING = 5.0
"""Seconds in which a gateway of our own may end: its agent is gone, so that nothing is under way."""

HEALTH = ("/health/ready", {"status": "ok"})
"""What a gateway that takes requests answers there."""

GREETING = "dragoman listens on "

KEY = "DRAGOMAN_GATEWAY_API_KEY"

OWN = {
    "DRAGOMAN_GATEWAY_HOST": "127.0.0.1",
    "DRAGOMAN_GATEWAY_PORT": "0",
    "DRAGOMAN_GATEWAY_WORKERS": "1",
    "DRAGOMAN_GATEWAY_DRAIN": "0",
    "DRAGOMAN_GATEWAY_GRACE": "1",
}
"""What a gateway for one agent has in place of the configured settings."""

RIVALS = frozenset(
    {f"{KEY}_FILE", "DRAGOMAN_GATEWAY_API_KEYS", "DRAGOMAN_GATEWAY_API_KEYS_FILE", "DRAGOMAN_GATEWAY_LISTEN"}
)
"""Variables that would set the keys or the address a second time."""

UNNAMED = "no-key-needed"
"""What an agent shows to a gateway that wants no key: most agents insist on having one."""

LAST = 5
"""Lines of a gateway's log that are shown if it failed."""


class FoundGateway(Struct, frozen=True):
    """A gateway that answers at the configured address."""

    url: str
    key: str
    models: frozenset[str]
    """The names that it lists."""


def address(config: Config) -> str:
    """The URL of the configured gateway, as a caller on this machine names it: its usual one, if it has no port."""
    place = first_port(config.gateway) or TcpPlace(config.gateway.host, config.gateway.port)
    host = _host(place)
    return f"http://{f'[{host}]' if ':' in host else host}:{place.port}"


def _host(place: TcpPlace) -> str:
    return unbracketed(EVERYWHERE.get(place.host, place.host))


def find_gateway(config: Config) -> FoundGateway | None:
    """The gateway that answers at the configured address; None: there is none, or it takes no requests.

    Raises ConfigurationError if it does not know the configured key.
    """
    key = config.gateway.api_keys[0] if config.gateway.api_keys else UNNAMED
    place = first_port(config.gateway)
    if place is None or not place.port:
        return None
    try:
        if _ask(place, HEALTH[0], {}) != (200, HEALTH[1]):
            return None
        status, answer = _ask(place, "/v1/models", {"Authorization": f"Bearer {key}"})
    except (OSError, HTTPException, ValueError):
        return None
    if status in (401, 403):
        raise ConfigurationError(
            f"the gateway at {address(config)} does not take the configured key: set gateway.api_key to one of its keys"
        )
    match answer:
        case {"data": list(entries)}:
            names = frozenset(entry["id"] for entry in entries if isinstance(entry, dict) and "id" in entry)
            return FoundGateway(address(config), key, names)
        case _:
            return None


def _ask(place: TcpPlace, path: str, headers: dict[str, str]) -> tuple[int, object]:
    """The status and the JSON at `path`. No proxy is asked: the gateway is on this machine, or in this network."""
    connection = HTTPConnection(_host(place), place.port, timeout=PATIENCE)
    try:
        connection.request("GET", path, headers=headers)
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read())
    finally:
        connection.close()


@contextmanager
def own_gateway(config: Config, environ: Mapping[str, str], log: Path) -> Iterator[FoundGateway]:
    """A gateway with the user's configuration, for as long as the context lasts: on a free port of this machine, with a
    key that nobody else knows. What it says goes to the file `log`.

    Raises ConfigurationError with its last words if it does not start.
    """
    key = secrets.token_urlsafe(32)
    kept = {name: value for name, value in environ.items() if name not in RIVALS}
    with log.open("wb") as stderr:
        process = subprocess.Popen(  # noqa: S603  # ourselves
            [sys.executable, "-m", "dragoman", *_options(config), "serve"],
            env=kept | OWN | {KEY: key} | _own_log(config),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=stderr,
            # A Ctrl-C on the terminal is for the agent.
            process_group=0,
        )
    try:
        assert process.stdout is not None  # noqa: S101  # since it is a pipe
        said = process.stdout.readline().decode()
        if not said.startswith(GREETING):
            process.wait()
            raise ConfigurationError(f"the gateway did not start: {_last_words(log)}")
        yield FoundGateway(said.removeprefix(GREETING).partition(";")[0], key, frozenset())
    finally:
        _end(process)


def _options(config: Config) -> list[str]:
    """The same file, if one was named; two that were found are found again."""
    return ["--config", str(config.path)] if len(config.files) == 1 and config.path is not None else []


def _own_log(config: Config) -> dict[str, str]:
    """Its output is read for its greeting alone, so that a request log must not go there."""
    return {"DRAGOMAN_GATEWAY_REQUEST_LOG": os.devnull} if config.gateway.request_log == "-" else {}


def _end(process: subprocess.Popen[bytes]) -> None:
    if process.stdout is not None:
        process.stdout.close()
    process.terminate()
    with suppress(subprocess.TimeoutExpired):
        process.wait(PARTING)
        return
    process.kill()
    process.wait()


def _last_words(log: Path) -> str:
    """The last lines of a gateway's log, in one."""
    lines = [line for line in log.read_text(errors="replace").splitlines() if line.strip()]
    return " / ".join(lines[-LAST:]) or "it said nothing"
