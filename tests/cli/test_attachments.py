"""Files that go with a question."""

import os
import sys
from pathlib import Path

import pytest

from dragoman.cli.attachments import LARGEST, attach
from dragoman.errors import InvalidRequestError
from dragoman.types import Text


def test_a_file_without_an_end_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidRequestError, match=r"/dev/zero: expected at most 32 MiB, got more"):
        attach("/dev/zero")
    path = tmp_path / "large"
    path.write_bytes(b"a" * LARGEST)
    assert isinstance(attach(str(path)), Text)
    with pytest.raises(InvalidRequestError, match="cannot be read: No such file"):
        attach(str(tmp_path / "none"))


def test_a_url_is_no_file_and_is_not_fetched() -> None:
    with pytest.raises(InvalidRequestError, match=r"https://service.example/a.png: expected a file, got a URL"):
        attach("https://service.example/a.png")


@pytest.mark.skipif(sys.platform == "darwin", reason="names of files are UTF-8 there")
def test_a_name_of_other_bytes_than_utf_8_can_be_sent(tmp_path: Path) -> None:
    path = tmp_path / os.fsdecode(b"caf\xe9.txt")
    path.write_text("hello")
    part = attach(str(path))
    assert isinstance(part, Text)
    assert part.text == "caf\ufffd.txt:\n\n```\nhello\n```"
