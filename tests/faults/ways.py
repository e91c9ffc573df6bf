"""The rows of the table of faults on the way to a service: what its name leads to, and proxies."""

from dragoman.config import RetryConfig
from tests.faults.fates import (
    CUTS,
    DNS,
    IDLE,
    LATE,
    MID_STREAM,
    PROXY,
    PROXY_ERROR,
    TLS,
    UNCOUNTED,
    UNREACHED,
    WAIT_HEADERS,
    WELL,
    WRITE_REQUEST,
    at,
)
from tests.faults.fault import PASSWORD, Fails, Fates, Fault, Phase, Said, Well
from tests.faults.making import cut, page, refused
from tests.faults.proxies import Kind, Way
from tests.faults.wire import Fin, Rst, Script, Stall, Step
from tests.support.names import BEYOND, HERE, NO_ADDRESS, NOT_NOW, SILENCE, UNKNOWN

TWICE = RetryConfig(attempts=2)


def _whole(good: Said, phase: Phase) -> Script:
    return Script(good.whole)


NAMES = (
    Fault("an unknown name", {DNS: UNREACHED}, _whole, names=(UNKNOWN,)),
    Fault("a resolver that fails", {DNS: UNREACHED}, _whole, names=(NOT_NOW,)),
    Fault("a name without an address", {DNS: UNREACHED}, _whole, names=(NO_ADDRESS,)),
    Fault("a resolver that is silent", {DNS: LATE}, _whole, names=(SILENCE, UNKNOWN), hasty=True),
    Fault(
        "a name that is known at the second attempt",
        {DNS: Well(after=("connect_error",))},
        _whole,
        names=(NOT_NOW, [HERE]),
        retry=TWICE,
    ),
    Fault("a name whose first address is dead", {DNS: WELL}, _whole, names=([BEYOND, HERE],)),
    Fault("a name that has moved", {DNS: UNREACHED}, _whole, names=([BEYOND],)),
)

CONNECT_ANSWERS: dict[str, tuple[Step, ...]] = {
    "refuses: 403": (b"HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n", Stall()),
    "refuses: 502": (b"HTTP/1.1 502 Bad Gateway\r\ncontent-length: 0\r\n\r\n", Fin()),
    "refuses: 407": (f"HTTP/1.1 407 Not for {PASSWORD}\r\ncontent-length: 0\r\n\r\n".encode(), Stall()),
    "redirects": (b"HTTP/1.1 302 Found\r\nlocation: http://login.test/\r\n\r\n", Stall()),
    "closes before its answer": (Fin(),),
    "resets before its answer": (Rst(),),
    "closes in its answer": (b"HTTP/1.1 200 Conn", Fin()),
    "answers garbage": (b"\x15\x03\x01\x00\x02\x02\x0a", Fin()),
    "answers in another protocol": (b"SSH-2.0-OpenSSH\r\n\r\n", Stall()),
    "answers with a page": (b"HTTP/1.1 200 OK\r\ncontent-type: text/html\r\n\r\n<html>Log in</html>", Stall()),
    "answers with a head that is too large": (b"HTTP/1.1 200 OK\r\nx: " + b"x" * 70_000, Stall()),
}
SOCKS_ANSWERS: dict[str, tuple[int, tuple[Step, ...]]] = {
    "takes no way to log in": (0, (b"\x05\xff", Stall())),
    "closes before its answer": (0, (Fin(),)),
    "answers in another protocol": (0, (b"HTTP/1.1 400 Bad Request\r\n\r\n", Fin())),
    "refuses the password": (1, (b"\x01\x01", Stall())),
    "does not allow the target": (2, (b"\x05\x02\x00\x01\x00\x00\x00\x00\x00\x00", Stall())),
    "does not reach the target": (2, (b"\x05\x04\x00\x01\x00\x00\x00\x00\x00\x00", Fin())),
    "resets before its last answer": (2, (Rst(),)),
    "closes in its last answer": (2, (b"\x05\x00\x00", Fin())),
}
SILENT: dict[str, Way] = {
    "a proxy that is silent": Way("connect", (Stall(),)),
    "a proxy that falls silent in its answer": Way("connect", (b"HTTP/1.1 200 Conn", Stall())),
    "a SOCKS proxy that is silent": Way("socks5", (Stall(),)),
    "a SOCKS proxy that falls silent": Way("socks5", (Stall(),), 2),
    "a proxy that is a black hole": Way("connect", there=False),
    "a SOCKS proxy that is a black hole": Way("socks5", there=False),
}

