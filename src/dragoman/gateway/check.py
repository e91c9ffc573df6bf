"""All mistakes for which the gateway would refuse to start, in one list. Listens nowhere, and writes nothing."""

import os
import re
from collections.abc import Callable, Sequence
from errno import EACCES, EISDIR, ENOENT
from functools import partial
from itertools import combinations
from pathlib import Path

from msgspec.structs import replace

from dragoman.client import Client
from dragoman.client.model_table import TAKEN
from dragoman.config import Config
from dragoman.config.settings import ECHO, STAND_INS, listed
from dragoman.errors import ConfigurationError
from dragoman.gateway.fronts.catalogue import path_table
from dragoman.gateway.hosts import addresses, check_exposure
from dragoman.gateway.line_writer import STDOUT
from dragoman.gateway.places import TcpPlace, UnixPlace, places
from dragoman.gateway.telemetry import exporting, telemetry_of
from dragoman.routing.board import Board
from dragoman.store.sqlite import may_be_store


def check(config: Config, flaws: Sequence[str] = ()) -> str:
    """A line that says what would be served. Raises ConfigurationError with a line for each mistake; see `checked`."""
    client = checked(config, flaws)
    files = ", ".join(map(str, config.files)) or "no configuration file"
    counts = f"services: {len(config.providers)}, routes: {len(config.models)}"
    return f"{files}: all is well; {counts}, default model: {client.default_model or 'none'}"


def checked(config: Config, flaws: Sequence[str] = (), board: Board | None = None) -> Client:
    """A client of a configuration in which nothing is wrong. Raises ConfigurationError with a line for each mistake.

    `flaws`: mistakes that are known, if `config` is the rest of a configuration; they are among these lines.
    `board`: see Client.
    """
    client, more = _made(config, board)
    every = sorted(dict.fromkeys((*flaws, *more)), key=_place)
    if client is None or every:
        raise ConfigurationError(listed(every))
    client.leave_keys()  # a gateway sees to it, which has other uses of them too
    return client


def _made(config: Config, board: Board | None) -> tuple[Client | None, list[str]]:
    flaws = [line for part in PARTS for line in _flaws(partial(part, config))]
    try:
        client = Client(config, board=board)
    except ConfigurationError as exc:
        return None, [*flaws, *exc.message.splitlines(), *_flaws(partial(_check_fronts, config))]
    return client, [*flaws, *_flaws(partial(path_table, client))]


def _check_fronts(config: Config) -> None:
    """The fronts, as if all services and routes were right."""
    gateway = config.gateway if config.gateway.default_model is None else replace(config.gateway, default_model=ECHO)
    providers = dict.fromkeys(config.providers.keys() - {TAKEN}, STAND_INS["providers"])
    models = dict.fromkeys(config.models, STAND_INS["models"])
    path_table(Client(replace(config, gateway=gateway, providers=providers, models=models)))


def _check_log(config: Config) -> None:
    if config.gateway.request_log != STDOUT:
        _check_writable(config, "request_log")


def _check_store(config: Config) -> None:
    _check_writable(config, "store")
    place, log = config.gateway.store, config.gateway.request_log
    if place is None:
        return
    where = config.where("gateway", "store")
    if not may_be_store(Path(place).expanduser()):
        raise ConfigurationError(f"{where}: expected a file of SQLite, or none yet, got another file: {place!r}")
    if log is not None and log != STDOUT and Path(place).expanduser().resolve() == Path(log).expanduser().resolve():
        raise ConfigurationError(f"{where}: expected another file than that of gateway.request_log: {place!r}")


def _check_telemetry(config: Config) -> None:
    telemetry_of(config, {}, exporting)


def _check_writable(config: Config, key: str) -> None:
    """Raises ConfigurationError if no file can be written at the place that this setting of the gateway names."""
    place: str | None = getattr(config.gateway, key)
    if place is None:
        return
    where = config.where("gateway", key)
    try:
        path = Path(place).expanduser().absolute()
    except RuntimeError as exc:
        raise ConfigurationError(f"{where}: cannot write {place!r}: nobody has that home") from exc
    except OSError as exc:
        raise ConfigurationError(f"{where}: cannot write {place!r}: the working directory is gone") from exc
    number = 0
    if path.is_dir():
        number = EISDIR
    elif not path.exists() and not path.parent.is_dir():
        number = ENOENT
    elif not os.access(path if path.exists() else path.parent, os.W_OK):
        number = EACCES
    if number:
        raise ConfigurationError(f"{where}: cannot write {place!r}: {os.strerror(number)}")


def _check_sockets(config: Config) -> None:
    where = config.where("gateway", "listen")
    try:
        found = places(config.gateway)
        ports = [
            (place, address)
            for place in found
            if isinstance(place, TcpPlace) and place.port
            for _, address in addresses(place.host)
        ]
    except ConfigurationError:
        return  # the exposure of the gateway has told it
    for (one, address), (other, further) in combinations(ports, 2):
        # The kernel would notice it only when the second one listens.
        if one.port == other.port and one is not other and _overlap(address, further):
            raise ConfigurationError(f"{where}: expected different addresses, got {one} and {other}")
    for place in found:
        folder = Path(place.path).parent if isinstance(place, UnixPlace) else None
        if folder is not None and not folder.is_dir():
            raise ConfigurationError(f"{where}: cannot listen on {place}: there is no folder {str(folder)!r}")


def _overlap(address: str, other: str) -> bool:
    """Whether both are the same, or one is every address of the other's kind."""
    return address == other or ((":" in address) == (":" in other) and bool({address, other} & EVERY))


def _place(flaw: str) -> tuple[str, int]:
    found = PLACE.match(flaw)
    return (found[1], int(found[2])) if found else (flaw, 0)


PLACE = re.compile(r"(.+?):([0-9]+): ")
"""The place of a mistake in a file."""

EVERY = frozenset({"0.0.0.0", "::"})  # noqa: S104  # looked for, not listened on

PARTS = (check_exposure, _check_log, _check_store, _check_sockets, _check_telemetry)
"""What is checked beside services, routes and fronts."""


def _flaws(part: Callable[[], object]) -> list[str]:
    try:
        part()
    except ConfigurationError as exc:
        return exc.message.splitlines()
    return []
