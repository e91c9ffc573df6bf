"""This protocol's name, and its fields for which there are no canonical values."""

from collections.abc import Mapping
from typing import Any

from dragoman.protocols import extra
from dragoman.types import Extra

NAME = "openai-responses"

CONTENT = "content"
"""Marks, under our own key of `extra`, an unknown part that stood in a message, and was not an item of its own."""

MESSAGE = "message."
"""Before the name of a field of the message that a part stood in."""

ITEM = "item"
"""All fields of an item for whose kind there are values, but not for its fields."""


def to_extra(rest: Mapping[str, Any]) -> Extra:
    """`rest`, the fields that have no canonical name, under the name of this protocol; empty if there are none."""
    return extra.to_extra(NAME, rest)


def with_extra(body: dict[str, Any], fields: Extra) -> dict[str, Any]:
    """`body` with the fields of this protocol from `fields`; objects that both have are merged."""
    return extra.with_extra(body, fields, NAME)


def joined(first: Extra, later: Extra) -> Extra:
    """The fields of both; if both have one, that of `later` holds."""
    return {name: first.get(name, {}) | later.get(name, {}) for name in {**first, **later}}
