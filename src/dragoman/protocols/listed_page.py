"""A page of the models that we list, as a caller's query asks for it; without a size it has all. Knows no vendor."""

from collections.abc import Mapping, Sequence

from dragoman.error_words import cut
from dragoman.protocols.json_fields import refused
from dragoman.protocols.reported_count import read_count

MOST = 1000
"""Models of a page: Anthropic's and Google's number. Google gives so many to callers who want more."""
LONGEST = 80
"""Characters of a value that an error repeats."""


def page(
    names: Sequence[str], asked: Mapping[str, str], size: str, after: str, before: str = ""
) -> tuple[Sequence[str], bool]:
    """The page, and whether there are more. `size`, `after`, `before`: how the protocol calls these fields of a query.

    Raises InvalidRequestError.
    """
    begin, end = _place(names, asked, after), _place(names, asked, before)
    found, most = names[0 if begin is None else begin + 1 : end], _size(asked, size)
    if most is None or len(found) <= most:
        return found, False
    return (found[:most] if end is None else found[-most:]), True


def _size(asked: Mapping[str, str], name: str) -> int | None:
    said = asked.get(name)
    if not said:
        return None
    if (size := read_count(said)) is None or size < 1:
        raise refused(name, f"expected an integer of at least 1, got {cut(said, LONGEST)!r}")
    return min(size, MOST)


def _place(names: Sequence[str], asked: Mapping[str, str], name: str) -> int | None:
    said = asked.get(name)
    if not said:
        return None
    if said not in names:
        raise refused(name, f"there is no {cut(said, LONGEST)!r} in this list")
    return names.index(said)
