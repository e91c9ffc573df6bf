"""One suite that every driver of the store passes."""

import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dragoman.errors import ConfigurationError
from dragoman.store import MemoryStore, SqliteStore, Store
from dragoman.store.base import ENTRY
from dragoman.store.sqlite import may_be_store

Maker = Callable[[int], Store]


@pytest.fixture(params=["memory", "sqlite"])
def make(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Maker]:
    """Makes stores, which are closed in the end."""
    made: list[Store] = []

    def maker(max_bytes: int) -> Store:
        driver = MemoryStore(max_bytes)
        store: Store = driver if request.param == "memory" else SqliteStore(tmp_path / f"{len(made)}.db", max_bytes)
        made.append(store)
        return store

    yield maker
    for store in made:
        store.close()
        store.close()


def test_what_is_kept_is_found_by_its_owner_alone(make: Maker) -> None:
    store = make(10 * ENTRY)
    assert store.put("ann", "a", b"\x00one", now=1, expires=9)
    assert store.get("ann", "a", 2) == b"\x00one"
    assert store.get("bob", "a", 2) is None
    assert store.get("ann", "b", 2) is None
    assert store.size() == 4 + ENTRY


def test_a_later_value_takes_the_place_of_an_earlier_one(make: Maker) -> None:
    store = make(10 * ENTRY)
    store.put("ann", "a", b"one", now=1, expires=9)
    store.put("ann", "a", b"other", now=1, expires=9)
    assert (store.get("ann", "a", 2), store.size()) == (b"other", 5 + ENTRY)


def test_what_is_deleted_or_has_expired_is_gone(make: Maker) -> None:
    store = make(10 * ENTRY)
    store.put("ann", "a", b"one", now=1, expires=3)
    store.put("ann", "b", b"two", now=1, expires=9)
    assert store.get("ann", "a", 2.9) == b"one"
    assert store.get("ann", "a", 3) is None
    assert store.delete("ann", "b")
    assert not store.delete("ann", "b")
    assert not store.delete("bob", "c")
    assert store.get("ann", "b", 2) is None


def test_the_values_unused_for_longest_make_room(make: Maker) -> None:
    store = make(10 + 3 * ENTRY)
    for second, name in enumerate("abc"):
        store.put("ann", name, b"xyz", now=second, expires=99)
    assert store.get("ann", "a", 3) == b"xyz"
    store.put("ann", "d", b"xyzw", now=4, expires=99)
    assert [name for name in "abcd" if store.get("ann", name, 5) is not None] == ["a", "c", "d"]
    assert store.size() <= 10 + 3 * ENTRY


def test_what_alone_is_too_large_is_not_kept_and_replaces_nothing_else(make: Maker) -> None:
    store = make(10 + 3 * ENTRY)
    store.put("ann", "a", b"xyz", now=1, expires=99)
    store.put("ann", "b", b"xyz", now=1, expires=99)
    assert not store.put("ann", "b", b"x" * (11 + 2 * ENTRY), now=2, expires=99)
    assert (store.get("ann", "a", 3), store.get("ann", "b", 3)) == (b"xyz", None)


ROOM = 12 + 3 * ENTRY
names = st.sampled_from("abc")
steps = st.lists(st.tuples(st.sampled_from(["put", "get", "delete"]), names, names, st.integers(0, 6)), max_size=30)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=40)
@given(steps)
def test_drivers_do_the_same(tmp_path_factory: pytest.TempPathFactory, taken: list[tuple[str, str, str, int]]) -> None:
    drivers = (MemoryStore(ROOM), SqliteStore(tmp_path_factory.mktemp("store") / "x.db", ROOM))
    try:
        for now, (what, owner, name, size) in enumerate(taken):
            said: list[bytes | bool | None] = []
            for store in drivers:
                if what == "put":
                    said.append(store.put(owner, name, b"x" * size, now=now, expires=1000))
                elif what == "get":
                    said.append(store.get(owner, name, now))
                else:
                    said.append(store.delete(owner, name))
            assert said[0] == said[1]
            assert all(store.size() <= ROOM for store in drivers)
    finally:
        for store in drivers:
            store.close()


