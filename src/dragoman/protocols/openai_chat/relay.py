"""How requests and answers of this protocol are relayed."""

from collections.abc import Mapping
from typing import Any, ClassVar

from msgspec import Struct

from dragoman.protocols.asked_effort import value_of, word
from dragoman.protocols.asked_settings import takes_limit, takes_settings
from dragoman.protocols.carrier import BEARER
from dragoman.protocols.leading_system import is_leading
from dragoman.protocols.opaque import NO_ORIGINS
from dragoman.protocols.openai_chat.extra import NAME
from dragoman.protocols.openai_chat.relayable import has_only_functions, marks, passes, renamed
from dragoman.protocols.openai_chat.tap import ChatTap, read_whole
from dragoman.protocols.openai_chat.turn_order import is_in_order
from dragoman.protocols.openai_chat.variant import USUAL, Variant
from dragoman.protocols.reasoning import OFF, taken
from dragoman.protocols.relay import RelayCodec, RelayRequest, Tap
from dragoman.protocols.relay_body import READ, BodyReader, RelayBody, SseRelay, text_of, with_model
from dragoman.types import Headers, HttpRequest, ModelProfile, ServerRequest
from dragoman.wire import json
from dragoman.wire.sse import HEARTBEAT

LIMITS = ("max_completion_tokens", "max_tokens")
PLACES = {
    name: name
    for name in (
        *("temperature", "top_p", "top_k", "frequency_penalty", "presence_penalty", "stop", "seed", "verbosity"),
        *("parallel_tool_calls", "response_format"),
    )
} | {"top_logprobs": "logprobs"}
"""See `takes_settings`."""

REPORTING = b',"stream_options":{"include_usage":true}}'
"""The end of a body for a stream that is to report its usage."""


class ChatRelayRequest(Struct, frozen=True, gc=False):
    """A caller's request, of which only a few fields are decoded."""

    model: str
    stream: bool
    fields: Mapping[str, Any]
    """All fields, each as it came: as JSON text, or as a value that is encoded to the same text."""
    options: Any = None
    """The value of `stream_options`."""
    several: bool = False
    """Whether several choices are asked for."""
    text: bytes = b""
    """See RelayBody."""
    headers: Headers = ()
    origins: frozenset[str] = NO_ORIGINS
    path: ClassVar[str] = ""

    def body_for(self, model: str, relay: RelayCodec | None = None) -> bytes:
        renamed: Mapping[str, str] = {} if relay is None else relay.renamed
        if self.text and self.model and "stream_options" not in self.fields and self.fields.keys().isdisjoint(renamed):
            body = with_model(self.text, self.model, model)
            if body is not None:
                return body[:-1] + REPORTING if self.stream and (relay is None or relay.stream_usage) else body
        fields: dict[str, object] = {**self.fields, "model": model}
        if renamed:
            said = fields
            fields = {name if (own := renamed.get(name, name)) in said else own: value for name, value in said.items()}
        if relay is not None and not relay.stream_usage:
            fields.pop("stream_options", None)
        elif self.stream and not self._wants_usage():
            # Options that are not an object could not be read by a service either.
            said = self.options if isinstance(self.options, dict) else {}
            fields["stream_options"] = said | {"include_usage": True}
        return json.encode(fields)

    def tap(self) -> Tap:
        return ChatTap(usage_wanted=self._wants_usage(), every=self.several)

    def _wants_usage(self) -> bool:
        """True if the caller itself asked for the usage."""
        return isinstance(self.options, dict) and self.options.get("include_usage") is True


class ChatRelay(SseRelay):
    """Requests and answers of `POST {url}/chat/completions`, passed as they are."""

    name = NAME
    heartbeat = HEARTBEAT

    def __init__(self, url: str, variant: Variant = USUAL) -> None:
        self._url = url
        self._variant = variant
        self._marks = marks(variant)
        self.stream_usage = variant.stream_usage
        self.renamed = renamed(variant)
        self.own_settings = bool(variant.efforts or variant.limits) or not variant.form_with_tools
        self.takes = None if variant == USUAL else self._takes

    def _takes(self, request: RelayRequest) -> bool:
        if not isinstance(request, ChatRelayRequest) or request.several:
            return True  # several choices cannot be translated
        if not (request.stream or self._variant.whole_answers):
            return False
        if not self._variant.custom_tools and not has_only_functions(request.text, request.fields):
            return False
        return passes(request.fields, self._variant, self._marks)

    def takes_settings(self, request: RelayRequest, model: str, profile: ModelProfile) -> bool:
        if not isinstance(request, ChatRelayRequest) or request.several:
            return True
        if profile.user_after_results is False and not is_in_order(text_of(request.fields.get("messages"))):
            return False
        if profile.system_anywhere is False and not is_leading(text_of(request.fields.get("messages"))):
            return False
        if profile.freeform_tools is False and not has_only_functions(request.text, request.fields):
            return False
        effort = word(value_of(request.fields.get("reasoning_effort")))
        most = self._variant.most_output_for(model, profile.most_output)
        if not takes_limit(request.fields, LIMITS, most):
            return False
        if not takes_settings(request.fields, PLACES, profile, thinks=effort not in {None, OFF}):
            return False
        if not taken(effort, self._variant.efforts_for(model, profile.efforts)):
            return False
        formed = self._variant.form_with_tools and profile.form_with_tools is not False
        if not formed and text_of(request.fields.get("response_format")).find(b'"json_') >= 0 and _has_tools(request):
            return False
        together = self._variant.effort_with_tools or profile.effort_with_tools is not False
        return together or effort in {None, OFF} or text_of(request.fields.get("tools")).find(b'"function"') < 0

    def request_head(self, key: str | None, model: str, *, stream: bool) -> HttpRequest:
        accept = self.stream_type if stream else self.whole_type
        return HttpRequest(url=self._url, headers=BEARER.json_headers(key, accept))

    read = staticmethod(read_whole)


def _has_tools(request: ChatRelayRequest) -> bool:
    return text_of(request.fields.get("tools")).find(b"{") >= 0


def chat_request(call: ServerRequest, body: RelayBody) -> ChatRelayRequest:
    """The request in `body`."""
    options, choices = body.said.get("stream_options"), body.said.get("n")
    several = choices is not None and choices != 1
    return ChatRelayRequest(body.model, body.stream is True, body.fields, options, several, body.text)


ASKED = READ | {"stream_options", "n"}
"""Fields whose values are read."""

READER = BodyReader(chat_request, ASKED)
