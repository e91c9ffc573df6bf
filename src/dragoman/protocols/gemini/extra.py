"""This protocol's name, its fields for which there are no canonical values, and notes about how things were written."""

from collections.abc import Mapping
from typing import Any

from dragoman.protocols import extra
from dragoman.protocols.speech import OURS
from dragoman.types import Extra

NAME = "gemini"


def to_extra(rest: Mapping[str, Any]) -> Extra:
    """`rest`, the fields that have no canonical name, under the name of this protocol; empty if there are none."""
    return extra.to_extra(NAME, rest)


def with_extra(body: dict[str, Any], fields: Extra) -> dict[str, Any]:
    """`body` with the fields of this protocol from `fields`; objects that both have are merged."""
    return extra.with_extra(body, fields, NAME)


def note(name: str, value: Any) -> Extra:
    """How a thing was written whose meaning is in the canonical values: for another protocol it is no loss."""
    return {OURS: {f"{NAME}.{name}": value}}


def noted(fields: Extra, name: str) -> Any:
    """What was noted; None if nothing was."""
    return fields.get(OURS, {}).get(f"{NAME}.{name}")
