"""A large request is read in steps as it is read at once, whatever stands in it."""

from collections.abc import Callable

import pytest

from dragoman.errors import DragomanError
from dragoman.protocols.registry import DIALECTS
from dragoman.protocols.relay import RelayRequest
from dragoman.types import ServerRequest
from dragoman.wire.steps import PIECE, done

PATHS = {"gemini": "/v1beta/models/m:generateContent"}
NAMES = [name for name, dialect in DIALECTS.items() if dialect.relay]
LONG = b'a \\"word\\", ' * (PIECE // 8)
BEFORE = b'{"model":"m","stream":true,'
MARKED = b'"dragomanMark.-.other.x"'
BODIES: dict[str, bytes] = {
    "good": BEFORE + b'"x":["%b"]}' % LONG,
    "one long text": BEFORE + b'"x":"%b"}' % (b"iVBORw0KGgo" * (PIECE // 4)),
    "not ASCII": BEFORE + b'"x":["%b"]}' % ('日本 \\"'.encode() * (PIECE // 8)),
    "a field that steers": BEFORE + b'"x":["%b"],"api_base":"http://x"}' % LONG,
    "state at its end": BEFORE + b'"x":["%b",%b]}' % (LONG, MARKED),
    "state across a step's end": b'{"x":"%b","y":%b,"z":["%b"]}' % (b"." * (PIECE - 24), MARKED, LONG),
    "cut off": BEFORE + b'"x":["%b"]' % LONG,
    "bytes that are not UTF-8": BEFORE + b'"x":["%b\xff"]}' % LONG,
    "too many values": BEFORE + b'"x":[%b0]}' % (b"0," * 200_000),
    "too many bytes": BEFORE + b'"x":["%b"]}' % (b'\\"' * (5 << 20)),
    "a model that is none": b'{"model":1,"x":["%b"]}' % LONG,
    "a list": b'["%b"]' % LONG,
}


@pytest.mark.parametrize("body", BODIES)
@pytest.mark.parametrize("name", NAMES)
def test_it_says_the_same(name: str, body: str) -> None:
    reader = DIALECTS[name].server().reader
    call = ServerRequest(method="POST", path=PATHS.get(name, "/"), body=BODIES[body])
    at_once = verdict(lambda: reader.at_once(call))
    assert verdict(lambda: done(reader.in_steps(call))) == at_once
    if body.startswith("state"):
        assert at_once == "translated"


def verdict(read: Callable[[], RelayRequest | None]) -> object:
    """What is sent for a request, or that it must be translated, or why it is refused."""
    try:
        found = read()
    except DragomanError as exc:
        return exc.status, exc.code, exc.message
    return "translated" if found is None else (found.model, found.stream, found.body_for("other"))


@pytest.mark.parametrize("name", [name for name in DIALECTS if name not in NAMES])
def test_what_is_never_relayed_has_no_steps(name: str) -> None:
    reader = DIALECTS[name].server().reader
    assert next(reader.in_steps(ServerRequest(method="POST", path="/", body=BODIES["good"])), None) is None
