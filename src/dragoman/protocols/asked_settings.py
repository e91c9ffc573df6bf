"""Whether a model takes the settings of a request to be relayed: read in the text of its fields. Knows no dialect."""

from collections.abc import Mapping
from typing import Any

from dragoman.protocols.asked_effort import value_of
from dragoman.protocols.profiles import NEUTRAL, untaken_thinking
from dragoman.types import ModelProfile


def takes_limit(fields: Mapping[str, Any], names: tuple[str, ...], most: int | None) -> bool:
    """Whether each of these `fields` with one of `names` says at most so many tokens; None: any number."""
    return most is None or not any(_is_over(fields[name], most) for name in names if name in fields)


def takes_settings(
    fields: Mapping[str, Any], places: Mapping[str, str], profile: ModelProfile, *, thinks: bool = False
) -> bool:
    """Whether models of `profile` take the settings in `fields`.

    `places`: fields of ChatRequest, each with the field of a request that says it. `thinks`: whether thinking is asked
    for.
    """
    if fields.keys().isdisjoint(places.values()):
        return True
    said = {name: field for name, field in places.items() if field in fields}
    refused = untaken_thinking(profile, asked=thinks).union(profile.unsupported_fields or ())
    if any(_is_said(name, fields[field]) for name, field in said.items() if name in refused):
        return False
    if not profile.single_sampling or not {"temperature", "top_p"} <= said.keys():
        return True
    return any(value_of(fields[said[name]]) is None for name in ("temperature", "top_p"))


def _is_said(name: str, field: Any) -> bool:
    value = value_of(field)
    if value is None or (name == "top_logprobs" and value is False):
        return False
    return name not in NEUTRAL or value != NEUTRAL[name]


def _is_over(field: Any, most: int) -> bool:
    value = value_of(field)
    return isinstance(value, int) and value > most
