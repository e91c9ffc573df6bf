"""How requests and answers of this protocol are relayed. There are two paths for chats; see `generate`."""

from collections.abc import Hashable

from dragoman.protocols.asked_effort import value_of, word
from dragoman.protocols.carrier import BEARER
from dragoman.protocols.leading_system import is_leading
from dragoman.protocols.ollama.extra import NAME
from dragoman.protocols.ollama.line_ends import HEARTBEAT
from dragoman.protocols.ollama.tap import OllamaTap, read_whole
from dragoman.protocols.reasoning import taken
from dragoman.protocols.relay import RelayCodec, RelayRequest, ReplySummary
from dragoman.protocols.relay_body import BodyReader, BodyRelayRequest, RelayBody, text_of
from dragoman.types import Headers, HttpRequest, ModelProfile, ServerRequest

LINES, WHOLE = "application/x-ndjson", "application/json"
CHAT, GENERATE = "/api/chat", "/api/generate"
"""The paths for chats, below a service's URL and below ours."""


class OllamaRelay(RelayCodec):
    """Requests and answers of `POST {url}/api/chat` and `/api/generate`, passed as they are."""

    name = NAME
    stream_type = LINES
    whole_type = WHOLE
    stream_headers = (("content-type", LINES),)
    whole_headers = (("content-type", "application/json; charset=utf-8"),)
    heartbeat = HEARTBEAT

    def __init__(self, url: str) -> None:
        self._url = url

    def takes_settings(self, request: RelayRequest, model: str, profile: ModelProfile) -> bool:
        if not isinstance(request, BodyRelayRequest):
            return True
        if profile.system_anywhere is False and not is_leading(text_of(request.fields.get("messages"))):
            return False
        if profile.efforts is None:
            return True
        said = value_of(request.fields.get("think"))
        return taken(word(said), profile.efforts) and (said is not True or profile.efforts != ())

    def request_head(self, key: str | None, model: str, *, stream: bool) -> HttpRequest:
        return HttpRequest(url=f"{self._url}{CHAT}", headers=request_headers(key, stream=stream))

    def head_for(self, key: str | None, model: str, request: RelayRequest) -> HttpRequest:
        return HttpRequest(url=f"{self._url}{request.path}", headers=request_headers(key, stream=request.stream))

    def head_key(self, model: str, request: RelayRequest) -> Hashable:
        return request.path, request.stream

    def read(self, body: bytes) -> ReplySummary:
        return read_whole(body)


def request_headers(key: str | None, *, stream: bool) -> Headers:
    """The header fields of a request."""
    return BEARER.json_headers(key, LINES if stream else WHOLE)


def _request(call: ServerRequest, body: RelayBody) -> BodyRelayRequest:
    path = GENERATE if is_generate(call) else CHAT
    # If nothing is said of a stream, it is wanted.
    return BodyRelayRequest(body.model, body.stream is not False, body.fields, OllamaTap, path=path, text=body.text)


READER = BodyReader(_request)


def is_generate(call: ServerRequest) -> bool:
    """Whether a caller asked for a text to be continued, which has a path and a form of its own."""
    return call.path.endswith(GENERATE)
