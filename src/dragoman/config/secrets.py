"""Secrets that are not in the configuration: it names a variable, a file, as Docker and systemd provide one, or a
command that prints it."""

import math
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import ClassVar

from msgspec import Struct, field

from dragoman.config.commands import Printed, Words
from dragoman.config.faults import LARGEST, WrongError, shown
from dragoman.config.folders import homed
from dragoman.config.keys import Keys
from dragoman.error_words import cut, nearest
from dragoman.types.redacted import Redacted
from dragoman.wire.utf8 import BOM

VARIABLE = re.compile(r"[A-Z][A-Z0-9_]*")
SOURCES = ("env", "file", "command", "every")
FORMS = '{ env = "NAME" }, { file = "PATH" } or { command = ["PROGRAM", …] }'

EVERY = 180.0
"""Seconds after which a command is run again: less than the last part of a token's life in which a new one is printed,
so that the one in use never expires. That are five minutes for `az`, and 225 s for Google's libraries."""

LEAST = 1.0
"""Fewest seconds of `every`."""


class Sources(Struct, frozen=True):
    """Where secrets are that a configuration names."""

    environ: Mapping[str, str] = field(default_factory=dict)
    printed: Mapping[Words, Printed] = field(default_factory=dict)
    """What the commands have printed."""


class NamedCommand(Struct, frozen=True):
    """A command of a configuration."""

    words: Words
    every: float | None
    """Seconds after which it is run again; None: never."""


class SecretCommand(Redacted, frozen=True, kw_only=True):
    """A command that has printed a secret."""

    hidden: ClassVar[frozenset[str]] = frozenset({"words", "text"})

    places: tuple[Keys, ...]
    """The settings that name it."""
    words: Words
    every: float | None
    """Seconds after which it is run again; None: never."""
    text: str
    """What it has printed."""


def fetched(source: Mapping[str, object], words: str, sources: Sources) -> tuple[str, str]:
    """Reads the secret that `source` points to. Returns it, and its place in words for errors. Raises WrongError.

    `words`: what is expected, for the error. A byte order mark at the beginning of a file and one line break at its end
    are left out, because editors add them.
    """
    environ = sources.environ
    match source:
        case {"env": str(name), **others} if not others:
            # Somebody may have pasted the key itself in place of the variable's name: it must not be shown.
            known = VARIABLE.fullmatch(name)
            if name not in environ:
                spelt = f"variable {cut(name)}" if known else "variable that it names"
                raise WrongError(f"the environment {spelt} to be set", "none", nearest(name, environ))
            return environ[name], f" in the variable {cut(name)}" if known else ""
        case {"file": str(name), **others} if not others:
            return _read(name), " in the file that it names"
        case {"command": _, **others} if not others or [*others] == ["every"]:
            printed = sources.printed.get(command_of(source).words, Printed(failure="one that is not run here"))
            if printed.failure:
                raise WrongError("a command that prints the secret", printed.failure)
            return printed.text, " in what its command printed"
    # The keys of any other table are not shown: one of them may be a secret that was written without quotes.
    hints = {nearest(word, SOURCES) for word in source if word not in SOURCES}
    raise WrongError(words, shown(source), next(filter(None, hints), ""))


def command_of(source: Mapping[str, object]) -> NamedCommand:
    """The command in `{ command = …, every = … }`. Raises WrongError that shows no word: it may be a key."""
    expected = "a list of words: a program, and its arguments"
    match source["command"]:
        case []:
            raise WrongError(expected, "an empty list", below=("command",))
        case list(items):
            given = tuple(word for word in items if isinstance(word, str))
            if len(given) < len(items):
                raise WrongError(expected, "one with another value than text", below=("command",))
            if not given[0]:
                raise WrongError(expected, "one with empty text for the program", below=("command",))
            words = tuple(str(homed(word)) if word[:1] == "~" else word for word in given)
        case value:
            got = "text" if isinstance(value, str) else shown(value, secret=True)
            raise WrongError(expected, got, below=("command",))
    if any("\0" in word for word in words):
        raise WrongError(expected, "one with a null character", below=("command",))
    match source.get("every", EVERY):
        case int() | float() as every if not isinstance(every, bool) and every >= LEAST:
            return NamedCommand(words, None if every == math.inf else float(every))
        case value:
            raise WrongError(
                f"a number of seconds of at least {LEAST:g}, or inf for never again", shown(value), below=("every",)
            )


def files_in(value: object) -> Iterator[Path]:
    """The files with secrets that a raw value names."""
    for source in sources_in(value):
        match source:
            case {"file": str(name), **others} if not others:
                yield homed(name)


def commands_in(value: object) -> Iterator[NamedCommand]:
    """The commands that the raw value of a secret names; of those that are wrong, none."""
    for source in sources_in(value):
        if "command" in source and source.keys() <= {"command", "every"}:
            with suppress(WrongError):
                yield command_of(source)


def sources_in(value: object) -> Iterator[Mapping[str, object]]:
    """All tables in a raw value, which may each name a source."""
    match value:
        case list(items):
            for item in items:
                yield from sources_in(item)
        case dict(items):
            yield items
            for item in items.values():
                yield from sources_in(item)


def placed(source: dict[str, object], folder: Path) -> dict[str, object]:
    """`source` with a relative path in it made absolute, from `folder`: of a file, or of a command's program."""
    match source:
        case {"file": str(path), **others} if path and not others:
            return {"file": str(folder / homed(path))}
        case {"command": [str(program), *words], **others} if os.sep in program:
            return {"command": [str((folder / homed(program)).absolute()), *words], **others}
    return source


def _read(name: str) -> str:
    expected = "a file with the secret"
    try:
        with open(homed(name), "rb") as file:
            data = file.read(LARGEST + 1)
    except OSError as exc:
        raise WrongError(expected, f"one that cannot be read: {exc.strerror}") from exc
    except ValueError as exc:
        raise WrongError(expected, "a path that is none") from exc
    if len(data) > LARGEST:
        raise WrongError(f"{expected}, of at most {LARGEST >> 10} KiB", "a larger one")
    try:
        return data.removeprefix(BOM).decode().removesuffix("\n").removesuffix("\r")
    except UnicodeDecodeError as exc:
        raise WrongError(f"{expected}, in UTF-8", "other bytes") from exc
