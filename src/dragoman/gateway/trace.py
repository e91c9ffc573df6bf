"""What a caller says of its own trace, if it can be passed on: W3C's trace context, the request's id, and its hops."""

import re

from dragoman.errors import InvalidRequestError
from dragoman.protocols.gateways import HOPS, MOST_HOPS, next_hop
from dragoman.types import Headers, ServerRequest

PASSED = frozenset({b"x-request-id", b"traceparent", b"tracestate", HOPS.encode()})
"""The fields that are read."""

REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
"""A caller's own id of a request, if it can be logged and sent back as it is."""

PARENT = re.compile(rb"00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")
"""https://www.w3.org/TR/trace-context/#traceparent-header, of the only version that there is."""

STATE = re.compile(rb"[ -~]{1,512}")
"""The characters and the length that every system has to pass on: https://www.w3.org/TR/trace-context/#tracestate-limits"""


def read_trace(call: ServerRequest) -> Headers:
    """The header fields of `call` that are passed on: `x-request-id`, a `traceparent` with its `tracestate`, and hops.

    One that is not valid, or that came twice, is left out; without a `traceparent` its state means nothing.
    """
    found: dict[bytes, list[bytes]] = {}
    for name, value in call.headers:
        if name in PASSED:
            found.setdefault(name, []).append(value.strip(b" \t"))
    if not found:
        return ()
    passed: list[tuple[str, str]] = []
    match found.get(b"x-request-id"):
        case [said] if REQUEST_ID.fullmatch(text := said.decode("latin-1")):
            passed.append(("x-request-id", text))
    match found.get(b"traceparent"):
        case [parent] if PARENT.fullmatch(parent):
            passed.append(("traceparent", parent.decode("ascii")))
            # Several fields are one list: https://www.w3.org/TR/trace-context/#tracestate-header
            state = b",".join(found.get(b"tracestate", []))
            if STATE.fullmatch(state):
                passed.append(("tracestate", state.decode("ascii")))
    if (hops := found.get(HOPS.encode())) is not None:
        passed.append((HOPS, next_hop(hops)))
    return tuple(passed)


def check_hops(trace: Headers) -> None:
    """Raises InvalidRequestError if a request with this trace has come through too many gateways."""
    for name, value in trace:
        if name == HOPS and int(value) > MOST_HOPS:
            come = f"the request has come through {int(value) - 1} gateways"
            raise InvalidRequestError(f"{come}: a target of one of them leads back to it", code="gateway_loop")
