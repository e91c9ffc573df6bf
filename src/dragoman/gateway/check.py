"""All mistakes for which the gateway would refuse to start, in one list. Listens nowhere, and writes nothing."""

import os
from collections.abc import Callable, Iterator
from errno import EACCES, EISDIR, ENOENT
from functools import partial
from pathlib import Path

from dragoman.client import Client
from dragoman.config import Config
from dragoman.errors import ConfigurationError
from dragoman.gateway.fronts.catalogue import path_table
from dragoman.gateway.hosts import check_exposure
from dragoman.gateway.line_writer import STDOUT


def check(config: Config) -> str:
    """A line that says what would be served. Raises ConfigurationError with a line for each mistake."""
    parts = (partial(check_exposure, config), partial(_check_log, config), partial(_check_models, config))
    if flaws := [message for part in parts for message in _flaws(part)]:
        raise ConfigurationError("\n".join(flaws))
    files = ", ".join(map(str, config.files)) or "no configuration file"
    counts = f"services: {len(config.providers)}, routes: {len(config.models)}"
    return f"{files}: all is well; {counts}, default model: {Client(config).default_model or 'none'}"


def _check_models(config: Config) -> None:
    path_table(Client(config))


def _check_log(config: Config) -> None:
    place = config.gateway.request_log
    if place is None or place == STDOUT:
        return
    where = config.where("gateway", "request_log")
    try:
        path = Path(place).expanduser()
    except RuntimeError as exc:
        raise ConfigurationError(f"{where}: cannot write {place!r}: nobody has that home") from exc
    number = 0
    if path.is_dir():
        number = EISDIR
    elif not path.exists() and not path.parent.is_dir():
        number = ENOENT
    elif not os.access(path if path.exists() else path.parent, os.W_OK):
        number = EACCES
    if number:
        raise ConfigurationError(f"{where}: cannot write {place!r}: {os.strerror(number)}")


def _flaws(part: Callable[[], None]) -> Iterator[str]:
    try:
        part()
    except ConfigurationError as exc:
        yield exc.message
