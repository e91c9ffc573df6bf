"""Lines written in a thread: where they go, what becomes of them when they cannot, and that nobody waits for it."""

import logging
import os
import resource
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from dragoman.gateway.line_writer import MAX_WAITING, Writer

PATIENCE = 20
"""Seconds until a test gives up: no measure, only an end."""


def until(done: Callable[[], object]) -> None:
    """Returns once `done`; nothing tells of a file or of another thread but a look."""
    ends = time.monotonic() + PATIENCE
    while not done():
        assert time.monotonic() < ends
        time.sleep(0.005)


@contextmanager
def pipe(path: Path) -> Iterator[int]:
    """The reading end of a named pipe."""
    reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    try:
        yield reader
    finally:
        os.close(reader)


def log_messages(caplog: pytest.LogCaptureFixture) -> list[str]:
    """What the event log was told."""
    return [record.getMessage() for record in caplog.records]


def test_a_file_that_was_renamed_is_made_anew_at_once_when_that_is_asked(tmp_path: Path) -> None:
    path, moved = tmp_path / "log", tmp_path / "log.1"
    writer = Writer(str(path))
    writer.put(b"one\n")
    until(path.read_bytes)
    path.rename(moved)
    writer.reopen()
    until(path.exists)
    writer.put(b"two\n")
    writer.close()
    assert (moved.read_bytes(), path.read_bytes()) == (b"one\n", b"two\n")


@pytest.mark.parametrize("moves", [lambda path: path.rename(f"{path}.1"), Path.unlink])
def test_a_file_that_is_gone_is_made_anew_without_being_asked(tmp_path: Path, moves: Callable[[Path], object]) -> None:
    path = tmp_path / "log"
    writer = Writer(str(path))
    writer.put(b"one\n")
    until(path.read_bytes)
    moves(path)

    def written() -> bool:
        writer.put(b"two\n")
        return path.exists()

    until(written)
    writer.close()
    assert path.read_bytes().startswith(b"two\n")


