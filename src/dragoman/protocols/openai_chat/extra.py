"""This protocol's name, and its fields for which there are no canonical values."""

from collections.abc import Mapping
from typing import Any

from dragoman.protocols import extra
from dragoman.protocols.openai_shared import family
from dragoman.protocols.openai_shared.family import FAMILY
from dragoman.types import Extra

NAME = "openai-chat"

__all__ = ["FAMILY", "NAME", "request_extra", "to_extra", "with_extra"]


def to_extra(rest: Mapping[str, Any]) -> Extra:
    """`rest`, the fields that have no canonical name, under the name of this protocol; empty if there are none."""
    return extra.to_extra(NAME, rest)


def request_extra(rest: Mapping[str, Any]) -> Extra:
    """The same for the fields of a request, of which some are shared with the protocols of the family."""
    return family.request_extra(NAME, rest)


def with_extra(body: dict[str, Any], fields: Extra) -> dict[str, Any]:
    """`body` with the fields of this protocol from `fields`; objects that both have are merged."""
    return extra.with_extra(body, fields, NAME)
