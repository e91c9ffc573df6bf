"""A service's JSON without credentials in its texts. Knows no vendor."""

from typing import Any

from dragoman.error_words import scrub

DEEP = 64
"""Lists and objects in one another that are kept of an error's details."""


def scrubbed(value: Any, depth: int = DEEP) -> Any:
    """A JSON value whose texts, names of fields too, are without credentials; "…" for what is nested deeper."""
    match value:
        case str():
            return scrub(value)
        case list() | dict() if not depth:
            return "…"
        case list():
            return [scrubbed(item, depth - 1) for item in value]
        case dict():
            return {scrub(name): scrubbed(item, depth - 1) for name, item in value.items()}
        case _:
            return value
