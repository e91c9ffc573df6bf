"""Every block of code in the documentation is run, or read by what would read it."""

import json
import re
import tomllib
from collections.abc import Callable

import pytest

from dragoman.config import from_tables
from dragoman.gateway.request_log import LogEntry
from tests.docs.blocks import PAGES, Block, blocks, written_in
from tests.docs.ground import VARIABLES

RUN_ELSEWHERE = frozenset({"console", "python"})
"""Languages whose blocks have a file of tests of their own."""

SHOWN = frozenset({"text", "logrotate"})
"""Blocks that are no code of this project: pictures, output, other programs' settings."""


ELSEWHERE = re.compile(r'\{ file = "[a-z.-]+" \}|\{ command = \[[^\]]*\](, every = [0-9a-z.]+)? \}')
"""A secret in a file that is not there, or of a program that is not."""


def _toml(block: Block) -> None:
    from_tables(tomllib.loads(ELSEWHERE.sub('"hunter2"', block.text)), VARIABLES)


def _json(block: Block) -> None:
    for line in block.text.splitlines():
        assert set(json.loads(line)) <= set(LogEntry.__struct_fields__)


def _nginx(block: Block) -> None:
    assert block.text.count("{") == block.text.count("}") == 1
    for line in block.text.splitlines()[1:-1]:
        assert re.fullmatch(r"    [a-z_]+ [^;#]+; *(#.*)?", line), line


READERS: dict[str, Callable[[Block], None]] = {"toml": _toml, "json": _json, "nginx": _nginx}
"""Language to what reads its blocks."""

READ = [block for language in READERS for block in written_in(language)]


@pytest.mark.parametrize("page", PAGES)
def test_every_block_has_a_language_that_is_run_or_read(page: str) -> None:
    known = {*READERS, *RUN_ELSEWHERE, *SHOWN, "sh"}
    assert [str(block) for block in blocks(page) if block.language not in known] == []


@pytest.mark.parametrize("block", READ, ids=str)
def test_settings_and_records_are_what_they_are_said_to_be(block: Block) -> None:
    READERS[block.language](block)
