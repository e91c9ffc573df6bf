"""This protocol's name, and its fields for which there are no canonical values."""

from collections.abc import Mapping
from typing import Any

from dragoman.types import Extra

NAME = "openai-chat"


def kept(rest: Mapping[str, Any]) -> Extra:
    """`rest`, the fields that have no canonical name, to be given back to this protocol."""
    return {NAME: dict(rest)} if rest else {}


def given_back(body: dict[str, Any], extra: Extra) -> dict[str, Any]:
    """`body` with the further fields that this protocol sent; objects that both have are merged."""
    return merged(body, extra[NAME]) if NAME in extra else body


def merged(body: Mapping[str, Any], more: Mapping[str, Any]) -> dict[str, Any]:
    """Both objects as one; if both have a field, `more` holds, except that two objects are merged."""
    out = dict(body)
    for name, value in more.items():
        ours = out.get(name)
        out[name] = merged(ours, value) if isinstance(ours, Mapping) and isinstance(value, Mapping) else value
    return out
