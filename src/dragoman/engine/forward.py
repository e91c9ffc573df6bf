"""A reply that passes to a caller as it came, because caller and service speak the same protocol; it is no chat.

Only an error does not pass: it is decoded, as every error is, so that it shows no credential of ours.
"""

from dragoman.engine.call import Service, failure
from dragoman.engine.secrets import signed
from dragoman.errors import DragomanError, EndpointNotFoundError, UnsupportedFeatureError
from dragoman.protocols.base import Env
from dragoman.protocols.operations import KeptCall
from dragoman.transport.base import Reply, read_all
from dragoman.types import ResponseHead

GONE = "response_not_found"
"""The code of the error for an answer that is not kept, or no longer."""


class Forwarded:
    """A good reply as it comes, with the service's name on what goes wrong. Its owner closes it."""

    def __init__(self, reply: Reply, service: Service, *, stream: bool) -> None:
        self._reply = reply
        self._service = service
        self.stream = stream
        """Whether it comes bit by bit: what has come should be passed on at once."""

    @property
    def head(self) -> ResponseHead:
        """Status and headers."""
        return self._reply.head

    async def read(self) -> bytes:
        """What has come since the last call; empty only at the end. Raises what went wrong."""
        try:
            return b"".join(await self._reply.read())
        except DragomanError as exc:
            raise signed(exc, self._service.name, self._service.secrets) from exc.__cause__

    async def whole(self) -> bytes:
        """All that has not been read. Raises what went wrong."""
        try:
            return await read_all(self._reply, self._service.max_answer)
        except DragomanError as exc:
            raise signed(exc, self._service.name, self._service.secrets) from exc.__cause__

    def close(self) -> None:
        """Ends it at once. May be called twice."""
        self._reply.close()


async def forward(service: Service, call: KeptCall, env: Env) -> Forwarded:
    """The service's reply to `call`. Raises the error that it is instead, with the service's name."""
    kept = service.codec.kept
    if kept is None:
        raise UnsupportedFeatureError(f"{service.name} keeps no answers in its protocol, {service.codec.name}")
    try:
        reply = await service.transport.send(kept.encode_request(call, env), service.route)
        error = await failure(service.codec, reply)
        if error is not None:
            error.upstream_status = reply.head.status
            if isinstance(error, EndpointNotFoundError):
                error.code = GONE  # the path is that of an answer, and so is right
            raise error
    except DragomanError as exc:
        raise signed(exc, service.name, service.secrets) from exc.__cause__
    return Forwarded(reply, service, stream=reply.head.media_type == kept.stream_type)
