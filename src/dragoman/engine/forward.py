"""A reply that passes to a caller as it came, because caller and service speak the same protocol; it is no chat.

Only an error does not pass: it is decoded, as every error is, so that it shows no credential of ours.
"""

from collections.abc import AsyncGenerator

from dragoman.engine.secrets import signed
from dragoman.engine.service import Service, failure
from dragoman.errors import DragomanError, EndpointNotFoundError, TruncatedStreamError, UnsupportedFeatureError
from dragoman.protocols.env import Env
from dragoman.protocols.operations import KeptCall, KeptStream
from dragoman.transport.base import Reply, read_all
from dragoman.types import ResponseHead

GONE = "response_not_found"
"""The code of the error for an answer that is not kept, or no longer."""


class Forwarded:
    """A good reply as it comes, with the service's name on what goes wrong. Its owner closes it."""

    def __init__(self, reply: Reply, service: Service, stream: KeptStream | None) -> None:
        self._reply = reply
        self._service = service
        self.stream = stream
        """Reads what comes bit by bit, which should be passed on at once; None if it does not."""

    @property
    def head(self) -> ResponseHead:
        """Status and headers."""
        return self._reply.head

    async def pieces(self, stream: KeptStream) -> AsyncGenerator[bytes]:
        """What may pass of the stream, as it comes. Raises what went wrong, also if its end never came."""
        try:
            while data := b"".join(await self._reply.read()):
                if passing := stream.feed(data):
                    yield passing
            if rest := stream.finish():
                yield rest
            if not stream.whole:
                raise TruncatedStreamError("the answer broke off before its end")
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
        reply = await service.send(kept.encode_request(call, env))
        error = await failure(service.codec, reply)
        if error is not None:
            error.upstream_status = reply.head.status
            if isinstance(error, EndpointNotFoundError):
                error.code = GONE  # the path is that of an answer, and so is right
            raise error
    except DragomanError as exc:
        raise signed(exc, service.name, service.secrets) from exc.__cause__
    streamed = reply.head.media_type == kept.stream_type
    return Forwarded(reply, service, kept.stream(call, service.secrets.clean) if streamed else None)
