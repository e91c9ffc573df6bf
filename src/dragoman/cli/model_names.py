"""The names of models and services for a shell that completes a word. Says nothing if the configuration is wrong, and
runs none of its commands."""

from pathlib import Path

from dragoman.client import Client
from dragoman.config import load
from dragoman.config.commands import run_none
from dragoman.errors import DragomanError


def known_models(config: Path | None) -> tuple[str, ...]:
    """What `-m` may name."""
    client = _client(config)
    return client.models() if client else ()


def known_providers(config: Path | None) -> tuple[str, ...]:
    """The configured services; all that are known, if there are none."""
    client = _client(config)
    return tuple(client.config.providers or client.providers) if client else ()


def _client(config: Path | None) -> Client | None:
    try:
        return Client(load(config, warn=_in_silence, run=run_none))
    except DragomanError:
        return None


def _in_silence(_: str) -> None:
    """A shell shows what is written while it completes in the middle of the user's line."""