def test_a_file_that_cannot_be_made_anew_goes_on_where_it_is(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    folder = tmp_path / "logs"
    folder.mkdir()
    writer = Writer(str(folder / "log"))
    writer.put(b"one\n")
    until((folder / "log").read_bytes)
    folder.rename(tmp_path / "gone")
    for _ in range(2):
        writer.reopen()
        writer.put(b"two\n")
    writer.close()
    assert (tmp_path / "gone" / "log").read_bytes() == b"one\ntwo\ntwo\n"
    assert log_messages(caplog) == [
        "the request log cannot be opened anew, and goes on where it was: No such file or directory"
    ]


def test_a_pipe_without_a_reader_stops_nobody_and_loses_nothing_if_one_comes(tmp_path: Path) -> None:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    writer = Writer(str(path))
    writer.put(b"one\n")
    with pipe(path) as reader:
        writer.close()
        assert os.read(reader, 100) == b"one\n"


def test_what_nobody_reads_is_dropped_counted_and_said_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    writer = Writer(str(path))
    lines = b"x\n" * (MAX_WAITING // 4)
    for _ in range(6):
        writer.put(lines)
    assert log_messages(caplog) == [
        "the request log cannot be written, and its lines are lost until it can: it is not read fast enough"
    ]
    writer.close()
    assert log_messages(caplog)[1:] == [f"the request log ended without {6 * MAX_WAITING // 4} of its lines"]
    with pipe(path) as reader:
        until(lambda: select.select([reader], [], [], 0)[0])
    assert writer._thread is not None
    writer._thread.join(PATIENCE)  # it has its end: nobody reads any more


def test_a_disk_that_is_full_is_said_once_and_once_that_it_is_not(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    caplog.set_level(logging.WARNING)
    writer = Writer(str(path))
    with pipe(path) as reader:
        writer.put(b"one\n")
        until(lambda: select.select([reader], [], [], 0)[0])
    for _ in range(3):  # from here on each write fails
        writer.put(b"two\n")
        until(lambda: not writer._waiting and not writer._writing)
    with pipe(path) as reader:
        writer.put(b"three\n")
        writer.close()
        assert os.read(reader, 100) == b"one\nthree\n"
    assert log_messages(caplog) == [
        "the request log cannot be written, and its lines are lost until it can: Broken pipe",
        "the request log is written again, without 3 lines",
    ]


@pytest.mark.skipif(
    not Path("/dev/full").exists(), reason="this system has no /dev/full, a file to which nothing can be written"
)
def test_lines_for_a_full_disk_are_counted(caplog: pytest.LogCaptureFixture) -> None:
    writer = Writer("/dev/full")
    writer.put(b"one\ntwo\n")
    until(lambda: writer.lost)
    assert writer.lost == 2
    writer.close()
    assert log_messages(caplog) == [
        "the request log cannot be written, and its lines are lost until it can: No space left on device",
        "the request log ended without 2 of its lines",
    ]


@contextmanager
def full_after(size: int) -> Iterator[None]:
    """A file takes so many bytes until the block ends."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, ignored)


@pytest.mark.parametrize(
    ("size", "lost", "kept"),
    [(6, 2, b"one\ntw\nfour\n"), (8, 1, b"one\ntwo\nfour\n")],
    ids=["within a line", "after a line"],
)
def test_what_a_full_disk_cuts_does_not_spoil_the_next_line(tmp_path: Path, size: int, lost: int, kept: bytes) -> None:
    path = tmp_path / "log"
    writer = Writer(str(path))
    with full_after(size):
        writer.put(b"one\ntwo\nthree\n")
        until(lambda: writer.lost)
    writer.put(b"four\n")
    writer.close()
    assert writer.lost == lost
    assert path.read_bytes() == kept


@pytest.mark.parametrize("size", [6, 8], ids=["within a line", "after a line"])
def test_each_line_that_a_full_disk_does_not_take_is_lost_once(tmp_path: Path, size: int) -> None:
    path, moved = tmp_path / "log", tmp_path / "log.1"
    writer = Writer(str(path))
    with full_after(size):
        writer.put(b"one\ntwo\nthree\n")
        until(lambda: writer.lost)
        lost = writer.lost
        for number in range(3):
            writer.put(b"four\n")
            until(lambda number=number: writer.lost > lost + number)  # type: ignore[misc]  # a lambda with a default
    assert writer.lost == lost + 3 == (5 if size == 6 else 4)
    path.rename(moved)
    writer.reopen()
    writer.put(b"five\n")
    writer.close()
    assert (moved.read_bytes(), path.read_bytes()) == (b"one\ntwo\n"[:size], b"five\n")


LINES = """
import sys
from dragoman.gateway.line_writer import Writer
writer = Writer("-")
print("ready", file=sys.stderr, flush=True)
sys.stdin.read()
for _ in range(8):
    writer.put((sys.argv[1] * 299 + "\\n").encode() * 100)
writer.close()
"""


def test_lines_of_several_processes_stay_whole_in_a_pipe_that_is_full() -> None:
    reader, end = os.pipe()
    words = [sys.executable, "-c", LINES]
    writing = [
        subprocess.Popen([*words, letter], stdin=subprocess.PIPE, stdout=end, stderr=subprocess.PIPE) for letter in "ab"
    ]
    os.close(end)
    for each in writing:
        assert each.stderr is not None
        assert each.stderr.readline() == b"ready\n"
    for each in writing:
        assert each.stdin is not None
        each.stdin.close()
    with os.fdopen(reader, "rb", buffering=0) as pipe_end:
        came = b""
        while data := pipe_end.read(3000):
            came += data
            time.sleep(0.0005)  # reads more slowly than they write
    for each in writing:
        each.wait(PATIENCE)
        assert each.stderr is not None
        each.stderr.close()
    assert set(came.split(b"\n")) == {b"a" * 299, b"b" * 299, b""}
    assert len(came) == 2 * 800 * 300
