"""Values in a file of SQLite, which several workers share and which outlives them.

A statement takes some 50 µs, so it is run where it is called, and not in a thread. https://www.sqlite.org/wal.html
"""

import logging
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from time import monotonic

from msgspec import Struct

from dragoman.errors import ConfigurationError
from dragoman.store.base import ENTRY, Store

PATIENCE = 0.1
"""Seconds that a statement waits while another process writes; the workers of a gateway write for a tenth of a
millisecond. Nothing else happens meanwhile, so that after one statement that waited in vain the others do not wait
until one succeeds."""
OPENING = 3.0
"""Seconds that opening waits: nothing is answered yet, all workers open the file at once, and one of them makes it."""
READ, WRITTEN = "read", "written"
"""What a statement does; one that writes must wait for others."""
REMINDER = 60.0
"""Seconds between two lines of the log that say the same."""

SOME = 64
"""Entries that are looked at together when room is made."""

SCHEMA = """
BEGIN IMMEDIATE;
CREATE TABLE IF NOT EXISTS entries (
    owner TEXT NOT NULL,
    name TEXT NOT NULL,
    value BLOB NOT NULL,
    expires REAL NOT NULL,
    used REAL NOT NULL,
    PRIMARY KEY (owner, name)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS entries_used ON entries (used);
CREATE INDEX IF NOT EXISTS entries_expires ON entries (expires);
CREATE TABLE IF NOT EXISTS total (bytes INTEGER NOT NULL, entries INTEGER NOT NULL);
INSERT INTO total SELECT (SELECT coalesce(sum(length(value)), 0) FROM entries), (SELECT count(*) FROM entries)
    WHERE NOT EXISTS (SELECT 1 FROM total);
CREATE TRIGGER IF NOT EXISTS entries_in AFTER INSERT ON entries
    BEGIN UPDATE total SET bytes = bytes + length(new.value), entries = entries + 1; END;
CREATE TRIGGER IF NOT EXISTS entries_out AFTER DELETE ON entries
    BEGIN UPDATE total SET bytes = bytes - length(old.value), entries = entries - 1; END;
COMMIT;
"""
"""The total is kept up to date, because adding up 40,000 entries takes 5 ms."""

GET = "SELECT value FROM entries WHERE owner = ? AND name = ? AND expires > ?"
TOUCH = "UPDATE entries SET used = ? WHERE owner = ? AND name = ?"
PUT = "INSERT INTO entries (owner, name, value, expires, used) VALUES (?, ?, ?, ?, ?)"
DELETE = "DELETE FROM entries WHERE owner = ? AND name = ?"
EXPIRE = "DELETE FROM entries WHERE expires <= ?"
SIZE = "SELECT bytes, entries FROM total"
OLDEST = "SELECT owner, name, length(value) FROM entries ORDER BY used LIMIT ?"


log = logging.getLogger("dragoman.store")


