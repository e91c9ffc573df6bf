"""Whatever is in a file: each key is accounted for once, what is written loads, and no key in clear is shown."""

import json
import tomllib
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dragoman.cli.imports.catalogue import importers
from dragoman.cli.imports.importer import Imported
from dragoman.cli.imports.report import report
from dragoman.cli.imports.yaml_text import parse
from dragoman.config.tables import from_tables
from dragoman.gateway.check import check
from tests.cli.imports.shapes import CANARY, JUNK, SHAPES

IMPORTERS = importers()


class Everything(Mapping[str, str]):
    """An environment in which each variable is set."""

    def __getitem__(self, name: str) -> str:
        return "none" if name == "PROXY" else "key"

    def __iter__(self) -> Iterator[str]:
        return iter(())

    def __len__(self) -> int:
        return 0


def ends(value: Any, path: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    """The paths of all values that hold no others."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    found = [end for key, each in inner for end in ends(each, (*path, key))]
    return found or [path]


def check_import(done: Imported, content: Any) -> None:
    assert [finding.path for finding in done.findings] == ends(content)
    config = from_tables(tomllib.loads(done.toml.encode().decode()), Everything())
    assert "all is well" in check(config)
    lines = list(report(done.findings))
    assert CANARY not in "\n".join(lines)
    assert len([line for line in lines if line.startswith("  ")]) == len(done.findings)


@pytest.mark.parametrize("name", IMPORTERS)
@settings(max_examples=60)
@given(data=st.data(), in_clear=st.booleans())
def test_each_key_once_and_what_is_written_loads(name: str, data: st.DataObject, in_clear: bool) -> None:
    text = json.dumps(data.draw(SHAPES[name]))  # YAML reads JSON too
    done = IMPORTERS[name].convert(text, in_clear)
    check_import(done, READ[name](text))
    assert in_clear or CANARY not in done.toml


@pytest.mark.parametrize("name", IMPORTERS)
@settings(max_examples=30)
@given(content=JUNK)
def test_junk_is_accounted_for(name: str, content: Any) -> None:
    text = json.dumps(content)
    check_import(IMPORTERS[name].convert(text, True), READ[name](text))


def read_yaml(text: str) -> Any:
    pytest.importorskip("yaml")
    return parse(text)


READ: dict[str, Callable[[str], Any]] = {"ccr": json.loads, "opencode": json.loads, "litellm": read_yaml}
