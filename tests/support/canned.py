"""A transport that answers from a list: what each read brings, or raises. For tests above the sockets."""

from collections.abc import Sequence

from dragoman.transport.base import Reply, Route, Transport
from dragoman.types import HttpRequest, ResponseHead

Read = list[bytes] | Exception


class CannedReply(Reply):
    """Hands out `reads` in order, then the clean end."""

    def __init__(self, reads: Sequence[Read], status: int = 200, media_type: str = "") -> None:
        headers = ((b"Content-Type", media_type.encode()),) if media_type else ()
        self.head = ResponseHead(status, headers)
        self.closed = 0
        self._reads = list(reads)

    async def read(self) -> list[bytes]:
        following = self._reads.pop(0) if self._reads else []
        if isinstance(following, Exception):
            raise following
        return following

    def close(self) -> None:
        self.closed += 1


class CannedTransport(Transport):
    """Answers each request with the next of `replies`; keeps what was sent."""

    def __init__(self, *replies: CannedReply | Exception) -> None:
        self.sent: list[HttpRequest] = []
        self.routes: list[Route] = []
        self.closed = 0
        self._replies = list(replies)

    async def send(self, request: HttpRequest, route: Route) -> Reply:
        self.sent.append(request)
        self.routes.append(route)
        reply = self._replies.pop(0)
        if isinstance(reply, Exception):
            raise reply
        return reply

    def close(self) -> None:
        self.closed += 1
