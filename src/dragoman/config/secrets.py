"""Secrets that are not in the configuration: it names a variable, or a file, as Docker and systemd provide one."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from dragoman.config.faults import WrongError, shown
from dragoman.config.folders import homed
from dragoman.errors import cut, nearest

VARIABLE = re.compile(r"[A-Z][A-Z0-9_]*")
SOURCES = ("env", "file")
FORMS = '{ env = "NAME" } or { file = "PATH" }'

LARGEST = 1 << 16
"""Bytes of a file with a secret: 64 KiB are enough for hundreds of keys, so a larger file was named by mistake."""


def fetched(source: Mapping[str, object], words: str, environ: Mapping[str, str]) -> tuple[str, str]:
    """Reads the secret that `source` points to. Returns it, and its place in words for errors. Raises WrongError.

    `words`: what is expected, for the error. One line break at the end of a file is left out, because editors add one.
    """
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
    # The keys of any other table are not shown: one of them may be a secret that was written without quotes.
    hints = {nearest(word, SOURCES) for word in source if word not in SOURCES}
    raise WrongError(words, shown(source), next(filter(None, hints), ""))


def files_in(value: object) -> Iterator[Path]:
    """The files with secrets that a raw value names."""
    match value:
        case {"file": str(name), **others} if not others:
            yield homed(name)
        case list(items):
            for item in items:
                yield from files_in(item)
        case dict(items):
            for item in items.values():
                yield from files_in(item)


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
        return data.decode().removesuffix("\n").removesuffix("\r")
    except UnicodeDecodeError as exc:
        raise WrongError(f"{expected}, in UTF-8", "other bytes") from exc
