"""The configuration that settings make, once the commands that they name have been run. Knows no file."""

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from dragoman.config.commands import Printed, Run, Words
from dragoman.config.secrets import SecretCommand, Sources, files_in
from dragoman.config.settings import Settings, assemble
from dragoman.config.values import Config

Assemble = Callable[[Settings, Sources], dict[str, Any]]
"""Makes the fields of Config."""


def assembled(
    settings: Settings,
    environ: Mapping[str, str],
    run: Run,
    files: tuple[Path, ...] = (),
    make: Assemble = assemble,
) -> Config:
    """The configuration in `settings`, which came from `files`. Each command is run once, all at the same time."""
    named = settings.commands()
    words = tuple(dict.fromkeys(each.words for commands in named.values() for each in commands))
    return _made(settings, environ, files, run(words, environ) if words else {}, make)


def _made(
    settings: Settings,
    environ: Mapping[str, str],
    files: tuple[Path, ...],
    printed: Mapping[Words, Printed],
    make: Assemble = assemble,
) -> Config:
    sections = make(settings, Sources(environ, printed))
    commands = _commands(settings, printed)
    return Config(
        **sections,
        files=files,
        secret_files=tuple(path for value in settings.values.values() for path in files_in(value)) if files else (),
        secret_commands=commands,
        environ=environ if commands else {},
        renew=partial(_renewed, settings, environ, files) if commands else None,
        origins=settings.origins,
    )


def _renewed(
    settings: Settings, environ: Mapping[str, str], files: tuple[Path, ...], texts: Mapping[Words, str]
) -> Config:
    # The same settings are made anew each time, and note their flaws.
    fresh = Settings(values=settings.values, origins=settings.origins, entries=settings.entries)
    return _made(fresh, environ, files, {words: Printed(text) for words, text in texts.items()})


def _commands(settings: Settings, printed: Mapping[Words, Printed]) -> tuple[SecretCommand, ...]:
    found: dict[Words, SecretCommand] = {}
    for keys, commands in settings.commands().items():
        for each in commands:
            known = found.get(each.words)
            times = [one.every for one in (each, known) if one is not None and one.every is not None]
            found[each.words] = SecretCommand(
                places=(keys,) if known is None else (*known.places, keys),
                words=each.words,
                every=min(times, default=None),
                text=printed[each.words].text,
            )
    return tuple(found.values())
