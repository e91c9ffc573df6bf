"""What a caller says of its own trace, if it can be passed on: W3C's trace context, and the request's id."""

import re

from dragoman.types import Headers, ServerRequest

REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
"""A caller's own id of a request, if it can be logged and sent back as it is."""

PARENT = re.compile(rb"00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")
"""https://www.w3.org/TR/trace-context/#traceparent-header, of the only version that there is."""

STATE = re.compile(rb"[ -~]{1,512}")
"""The characters and the length that every system has to pass on: https://www.w3.org/TR/trace-context/#tracestate-limits"""


def read_trace(call: ServerRequest) -> Headers:
    """The header fields of `call` that are passed on: `x-request-id`, and a `traceparent` with its `tracestate`.

    One that is not valid, or that came twice, is left out; without a `traceparent` its state means nothing.
    """
    found: dict[bytes, list[bytes]] = {}
    for name, value in call.headers:
        if name in (b"x-request-id", b"traceparent", b"tracestate"):
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
    return tuple(passed)
