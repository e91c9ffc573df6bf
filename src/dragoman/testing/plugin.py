"""pytest's fixture for cassettes. A conftest.py asks for it: `pytest_plugins = ["dragoman.testing.plugin"]`.

It is no entry point, because each run of pytest would then load it wherever this library is installed.
"""

from typing import get_args

import pytest

from dragoman.testing.cassette_file import CassetteFile
from dragoman.transport.replay import RecordMode

OPTION = "--dragoman-record"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Adds the option that says how cassettes are used."""
    parser.getgroup("dragoman").addoption(
        OPTION,
        choices=get_args(RecordMode),
        default="once",
        help="none: only play cassettes; once: record those that are missing; all: record all anew",
    )


@pytest.fixture
def dragoman_cassette(request: pytest.FixtureRequest) -> CassetteFile:
    """The cassette of this test, in the mode of `--dragoman-record`."""
    classes = [each.name for each in request.node.listchain() if isinstance(each, pytest.Class)]
    name = ".".join([*classes, request.node.name])
    return CassetteFile.of_test(request.path, name, request.config.getoption(OPTION))