OPENING = (
    *(
        Fault(f"a proxy that {does}", {PROXY: PROXY_ERROR}, _whole, way=Way("connect", steps))
        for does, steps in CONNECT_ANSWERS.items()
    ),
    *(
        Fault(f"a SOCKS proxy that {does}", {PROXY: PROXY_ERROR}, _whole, way=Way("socks5", steps, turn))
        for does, (turn, steps) in SOCKS_ANSWERS.items()
    ),
    *(Fault(name, {PROXY: LATE}, _whole, way=way, hasty=True) for name, way in SILENT.items()),
    Fault("a proxy that nobody is", {PROXY: PROXY_ERROR}, _whole, way=Way("connect", there=False)),
    Fault("a SOCKS proxy that nobody is", {PROXY: PROXY_ERROR}, _whole, way=Way("socks5", there=False)),
    Fault("a proxy with an unknown name", {PROXY: PROXY_ERROR}, _whole, way=Way("connect"), names=(UNKNOWN,)),
    Fault("a SOCKS proxy with an unknown name", {PROXY: PROXY_ERROR}, _whole, way=Way("socks5"), names=(UNKNOWN,)),
    Fault("a proxy whose first address is dead", {PROXY: WELL}, _whole, way=Way("socks5"), names=([BEYOND, HERE],)),
    Fault(
        "a proxy that closes after its answer",
        {TLS: Fails("tls_error")},
        _whole,
        way=Way("connect", (b"HTTP/1.1 200 OK\r\n\r\n", Fin())),
    ),
)

CUT: Fates = {phase: fate for phase, fate in CUTS.items() if phase is not WRITE_REQUEST}
STALLS: Fates = at(WAIT_HEADERS, MID_STREAM, fate=LATE)


def _through(kind: Kind, what: str) -> tuple[Fault, ...]:
    """What can happen on a way that is open."""
    way = Way(kind)
    return (
        Fault(f"nothing, through {what}", {WAIT_HEADERS: WELL}, _whole, way=way),
        Fault(f"RST through {what}", CUT, cut(Rst()), way=way, but=UNCOUNTED),
        Fault(f"FIN through {what}", CUT, cut(Fin()), way=way, but=UNCOUNTED),
        Fault(f"stall through {what}", STALLS, cut(Stall()), way=way, hasty=True),
        Fault(
            f"RST as the next request comes through {what}",
            {IDLE: WELL},
            lambda good, phase: Script(good.whole, again=(Rst(),)),
            way=way,
        ),
        Fault(
            f"FIN after the answer through {what}",
            {IDLE: WELL},
            lambda good, phase: Script((*good.whole, Fin())),
            way=way,
        ),
    )


FORWARD = Way("forward")
FORWARDED = (
    Fault("a forwarding proxy that refuses: 407", {PROXY: PROXY_ERROR}, refused(407), way=FORWARD),
    Fault(
        "a forwarding proxy that refuses: 403",
        {WAIT_HEADERS: Fails("upstream_html", 403)},
        page("403 Forbidden"),
        way=FORWARD,
    ),
    Fault(
        "a forwarding proxy that reaches nobody: 502",
        {WAIT_HEADERS: Fails("upstream_html", 502)},
        page("502 Bad Gateway"),
        way=FORWARD,
    ),
    Fault(
        "a forwarding proxy that reaches nobody in time: 504",
        {WAIT_HEADERS: Fails("upstream_html", 504)},
        page("504 Gateway Timeout"),
        way=FORWARD,
    ),
)

WAY_FAULTS: tuple[Fault, ...] = (
    *NAMES,
    *OPENING,
    *_through("connect", "a proxy"),
    *_through("socks5", "a SOCKS proxy"),
    *FORWARDED,
    *_through("forward", "a forwarding proxy"),
)
