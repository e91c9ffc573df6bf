"""Fields that mean the same, in the same form, in both protocols."""

from collections.abc import Collection, Mapping
from typing import Any

from dragoman.protocols import extra
from dragoman.types import Extra

FAMILY = "openai"
"""The key of `extra` for these fields."""

FAMILY_FIELDS = ("moderation", "prompt_cache_options", "prompt_cache_retention")

TIER = "service_tier"
"""The field of an answer that both have: how the request was served."""

CACHE_OPTIONS = "prompt_cache_options"
"""One of them, of which Responses has more than Chat."""
TIME = "30m"
"""The only time in it that both have (openai 3.57)."""

TIERS: dict[str, str] = {"default": "standard"}
"""Service tiers to ours, if the two differ."""
NATIVE_TIERS: dict[str, str] = {ours: theirs for theirs, ours in TIERS.items()}


def request_extra(own: str, rest: Mapping[str, Any]) -> Extra:
    """`rest`, the fields of a request of the protocol `own` that have no canonical name."""
    shared = {name: value for name, value in rest.items() if name in FAMILY_FIELDS}
    others = {name: value for name, value in rest.items() if name not in FAMILY_FIELDS}
    if isinstance(options := shared.get(CACHE_OPTIONS), Mapping):
        both = {name: value for name, value in options.items() if name == "mode" or (name, value) == ("ttl", TIME)}
        if more := {name: value for name, value in options.items() if name not in both}:
            others[CACHE_OPTIONS] = more
            shared = {name: value for name, value in shared.items() if name != CACHE_OPTIONS}
            shared |= {CACHE_OPTIONS: both} if both else {}
    return extra.to_extra(own, others) | extra.to_extra(FAMILY, shared)


def said_of(given: Extra, own: str, names: Collection[str]) -> list[str]:
    """Those of `names` that a request of the protocol `own` has."""
    return sorted(name for name in names if name in given.get(FAMILY, {}) or name in given.get(own, {}))


def without_fields(given: Extra, own: str, names: Collection[str]) -> Extra:
    """`given` without such fields."""
    left = {
        key: {name: value for name, value in given[key].items() if name not in names}
        for key in (FAMILY, own)
        if key in given
    }
    return {key: fields for key, fields in (given | left).items() if fields}


def answer_extra(own: str, rest: Mapping[str, Any]) -> Extra:
    """`rest`, the fields of an answer of the protocol `own` that have no canonical name."""
    if not isinstance(tier := rest.get(TIER), str):
        return extra.to_extra(own, rest)
    others = {name: value for name, value in rest.items() if name != TIER}
    return extra.to_extra(own, others) | {FAMILY: {TIER: tier}}


def said_beside(own: str, given: Extra) -> dict[str, Any]:
    """The fields of an answer of the protocol `own`, of all that is `given`."""
    return given.get(FAMILY, {}) | given.get(own, {})
