"""What a client is configured by: values, tables, or a file."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dragoman.config import Config, from_tables, load, verify

Configuration = Config | Mapping[str, Any] | Path | str | None
"""The types of a client's `config`."""


def config_of(given: object) -> Config:
    """The values. Raises ConfigurationError, and TypeError for any other type."""
    match given:
        case Config():
            verify(given)
            return given
        case Mapping():
            return from_tables(given)
        case str() | Path() | None:
            return load(given or None)
        case _:
            kind = type(given).__name__
            raise TypeError(f"config: expected tables, the path of a file, a Config or None, got {kind}")
