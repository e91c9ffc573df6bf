"""The user's conversations in a file of SQLite, which can be searched. Knows no terminal and no service.

Every text of a message stands in the table `messages`, and again in an index, if this SQLite has FTS5 with trigrams
(3.34 and later). The index is filled up at each write, so that a file which another SQLite wrote to without an index is
complete again. Terms that are too short for the index, and all terms without it, are looked for in each text.
"""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import msgspec
from msgspec import Struct

from dragoman.error_words import cut
from dragoman.errors import StoreError
from dragoman.types import Message, Usage
from dragoman.wire.json import encode_loosely
from dragoman.wire.utf8 import well_formed

PATIENCE = 2.0
"""Seconds that a write waits for another program: a person waits for the prompt meanwhile."""

VERSION = 1
"""The form of the tables, which SCHEMA writes down. A file of a later form is not touched."""

TITLE = 80
"""Characters of the first question that name a conversation: a line of a terminal."""

TERM = 3
"""Characters that a term of the index has at least: https://www.sqlite.org/fts5.html#the_trigram_tokenizer"""

AROUND = 40
"""Characters of a text that are shown on each side of what was found in it."""

SCHEMA = """
BEGIN IMMEDIATE;
CREATE TABLE IF NOT EXISTS conversations (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    version INTEGER NOT NULL,
    model TEXT NOT NULL,
    system TEXT,
    title TEXT NOT NULL,
    began REAL NOT NULL,
    changed REAL NOT NULL
);
CREATE INDEX IF NOT EXISTS conversations_changed ON conversations (changed);
CREATE TABLE IF NOT EXISTS messages (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    conversation INTEGER NOT NULL REFERENCES conversations (id),
    place INTEGER NOT NULL,
    at REAL NOT NULL,
    role TEXT NOT NULL,
    text TEXT NOT NULL,
    body TEXT NOT NULL,
    model TEXT,
    usage TEXT,
    UNIQUE (conversation, place)
);
CREATE VIEW IF NOT EXISTS headings AS
    SELECT id, model, title, began, changed,
        (SELECT count(*) FROM messages WHERE conversation = conversations.id) AS count
    FROM conversations;
PRAGMA user_version = 1;
COMMIT;
"""

INDEX = "CREATE VIRTUAL TABLE IF NOT EXISTS found USING fts5 (text, tokenize = 'trigram')"
PROBE = "SELECT rowid FROM found LIMIT 0"
FILL = """INSERT INTO found (rowid, text) SELECT id, text FROM messages
    WHERE id > (SELECT coalesce(max(rowid), 0) FROM found) AND text != ''"""
UNFIND = "DELETE FROM found WHERE rowid IN (SELECT id FROM messages WHERE conversation = ? AND place >= ?)"

NEWEST = "SELECT * FROM headings ORDER BY changed DESC, id DESC LIMIT ?"
SEARCH = """SELECT h.*, m.text FROM headings AS h
    JOIN messages AS m ON m.id = (SELECT max(id) FROM messages WHERE conversation = h.id AND %s)
    ORDER BY h.changed DESC, h.id DESC LIMIT ?"""
"""With conditions of the next two, and their values before the limit."""
IN_INDEX = "id IN (SELECT rowid FROM found WHERE found MATCH ?)"
IN_TEXT = "holds(text, ?)"
WHOLE = "SELECT id, version, model, system, title, began, changed FROM conversations"
WholeRow = tuple[int, int, str, str | None, str, float, float]
LAST = "id = (SELECT conversation FROM messages ORDER BY id DESC LIMIT 1)"
"""By the newest message's number and not by its time: a clock that was wrong once would go on to decide."""
MESSAGES = "SELECT body FROM messages WHERE conversation = ? ORDER BY place"

CONDITIONS: dict[int, str] = {
    sqlite3.SQLITE_BUSY: "another program holds it; try again when that has ended",
    sqlite3.SQLITE_LOCKED: "another program holds it; try again when that has ended",
    sqlite3.SQLITE_FULL: "there is no space left on its disk",
    sqlite3.SQLITE_IOERR: "it cannot be read or written: is its disk full?",
    sqlite3.SQLITE_READONLY: "it may not be written",
    sqlite3.SQLITE_CANTOPEN: "it cannot be opened: may its folder be written?",
    sqlite3.SQLITE_CORRUPT: "it is damaged: move it away, and a new one is begun",
    sqlite3.SQLITE_NOTADB: "it is no file of SQLite: move it away, and a new one is begun",
}
"""By the primary code of SQLite: https://www.sqlite.org/rescode.html"""


