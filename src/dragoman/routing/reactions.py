"""What follows after a failure: a table of errors. Knows no target and no policy."""

from enum import Enum

from msgspec import Struct

from dragoman.errors import (
    AuthenticationError,
    ConfigurationError,
    ContentFilterError,
    ContextLengthError,
    DragomanError,
    EndpointNotFoundError,
    ModelNotFoundError,
    OpaqueStateError,
    PermissionDeniedError,
    QuotaExhaustedError,
    RateLimitError,
    RequestError,
    TimeoutError,
    TransportError,
    UnsupportedFeatureError,
    UpstreamError,
)


class Next(Enum):
    """Who may be asked after a failure."""

    NOBODY = "the request is the reason: every target would fail alike"
    LARGER = "only a target that is known to hold more"
    OTHER = "this target would fail again, another may answer"
    SAME = "this target may answer a little later, and another one now"


class Fault(Enum):
    """What a failure says of the target."""

    NONE = "nothing"
    FULL = "it takes no more requests now: it rests until the time that it named, or shortly"
    KEY = "its service refuses the key: all targets with this key rest for a while"
    MODEL = "it refuses this model: it rests for a while"
    BROKEN = "it does not work: its breaker counts this"


class Reaction(Struct, frozen=True, gc=False):
    """What follows after a failure."""

    next: Next
    fault: Fault


REACTIONS: dict[type[DragomanError], Reaction] = {
    OpaqueStateError: Reaction(Next.NOBODY, Fault.NONE),
    ModelNotFoundError: Reaction(Next.OTHER, Fault.NONE),
    UnsupportedFeatureError: Reaction(Next.OTHER, Fault.NONE),
    RequestError: Reaction(Next.NOBODY, Fault.NONE),
    ConfigurationError: Reaction(Next.OTHER, Fault.NONE),
    AuthenticationError: Reaction(Next.OTHER, Fault.KEY),
    PermissionDeniedError: Reaction(Next.OTHER, Fault.MODEL),
    QuotaExhaustedError: Reaction(Next.OTHER, Fault.KEY),
    EndpointNotFoundError: Reaction(Next.OTHER, Fault.NONE),
    ContextLengthError: Reaction(Next.LARGER, Fault.NONE),
    ContentFilterError: Reaction(Next.NOBODY, Fault.NONE),
    RateLimitError: Reaction(Next.SAME, Fault.FULL),
    UpstreamError: Reaction(Next.SAME, Fault.BROKEN),
    TransportError: Reaction(Next.SAME, Fault.BROKEN),
    DragomanError: Reaction(Next.NOBODY, Fault.NONE),
}
"""The most exact class of an error that has a row decides, unless its service says otherwise; see `reaction`."""

REFUSED = Reaction(Next.NOBODY, Fault.NONE)
AGAIN = Reaction(Next.SAME, Fault.NONE)


ELSEWHERE = 400
"""From this status on a failure without a class of its own is no judgement of the request, but says what stands at this
address: 405 and 415 of a wrong path, 410 of a model that was retired, 451 of a country, a proxy's page."""

ITS_OWN = 500
LIMITED = 429
"""From status 500 on, and with 429, a failure is the service's own: another one may answer, whatever this one says."""

TOO_LARGE = 413
"""The request is too large for the service, the account or a proxy before them, which says nothing of another one:
GitHub's models take 32 KB, nginx 1 MB, Anthropic 32 MB. https://github.com/tashfeenahmed/freellmapi/pull/64"""

REFUSALS = frozenset({400, 422})
"""Statuses of services that take the request for a wrong one."""


UNTRUSTED = frozenset({"tls_error", "proxy_error"})
"""Codes of a certificate that does not hold, the service's own or its proxy's, if no other try is worth it."""


def reaction(error: DragomanError) -> Reaction:
    """What follows after `error`. Its service, or its class, says whether it is worth another try (`retryable`)."""
    row = next(REACTIONS[each] for each in type(error).__mro__ if each in REACTIONS)
    limits = (TOO_LARGE, LIMITED) if row.next is Next.LARGER else (TOO_LARGE,)
    if error.upstream_status in limits or error.code == "request_too_large":  # its own, whatever the model holds
        return Reaction(Next.OTHER, Fault.NONE)
    if row.next is Next.SAME:
        if isinstance(error, TimeoutError) and error.phase == "pool":
            return AGAIN  # we have no connection left for it, which says nothing of the service
        if error.retryable:
            return row
        if error.code in UNTRUSTED:
            return Reaction(Next.OTHER, row.fault)
        status = error.upstream_status or 0
        if status < ELSEWHERE:
            return REFUSED
        if status < ITS_OWN and status != LIMITED:
            return Reaction(Next.OTHER, Fault.NONE)
        endless = row.fault is Fault.FULL and error.retry_after is None
        return Reaction(Next.OTHER, Fault.MODEL if endless else row.fault)
    return AGAIN if row.next is Next.NOBODY and error.retryable else row


def was_refused(error: DragomanError) -> bool:
    """Whether a service takes the request for a wrong one, which another service may take for a good one."""
    return isinstance(error, RequestError) and error.upstream_status in REFUSALS


def may_end_otherwise(error: DragomanError) -> bool:
    """Whether another target may answer a request that failed with `error`."""
    return reaction(error).next not in {Next.NOBODY, Next.LARGER}
