"""This protocol's name, and what has no canonical value: further fields, and forms that mean the same."""

from collections.abc import Mapping
from typing import Any

from dragoman.protocols import extra
from dragoman.protocols.speech import OURS
from dragoman.types import Extra

NAME = "anthropic"

THREAD = "thread"
"""The field by which the vendor's service keeps a conversation, of which later requests have only what is new."""

LIST = "list"
"""The note that a single text stood in a list, and not as a string."""

APART = "apart"
"""The note that a turn stood after one of the same role, as a turn of its own."""

REFERENCE = "reference"
"""The note that a text stood as a reference to a tool of this name, which the model may call from then on."""

BLOCK = "block"
"""The note that a text stood as this block of another kind."""

TURN = "turn"
"""The note that a system message was a turn: a caller who wrote it so knows that the model has such turns."""


def to_extra(rest: Mapping[str, Any]) -> Extra:
    """`rest`, the fields that have no canonical name, under the name of this protocol; empty if there are none."""
    return extra.to_extra(NAME, rest)


def with_extra(body: dict[str, Any], fields: Extra) -> dict[str, Any]:
    """`body` with the fields of this protocol from `fields`; objects that both have are merged."""
    return extra.with_extra(body, fields, NAME)


def noted(fields: Extra, **notes: Any) -> Extra:
    """`fields` with notes on the form in which something came: the same meaning has the same bytes again."""
    return fields | {OURS: fields.get(OURS, {}) | notes}


def without_note(fields: Extra, name: str) -> Extra:
    """`fields` without such a note."""
    return fields | {OURS: {key: value for key, value in fields.get(OURS, {}).items() if key != name}}


def note(fields: Extra, name: str) -> Any:
    """Such a note; None if there is none."""
    return fields.get(OURS, {}).get(name)
