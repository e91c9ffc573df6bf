"""The models' names for a shell that completes a word. Says nothing if the configuration is wrong, and runs none
of its commands."""

from pathlib import Path

from dragoman.client import Client
from dragoman.config import load
from dragoman.config.commands import run_none
from dragoman.errors import DragomanError


def known_models(config: Path | None) -> tuple[str, ...]:
    """What `-m` may name."""
    try:
        return Client(load(config, warn=_in_silence, run=run_none)).models()
    except DragomanError:
        return ()


def _in_silence(_: str) -> None:
    """A shell shows what is written while it completes in the middle of the user's line."""
