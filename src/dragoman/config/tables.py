"""A configuration from a program: tables in the shape of the file, or values. Looks for no file by itself."""

import os
from collections.abc import Mapping
from math import inf
from pathlib import Path
from typing import Any

from msgspec import UNSET, Struct
from msgspec.structs import asdict

from dragoman.config.assembled import assembled
from dragoman.config.commands import run_all
from dragoman.config.schema import ROOT, Entries, TableSchema
from dragoman.config.secrets import Sources
from dragoman.config.settings import assemble, gather
from dragoman.config.value_types import Kind, ListOf, OptionalText, Record, Seconds
from dragoman.config.values import Config


def from_tables(tables: Mapping[str, Any], environ: Mapping[str, str] | None = None) -> Config:
    """The configuration in `tables`: `{"providers": {"up": {"url": …}}}`.

    Reads only the files and variables that `{"env": …}` and `{"file": …}` name, and runs the commands that
    `{"command": […]}` name, for which the thread waits. Raises ConfigurationError.
    """
    return assembled(gather(_plain(tables), {}), os.environ if environ is None else environ, run_all)


def verify(config: Config) -> None:
    """Raises ConfigurationError if a service, a route or a front has a value that a file may not set."""
    sections = asdict(config)
    tables = {
        section: {name: _file_table(node.entry, entry) for name, entry in sections[section].items()}
        for section, node in ROOT.items()
        if isinstance(node, Entries)
    }
    assemble(gather(tables, dict(config.origins)), Sources())


def _plain(value: Any) -> Any:
    """Mappings and sequences of any type, as the types that a file gives."""
    match value:
        case Mapping():
            return {str(name): _plain(inner) for name, inner in value.items()}
        case list() | tuple():
            return [_plain(inner) for inner in value]
        case Path():
            return str(value)
        case _:
            return value


def _file_table(table: TableSchema | Record, value: Struct) -> dict[str, Any]:
    """`value` as a file would have it: keys and plain values."""
    fields = asdict(value)
    found: dict[str, Any] = {}
    for name, node in table.keys.items():
        inner = fields.get(name, UNSET)
        if isinstance(node, TableSchema):
            found[name] = _file_table(node, inner)
        elif inner is not UNSET:
            found |= _written(name, node, inner)
    return found


def _written(name: str, kind: Kind, value: object) -> dict[str, object]:
    match kind, value:
        case OptionalText(), None:
            return {name: ""}
        case Seconds(), None:
            return {name: inf}
        case _, None:
            return {}
        case Record(), Struct():
            return {name: _file_table(kind, value)}
        case ListOf(Record() as of), tuple(items):
            return {name: [_file_table(of, item) if isinstance(item, Struct) else item for item in items]}
        case ListOf(), tuple(items):
            return {name: list(items)}
        case _:
            return {name: value}
