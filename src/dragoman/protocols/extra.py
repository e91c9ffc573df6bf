"""Fields for which there are no canonical values: collected when a body is read, and added when it is written."""

from collections.abc import Mapping
from typing import Any

from dragoman.types import Extra


def to_extra(protocol: str, rest: Mapping[str, Any]) -> Extra:
    """`rest`, the fields of an object of `protocol` that have no canonical name."""
    return {protocol: dict(rest)} if rest else {}


def with_extra(body: dict[str, Any], extra: Extra, protocol: str) -> dict[str, Any]:
    """`body` with the fields in `extra` that are of `protocol`; objects that both have are merged."""
    return merged(body, extra[protocol]) if protocol in extra else body


def merged(body: Mapping[str, Any], more: Mapping[str, Any]) -> dict[str, Any]:
    """Both objects as one; if both have a field, `more` holds, except that two objects are merged."""
    out = dict(body)
    for name, value in more.items():
        ours = out.get(name)
        out[name] = merged(ours, value) if isinstance(ours, Mapping) and isinstance(value, Mapping) else value
    return out


def without_none(fields: Mapping[str, Any]) -> dict[str, Any]:
    """`fields` without those that are None: they are not set."""
    return {name: value for name, value in fields.items() if value is not None}
