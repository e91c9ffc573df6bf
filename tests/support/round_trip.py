"""An answer that one half of a dialect writes and the other half reads."""

from msgspec.structs import replace

from dragoman.protocols.base import ClientCodec, ServerCodec
from dragoman.types import ChatRequest, ChatResponse, fold, unfold
from tests.support.env import fixed_env

REQUEST = ChatRequest(model="m", messages=())


def there_and_back(server: ServerCodec, client: ClientCodec, response: ChatResponse, *, stream: bool) -> ChatResponse:
    """What becomes of `response`."""
    if stream:
        body = server.encoder(REQUEST, fixed_env()).send(unfold(response))
    else:
        body = server.encode_response(response, REQUEST, fixed_env()).body
    decoder = client.decoder(REQUEST)
    events = [*decoder.feed(body), *decoder.finish()]
    assert decoder.error is None
    return fold(events)


def owned(response: ChatResponse, client: ClientCodec) -> ChatResponse:
    """`response` whose opaque state is of the service that `client` calls."""
    origin = client.origin(REQUEST.model)
    parts = tuple(
        part if part.opaque is None else replace(part, opaque=replace(part.opaque, origin=origin))
        for part in response.parts
    )
    return replace(response, parts=parts)
