"""A configuration from a file and the environment. The one place here that asks the machine where things are."""

import os
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from dragoman.config.environment import FILE, override
from dragoman.config.settings import assemble, gather
from dragoman.config.toml import Document, read
from dragoman.config.values import Config
from dragoman.errors import ConfigurationError

NAME = "dragoman.toml"
HOMES: dict[str, tuple[tuple[str, str], ...]] = {
    "darwin": (("HOME", "Library/Application Support"),),
    "win32": (("APPDATA", ""), ("USERPROFILE", "AppData/Roaming")),
}
"""Beside the places that XDG names, by system: a variable, and the folder below it where configurations are kept."""


def load(
    path: Path | str | None = None,
    environ: Mapping[str, str] | None = None,
    directory: Path | None = None,
) -> Config:
    """What is configured: one file, and over it the environment.

    The file is `path`; else the one that DRAGOMAN_CONFIG names; else `dragoman.toml` in `directory` (the working
    directory); else the one in the user's configuration folder; else none, and all is at its default. Raises
    ConfigurationError, which names file, line, key, what was expected and what came, but shows no secret.
    """
    environ = os.environ if environ is None else environ
    document, found = _find(Path(path) if path is not None else None, environ, directory or Path())
    settings = gather(document.data, document.origins())
    override(settings, environ)
    return Config(**assemble(settings, environ), path=found, origins=settings.origins)


def _find(path: Path | None, environ: Mapping[str, str], directory: Path) -> tuple[Document, Path | None]:
    named = path or (Path(environ[FILE]) if environ.get(FILE) else None)
    if named is not None:
        document = read(named, str(named))
        if document is None:
            said = "" if path else f"{FILE}: "
            raise ConfigurationError(f"{said}{named}: expected a configuration file, got none")
        return document, named
    for place, label in [(directory / NAME, NAME), *((place, str(place)) for place in places(environ, sys.platform))]:
        document = read(place, label)
        if document is not None:
            return document, place
    return Document("", {}, {}), None


def places(environ: Mapping[str, str], platform: str) -> Iterator[Path]:
    """Where a user's own file may be, the first to be read first."""
    # https://specifications.freedesktop.org/basedir-spec/latest/: a relative path is invalid and to be ignored.
    named = Path(environ.get("XDG_CONFIG_HOME", "")).is_absolute()
    xdg = ("XDG_CONFIG_HOME", "") if named else ("HOME", ".config")
    for variable, below in (xdg, *HOMES.get(platform, ())):
        base = Path(environ.get(variable, ""))
        if base.is_absolute():
            yield base / below / "dragoman" / NAME
