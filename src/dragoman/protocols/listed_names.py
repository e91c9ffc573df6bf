"""The names in a service's list of models. Knows no vendor."""

from collections.abc import Iterable

MAX_NAME = 200
"""Characters of a name; one that is longer, or has characters that no name has, is left out."""


def listed_names(found: Iterable[object]) -> tuple[str, ...]:
    """What of `found` are names, each once."""
    return tuple(dict.fromkeys(name for name in found if isinstance(name, str) and _is_name(name)))


def _is_name(text: str) -> bool:
    return 0 < len(text) <= MAX_NAME and text.isprintable() and " " not in text
