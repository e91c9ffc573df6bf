"""Fields that mean the same, in the same form, in both protocols."""

from collections.abc import Mapping
from typing import Any

from dragoman.protocols import extra
from dragoman.types import Extra

FAMILY = "openai"
"""The key of `extra` for these fields."""

FAMILY_FIELDS = frozenset({"moderation", "prompt_cache_options", "prompt_cache_retention"})

TIERS: dict[str, str] = {"default": "standard"}
"""Service tiers to ours, if the two differ."""
NATIVE_TIERS: dict[str, str] = {ours: theirs for theirs, ours in TIERS.items()}


def request_extra(own: str, rest: Mapping[str, Any]) -> Extra:
    """`rest`, the fields of a request of the protocol `own` that have no canonical name."""
    shared = {name: value for name, value in rest.items() if name in FAMILY_FIELDS}
    others = {name: value for name, value in rest.items() if name not in FAMILY_FIELDS}
    return extra.to_extra(own, others) | extra.to_extra(FAMILY, shared)