def test_a_file_is_shared_by_processes_and_outlives_them(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "store.db"
    first, second = SqliteStore(path, 10 * ENTRY), SqliteStore(path, 10 * ENTRY)
    first.put("ann", "a", b"one", now=1, expires=9)
    assert second.get("ann", "a", 2) == b"one"
    first.close()
    second.close()
    again = SqliteStore(path, 10 * ENTRY)
    assert again.get("ann", "a", 2) == b"one"
    assert path.stat().st_mode & 0o077 == 0
    again.close()


def test_a_file_that_is_no_database_is_refused_and_closed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "x.db"
    path.write_bytes(b"no database" * 100)
    database = sqlite3.connect(path, isolation_level=None)
    monkeypatch.setattr(sqlite3, "connect", lambda *_, **__: database)
    with pytest.raises(ConfigurationError, match="expected a file of SQLite"):
        SqliteStore(path, 10 * ENTRY)
    with pytest.raises(sqlite3.ProgrammingError, match="closed"):
        database.execute("SELECT 1")


def test_many_short_values_count_with_what_they_take(make: Maker) -> None:
    store = make(10 * ENTRY)
    for number in range(200):
        store.put("ann", str(number), b"", now=number, expires=999)
    assert [number for number in range(200) if store.get("ann", str(number), 200) is not None] == [*range(190, 200)]


def test_an_older_file_is_counted_when_it_is_opened(tmp_path: Path) -> None:
    path = tmp_path / "x.db"
    store = SqliteStore(path, 10 * ENTRY)
    store.put("ann", "a", b"one", now=1, expires=9)
    store.close()
    with closing(sqlite3.connect(path)) as database:
        database.executescript("DROP TRIGGER entries_in; DROP TRIGGER entries_out; DROP TABLE total")
    again = SqliteStore(path, 10 * ENTRY)
    assert again.size() == 3 + ENTRY
    again.put("ann", "a", b"other", now=2, expires=9)
    assert again.size() == 5 + ENTRY
    again.close()


def test_a_file_that_another_process_holds_loses_a_value_and_no_answer(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "x.db"
    store = SqliteStore(path, 10 * ENTRY)
    store.put("ann", "a", b"one", now=1, expires=9)
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        assert not store.put("ann", "b", b"two", now=1, expires=9)
        assert not store.delete("ann", "a")
        assert store.get("ann", "a", 2) == b"one"
        other.execute("ROLLBACK")
    assert store.put("ann", "b", b"two", now=1, expires=9)
    assert "the store cannot be written: database is locked" in caplog.text
    store.close()


def test_a_file_that_another_process_holds_for_a_moment_is_opened(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "x.db", isolation_level=None, check_same_thread=False)) as other:
        other.execute("BEGIN EXCLUSIVE")
        let_go = threading.Timer(0.4, other.execute, ["COMMIT"])
        let_go.start()
        store = SqliteStore(tmp_path / "x.db", 10 * ENTRY)
        let_go.join()
        assert store.put("ann", "a", b"one", now=1, expires=9)
        assert 0 < _patience(store) < 400
        store.close()


def test_what_fails_is_waited_for_once_and_told_once_a_minute(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path, now = tmp_path / "x.db", [0.0]
    store = SqliteStore(path, 10 * ENTRY, clock=lambda: now[0])
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        assert _patience(store) > 0
        for now[0] in (0.0, 1.0, 59.0, 60.0, 61.0):
            assert not store.put("ann", "a", b"one", now=1, expires=9)
            assert store.get("ann", "a", 2) is None
            assert _patience(store) == 0
        other.execute("ROLLBACK")
    assert store.put("ann", "a", b"one", now=1, expires=9)
    assert _patience(store) > 0
    store.close()
    first, second = caplog.messages
    assert first == "the store cannot be written: database is locked"
    assert second == f"{first} (and 2 times since the last such line)"


def _patience(store: SqliteStore) -> int:
    """Milliseconds that a statement waits for others."""
    return int(store._database.execute("PRAGMA busy_timeout").fetchone()[0])


def test_a_file_that_was_damaged_loses_values_and_no_answer(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path, page = tmp_path / "x.db", 4096
    store = SqliteStore(path, 1 << 20)
    for number in range(100):
        store.put("ann", f"{number:03}", bytes(3000), now=number, expires=999)
    store.close()
    with open(path, "r+b") as file:
        file.seek(20 * page)
        file.write(b"\xff" * (path.stat().st_size - 20 * page))
    again = SqliteStore(path, 1 << 20)
    found = [again.get("ann", f"{number:03}", 100) for number in range(100)]
    again.put("ann", "050", b"new", now=100, expires=999)
    again.delete("ann", "060")
    again.close()
    assert None in found
    assert "the store cannot be read: database disk image is malformed" in caplog.text


def test_a_look_at_a_store_in_use_leaves_its_locks(tmp_path: Path) -> None:
    """To close a file of SQLite that this process has open drops its locks, if SQLite is not asked to do it.

    Another program that is the last one, as it believes, then takes away the log of changes.
    """
    place = tmp_path / "store.sqlite"
    store = SqliteStore(place, 1 << 20)
    store.put("owner", "name", b"value", now=1.0, expires=9.0)
    assert may_be_store(place)
    other = (
        "import sqlite3, sys; it = sqlite3.connect(sys.argv[1]); it.execute('SELECT 1 FROM sqlite_master'); it.close()"
    )
    subprocess.run([sys.executable, "-c", other, str(place)], check=True)
    assert place.with_name("store.sqlite-wal").exists()
    store.close()


@pytest.mark.parametrize(("content", "may"), [(None, True), (b"", True), (b"a text", False), (b"x" * 5000, False)])
def test_what_may_be_a_store_is_found_out_without_making_one(tmp_path: Path, content: bytes | None, may: bool) -> None:
    place = tmp_path / "store.sqlite"
    if content is not None:
        place.write_bytes(content)
    assert may_be_store(place) is may
    assert [path.name for path in tmp_path.iterdir()] == ([] if content is None else [place.name])


def test_where_there_is_no_folder_any_more_nothing_is_in_the_way(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "gone"
    folder.mkdir()
    monkeypatch.chdir(folder)
    folder.rmdir()
    assert may_be_store(Path("x.db"))
    with pytest.raises(ConfigurationError, match=r"^x\.db: expected a file of SQLite that can be written"):
        SqliteStore(Path("x.db"), 1000)
