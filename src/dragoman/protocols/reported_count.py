"""A count of tokens in a service's report. One that cannot be read is unknown, and no reason to lose the answer."""

from typing import Annotated

from msgspec import Meta

MOST = 1 << 53
"""No count is larger: up to here programs that know doubles alone, as JavaScript's and metrics', have it exactly."""

ReportedCount = Annotated[int, Meta(ge=0, le=MOST)]
"""A field of reports that hold nothing unusual."""

DIGITS = 18


def unusual_total(total: int | None, asked: int | None, told: int | None) -> int | None:
    """The total, if it is not the sum of the others."""
    return None if asked is not None and told is not None and total == asked + told else total


def read_count(value: object) -> int | None:
    """The count; None if it is none. Some services write it as a text or as `12.0`, and some as a real fraction."""
    match value:
        case bool():
            return None
        case str() if value.isascii() and value.isdigit() and len(value) <= DIGITS:
            count = int(value)
        case float() if value.is_integer():
            count = int(value)
        case int():
            count = value
        case _:
            return None
    return count if 0 <= count <= MOST else None
