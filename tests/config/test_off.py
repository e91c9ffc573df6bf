"""What a setting becomes if it is switched off: a value that its field may have."""

from collections.abc import Iterator
from typing import Any, get_args, get_type_hints

import pytest

from dragoman.config.schema import ROOT, TableSchema
from dragoman.config.value_types import Kind, ListOf, OptionalText, Record, Seconds


def kinds(table: TableSchema, place: str) -> Iterator[tuple[str, Any, str, Kind]]:
    """Each key of a table and of those in it: its place, the class that has its value, its field, and its kind."""
    for name, node in table.keys.items():
        below = f"{place}.{name}"
        if isinstance(node, TableSchema):
            yield from kinds(node, below)
        elif isinstance(node, ListOf) and isinstance(node.of, Record):
            yield from of_record(node.of, below)
        else:
            yield below, table.build, table.fields.get(name, name), node


def of_record(record: Record, place: str) -> Iterator[tuple[str, Any, str, Kind]]:
    for name, node in record.keys.items():
        if isinstance(node, Record):
            yield from of_record(node, f"{place}.{name}")
        else:
            yield f"{place}.{name}", record.build, name, node


OFF = [
    each
    for section, node in ROOT.items()
    for each in kinds(node if isinstance(node, TableSchema) else node.entry, section)
    if isinstance(each[3], (Seconds, OptionalText))
]


@pytest.mark.parametrize(("build", "field"), [each[1:3] for each in OFF], ids=[each[0] for each in OFF])
def test_what_may_be_off_may_be_none(build: type, field: str) -> None:
    assert type(None) in get_args(get_type_hints(build)[field])


def test_the_settings_of_a_target_are_among_them() -> None:
    assert any(place.startswith("models.targets.timeouts.") for place, *_ in OFF)
