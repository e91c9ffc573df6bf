"""This protocol's name, and its fields for which there are no canonical values.

A field of an object inside of another has both names, so that a loss names it exactly: `options.num_ctx` of a request,
`function.index` of a call. What a caller left out, although we would write it, is noted under our own name.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from dragoman.protocols import extra
from dragoman.protocols.speech import OURS
from dragoman.types import Extra

NAME = "ollama"

GENERATE = f"{NAME} generate"
"""The key of `extra` that marks a request to `/api/generate`; no protocol sends it on."""

UNSAID = "unsaid"


def to_extra(rest: Mapping[str, Any], unsaid: Iterable[str] = ()) -> Extra:
    """`rest`, the fields that have no canonical name; `unsaid`: fields that the caller left out."""
    said = extra.to_extra(NAME, rest)
    return said | {OURS: {UNSAID: list(unsaid)}} if unsaid else said


def nested(name: str, rest: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of the object `name`, each with both names."""
    return {f"{name}.{inner}": value for inner, value in rest.items()}


def with_extra(body: dict[str, Any], said: Extra, *objects: str) -> dict[str, Any]:
    """`body` as its caller said it: with the fields of this protocol, each in its place, without what was left out.

    `objects`: the fields of `body` whose own fields have both names.
    """
    more: dict[str, Any] = {}
    for name, value in said.get(NAME, {}).items():
        outer, dot, inner = name.partition(".")
        if dot and outer in objects:
            more[outer] = {**more.get(outer, {}), inner: value}
        else:
            more[name] = {**more[name], **value} if name in more and isinstance(value, Mapping) else value
    left_out = said.get(OURS, {}).get(UNSAID, ())
    whole = extra.merged(body, more)
    return {name: value for name, value in whole.items() if name not in left_out}
