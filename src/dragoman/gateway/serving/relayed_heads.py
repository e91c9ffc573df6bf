"""The heads of relayed answers, each made once: what a protocol says of its answers, and which target answered."""

from functools import lru_cache

from msgspec import Struct

from dragoman.gateway.answer import STREAM
from dragoman.gateway.attempts import target_headers
from dragoman.gateway.http.heads import fields
from dragoman.protocols.relay import RelayCodec
from dragoman.types import Headers


class RelayedHead(Struct, frozen=True):
    """The header fields of an answer."""

    opening: tuple[int, Headers]
    """As values, with the status."""
    lines: bytes
    """As bytes, ready to send."""


@lru_cache(maxsize=1024)
def stream_head(codec: RelayCodec, target: str = "", attempts: int = 1) -> RelayedHead:
    """The head of a stream from `target`, after so many attempts; its headers ask proxies not to hold it back."""
    headers = (*codec.stream_headers, *STREAM.items(), *target_headers(target, attempts))
    return RelayedHead((200, headers), fields(headers))


@lru_cache(maxsize=1024)
def whole_head(codec: RelayCodec, target: str, attempts: int) -> RelayedHead:
    """The head of an answer that is not streamed."""
    headers = (*codec.whole_headers, *target_headers(target, attempts))
    return RelayedHead((200, headers), fields(headers))
