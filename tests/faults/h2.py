"""A service that speaks HTTP/2 (RFC 9113), as far as one request after another needs it. Knows no dialect.

It plays steps as the other services do; a step that is a function is given the number of the request's stream, and
makes a frame of it.
"""

from collections.abc import Callable

from tests.faults.wire import Listening, Stall, Step, Wire

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, RST_STREAM, SETTINGS, PING, GOAWAY = 0, 1, 3, 4, 6, 7
"""Kinds of frames."""
END_STREAM, END_HEADERS, ACK = 1, 4, 1
"""Flags."""
NO_ERROR, INTERNAL_ERROR, REFUSED_STREAM, CANCEL, ENHANCE_YOUR_CALM = 0, 2, 7, 8, 11
"""Codes of RST_STREAM and GOAWAY."""

ALPN = "h2"
"""Its name in the handshake of TLS."""

Act = Step | Callable[[int], bytes]
Acts = tuple[Act, ...]


def frame(kind: int, payload: bytes, stream: int, flags: int = 0) -> bytes:
    """A frame."""
    return len(payload).to_bytes(3, "big") + bytes((kind, flags)) + stream.to_bytes(4, "big") + payload


def headers(status: int, *fields: tuple[str, str]) -> Act:
    """The head of a reply, its fields spelt out: HPACK allows this without tables and Huffman's code."""
    listed = ((":status", str(status)), *fields)
    block = b"".join(b"\x00" + b"".join(bytes((len(each),)) + each.encode() for each in pair) for pair in listed)
    return lambda stream: frame(HEADERS, block, stream, END_HEADERS)


def data(payload: bytes) -> Act:
    """A piece of the body."""
    return lambda stream: frame(DATA, payload, stream)


def end() -> Act:
    """The end of the body."""
    return lambda stream: frame(DATA, b"", stream, END_STREAM)


def reset(code: int) -> Act:
    """The stream ends here, its connection does not."""
    return lambda stream: frame(RST_STREAM, code.to_bytes(4, "big"), stream)


def go_away(code: int, *, served: bool) -> Act:
    """The connection takes no more streams; `served`: whether this one is still answered."""
    return lambda stream: frame(GOAWAY, (stream if served else 0).to_bytes(4, "big") + code.to_bytes(4, "big"), 0)


class H2Service(Listening):
    """Answers each request with the same steps."""

    def __init__(self, steps: Acts) -> None:
        super().__init__()
        self.steps = steps
        self.requests = 0

    async def serve(self, wire: Wire) -> None:
        wire.idle = False
        await wire.read_exactly(len(PREFACE))
        await wire.send(frame(SETTINGS, b"", 0))
        going = True
        while going:
            stream = await _request(wire)
            self.requests += 1
            wire.idle = False
            steps = [step(stream) if callable(step) else step for step in self.steps if not isinstance(step, Stall)]
            going = await wire.play(steps)
            wire.idle = Stall() not in self.steps


async def _request(wire: Wire) -> int:
    """The stream of the next request, once all of it is read."""
    while True:
        begin = await wire.read_exactly(9)
        kind, flags, stream = begin[3], begin[4], int.from_bytes(begin[5:], "big")
        payload = await wire.read_exactly(int.from_bytes(begin[:3], "big"))
        if kind == SETTINGS and not flags & ACK:
            await wire.send(frame(SETTINGS, b"", 0, ACK))
        elif kind == PING and not flags & ACK:
            await wire.send(frame(PING, payload, 0, ACK))
        elif kind == RST_STREAM:
            wire.idle = True  # the caller has left a stream on which nothing more comes
        elif kind in {HEADERS, DATA} and flags & END_STREAM:
            return stream
