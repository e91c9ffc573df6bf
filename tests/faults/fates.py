"""What can come of a fault, by the words of the table, and in which phases."""

from tests.faults.fault import Fails, Fate, Fates, Phase, Well

DNS, CONNECT, PROXY, TLS, WRITE_REQUEST, WAIT_HEADERS, IN_HEADERS, WAIT_FIRST_EVENT, MID_STREAM, TAIL, END, IDLE = Phase

WELL = Well()
TRUNCATED = Fails("truncated")
LATE = Fails("timeout", 504)
BAD = Fails("upstream_bad_event")
TOO_LARGE = Fails("upstream_too_large")
BROKE = Fails("upstream_error", None)
WORDS_ONLY = Fails("upstream_error")
HTML = Fails("upstream_html")
AT_END = Fails("upstream_error", at_end=True)
"""Lines that are no part of a stream may be harmless: what comes still goes out, but not the reason to stop."""
NO_REPLY = Fails("truncated")

PROXY_ERROR = Fails("proxy_error")
UNREACHED = Fails("connect_error")

UNCOUNTED: dict[str, Fates] = {"openai-chat": {END: Well(tokens=None)}}
"""Chat counts tokens after its reason to stop."""


def at(*phases: Phase, fate: Fate) -> dict[Phase, Fate]:
    """The same fate in all these phases."""
    return dict.fromkeys(phases, fate)


BEFORE = (WAIT_FIRST_EVENT, MID_STREAM, TAIL)
CUTS: Fates = {
    **at(WRITE_REQUEST, WAIT_HEADERS, IN_HEADERS, fate=NO_REPLY),
    **at(*BEFORE, fate=TRUNCATED),
    END: WELL,
}
