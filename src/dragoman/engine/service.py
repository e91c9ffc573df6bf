"""A service, its credential included, and what every request to it goes through."""

from typing import ClassVar

from msgspec import field

from dragoman.engine.env import dated
from dragoman.engine.secrets import Secrets, signed
from dragoman.errors import DragomanError
from dragoman.protocols.base import ClientCodec
from dragoman.protocols.errors.head import not_an_answer
from dragoman.protocols.gateways import HOPS, is_gateway
from dragoman.transport.base import MAX_BODY, Reply, Route, Transport, read_all, read_beginning
from dragoman.transport.gateways import Gateways
from dragoman.transport.refused import Refused
from dragoman.types import Headers, HttpRequest, HttpResponse, ResponseHead
from dragoman.types.redacted import Redacted

MAX_ERROR_BODY = 1 << 16
"""Bytes of a failure that are read: 64 KiB are enough for any error object, and an HTML page is not shown anyway."""

LISTS = frozenset({HOPS})
"""Header fields of which a request's own stays beside that of the service's settings: the highest hop counts."""


class Service(Redacted, frozen=True):
    """The service of a call. `secrets`: what no error of it may show. `key`: the credential for its chats.

    `strict`: refuse what the protocol cannot express, instead of listing it as lost. `empty_ok`: an answer without
    content is a good one. `max_answer`: bytes of an answer. `headers`: fields that each request gets, their
    names in lower case. `gateways`: which services are gateways like this one. `refused`:
    what they have refused.
    """

    hidden: ClassVar[frozenset[str]] = frozenset({"key", "headers"})
    name: str
    codec: ClientCodec
    transport: Transport
    route: Route
    strict: bool = False
    secrets: Secrets = Secrets()
    empty_ok: bool = False
    max_answer: int = MAX_BODY
    key: str | None = None
    headers: Headers = ()
    gateways: Gateways = field(default_factory=Gateways)
    refused: Refused = field(default_factory=Refused)

    def meet(self, head: ResponseHead) -> None:
        """Notes whether the service is a gateway like this one, which the head of a reply shows."""
        self.gateways.known[self.name] = is_gateway(head)

    async def send(self, request: HttpRequest) -> Reply:
        """The reply to `request`, which gets the service's `headers`. Raises as `Transport.send`."""
        return await self.transport.send(request.with_headers(self.headers, self.codec.lists | LISTS), self.route)


async def fetch(service: Service, request: HttpRequest, limit: int = MAX_ERROR_BODY) -> HttpResponse:
    """The whole reply, of at most `limit` bytes, to a small request. Raises the codec's error if it is one."""
    try:
        reply = await service.send(request)
        error = await failure(service.codec, reply)
        if error is not None:
            error.upstream_status = reply.head.status
            raise error
        return HttpResponse(reply.head, await read_all(reply, limit))
    except DragomanError as exc:
        raise signed(exc, service.name, service.secrets) from exc.__cause__


async def failure(codec: ClientCodec, reply: Reply) -> DragomanError | None:
    """The error that a reply without an answer means; None if it may be an answer."""
    head = reply.head
    if 200 <= head.status < 300 and head.media_type not in codec.error_types:
        return None
    if (error := not_an_answer(head)) is not None:
        reply.close()
        return error
    body = await read_beginning(reply, MAX_ERROR_BODY)
    return codec.decode_error(HttpResponse(dated(head), body))
