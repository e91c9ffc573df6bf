"""The header field that lists what was lost on the way to a service, or back. Knows no protocol."""

from collections.abc import Sequence

from dragoman.protocols.gateways import BETWEEN, LOSSES
from dragoman.types import Headers, Loss, Outcome, names

MAX_LOSSES = 1000
"""Characters of the list of losses: proxies refuse headers above 4 KiB, and each turn may lose a part."""


def losses_header(losses: Sequence[Loss], outcome: Outcome) -> Headers:
    """The field for `losses`, which are noted in the outcome too; none if nothing was lost."""
    outcome.losses = spelt(losses)
    return header_of(outcome.losses)


def spelt(losses: Sequence[Loss]) -> str:
    """The names of the losses, for a header and the log, in printable ASCII; empty if nothing was lost."""
    if not losses:
        return ""
    text = ascii(BETWEEN.join(names(losses, MAX_LOSSES)))[1:-1]
    return text if len(text) <= MAX_LOSSES else f"{text[:MAX_LOSSES]}..."


def header_of(losses: str) -> Headers:
    """The field for losses that are spelt; none if nothing was lost."""
    return ((LOSSES, losses),) if losses else ()
