"""What stands in heads: waits, dates, hosts, URLs and the targets of requests."""

from math import isfinite

from dragoman.config import Config
from dragoman.errors import RateLimitError, RequestError
from dragoman.gateway.hosts import Hosts
from dragoman.gateway.http.heads import BadHeadError, fields, split_target
from dragoman.protocols.errors.retry import retry_headers
from dragoman.protocols.errors.waits import LONGEST, retry_after
from dragoman.transport.http import target
from dragoman.types import HttpRequest, ResponseHead, ServerRequest
from tests.fuzz.targets.target import FuzzTarget, allowed

HOSTS = Hosts(Config())
OWN = {"localhost", "127.0.0.1", "::1"}


def waits(data: bytes) -> None:
    """How long a service asks to wait: a number that can be told on, and is then understood as the same."""
    first, _, rest = data.partition(b"\n")
    date, _, milliseconds = rest.partition(b"\n")
    named = ((b"Retry-After", first), (b"Date", date), (b"retry-after-ms", milliseconds))
    seconds = retry_after(ResponseHead(429, tuple(each for each in named if each[1])))
    if seconds is None:
        return
    assert isfinite(seconds)
    assert 0 <= seconds <= LONGEST
    told = retry_headers(RateLimitError("too many", retry_after=seconds), 429)
    again = retry_after(ResponseHead(429, tuple((name.encode(), value.encode()) for name, value in told)))
    assert again is not None
    assert abs(again - seconds) <= max(0.001, seconds * 1e-9), (seconds, again)


def hosts(data: bytes) -> None:
    """The name under which we are called: accepted only if it is one of ours in every reading."""
    call = ServerRequest(method="GET", path="/", headers=((b"host", data),))
    if is_ours(call):
        name = data.decode("latin-1").strip(" \t").lower()
        host = name[1:].partition("]")[0] if name.startswith("[") else name.rpartition(":")[0] or name
        assert host.removesuffix(".") in OWN or name == "::1"


def is_ours(call: ServerRequest) -> bool:
    """Whether a request is answered under the name that it has for us."""
    try:
        HOSTS.check(call, "127.0.0.1")
    except RequestError:
        return False
    return True


def urls(data: bytes) -> None:
    """The address of a service: refused, or one line of a head that names the host which is asked."""
    url = data.decode("utf-8", "replace")
    allowed(lambda: target.parse_proxy(url))
    target.is_loopback(url)
    found = allowed(lambda: target.parse(url))
    if found is not None:
        head = target.head(HttpRequest(url=url), found)
        assert head.count(b"\r\n") == head.count(b"\n") == head.count(b"\r")
        assert head.isascii()
        assert b"@" not in found.origin.name.encode()
    try:
        path, query, host = split_target(data)
    except BadHeadError:
        return
    assert isinstance(path, str)
    assert isinstance(query, str)
    assert host is None or isinstance(host, bytes)


def header_lines(data: bytes) -> None:
    """Fields that are sent: refused, or exactly as many lines as there are fields."""
    name, _, value = data.decode("latin-1").partition("\0")
    lines = allowed(lambda: fields(((name, value), ("x", "y"))))
    if lines is not None:
        assert lines.count(b"\r\n") == lines.count(b"\n") == 2
    more = allowed(lambda: target.more_fields(((name, value),)))
    if more is not None:
        assert more.count(b"\r\n") == more.count(b"\n") == 1


TARGETS = {
    "waits": FuzzTarget(waits),
    "hosts": FuzzTarget(hosts),
    "urls": FuzzTarget(urls),
    "header-lines": FuzzTarget(header_lines),
}
