"""A service's JSON without credentials in its texts. Knows no vendor."""

from typing import Any

from dragoman.errors import scrub


def scrubbed(value: Any) -> Any:
    """A JSON value whose texts, names of fields too, are without credentials."""
    match value:
        case str():
            return scrub(value)
        case list():
            return [scrubbed(item) for item in value]
        case dict():
            return {scrub(name): scrubbed(item) for name, item in value.items()}
        case _:
            return value
