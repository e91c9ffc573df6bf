"""Settings on their way from sources to values: flat, each under its keys, as it came. Knows no source."""

from collections.abc import Mapping
from typing import Any, TypeVar

from msgspec import Struct, field

from dragoman.config.kinds import WrongError, checked, shown
from dragoman.config.schema import ROOT, Entries, Table
from dragoman.config.values import Keys, place
from dragoman.errors import ConfigurationError, nearest

Node = TypeVar("Node")


class Settings(Struct):
    """What was said, where it stands, and the names that the user gave (`entries`), be there nothing under them."""

    said: dict[Keys, object] = field(default_factory=dict)
    origins: dict[Keys, str] = field(default_factory=dict)
    entries: dict[str, list[str]] = field(default_factory=lambda: {name: [] for name in ROOT})


def gather(data: Mapping[str, Any], origins: dict[Keys, str]) -> Settings:
    """The settings of nested tables. Raises ConfigurationError: unknown keys, tables that are none, bad names."""
    settings = Settings(origins=origins)
    for name, value in data.items():
        node = _known((name,), ROOT, settings)
        match node:
            case Table():
                _gather(settings, node, (name,), value)
            case Entries():
                for entry, inner in _table((name,), value, settings).items():
                    if not node.name.fullmatch(entry):
                        raise fault(settings, (name, entry), f"expected {node.expected}, got {shown(entry)}")
                    settings.entries[name].append(entry)
                    _gather(settings, node.entry, (name, entry), inner)
    return settings


def _gather(settings: Settings, table: Table, keys: tuple[str, ...], data: object) -> None:
    for name, value in _table(keys, data, settings).items():
        below = (*keys, name)
        node = _known(below, table.keys, settings)
        if isinstance(node, Table):
            _gather(settings, node, below, value)
        else:
            settings.said[below] = value


def _known(keys: tuple[str, ...], nodes: Mapping[str, Node], settings: Settings) -> Node:
    name = keys[-1]
    if name not in nodes:
        hint = nearest(name, nodes) or f"; known are {', '.join(nodes)}"
        raise fault(settings, keys, f"unknown key{hint}")
    return nodes[name]


def _table(keys: Keys, value: object, settings: Settings) -> dict[str, Any]:
    if not isinstance(value, dict):
        # A value in a table's place may be a secret that lost its key.
        raise fault(settings, keys, f"expected a table, got {shown(value, secret=True)}")
    return value


def assemble(settings: Settings, environ: Mapping[str, str]) -> dict[str, Any]:
    """The values of Config's fields. Raises ConfigurationError where a value is not of its kind, or one is missing."""
    return {
        name: _build(settings, node, (name,), environ)
        if isinstance(node, Table)
        else {entry: _build(settings, node.entry, (name, entry), environ) for entry in settings.entries[name]}
        for name, node in ROOT.items()
    }


def _build(settings: Settings, table: Table, keys: Keys, environ: Mapping[str, str]) -> Any:
    for pair in table.either:
        if all((*keys, name) in settings.said for name in pair):
            raise fault(settings, (*keys, pair[1]), f"expected either {pair[0]} or {pair[1]}, got both")
    fields: dict[str, Any] = {}
    for name, node in table.keys.items():
        below = (*keys, name)
        if isinstance(node, Table):
            fields[name] = _build(settings, node, below, environ)
        elif below in settings.said:
            try:
                fields[table.fields.get(name, name)] = checked(node, settings.said[below], environ)
            except WrongError as exc:
                raise fault(settings, below + exc.below, str(exc)) from exc
        elif name in table.needed:
            raise fault(settings, keys, f"expected {name}, got none")
    return table.build(**fields)


def fault(settings: Settings, keys: Keys, message: str) -> ConfigurationError:
    """The error about the setting `keys`, with its place."""
    return ConfigurationError(f"{place(settings.origins, keys)}: {message}")
