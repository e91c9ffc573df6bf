"""What a gateway like this one says in the heads of its replies, and of its requests. Knows no protocol."""

import re
from collections.abc import Iterable

from dragoman.types import Loss, LossBehind, ResponseHead

TARGET = "x-dragoman-target"
"""The header field that names the model that answers, `provider/model`."""
SHOWS = frozenset({TARGET.encode(), TARGET.title().encode()})
"""The same as gateways write it, and as proxies do that write all names in one way."""
LOSSES = "x-dragoman-losses"
"""The header field that lists what was lost."""
ESTIMATED = ("x-dragoman-estimated", "input_tokens")
"""The header field of a count that was estimated."""
BETWEEN = ", "
"""What stands between two losses."""

HOPS = "x-dragoman-hops"
"""The header field of requests that says through how many gateways they have come."""
MOST_HOPS = 8
"""A chain has two or three gateways. One that leads back to itself has no end, and would use up all connections."""
FIRST_HOP = ((HOPS, "1"),)

NUMBERS = re.compile(rb"\d{1,9}", re.ASCII)


def next_hop(said: Iterable[bytes]) -> str:
    """The value that follows on all those that a request came with: the highest counts."""
    return str(1 + max((int(number) for value in said for number in NUMBERS.findall(value)), default=0))


def is_gateway(head: ResponseHead) -> bool:
    """Whether it is the head of a gateway's answer."""
    return not SHOWS.isdisjoint(dict(head.headers))


def losses_behind(head: ResponseHead) -> tuple[Loss, ...]:
    """What was lost behind the service, as it says itself; none if it is no such gateway, or nothing was lost."""
    said = head.header(LOSSES)
    return tuple(LossBehind(name) for name in said.split(BETWEEN) if name) if said else ()


def with_behind(losses: tuple[Loss, ...], head: ResponseHead) -> tuple[Loss, ...]:
    """`losses`, and what was lost behind the service, each once."""
    behind = losses_behind(head)
    if not behind:
        return losses
    known = {loss.name for loss in losses}
    return (*losses, *(loss for loss in behind if loss.name not in known))


def is_estimate(head: ResponseHead) -> bool:
    """Whether the service has not counted, but estimated."""
    return head.header(ESTIMATED[0]) is not None
