"""Conversations in a file: kept, continued, found, deleted; shared, locked, damaged."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from dragoman.errors import StoreError
from dragoman.store.conversations import Conversations, Revision, Talk, excerpt
from dragoman.types import Image, Message, Text, Usage, assistant, user

Maker = Callable[[], Conversations]


@pytest.fixture(params=[True, False], ids=["indexed", "plain"])
def make(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Maker]:
    """Opens one file as often as it is called, with the index or without."""
    made: list[Conversations] = []

    def maker() -> Conversations:
        made.append(Conversations(tmp_path / "deep" / "conversations.db", indexed=request.param))
        return made[-1]

    yield maker
    for store in made:
        store.close()
        store.close()


def talk(*texts: str, model: str = "m", system: str | None = None) -> Talk:
    """Questions and answers by turns."""
    says = (user, assistant)
    return Talk(model=model, system=system, messages=tuple(says[i % 2](text) for i, text in enumerate(texts)))


def test_what_is_kept_comes_back_the_same(make: Maker) -> None:
    picture = Message("user", (Text(text="What is this?"), Image(data="AAAA", media_type="image/png")))
    kept = Talk(model="up/m", system="Be brief.", messages=(picture, assistant("A dot.")), usage=Usage(input_tokens=3))
    revision = make().write(kept, 10)
    found = make().get(revision.id)
    assert found is not None
    assert (found.title, found.began, found.changed, found.revision) == ("What is this?", 10, 10, revision)
    assert (found.talk.model, found.talk.system, found.talk.messages) == ("up/m", "Be brief.", kept.messages)
    assert make().get(revision.id + 1) is None


def test_a_conversation_goes_on_and_may_take_back_what_was_said(make: Maker) -> None:
    store = make()
    first = store.write(talk("one", "1"), 10)
    second = store.write(talk("one", "1", "two", "2"), 20, first, unchanged=2)
    third = store.write(talk("one", "1", "two", "zwei", model="n"), 30, second, unchanged=2)
    assert first.id == second.id == third.id
    found = store.last()
    assert found is not None
    assert [message.text for message in found.talk.messages] == ["one", "1", "two", "zwei"]
    assert (found.talk.model, found.began, found.changed) == ("n", 10, 30)
    assert [heading.count for heading in store.newest(9)] == [4]


@pytest.mark.parametrize("deleted", [False, True])
def test_two_that_go_on_with_one_conversation_lose_nothing(make: Maker, deleted: bool) -> None:
    one, two = make(), make()
    first = one.write(talk("a", "b"), 10)
    one.write(talk("a", "b", "c", "d"), 20, first, unchanged=2)
    if deleted:
        assert one.delete(first.id)
    other = two.write(talk("a", "b", "x", "y"), 30, first, unchanged=2)
    assert other.id != first.id
    found = [store.get(other.id) for store in (one, two)]
    assert [[message.text for message in each.talk.messages] for each in found if each] == [["a", "b", "x", "y"]] * 2
    assert len(one.newest(9)) == (1 if deleted else 2)


def test_the_last_is_the_one_that_was_changed_last(make: Maker) -> None:
    store = make()
    assert store.last() is None
    first = store.write(talk("one", "1"), 10)
    store.write(talk("two", "2"), 20)
    store.write(talk("one", "1", "more", "m"), 30, first, unchanged=2)
    last = store.last()
    assert last is not None
    assert last.revision.id == first.id
    assert [heading.title for heading in store.newest(9)] == ["one", "two"]
    assert [heading.title for heading in store.newest(1)] == ["one"]


def test_a_clock_that_was_wrong_once_does_not_say_which_is_the_last(make: Maker) -> None:
    store = make()
    store.write(talk("from the future", "1"), 4e9)
    now = store.write(talk("now", "1"), 10)
    last = store.last()
    assert last is not None
    assert last.revision.id == now.id


@pytest.mark.parametrize(
    ("terms", "found"),
    [
        (["hamburg"], ["Weather in HAMBURG?"]),
        (["amb", "weather"], ["Weather in HAMBURG?"]),
        (["in ham"], ["Weather in HAMBURG?"]),
        (["am in"], []),
        (["hamburg", "rain"], []),
        (["rain"], ["Weather in HAMBURG?"]),
        (["погода"], ["Погода"]),
        (["天气怎"], ["今天天气怎么样"]),
        (["天"], ["今天天气怎么样"]),
        (["in", "hamburg"], ["Weather in HAMBURG?"]),
        (['"quoted" OR 1'], ['say "quoted" or 1']),
        (["100%"], ["100% of _"]),
        (["nothing"], []),
        ([], []),
        ([""], []),
    ],
)
def test_finds_conversations_by_all_words(make: Maker, terms: list[str], found: list[str]) -> None:
    store = make()
    for now, texts in enumerate(
        [
            ("Weather in HAMBURG?", "rain, as ever"),
            ("Погода", "дождь"),
            ("今天天气怎么样", "雨"),
            ('say "quoted" or 1', "1"),
            ("100% of _", "all"),
        ]
    ):
        store.write(talk(*texts), now)
    assert [heading.title for heading in store.search(terms, 9)] == found


def test_shows_where_it_was_found(make: Maker) -> None:
    store = make()
    store.write(talk("q", f"{'x ' * 60}the Needle{' y' * 60}"), 1)
    [heading] = store.search(["needle"], 9)
    assert heading.excerpt is not None
    assert heading.excerpt.startswith("…x x ")
    assert "the Needle y y" in heading.excerpt
    assert heading.excerpt.endswith("y…")
    assert excerpt("one\n two", "absent") == "one two"


def test_what_was_deleted_or_replaced_is_not_found(make: Maker) -> None:
    store = make()
    first = store.write(talk("alpha", "beta"), 1)
    store.write(talk("alpha", "gamma"), 2, first, unchanged=1)
    assert store.search(["beta"], 9) == []
    assert len(store.search(["gamma"], 9)) == 1
    assert store.delete(first.id)
    assert not store.delete(first.id)
    assert store.search(["gamma"], 9) == store.newest(9) == []


def test_nothing_of_a_deleted_text_stays_in_the_index(tmp_path: Path) -> None:
    path = tmp_path / "x.db"
    with closing(Conversations(path)) as store:
        first = store.write(talk("alpha", "beta"), 1)
        store.write(talk("alpha", "gamma"), 2, first, unchanged=1)
        store.delete(store.write(talk("secret", "more"), 3).id)
    with closing(sqlite3.connect(path)) as database:
        assert database.execute("SELECT text FROM found ORDER BY rowid").fetchall() == [("alpha",), ("gamma",)]


def test_an_index_takes_in_what_was_written_without_one(tmp_path: Path) -> None:
    path = tmp_path / "x.db"
    with closing(Conversations(path, indexed=False)) as plain:
        plain.write(talk("alpha", "beta"), 1)
    with closing(Conversations(path)) as indexed:
        indexed.write(talk("gamma", "delta"), 2)
        assert [heading.title for heading in indexed.search(["beta"], 9)] == ["alpha"]


def test_half_a_character_is_what_utf8_makes_of_it(make: Maker) -> None:
    store = make()
    revision = store.write(talk("a\udc80b", "c\ud800", model="m\udc80", system="\udc80"), 1)
    found = store.get(revision.id)
    assert found is not None
    assert [message.text for message in found.talk.messages] == ["a\ufffdb", "c\ufffd"]
    assert (found.title, found.talk.model, found.talk.system) == ("a\ufffdb", "m\ufffd", "\ufffd")


def test_the_file_is_for_its_owner_alone(make: Maker, tmp_path: Path) -> None:
    store = make()
    store.write(talk("one", "1"), 1)
    files = list((tmp_path / "deep").iterdir())
    assert len(files) == 3
    assert [path.stat().st_mode & 0o077 for path in files] == [0, 0, 0]


def test_a_file_that_another_program_holds_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dragoman.store.conversations.PATIENCE", 0.0)
    path = tmp_path / "x.db"
    with closing(Conversations(path)) as store, closing(sqlite3.connect(path, isolation_level=None)) as other:
        revision = store.write(talk("one", "1"), 1)
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreError, match=r"x\.db: another program holds it"):
            store.write(talk("two", "2"), 2)
        assert store.get(revision.id) is not None
        other.execute("ROLLBACK")
        store.write(talk("two", "2"), 2)


def test_a_full_disk_is_told_and_the_rest_stays(tmp_path: Path) -> None:
    path = tmp_path / "x.db"
    with closing(Conversations(path)) as store:
        first = store.write(talk("one", "1"), 1)
        store._database.execute("PRAGMA max_page_count = 20")
        with pytest.raises(StoreError, match="no space left"):
            store.write(talk("one", "1", "two" * 100_000, "2"), 2, first, unchanged=2)
        assert [heading.count for heading in store.newest(9)] == [2]
        store.write(talk("one", "1", "two", "2"), 2, first, unchanged=2)


def test_what_is_no_database_is_told_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "x.db"
    path.write_bytes(b"no database" * 100)
    with pytest.raises(StoreError, match="no file of SQLite: move it away"):
        Conversations(path)
    assert path.read_bytes() == b"no database" * 100


def test_a_damaged_file_is_told(tmp_path: Path) -> None:
    path = tmp_path / "x.db"
    with closing(Conversations(path)) as store:
        for number in range(50):
            store.write(talk(f"question {number}" * 50, "answer" * 200), number)
    data = bytearray(path.read_bytes())
    data[4096:] = b"\xff" * (len(data) - 4096)
    path.write_bytes(data)
    with pytest.raises(StoreError, match="damaged"), closing(Conversations(path)) as store:
        store.write(talk("one", "1"), 1)


def test_a_message_that_is_no_message_is_told(tmp_path: Path) -> None:
    path = tmp_path / "x.db"
    with closing(Conversations(path)) as store:
        revision = store.write(talk("one", "1"), 1)
        with closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute("UPDATE messages SET body = '[]'")
        with pytest.raises(StoreError, match="damaged"):
            store.get(revision.id)


@pytest.mark.parametrize(
    "damage", ["conversations SET title = x'ff'", "conversations SET changed = 'x'", "conversations SET began = x'00'"]
)
def test_a_value_of_another_type_is_told(tmp_path: Path, damage: str) -> None:
    path = tmp_path / "x.db"
    with closing(Conversations(path)) as store:
        revision = store.write(talk("one", "1"), 1)
        with closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute(f"UPDATE {damage}")
        looks = (store.last, lambda: store.get(revision.id), lambda: store.newest(9), lambda: store.search(["one"], 9))
        for look in looks:
            with pytest.raises(StoreError, match="damaged"):
                look()


def test_a_found_text_that_is_none_is_told(make: Maker, tmp_path: Path) -> None:
    store = make()
    store.write(talk("one", "1"), 1)
    with closing(sqlite3.connect(tmp_path / "deep" / "conversations.db", isolation_level=None)) as other:
        other.execute("UPDATE messages SET text = x'6f6e65'")
    with pytest.raises(StoreError):
        store.search(["one"], 9)


def test_a_file_of_a_later_version_is_not_touched(tmp_path: Path) -> None:
    path = tmp_path / "x.db"
    with closing(sqlite3.connect(path)) as other:
        other.execute("PRAGMA user_version = 2")
    with pytest.raises(StoreError, match="update dragoman"):
        Conversations(path)


def test_a_place_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StoreError, match="expected a file that can be written, got: "):
        Conversations(tmp_path / "file" / "x.db")
    with pytest.raises(StoreError, match=r"cannot be opened|expected a file"):
        Conversations(tmp_path)


def test_a_revision_that_was_never_kept_makes_a_new_conversation(make: Maker) -> None:
    assert make().write(talk("one", "1"), 1, Revision(77, 1), unchanged=1).id == 1


def test_a_number_that_is_too_large_for_sqlite_is_one_that_no_conversation_has(make: Maker) -> None:
    store = make()
    store.write(talk("one", "two"), 1.0)
    for number in (2**63 - 1, 2**63, 10**30):
        assert store.get(number) is None
        assert not store.delete(number)
        assert len(store.newest(number)) == len(store.search(["one"], number)) == 1