class SqliteStore(Store):
    """Raises ConfigurationError if the file cannot be used when it is opened.

    If it fails later (locked for too long, no space, damaged), that is logged, and the value counts as gone: the answer
    that is under way must not fail for that. `clock`: a time in seconds that only grows.
    """

    def __init__(self, path: Path, max_bytes: int, clock: Callable[[], float] = monotonic) -> None:
        self.max_bytes = max_bytes
        self._clock = clock
        self._closed = False
        self._failures: dict[str, _Failures] = {}
        """By what could not be done."""
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._database = sqlite3.connect(path, timeout=OPENING, isolation_level=None, check_same_thread=False)
            try:
                self._prepare(path)
            except BaseException:
                self._database.close()
                raise
        except (OSError, sqlite3.Error) as exc:
            raise ConfigurationError(f"{path}: expected a file of SQLite that can be written ({exc})") from exc

    def _prepare(self, path: Path) -> None:
        path.chmod(0o600)  # it holds conversations
        with suppress(sqlite3.OperationalError):  # it waits for nobody: another worker is about to change it
            self._database.execute("PRAGMA journal_mode = WAL")
        self._database.execute("PRAGMA synchronous = NORMAL")
        self._database.executescript(SCHEMA)
        self._wait_for_others(PATIENCE)

    def get(self, owner: str, name: str, now: float) -> bytes | None:
        found: bytes | None = None
        with self._unless_it_fails(READ):
            row = self._database.execute(GET, (owner, name, now)).fetchone()
            if row is not None:
                found = bytes(row[0])
        if found is not None:
            with self._unless_it_fails(WRITTEN):
                self._database.execute(TOUCH, (now, owner, name))
        return found

    def put(self, owner: str, name: str, value: bytes, *, now: float, expires: float) -> bool:
        database, kept = self._database, False
        if len(value) + ENTRY > self.max_bytes:
            self.delete(owner, name)
            return False
        with self._unless_it_fails(WRITTEN):
            database.execute("BEGIN IMMEDIATE")
            try:
                database.execute(EXPIRE, (now,))
                database.execute(DELETE, (owner, name))
                self._make_room(len(value) + ENTRY)
                database.execute(PUT, (owner, name, value, expires, now))
                database.execute("COMMIT")
                kept = True
            finally:
                if database.in_transaction:
                    database.execute("ROLLBACK")
        return kept

    def _make_room(self, wanted: int) -> None:
        """Forgets the entries unused for longest, until there is room for `wanted` bytes."""
        excess = _taken(*self._totals()) + wanted - self.max_bytes
        while excess > 0 and (oldest := self._database.execute(OLDEST, (SOME,)).fetchall()):
            for owner, name, length in oldest:
                if excess > 0:
                    self._database.execute(DELETE, (owner, name))
                    excess -= length + ENTRY

    def delete(self, owner: str, name: str) -> bool:
        count = 0
        with self._unless_it_fails(WRITTEN):
            count = self._database.execute(DELETE, (owner, name)).rowcount
        return count > 0

    def size(self) -> int:
        totals = 0, 0
        with self._unless_it_fails(READ):
            totals = self._totals()
        return _taken(*totals)

    def _totals(self) -> tuple[int, int]:
        """Bytes of the values, and how many there are."""
        total, entries = self._database.execute(SIZE).fetchone()
        return int(total), int(entries)

    def close(self) -> None:
        if not self._closed:
            self._closed = True
            self._database.close()

    @contextmanager
    def _unless_it_fails(self, done: str) -> Iterator[None]:
        try:
            yield
        except sqlite3.DatabaseError as exc:
            self._failed(done, exc)
        else:
            if self._failures.pop(done, None) is not None and done == WRITTEN:
                self._wait_for_others(PATIENCE)

    def _failed(self, done: str, error: sqlite3.DatabaseError) -> None:
        failures = self._failures.get(done)
        if failures is None:
            failures = self._failures[done] = _Failures()
            if done == WRITTEN:
                self._wait_for_others(0)
        now = self._clock()
        if failures.told is None or now - failures.told >= REMINDER:
            before = f" (and {failures.more} times since the last such line)" if failures.more else ""
            log.warning("the store cannot be %s: %s%s", done, error, before)
            failures.told, failures.more = now, 0
        else:
            failures.more += 1

    def _wait_for_others(self, seconds: float) -> None:
        with suppress(sqlite3.DatabaseError):
            self._database.execute(f"PRAGMA busy_timeout = {int(1000 * seconds)}")


def _taken(total: int, entries: int) -> int:
    """Bytes that entries take with these bytes of values."""
    return total + entries * ENTRY


class _Failures(Struct):
    """Statements that failed since one succeeded."""

    told: float | None = None
    """When that was logged."""
    more: int = 0
    """How many have failed since then."""


def may_be_store(path: Path) -> bool:
    """Whether a store can be at `path`: False if another file is there. Makes none, and changes nothing.

    SQLite reads the file, because this process may have it open: whatever else closes it drops the locks of all its
    connections (https://www.sqlite.org/howtocorrupt.html#_posix_advisory_locks_canceled_by_a_separate_thread_doing_close_).
    """
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as database:
            database.execute("PRAGMA schema_version").fetchone()
    except (FileNotFoundError, sqlite3.OperationalError):  # no file or working directory, or one that cannot be opened
        return True
    except sqlite3.DatabaseError:
        return False
    return True
