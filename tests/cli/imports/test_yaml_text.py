"""YAML as plain values."""

import json

import pytest

from dragoman.cli.imports.yaml_text import parse

pytest.importorskip("yaml")


@pytest.mark.parametrize(
    ("escaped", "read"), [("\\ud83d\\ude00", "\U0001f600"), ("\\ud83d", "\ufffd"), ("\\ude00 a", "\ufffd a")]
)
def test_a_character_in_two_halves_is_one_as_in_json(escaped: str, read: str) -> None:
    assert parse(f'{{"{escaped}": ["{escaped}"]}}') == {read: [read]}
    assert parse(json.dumps({"a": read})) == {"a": read}
