"""How requests and answers of this protocol are relayed."""

from collections.abc import Hashable

from msgspec import Raw
from msgspec.structs import replace

from dragoman.protocols.asked_effort import settings_in, word
from dragoman.protocols.asked_settings import takes_settings
from dragoman.protocols.carrier import BEARER
from dragoman.protocols.openai_responses.decode_stream import ReplyDecoder
from dragoman.protocols.openai_responses.encode_errors import HEARTBEAT
from dragoman.protocols.openai_responses.extra import NAME
from dragoman.protocols.openai_responses.glance import Glance
from dragoman.protocols.openai_responses.relayable import has_only_functions, passes
from dragoman.protocols.openai_responses.request import USUAL, Variant
from dragoman.protocols.openai_responses.tap import ResponsesTap
from dragoman.protocols.profiles import NEUTRAL
from dragoman.protocols.reasoning import OFF, taken
from dragoman.protocols.relay import RelayRequest, ReplySummary
from dragoman.protocols.relay_body import BodyReader, BodyRelayRequest, RelayBody, SseRelay, passed
from dragoman.types import HttpRequest, ModelProfile, ResponseStart, ServerRequest
from dragoman.wire import json

PLACES = {name: name for name in ("temperature", "top_p", "frequency_penalty", "presence_penalty", "top_logprobs")}
"""See `takes_settings`. Whether the service refuses a larger limit than the model has is not known."""

PREVIOUS = "previous_response_id"
"""The field of a request that refers to an earlier answer."""

COMPACT = "/compact"
"""The end of the path at which conversations are compacted."""

PASSED = frozenset({b"openai-beta", b"session-id", b"session_id", b"thread-id", b"x-client-request-id", b"originator"})
CODEX = b"x-codex-"
"""Header fields that change what a body means, or by which the vendor finds what it has cached of a conversation."""


class ResponsesRelay(SseRelay):
    """Requests and answers of `POST {url}/responses`, passed as they are."""

    name = NAME
    heartbeat = HEARTBEAT
    model_at = (("response", "model"), ("model",))

    def __init__(self, url: str, variant: Variant = USUAL) -> None:
        self._url = url
        self._variant = variant

    def takes(self, request: RelayRequest) -> bool:
        return not isinstance(request, BodyRelayRequest) or passes(request.fields, self._variant)

    def takes_settings(self, request: RelayRequest, model: str, profile: ModelProfile) -> bool:
        if not isinstance(request, BodyRelayRequest) or request.path:
            return True
        said = settings_in(request.fields.get("reasoning"))
        if not takes_settings(request.fields, PLACES, profile, thinks=word(said.effort) not in {None, OFF}):
            return False
        verbosity = settings_in(request.fields.get("text")).verbosity
        if verbosity not in {None, NEUTRAL["verbosity"]} and "verbosity" in (profile.unsupported_fields or ()):
            return False
        if profile.freeform_tools is False and not has_only_functions(request.text, request.fields):
            return False
        shown = said.summary is None or "reasoning.display" not in (profile.unsupported_fields or ())
        return shown and taken(word(said.effort), profile.efforts)

    def request_head(self, key: str | None, model: str, *, stream: bool) -> HttpRequest:
        accept = self.stream_type if stream else self.whole_type
        return HttpRequest(url=self._url, headers=BEARER.json_headers(key, accept))

    def head_for(self, key: str | None, model: str, request: RelayRequest) -> HttpRequest:
        head = self.request_head(key, model, stream=request.stream)
        return replace(head, url=f"{self._url}{request.path}") if request.path else head

    def head_key(self, model: str, request: RelayRequest) -> Hashable:
        return request.path, request.stream

    def read(self, body: bytes) -> ReplySummary:
        return read_whole(body)


class ResponsesRelayRequest(BodyRelayRequest, frozen=True, gc=False):
    """A caller's request, and what it says of answers that are kept."""

    owner: str = ""
    """The target that keeps what the request refers to; empty: any target may be asked."""

    @property
    def previous(self) -> object:
        """The id of the answer that it refers to, as it was sent; None if there is none."""
        return self._said(PREVIOUS)

    @property
    def kept(self) -> bool:
        """Whether the caller may ask for the answer later."""
        return self._said("store") is not False

    def owned(self, owner: str) -> "ResponsesRelayRequest":
        """The same, for which only `owner` may be asked."""
        return replace(self, owner=owner)

    def _said(self, name: str) -> object:
        value = self.fields.get(name)
        return json.decode_request(bytes(value)) if isinstance(value, Raw) else value


class ResponsesSummary(ReplySummary):
    """What was learnt of an answer that is not streamed."""

    __slots__ = ("named",)

    def __init__(self) -> None:
        super().__init__()
        self.named = ""

    @property
    def answer_id(self) -> str:
        return self.named


def _request(call: ServerRequest, body: RelayBody) -> ResponsesRelayRequest:
    headers = passed(call, PASSED, CODEX)
    return ResponsesRelayRequest(body.model, body.stream is True, body.fields, ResponsesTap, headers, text=body.text)


def _compact(call: ServerRequest, body: RelayBody) -> ResponsesRelayRequest:
    """A request to compact a conversation has a path of its own, and is not streamed."""
    return replace(_request(call, body), path=COMPACT, stream=False)


READER = BodyReader(_request)
COMPACT_READER = BodyReader(_compact)


def read_whole(body: bytes) -> ReplySummary:
    """What an answer that is not streamed says: a plain one is read in one step, any other with the decoder."""
    told, glance = ResponsesSummary(), Glance()
    if glance.read_answer(body):
        told.named, told.empty = glance.id, not glance.content
        told.finish_reason, told.usage = glance.reason, glance.usage
        return told
    decoder = ReplyDecoder()
    for event in told.decode(decoder, body):
        if isinstance(event, ResponseStart):
            told.named = event.id or ""
    told.needs_decoding = not decoder.whole
    return told
