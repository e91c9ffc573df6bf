"""What a strict service is: rules, each with the words of its refusal's public source. Knows no protocol."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from msgspec import Struct

Json = dict[str, Any]


class Rule(Struct, frozen=True):
    """One reason to refuse a request."""

    name: str
    source: str
    """Where the refusal can be read: an issue thread or a page."""
    breaks: Callable[[Json], Iterator[str]]
    """The places at which a body breaks it."""


def refusals(rules: Sequence[Rule], body: Json) -> list[str]:
    """Why the service would answer 400; empty if it would not."""
    return [f"{rule.name}: {place}" for rule in rules for place in rule.breaks(body)]
