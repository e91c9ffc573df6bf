"""What a decoder and a relay's tap each read of the same answer, in a form in which both can be compared."""

from collections.abc import Sequence
from typing import Any

import msgspec

from dragoman.protocols.decoder import Decoder
from dragoman.protocols.registry import DIALECTS
from dragoman.protocols.relay import Tap
from dragoman.types import ChatRequest, PartStart, ResponseEnd, ResponseStart, ServerRequest, user

RELAYED = [name for name, dialect in DIALECTS.items() if dialect.relay is not None]
REQUEST = ChatRequest(model="m", messages=(user("x"),))
CALLS: dict[str, tuple[str, str, dict[str, Any]]] = {
    "openai-chat": ("/v1/chat/completions", "", {"messages": [{"role": "user", "content": "hi"}]}),
    "openai-responses": ("/v1/responses", "", {"input": "hi"}),
    "anthropic": ("/v1/messages", "", {"max_tokens": 9, "messages": [{"role": "user", "content": "hi"}]}),
    "gemini": ("/v1beta/models/m:streamGenerateContent", "alt=sse", {"contents": [{"parts": [{"text": "hi"}]}]}),
    "ollama": ("/api/chat", "", {"messages": [{"role": "user", "content": "hi"}]}),
}

Read = tuple[object, ...]


def tap_of(name: str) -> Tap:
    """The tap of an answer of this dialect."""
    path, query, body = CALLS[name]
    sent = body if name == "gemini" else {"model": "m", "stream": True} | body
    server: Any = DIALECTS[name].server
    tap: Tap = (
        server()
        .reader.at_once(ServerRequest(method="POST", path=path, query=query, body=msgspec.json.encode(sent)))
        .tap()
    )
    return tap


def decoded(name: str, body: bytes) -> Read:
    client: Any = DIALECTS[name].client
    decoder: Decoder = client("http://h").decoder(REQUEST)
    events = [*decoder.feed(body), *decoder.finish()]
    error = decoder.error
    end = next((event for event in events if isinstance(event, ResponseEnd)), None)
    empty = end is not None and not (decoder.more_content or any(isinstance(each, PartStart) for each in events))
    named = next((event.id for event in events if isinstance(event, ResponseStart)), None)
    if end is None or error is not None:
        return type(error), error and error.code, None, None, False, ""
    return None, None, end.usage, end.finish_reason, empty, named or ""


def tapped(name: str, pieces: Sequence[bytes], *, together: bool = False) -> Read:
    """What a tap reads of these pieces: each comes alone, or all in one read."""
    tap = tap_of(name)
    if together:
        tap.feed_pieces(list(pieces))
        pieces = ()
        if tap.needs_decoding:
            return decoded(name, tap.unread())
    for number, piece in enumerate(pieces):
        tap.feed(piece)
        if tap.needs_decoding:
            return decoded(name, b"".join([tap.unread(), *pieces[number + 1 :]]))
    tap.finish()
    if tap.needs_decoding:
        return decoded(name, tap.unread())
    if tap.error is not None:
        return type(tap.error), tap.error.code, None, None, False, ""
    return None, None, tap.usage, tap.finish_reason, tap.empty, tap.answer_id


def read_whole(name: str, body: bytes) -> Read:
    relay: Any = DIALECTS[name].relay
    said = relay("http://h").read(body)
    if said.error is not None:
        return type(said.error), said.error.code, None, None, False, ""
    if said.needs_decoding:
        return decoded(name, body)
    return None, None, said.usage, said.finish_reason, said.empty, said.answer_id
