"""Reads the configuration from files and the environment. Only this module decides which files are read."""

import logging
import os
import stat
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from dragoman.config.assembled import assembled
from dragoman.config.commands import Run, run_all
from dragoman.config.environment import FILE, override
from dragoman.config.file import ConfigFile, read_file
from dragoman.config.folders import homed
from dragoman.config.settings import Settings, assemble_rest, gather, merge
from dragoman.config.toml import document
from dragoman.config.trust import Trust
from dragoman.config.values import Config
from dragoman.errors import ConfigurationError

NAME = "dragoman.toml"
HOMES: dict[str, tuple[tuple[str, str], ...]] = {
    "darwin": (("HOME", "Library/Application Support"),),
    "win32": (("APPDATA", ""), ("USERPROFILE", "AppData/Roaming")),
}
"""Places of a user's own file that are tried after those of XDG, by system: a variable and a folder below its value."""

log = logging.getLogger("dragoman.config")

Warn = Callable[[str], None]


def _log(line: str) -> None:
    log.warning("dragoman: %s", line)


def load(
    path: Path | str | None = None,
    environ: Mapping[str, str] | None = None,
    directory: Path | None = None,
    *,
    warn: Warn = _log,
    run: Run = run_all,
) -> Config:
    """The configuration: from files, and from environment variables, which override the files.

    If `path` is given, only this file is read; else, if DRAGOMAN_CONFIG names a file, only that one. Else two files may
    be read: `dragoman.toml` in `directory` (the working directory), if the user has trusted it, and the one in the
    user's configuration folder; the first overrides the second. Without any file, everything has its default.

    Commands that print secrets are run by `run`: all at the same time, and for 30 s at most, in which the thread waits.

    `warn` is called with a line for each file that is not used, that other users may write, or that contains keys and
    other users may read. Raises ConfigurationError with a line for each mistake: file, line, key, what was expected and
    what came, but no secret.
    """
    settings, files, environ = _read(path, environ, directory, warn)
    return assembled(settings, environ, run, files)


def examine(
    path: Path | str | None = None, environ: Mapping[str, str] | None = None, *, warn: Warn = _log
) -> tuple[Config, list[str]]:
    """The same without what is wrong, and a line for each mistake.

    Raises ConfigurationError if there is no file, or one is no TOML.
    """
    settings, files, environ = _read(path, environ, None, warn)
    config = assembled(settings, environ, run_all, files, assemble_rest)
    return config, list(map(str, settings.flaws))


def _read(
    path: Path | str | None, environ: Mapping[str, str] | None, directory: Path | None, warn: Warn
) -> tuple[Settings, tuple[Path, ...], Mapping[str, str]]:
    environ = os.environ if environ is None else environ
    files = _files(Path(path) if path is not None else None, environ, directory or Path(), warn)
    settings = Settings()
    for file in reversed(files):
        content = document(file)
        found = gather(content.data, content.origins(), content.folder)
        if found.in_clear and file.readable:
            warn(
                f"{file.label}: others may read the keys in it: make it yours alone (chmod go=), or name keys with "
                "{ env = … }, { file = … } or { command = … }"
            )
        settings = merge(found, settings)
    override(settings, environ)
    return settings, tuple(file.path for file in files), environ


def _files(path: Path | None, environ: Mapping[str, str], directory: Path, warn: Warn) -> list[ConfigFile]:
    """The files to read, the nearest first."""
    named = path or (homed(environ[FILE]) if environ.get(FILE) else None)
    if named is not None:
        file = read_file(named, str(named))
        if file is None:
            prefix = "" if path else f"{FILE}: "
            raise ConfigurationError(f"{prefix}{named}: expected a configuration file, got none")
        return [_known(file, warn)]
    own = next((file for place in places(environ, sys.platform) if (file := read_file(place, str(place)))), None)
    found = _of_folder(directory, warn)
    if found is not None and (own is None or not os.path.samestat(found.status, own.status)):
        doubt = Trust(environ).doubt(found)
        if not doubt:
            return [found, *([_known(own, warn)] if own else [])]
        warn(
            f"{NAME} of this folder is not used, since it {doubt}: read it, then run `dragoman trust`, "
            f"or name it (--config {NAME})"
        )
    return [_known(own, warn)] if own else []


def _of_folder(directory: Path, warn: Warn) -> ConfigFile | None:
    """The folder's file; None if there is none, or it cannot be read: nobody can have trusted it as it is."""
    place = directory / NAME
    try:
        if _may_be_endless(place):  # anybody may have put one into /tmp, for which each command would wait
            raise ConfigurationError(f"{NAME}: expected a file, got a pipe or a device")
        return read_file(place, NAME)
    except ConfigurationError as exc:  # as for another user in a folder that only its owner may enter (sudo -u)
        warn(f"{exc.message}; it is not used")
        return None


def _may_be_endless(path: Path) -> bool:
    try:
        mode = os.stat(path).st_mode
    except OSError:  # the attempt to read it says what is wrong
        return False
    return not (stat.S_ISREG(mode) or stat.S_ISDIR(mode))


def _known(file: ConfigFile, warn: Warn) -> ConfigFile:
    if file.writable:
        warn(
            f"{file.label}: others may write it, and so choose where your keys and questions go: "
            "make it and its folder yours alone (chmod go-w)"
        )
    return file


def own_place(environ: Mapping[str, str], platform: str) -> Path | None:
    """The user's own file, or where it would be if there is none; None if no variable names a folder."""
    found = list(places(environ, platform))
    return next((place for place in found if place.exists()), found[0] if found else None)


def places(environ: Mapping[str, str], platform: str) -> Iterator[Path]:
    """Where a user's own configuration file may be, in the order of the search: the first file that exists is used."""
    # https://specifications.freedesktop.org/basedir-spec/latest/: a relative path is invalid and to be ignored.
    named = Path(environ.get("XDG_CONFIG_HOME", "")).is_absolute()
    xdg = ("XDG_CONFIG_HOME", "") if named else ("HOME", ".config")
    for variable, below in (xdg, *HOMES.get(platform, ())):
        base = Path(environ.get(variable, ""))
        if base.is_absolute():
            yield base / below / "dragoman" / NAME