LARGEST = 2**63 - 1
"""The largest number of SQLite: https://www.sqlite.org/datatype3.html"""


class Revision(Struct, frozen=True):
    """A conversation in the file, as it was when it was read or written."""

    id: int
    version: int


class Talk(Struct, frozen=True, kw_only=True):
    """What a conversation consists of. `usage`: what the newest answer cost."""

    model: str
    system: str | None = None
    messages: tuple[Message, ...] = ()
    usage: Usage | None = None


class KeptTalk(Struct, frozen=True, kw_only=True):
    """A conversation from the file. Times are seconds since 1970."""

    revision: Revision
    title: str
    began: float
    changed: float
    talk: Talk


class Heading(Struct, frozen=True, kw_only=True):
    """A conversation in a list. `excerpt`: where it says what was looked for."""

    id: int
    model: str
    title: str
    began: float
    changed: float
    count: int
    excerpt: str | None = None


class Conversations:
    """The file at `path`, made with its folder if there is none. All methods raise StoreError.

    `indexed`: whether the index is used, if this SQLite has one.
    """

    def __init__(self, path: Path, *, indexed: bool = True) -> None:
        self.path = path
        with self._told():
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            path.touch(mode=0o600)  # others must not read what was asked
            self._database = sqlite3.connect(path, timeout=PATIENCE, isolation_level=None)
            try:
                self._database.create_function("holds", 2, _holds, deterministic=True)
                self._prepare()
                self._indexed = indexed and self._has_index()
            except BaseException:
                self._database.close()
                raise

    def write(self, talk: Talk, now: float, revision: Revision | None = None, unchanged: int = 0) -> Revision:
        """Keeps a conversation: a new one, or one that has gone on since `revision`.

        The first `unchanged` messages are those that the file has. If another program has changed the conversation
        since then, or deleted it, this becomes a new one: neither loses a message.
        """
        with self._told(), self._transaction():
            if revision is None or not self._is_current(revision):
                revision, unchanged = self._begin(talk, now), 0
            id_ = revision.id
            self._cut(id_, unchanged)
            self._database.execute(
                "UPDATE conversations SET version = version + 1, model = ?, system = ?, changed = ? WHERE id = ?",
                (well_formed(talk.model), _formed(talk.system), now, id_),
            )
            self._database.executemany(
                "INSERT INTO messages (conversation, place, at, role, text, body, model, usage)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                [
                    (
                        id_,
                        place,
                        now,
                        message.role,
                        _text(message),
                        encode_loosely(message).decode(),
                        *_answered(talk, place),
                    )
                    for place, message in enumerate(talk.messages)
                    if place >= unchanged
                ],
            )
            if self._indexed:
                self._database.execute(FILL)
            return Revision(id_, revision.version + 1)

    def last(self) -> KeptTalk | None:
        """The conversation that was written last; None if there is none."""
        return self._one(f"{WHOLE} WHERE {LAST}", ())

    def get(self, id_: int) -> KeptTalk | None:
        """A conversation by its number; None if there is none."""
        return self._one(f"{WHOLE} WHERE id = ?", (_bounded(id_),))

    def newest(self, limit: int) -> list[Heading]:
        """The conversations that were changed last, the newest first."""
        with self._told():
            return [_heading(row) for row in self._database.execute(NEWEST, (_bounded(limit),))]

    def search(self, terms: Sequence[str], limit: int) -> list[Heading]:
        """The conversations with a message that has all `terms`, in upper or lower case; the newest first."""
        sought = [well_formed(term) for term in terms if term]
        if not sought:
            return []
        long = [term for term in sought if self._indexed and len(term) >= TERM]
        values = [term for term in sought if term not in long]
        conditions = [IN_TEXT] * len(values)
        if long:
            conditions.append(IN_INDEX)
            values.append(" AND ".join('"' + term.replace('"', '""') + '"' for term in long))
        statement = SEARCH % " AND ".join(conditions)
        with self._told():
            rows = self._database.execute(statement, (*values, _bounded(limit))).fetchall()
            return [_heading(row[:-1], excerpt(msgspec.convert(row[-1], str), sought[0])) for row in rows]

    def delete(self, id_: int) -> bool:
        """Forgets a conversation; False if there was none."""
        id_ = _bounded(id_)
        with self._told(), self._transaction():
            self._cut(id_, 0)
            return self._database.execute("DELETE FROM conversations WHERE id = ?", (id_,)).rowcount > 0

    def close(self) -> None:
        """Ends its use. May be called twice."""
        self._database.close()

    def _prepare(self) -> None:
        (version,) = self._database.execute("PRAGMA user_version").fetchone()
        if version > VERSION:
            raise StoreError(f"{self.path}: expected tables of the form {VERSION}, got {version}: update dragoman")
        if version < VERSION:
            self._database.executescript(SCHEMA)
        with suppress(
            sqlite3.OperationalError
        ):  # another program is in the middle of something: the next run changes it
            self._database.execute("PRAGMA journal_mode = WAL")
        self._database.execute("PRAGMA synchronous = NORMAL")

    def _has_index(self) -> bool:
        try:
            self._database.execute(PROBE)
        except sqlite3.OperationalError:
            try:
                self._database.execute(INDEX)
                self._database.execute(PROBE)
            except sqlite3.OperationalError as exc:
                if exc.sqlite_errorcode != sqlite3.SQLITE_ERROR:  # which a missing module is
                    raise
                return False
        return True

    def _is_current(self, revision: Revision) -> bool:
        row = self._database.execute("SELECT version FROM conversations WHERE id = ?", (revision.id,)).fetchone()
        return bool(row == (revision.version,))

    def _begin(self, talk: Talk, now: float) -> Revision:
        questions = (message.text for message in talk.messages if message.role == "user")
        title = cut(well_formed(next(filter(str.strip, questions), "")), TITLE)
        done = self._database.execute(
            "INSERT INTO conversations (version, model, title, began, changed) VALUES (0, '', ?, ?, ?)",
            (title, now, now),
        )
        assert done.lastrowid is not None  # noqa: S101  # an INSERT that succeeded has one
        return Revision(done.lastrowid, 0)

    def _cut(self, id_: int, length: int) -> None:
        """Forgets the messages of a conversation except the first `length`."""
        if self._indexed:
            self._database.execute(UNFIND, (id_, length))
        self._database.execute("DELETE FROM messages WHERE conversation = ? AND place >= ?", (id_, length))

    def _one(self, statement: str, values: tuple[int, ...]) -> KeptTalk | None:
        with self._told():
            row = self._database.execute(statement, values).fetchone()
            if row is None:
                return None
            id_, version, model, system, title, began, changed = msgspec.convert(row, WholeRow)
            bodies = self._database.execute(MESSAGES, (id_,)).fetchall()
            messages = tuple(msgspec.json.decode(body, type=Message) for (body,) in bodies)
            talk = Talk(model=model, system=system, messages=messages)
        return KeptTalk(revision=Revision(id_, version), title=title, began=began, changed=changed, talk=talk)

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._database.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._database.execute("COMMIT")
        finally:
            if self._database.in_transaction:
                self._database.execute("ROLLBACK")

    @contextmanager
    def _told(self) -> Iterator[None]:
        """Within it each failure of the file is a StoreError."""
        try:
            yield
        except sqlite3.Error as exc:
            code = exc.sqlite_errorcode & 0xFF if hasattr(exc, "sqlite_errorcode") else sqlite3.SQLITE_ERROR
            raise StoreError(f"{self.path}: {CONDITIONS.get(code, str(exc))}") from exc
        except OSError as exc:
            raise StoreError(f"{self.path}: expected a file that can be written, got: {exc.strerror}") from exc
        except msgspec.MsgspecError as exc:
            raise StoreError(f"{self.path}: {CONDITIONS[sqlite3.SQLITE_CORRUPT]}") from exc


