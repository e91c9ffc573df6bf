"""Lists, as JSON of this protocol writes them: a list of one entry may be written as the entry."""

from collections.abc import Mapping
from typing import Any

from dragoman.protocols.json_fields import entries, wrong_type


def listed(value: Any, path: str, what: str) -> list[tuple[str, Any]]:
    """The objects of a list, each with its path; `what`: the list's name in an error. Raises InvalidRequestError."""
    if isinstance(value, list):
        return entries(value, path)
    if isinstance(value, Mapping):
        return [(path, value)]
    raise wrong_type(path, what, value)
