"""What was typed in earlier runs: a file that several conversations add to at the same time. Knows no keyboard.

Each entry is a line of JSON, because an entry may have several lines; a line that is not JSON is itself an entry.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import msgspec

from dragoman.config.folders import STATE, user_folder
from dragoman.wire.json import NOT_STRICT, encode
from dragoman.wire.utf8 import well_formed

try:
    import fcntl
except ImportError:  # Windows has none, and no readline that would ask for a history
    LOCKS = False
else:
    LOCKS = True

MAX_ENTRIES = 2000
"""Entries that are kept: twice what shells keep, some 200 KiB of long questions. The file is cut when it has twice as
many, so that it is seldom cut."""


class History:
    """The file at `path`, made when something is first added. All methods raise OSError."""

    def __init__(self, path: Path, most: int = MAX_ENTRIES) -> None:
        self.path = path
        self._most = most

    def entries(self) -> list[str]:
        """The newest entries, the oldest of them first; none if there is no file. Cuts a file that is too long."""
        if not self.path.exists():
            return []
        with self._opened("rb") as file:
            lines = file.read().splitlines()
        if len(lines) > 2 * self._most:
            lines = self._cut()
        return [_entry(line) for line in lines[-self._most :]]

    def add(self, entry: str) -> None:
        """Adds an entry at once: the next run has it even if this one is killed, and so has a run at the same time."""
        self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        # Other users must not read what was asked.
        self.path.touch(mode=0o600)
        with self._opened("ab") as file:
            file.write(encode(well_formed(entry)) + b"\n")

    def _cut(self) -> list[bytes]:
        with self._opened("r+b") as file:
            kept = file.read().splitlines()[-self._most :]
            file.seek(0)
            file.truncate()
            file.writelines(line + b"\n" for line in kept)
        return kept

    @contextmanager
    def _opened(self, mode: str) -> Iterator[IO[bytes]]:
        with open(self.path, mode) as file:
            if LOCKS:
                fcntl.flock(file, fcntl.LOCK_EX)
            yield file


def _entry(line: bytes) -> str:
    try:
        return msgspec.json.decode(line, type=str)
    except NOT_STRICT:
        return line.decode(errors="replace")


def history_path() -> Path:
    """The path of the history."""
    state = user_folder(STATE, os.environ)
    return (state if state is not None else Path.home() / ".local" / "state" / "dragoman") / "history"
