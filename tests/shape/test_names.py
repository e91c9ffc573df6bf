"""The public names, pinned: a name that goes breaks the programs of others, so that its going is a line in a diff."""

import importlib
from pathlib import Path

import pytest

from dragoman import errors

PINNED = Path(__file__).with_name("public_names.txt")


def pinned() -> dict[str, list[str]]:
    """The names of each module as `public_names.txt` has them."""
    found: dict[str, list[str]] = {}
    for line in PINNED.read_text().splitlines():
        if line.startswith("["):
            found[line.strip("[]")] = names = []
        elif line and not line.startswith("#"):
            names.append(line)
    return found


def test_five_modules_are_public() -> None:
    assert list(pinned()) == [
        "dragoman",
        "dragoman.client",
        "dragoman.errors",
        "dragoman.providers",
        "dragoman.types",
    ]


@pytest.mark.parametrize("module", pinned())
def test_the_public_names_are_those_that_are_written_down(module: str) -> None:
    assert sorted(importlib.import_module(module).__all__) == pinned()[module]


@pytest.mark.parametrize("module", pinned())
def test_every_public_name_is_there(module: str) -> None:
    assert [name for name in pinned()[module] if not hasattr(importlib.import_module(module), name)] == []


def test_every_error_of_the_tree_is_public() -> None:
    tree = {name for name, value in vars(errors).items() if isinstance(value, type) and issubclass(value, Exception)}
    assert tree <= set(errors.__all__)
