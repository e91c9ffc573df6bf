"""What others may do with a file, by its mode and its owners."""

import os
from pathlib import Path

import pytest

from dragoman.config.file import ConfigFile, read_file

ME, NOBODY, SOME_GROUP = os.geteuid(), 4_000_000_001, 4_000_000_002

CASES = [
    (0o600, ME, ME, ""),
    (0o644, ME, ME, "r"),
    (0o604, ME, SOME_GROUP, "r"),
    (0o640, ME, SOME_GROUP, "r"),
    (0o660, ME, SOME_GROUP, "rw"),
    (0o660, ME, ME, ""),
    (0o602, ME, ME, "w"),
    (0o600, NOBODY, NOBODY, "w"),
    (0o600, 0, 0, ""),
]


@pytest.mark.parametrize(("mode", "owner", "group", "rights"), CASES)
def test_others_are_those_of_a_shared_group_everybody_and_a_foreign_owner(
    tmp_path: Path, mode: int, owner: int, group: int, rights: str
) -> None:
    status = os.stat_result((mode, 0, 0, 1, owner, group, 0, 0, 0, 0))
    file = ConfigFile(tmp_path / "dragoman.toml", "dragoman.toml", b"", status)
    assert (file.readable, file.writable) == ("r" in rights, "w" in rights)


def test_an_empty_configuration_from_the_null_device_is_nobody_else_s() -> None:
    file = read_file(Path(os.devnull), os.devnull)
    assert file is not None
    assert (file.data, file.writable) == (b"", False)
