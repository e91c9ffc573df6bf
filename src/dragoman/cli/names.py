"""The models' names for a shell that completes a word. Says nothing where the configuration is wrong."""

from pathlib import Path

from dragoman.client import Client
from dragoman.errors import DragomanError


def known_models(config: Path | None) -> tuple[str, ...]:
    """What `-m` may name."""
    try:
        return Client(config).models()
    except DragomanError:
        return ()
