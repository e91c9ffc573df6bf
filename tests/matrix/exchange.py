"""What passes between the gateway and a service that is played by hand: a request as it was understood, a reply."""

import json
from collections.abc import Callable, Iterable

from msgspec import Struct

from tests.matrix.scenes import RETRY_AFTER, Answer, Failure, Json
from tests.support.server import Exchange, ReceivedRequest

MESSAGE = "Because of the service."
"""What every failure says."""


class Seen(Struct, frozen=True):
    """A request as a service understands it."""

    model: str
    stream: bool
    text: str = ""
    """The text of the first turn of the user."""
    images: tuple[str, ...] = ()
    """Base64 text; those of results are in `result_images`."""
    files: tuple[str, ...] = ()
    tools: tuple[str, ...] = ()
    freeform: tuple[str, ...] = ()
    schema: Json | None = None
    """The JSON Schema of the answer."""
    stop: tuple[str, ...] = ()
    think: bool = False
    """Whether reasoning was asked for in any words."""
    thoughts: str = ""
    """Reasoning of an earlier turn."""
    proof: str = ""
    calls: tuple[tuple[str, Json | str], ...] = ()
    """Calls of earlier turns: name, and arguments or a freeform tool's input."""
    results: tuple[str, ...] = ()
    result_images: tuple[str, ...] = ()
    result_files: tuple[str, ...] = ()
    cache: bool = False
    """Whether something was marked as worth caching."""


class Reply(Struct, frozen=True):
    """What a service sends: the pieces of the body, and how the transfer ends."""

    pieces: tuple[bytes, ...]
    status: int = 200
    headers: dict[str, str] = {}
    failure: Failure | None = None
    """`cut` and `silence` are the server's to play, after the pieces."""


class Service(Struct, frozen=True):
    """A dialect as its services speak it."""

    base: str
    """What a provider's `url` has after the host."""
    read: Callable[[ReceivedRequest], Seen]
    """Raises AssertionError if the vendor's API would refuse the request."""
    write: Callable[[Answer, Seen], Reply]


def sse(data: Json, event: str = "", end: str = "\n") -> bytes:
    """One server-sent event."""
    name = f"event: {event}{end}" if event else ""
    return f"{name}data: {dumped(data)}{end}{end}".encode()


def dumped(data: Json) -> str:
    """JSON as most services write it: with the characters themselves."""
    return json.dumps(data, ensure_ascii=False, separators=(",", ":"))


def halves(text: str) -> Iterable[str]:
    """A text in two pieces."""
    middle = len(text) // 2
    return (text[:middle], text[middle:]) if middle else (text,)


async def give(exchange: Exchange, reply: Reply) -> None:
    """Sends the reply, as far as it goes."""
    headers = dict(reply.headers)
    length = headers.pop("content-length", None)
    await exchange.head(reply.status, headers, length=int(length) if length else None)
    for piece in reply.pieces:
        await exchange.chunk(piece)
    if reply.failure == "cut":
        exchange.close()
    elif reply.failure == "silence":
        await exchange.closed()
    else:
        await exchange.end()


def streamed(answer: Answer, events: list[bytes], error: bytes) -> Reply:
    """A reply of these events, of which those after the first text do not come if the answer fails.

    `error`: the event by which the service says that it failed.
    """
    headers = {"content-type": "text/event-stream"}
    match answer.failure:
        case None:
            return Reply(tuple(events), headers=headers)
        case "error":
            return Reply((*_begun(events), error), headers=headers)
        case failure:
            return Reply(_begun(events), headers=headers, failure=failure)


def whole(answer: Answer, body: Json, error: Json) -> Reply:
    """A reply of one JSON document."""
    headers = {"content-type": "application/json"}
    data = dumped(body).encode()
    match answer.failure:
        case None:
            return Reply((data,), headers=headers | {"content-length": str(len(data))})
        case "error":
            data = dumped(error).encode()
            return Reply((data,), headers=headers | {"content-length": str(len(data))})
        case failure:
            return Reply(
                (data[: len(data) // 2],), headers=headers | {"content-length": str(len(data))}, failure=failure
            )


def failed(status: int, body: Json, answer: Answer) -> Reply:
    """A failure before the answer."""
    more = {"retry-after": str(RETRY_AFTER)} if answer.failure == "429" else {}
    data = dumped(body).encode()
    return Reply((data,), status, {"content-type": "application/json", "content-length": str(len(data))} | more)


def _begun(events: list[bytes]) -> tuple[bytes, ...]:
    first = next(i for i, event in enumerate(events) if b"Hel" in event)
    return tuple(events[: first + 1])