def excerpt(text: str, term: str) -> str:
    """What stands around `term` in `text`, on one line; its beginning, if the term is not there."""
    at = max(0, text.casefold().find(term.casefold()))
    begin, end = max(0, at - AROUND), at + len(term) + AROUND
    inner = " ".join(text[begin:end].split())
    return f"{'…' if begin else ''}{inner}{'…' if end < len(text) else ''}"


def _holds(text: str, term: str) -> bool:
    return term.casefold() in text.casefold()


def _text(message: Message) -> str:
    return well_formed(message.text)


def _answered(talk: Talk, place: int) -> tuple[str | None, str | None]:
    """Who said the message at `place`, and what it cost, if it is the newest answer."""
    if place != len(talk.messages) - 1 or talk.messages[place].role != "assistant":
        return None, None
    return well_formed(talk.model), msgspec.json.encode(talk.usage).decode() if talk.usage else None


def _formed(text: str | None) -> str | None:
    return None if text is None else well_formed(text)


def _bounded(number: int) -> int:
    """`number`, or the largest that SQLite takes: no conversation has it, and no list is as long."""
    return min(number, LARGEST)


def _heading(row: Sequence[object], found: str | None = None) -> Heading:
    names = ("id", "model", "title", "began", "changed", "count")
    return msgspec.convert(dict(zip(names, row, strict=True)) | {"excerpt": found}, Heading)
