"""This protocol's name, and its fields for which there are no canonical values."""

from collections.abc import Mapping
from typing import Any

from dragoman.protocols import extra
from dragoman.types import Extra

NAME = "openai-chat"

FAMILY = "openai"
"""The key of `extra` for fields that OpenAI's other protocol, Responses, has in the same form."""

FAMILY_FIELDS = frozenset({"moderation", "prompt_cache_options", "prompt_cache_retention"})


def to_extra(rest: Mapping[str, Any]) -> Extra:
    """`rest`, the fields that have no canonical name, under the name of this protocol; empty if there are none."""
    return extra.to_extra(NAME, rest)


def request_extra(rest: Mapping[str, Any]) -> Extra:
    """The same for the fields of a request, of which some are shared with the protocols of the family."""
    shared = {name: value for name, value in rest.items() if name in FAMILY_FIELDS}
    own = {name: value for name, value in rest.items() if name not in FAMILY_FIELDS}
    return to_extra(own) | extra.to_extra(FAMILY, shared)


def with_extra(body: dict[str, Any], fields: Extra) -> dict[str, Any]:
    """`body` with the fields of this protocol from `fields`; objects that both have are merged."""
    return extra.with_extra(body, fields, NAME)
