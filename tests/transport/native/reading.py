"""A reply taken in, and how it ended."""

from dragoman.errors import DragomanError
from dragoman.transport.base import Reply, Route, Timeouts
from dragoman.types import HttpRequest

PLAIN = Route()


def get(
    url: str, path: str = "/", *, mark_chunks: bool = False, method: str = "POST", body: bytes = b""
) -> HttpRequest:
    """A request of few words."""
    return HttpRequest(url=url + path, mark_chunks=mark_chunks, method=method, body=body)


def within(
    *,
    pool: float = 5,
    connect: float = 5,
    tls: float = 5,
    proxy: float = 5,
    first_byte: float = 5,
    idle: float = 5,
    total: float = 20,
) -> Timeouts:
    """Limits, all of them far away but those that are given."""
    return Timeouts(pool, connect, tls, proxy, first_byte, idle, total)


async def whole(reply: Reply) -> bytes:
    """The rest of a reply that ends well."""
    pieces: list[bytes] = []
    while batch := await reply.read():
        pieces += batch
    return b"".join(pieces)


async def ending(reply: Reply) -> tuple[list[bytes], DragomanError | None]:
    """All pieces, and the error behind them."""
    pieces: list[bytes] = []
    try:
        while batch := await reply.read():
            pieces += batch
    except DragomanError as error:
        return pieces, error
    return pieces, None
