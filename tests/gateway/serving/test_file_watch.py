"""A changed file is seen once, and only when it stands still."""

from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule

from dragoman.gateway.serving.file_watch import FileWatch, Mark, mark

A, B = Path("a"), Path("b")


class Files(dict[Path, Mark]):
    """Files in memory, and their marks."""

    def look(self, path: Path) -> Mark:
        return self.get(path)


def test_a_change_is_told_once_when_it_stands_still() -> None:
    files = Files({A: (1, 1, 1), B: (1, 1, 2)})
    watch = FileWatch([A, B], files.look)
    assert [watch.look(), watch.look()] == [False, False]
    files[A] = (2, 1, 1)
    assert [watch.look(), watch.look(), watch.look()] == [False, True, False]


def test_a_file_that_is_still_being_written_is_waited_for() -> None:
    files = Files({A: (1, 1, 1)})
    watch = FileWatch([A], files.look)
    for size in range(2, 6):
        files[A] = (size, size, 1)
        assert not watch.look()
    assert watch.look()


def test_a_file_that_is_as_it_was_before_is_no_change() -> None:
    files = Files({A: (1, 1, 1)})
    watch = FileWatch([A], files.look)
    files[A] = None
    assert not watch.look()
    files[A] = (1, 1, 1)
    assert [watch.look(), watch.look()] == [False, False]


def test_what_was_changed_while_it_was_read_is_seen_after_that() -> None:
    files = Files({A: (1, 1, 1)})
    watch = FileWatch([A], files.look)
    files[A] = (2, 1, 1)
    watch.note()
    files[A] = files[B] = (3, 1, 1)
    watch.settle([A, B])
    assert [watch.look(), watch.look()] == [False, True]


def test_the_mark_of_a_file_follows_a_link_and_a_file_that_is_not_there_has_none(tmp_path: Path) -> None:
    first, second, link = tmp_path / "first", tmp_path / "second", tmp_path / "link"
    first.write_text("a")
    second.write_text("a")
    link.symlink_to(first)
    before = mark(link)
    link.unlink()
    link.symlink_to(second)
    assert None not in (before, mark(link))
    assert before != mark(link)
    assert mark(tmp_path / "none") is None
    assert mark(Path("\0")) is None


class Machine(RuleBasedStateMachine):
    """What is told is what has changed since it was told last, and never what changed after the look before."""

    def __init__(self) -> None:
        super().__init__()
        self.files = Files({A: (0, 0, 0), B: (0, 0, 0)})
        self.watch = FileWatch([A, B], self.files.look)
        self.told = dict(self.files)
        self.seen = dict(self.files)

    @rule(path=st.sampled_from([A, B]), made=st.sampled_from([None, (0, 0, 0), (1, 0, 0), (2, 0, 0)]))
    def write(self, path: Path, made: Mark) -> None:
        self.files[path] = made

    @rule()
    def look(self) -> None:
        now = dict(self.files)
        expected = now == self.seen and now != self.told
        assert self.watch.look() is expected
        if expected:
            self.told = now
        self.seen = now

    @rule()
    def note(self) -> None:
        self.watch.note()
        self.told = self.seen = dict(self.files)


TestMachine = Machine.TestCase
TestMachine.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)
