"""The history's file: shared by several, cut when it is too long, read though it is old or damaged."""

import threading
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from dragoman.cli.conversation.history import History


def test_entries_are_there_at_once_for_everybody(tmp_path: Path) -> None:
    one, two = (History(tmp_path / "state" / "history") for _ in range(2))
    assert one.entries() == []
    one.add("first\nof two lines \\n")
    two.add("second")
    assert one.entries() == two.entries() == ["first\nof two lines \\n", "second"]


@given(entry=st.text())
def test_every_entry_survives(entry: str, tmp_path_factory: object) -> None:
    history = History(tmp_path_factory.mktemp("state") / "history")  # type: ignore[attr-defined]  # pytest's own
    history.add(entry)
    assert history.entries() == [entry]


def test_half_a_character_is_what_utf8_makes_of_it(tmp_path: Path) -> None:
    history = History(tmp_path / "history")
    history.add("a\udc80b")
    assert history.entries() == ["a\ufffdb"]


def test_lines_that_are_no_json_are_entries(tmp_path: Path) -> None:
    path = tmp_path / "history"
    path.write_bytes(b'plain\n"half\n"whole"\n{"a": 1}\n\xff\n')
    assert History(path).entries() == ["plain", '"half', "whole", '{"a": 1}', "\ufffd"]


def test_only_the_newest_are_kept(tmp_path: Path) -> None:
    history = History(tmp_path / "history", most=3)
    for number in range(6):
        history.add(str(number))
    assert history.entries() == ["3", "4", "5"]
    assert history.path.read_bytes().count(b"\n") == 6
    history.add("6")
    assert history.entries() == ["4", "5", "6"]
    assert history.path.read_bytes() == b'"4"\n"5"\n"6"\n'


def test_many_at_once_lose_nothing(tmp_path: Path) -> None:
    path = tmp_path / "history"

    def write(name: str) -> None:
        for number in range(50):
            History(path, most=500).add(f"{name}{number}" * 20)

    threads = [threading.Thread(target=write, args=(name,)) for name in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(History(path, most=500).entries()) == sorted(f"{name}{n}" * 20 for name in "abcd" for n in range(50))
