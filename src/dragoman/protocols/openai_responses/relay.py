"""How requests and answers of this protocol are relayed."""

from dragoman.protocols.openai_responses.decode_stream import ReplyDecoder
from dragoman.protocols.openai_responses.encode_errors import FIRST_HEARTBEAT, HEARTBEAT
from dragoman.protocols.openai_responses.extra import NAME
from dragoman.protocols.openai_responses.tap import ResponsesTap
from dragoman.protocols.relay import ReplySummary
from dragoman.protocols.relay_body import BodyRelayRequest, SseRelay, passed, read_body
from dragoman.types import HttpRequest, PartStart, ResponseEnd, ServerRequest

PASSED = frozenset({b"openai-beta", b"session-id", b"session_id", b"thread-id", b"x-client-request-id", b"originator"})
CODEX = b"x-codex-"
"""Header fields that change what a body means, or by which the vendor finds what it has cached of a conversation."""


class ResponsesRelay(SseRelay):
    """Requests and answers of `POST {url}/responses`, passed as they are."""

    name = NAME
    heartbeat = HEARTBEAT
    first_heartbeat = FIRST_HEARTBEAT

    def __init__(self, url: str) -> None:
        self._url = url

    def request_head(self, key: str | None, model: str, *, stream: bool) -> HttpRequest:
        accept = self.stream_type if stream else self.whole_type
        headers = [("content-type", "application/json"), ("accept", accept)]
        if key:
            headers.append(("authorization", f"Bearer {key}"))
        return HttpRequest(url=self._url, headers=tuple(headers))

    def read(self, body: bytes) -> ReplySummary:
        return read_whole(body)


def read_request(call: ServerRequest) -> BodyRelayRequest | None:
    """The model, and whether a stream is wanted; the rest is only checked. If no model is named, it is the default one.

    None if a field would steer a service that is a gateway, or if opaque state of another service may stand in it: then
    all must be read. Raises InvalidRequestError.
    """
    body = read_body(call.body)
    if body is None:
        return None
    return BodyRelayRequest(body.model, body.stream is True, body.fields, ResponsesTap, passed(call, PASSED, CODEX))


def read_whole(body: bytes) -> ReplySummary:
    """What an answer that is not streamed says."""
    told = ReplySummary()
    decoder = ReplyDecoder()
    events = [*decoder.feed(body), *decoder.finish()]
    told.error, told.needs_decoding = decoder.error, not decoder.whole
    for event in events:
        if isinstance(event, ResponseEnd):
            told.finish_reason, told.usage = event.finish_reason, event.usage
            told.empty = not any(isinstance(part, PartStart) for part in events)
    return told
