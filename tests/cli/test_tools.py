"""Names of Python functions become tools, or an error that says what was expected."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from click import Context

from dragoman.cli.commands.ask import command
from dragoman.cli.tools import load_tools
from dragoman.client.run import MAX_TURNS
from dragoman.errors import InvalidRequestError

MODULE = '''
from json import dumps
from dragoman.client import function_tool

LIMIT = 3

def add(a: int, b: int) -> int:
    """The sum."""
    return a + b

def untyped(a):
    """No types."""

def half(a: int, b):
    """Half of the types."""

def main():
    """No types, and no parameters."""

def unsaid(a: int) -> int:
    return a

def _private(a: int) -> int:
    """Nobody's."""
    return a

@function_tool
def marked(a: int) -> int:
    return a
'''


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The working directory; what was imported from it is forgotten."""
    monkeypatch.chdir(tmp_path)
    path, modules = [*sys.path], set(sys.modules)
    (tmp_path / "own_tools.py").write_text(MODULE)
    yield tmp_path
    sys.path[:] = path
    for name in set(sys.modules) - modules:
        del sys.modules[name]


def names(*given: str) -> list[str]:
    return [tool.tool.name for tool in load_tools(given)]


def test_a_module_offers_its_public_functions_with_docstrings_and_types(folder: Path) -> None:
    assert names("own_tools") == ["add", "marked"]
    assert names("own_tools:unsaid", "own_tools:_private") == ["unsaid", "_private"]
    assert names("own_tools", "own_tools:add") == ["add", "marked"]


def test_all_says_what_a_module_offers(folder: Path) -> None:
    (folder / "more_tools.py").write_text("from own_tools import add\n__all__ = ['add']\n")
    assert names("more_tools") == ["add"]


def test_the_working_directory_is_first_for_the_import_and_last_afterwards(folder: Path) -> None:
    sys.path[:] = [each for each in sys.path if each not in {"", str(folder)}]
    load_tools(["own_tools"])
    assert sys.path.index(str(folder)) == len(sys.path) - 1
    assert sys.path.count(str(folder)) == 1


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("", "expected MODULE:FUNCTION or MODULE, got ''"),
        ("own_tools:", "expected MODULE:FUNCTION or MODULE, got 'own_tools:'"),
        ("../own_tools", "expected MODULE:FUNCTION or MODULE, got '../own_tools'"),
        ("own_tool", "there is no module 'own_tool'; did you mean own_tools?"),
        ("own_tools.py", "there is no module 'own_tools.py'; did you mean own_tools?"),
        ("own_tools:ad", "own_tools: expected a function 'ad', got none; did you mean add?"),
        ("own_tools:LIMIT", "own_tools: expected a function 'LIMIT', got int"),
        ("empty_tools", "empty_tools: expected public functions with docstrings and types, got none"),
        ("any_tools", "any_tools: log: expected parameters by name, got *words: str"),
        ("raising_tools", "raising_tools: its import failed: ZeroDivisionError: division by zero"),
        ("leaving_tools", "leaving_tools: its import failed: SystemExit: 3"),
        ("needing_tools", "needing_tools: its import failed: ModuleNotFoundError: No module named 'not_there'"),
    ],
)
def test_a_wrong_name_says_what_was_expected(folder: Path, name: str, told: str) -> None:
    (folder / "empty_tools.py").write_text("")
    (folder / "any_tools.py").write_text('def log(*words: str) -> None:\n    "Any number."\n')
    (folder / "raising_tools.py").write_text("1 / 0\n")
    (folder / "leaving_tools.py").write_text("raise SystemExit(3)\n")
    (folder / "needing_tools.py").write_text("import not_there\n")
    with pytest.raises(InvalidRequestError) as caught:
        load_tools([name])
    assert told in caught.value.message


def test_two_functions_cannot_have_one_name(folder: Path) -> None:
    (folder / "same_tools.py").write_text('def add(x: str) -> str:\n    "Another."\n    return x\n')
    known = load_tools(["own_tools:add"])
    with pytest.raises(InvalidRequestError, match="there is a tool 'add' already, of another function"):
        load_tools(["same_tools"], known)
    assert load_tools(["own_tools:add"], known) == known


def test_the_help_names_the_default_of_the_library() -> None:
    assert f"[default: {MAX_TURNS}]" in command.get_help(Context(command))


def test_a_module_is_found_where_there_is_no_folder_any_more(folder: Path) -> None:
    (folder / "gone").mkdir()
    os.chdir(folder / "gone")
    (folder / "gone").rmdir()
    assert names("textwrap:dedent") == ["dedent"]
    with pytest.raises(InvalidRequestError, match="there is no module 'nobody'"):
        names("nobody")
