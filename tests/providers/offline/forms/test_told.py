"""Schemas in texts."""

import json
from typing import Any

import pytest

from dragoman.providers.offline.forms import schema_in
from dragoman.providers.offline.forms.told import MAX_READ, MAX_TRIES

CITY = {"type": "object", "properties": {"city": {"type": "string"}}}
TOLD = json.dumps(CITY, indent=1)


@pytest.mark.parametrize(
    ("text", "schema"),
    [
        (TOLD, CITY),
        (f"Answer by this schema:\n```json\n{TOLD}\n```\nand {{nothing}} else.", CITY),
        (f'{{"$defs": {{}}}} {TOLD} {{"a": 1}}', CITY),
        (f'{TOLD} {{"$defs": {{}}}}', {"$defs": {}}),
        ("{" * (MAX_TRIES - 1) + TOLD, CITY),
        ("{" * MAX_TRIES + TOLD, None),
        (" " * MAX_READ + TOLD, None),
        ('{"properties": []}', None),
        ("[" * 100_000 + "{", None),
        ('{"a":' * 30_000, None),
        ("no braces", None),
        ("", None),
    ],
)
def test_finds_the_last_schema_of_an_object(text: str, schema: Any) -> None:
    assert schema_in(text) == schema
