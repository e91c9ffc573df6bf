"""Lines for one file, written in a thread, so that a slow disk or a pipe without a reader cannot stop the loop."""

import logging
import os
import select
import stat
import sys
import time
from pathlib import Path
from threading import Condition, Thread

from dragoman.errors import ConfigurationError

STDOUT = "-"

MAX_WAITING = 8 << 20
"""Bytes that may wait to be written: some ten seconds of a busy gateway. Further lines are dropped, and counted."""

NEWLINE = 10

LOOK = 1.0
"""Seconds between two checks whether the file is still at its place."""

PIECE = select.PIPE_BUF
"""Bytes that a pipe takes in one piece. What is longer may have lines of other processes within it: all workers of a
gateway write to the same pipe."""

PATIENCE = 2.0
"""Seconds for which `close` waits until the rest is written: it must not hang because of a pipe without a reader."""

log = logging.getLogger("dragoman.gateway")


class Writer:
    """Appends to a file; `-` is standard output. Raises ConfigurationError if the file cannot be opened.

    If the file was renamed or removed, a new one is made: with the next lines, at most a second later, and at once by
    `reopen`. Lines that cannot be written are lost. The event log reports that once, and once when writing works again.
    """

    def __init__(self, place: str) -> None:
        self._path = None if place == STDOUT else Path(place).expanduser()
        self._file: int | None = None
        self._piece = 0
        """Bytes that are written at once; 0: all."""
        self._torn = False
        """Whether the file ends within a line."""
        try:
            if self._path is None:
                self._use(sys.stdout.fileno())
            elif not _is_pipe(self._path):  # to open a pipe waits for a reader
                os.close(_open(self._path))
        except (OSError, AttributeError) as exc:
            reason = exc.strerror if isinstance(exc, OSError) else None
            raise ConfigurationError(f"cannot write {place!r}: {reason or 'there is no standard output'}") from exc
        self._changed = Condition()
        self._waiting = bytearray()
        self._writing = 0
        self._closing = False
        self._asked = False
        self._lost = 0
        self.lost = 0
        """Lines that could not be written, since it was made."""
        self._looked = 0.0
        self._stays = False
        self._thread: Thread | None = None

    def put(self, lines: bytes | bytearray) -> None:
        """Writes `lines` soon."""
        with self._changed:
            if len(self._waiting) + len(lines) > MAX_WAITING:
                self._lose(lines, "it is not read fast enough")
                return
            self._waiting += lines
            self._wake()

    def reopen(self) -> None:
        """Checks now whether the file is still at its place."""
        with self._changed:
            self._asked = True
            self._wake()

    def close(self) -> None:
        """Writes what waits, for the last time."""
        with self._changed:
            self._closing = True
            self._changed.notify()
            thread = self._thread
        if thread is None:
            return
        thread.join(PATIENCE)
        with self._changed:
            lost = self._lost + self._writing + self._waiting.count(b"\n")
        if lost:
            log.error("the request log ended without %d of its lines", lost)

    def _wake(self) -> None:
        if self._thread is None:  # only when it is needed: a process with threads must not fork
            self._thread = Thread(target=self._work, name="request log", daemon=True)
            self._thread.start()
        self._changed.notify()

    def _work(self) -> None:
        while True:
            with self._changed:
                while not (self._waiting or self._asked or self._closing):
                    self._changed.wait()
                lines, self._waiting = self._waiting, bytearray()
                asked, self._asked = self._asked, False
                self._writing = lines.count(b"\n")
                if not lines and not asked:
                    break
            self._write(lines, asked=asked)
        if self._path is not None and self._file is not None:
            os.close(self._file)

    def _write(self, lines: bytearray, *, asked: bool) -> None:
        at = 0
        try:
            file = self._place(asked=asked)
            if lines and self._torn:
                self._torn = not os.write(file, b"\n")
            while at < len(lines):
                end = _end_of_piece(lines, at, self._piece) if self._piece else len(lines)
                with memoryview(lines) as view:
                    at += os.write(file, view[at:end])
                self._torn = lines[at - 1] != NEWLINE
        except OSError as exc:
            with self._changed:
                self._writing = 0
                self._lose(lines[at:], exc.strerror)
            return
        with self._changed:
            self._writing = 0
            lost, self._lost = (self._lost, 0) if lines else (0, self._lost)
        if lost:
            log.warning("the request log is written again, without %d lines", lost)

    def _lose(self, lines: bytes | bytearray | memoryview, why: str | None) -> None:
        lost = bytes(lines).count(b"\n")
        if lost and not self._lost:
            log.error("the request log cannot be written, and its lines are lost until it can: %s", why)
        self._lost += lost
        self.lost += lost

    def _place(self, *, asked: bool) -> int:
        """The file that is at the place now."""
        now = time.monotonic()
        if self._path is None and self._file is not None:
            return self._file
        assert self._path is not None  # noqa: S101  # standard output is open from the start
        if self._file is None:
            self._looked = now
            self._use(_open(self._path))
        elif asked or now - self._looked >= LOOK:
            self._looked = now
            if not _is_at(self._path, self._file):
                self._move(self._path, self._file)
        assert self._file is not None  # noqa: S101  # as `_use` left it
        return self._file

    def _use(self, file: int) -> None:
        self._file, self._torn = file, False
        self._piece = 0 if stat.S_ISREG(os.fstat(file).st_mode) else PIECE

    def _move(self, path: Path, file: int) -> None:
        """Goes on in a new file at `path`; in the old `file` if none can be made."""
        try:
            fresh = _open(path)
        except OSError as exc:
            if not self._stays:
                log.error("the request log cannot be opened anew, and goes on where it was: %s", exc.strerror)
            self._stays = True
            return
        self._stays = False
        self._use(fresh)
        os.close(file)


def _end_of_piece(lines: bytearray, at: int, size: int) -> int:
    """The end of the lines from `at` on that have `size` bytes together, or of the first, if that has more."""
    if len(lines) - at <= size:
        return len(lines)
    return (lines.rfind(b"\n", at, at + size) + 1) or lines.find(b"\n", at) + 1


def _open(path: Path) -> int:
    return os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o640)


def _is_pipe(path: Path) -> bool:
    try:
        return stat.S_ISFIFO(path.stat().st_mode)
    except FileNotFoundError:
        return False


def _is_at(path: Path, file: int) -> bool:
    try:
        return os.path.samestat(path.stat(), os.fstat(file))
    except OSError:
        return False
