"""How requests and answers of this protocol are relayed."""

from collections.abc import Hashable, Mapping

from dragoman.protocols.anthropic.encode_stream import PING
from dragoman.protocols.anthropic.extra import NAME, THREAD
from dragoman.protocols.anthropic.request import COMPACTION, FIRST_VERSION, USUAL, Variant, with_version, without_model
from dragoman.protocols.anthropic.service import BETA, VERSION, chat_url
from dragoman.protocols.anthropic.tap import MessageTap, read_whole
from dragoman.protocols.anthropic.thinking import FIELD
from dragoman.protocols.anthropic.tools import OLD_FORMAT
from dragoman.protocols.anthropic.worded import COMPACTION_TYPE
from dragoman.protocols.asked_effort import settings_in, word
from dragoman.protocols.asked_settings import takes_limit, takes_settings
from dragoman.protocols.leading_system import is_leading
from dragoman.protocols.reasoning import always_thinks, taken
from dragoman.protocols.relay import RelayRequest, ReplySummary
from dragoman.protocols.relay_body import BodyReader, BodyRelayRequest, RelayBody, SseRelay, passed, text_of
from dragoman.types import Headers, HttpRequest, ModelProfile, ServerRequest

PASSED = frozenset({VERSION.encode(), BETA.encode(), b"x-app"})
CLAUDE_CODE = b"x-claude-code-"
"""Header fields that change what a body means, or that tell the vendor which program and session asks."""
UNSIGNED = (b'"signature":""', b'"signature": ""')
"""What thinking has that another service did not sign. agentscope-ai/agentscope#1668, ENTERPILOT/GoModel#964."""
OWN = (THREAD, COMPACTION)
"""Fields that only the vendor's service has."""
SUMMARY = f'"{COMPACTION_TYPE}"'.encode()
"""What a block has that stands in place of a conversation."""
UNTAKEN: dict[bool | None, str] = {True: "enabled", False: "adaptive"}
"""The type of thinking that models refuse which have levels of it, and which have none."""
FORCING = ("any", "tool")
"""Choices of a tool that do not go with thinking."""
LIMITS = ("max_tokens",)
PLACES = {"temperature": "temperature", "top_p": "top_p", "top_k": "top_k", "stop": "stop_sequences"}
"""See `takes_settings`."""
FIRST = (VERSION, FIRST_VERSION)
"""What is sent for a caller that names no version."""


class AnthropicRelay(SseRelay):
    """Requests and answers of `POST {url}/v1/messages`, passed as they are.

    If the path names the model, the body is written anew without it, and with its version; its other fields pass.
    """

    name = NAME
    heartbeat = PING
    beta_field = BETA
    model_at = (("message", "model"), ("model",))

    def __init__(self, url: str, variant: Variant = USUAL, *, signed: bool = False) -> None:
        """`signed`: see AnthropicClient."""
        self._url = url
        self._variant = variant
        self._signed = signed
        if variant.body_version:
            self.body_with = self._body_with
            self.head_key = self._head_key

    def takes(self, request: RelayRequest) -> bool:
        if not isinstance(request, BodyRelayRequest):
            return True
        said = text_of(request.fields.get("messages"))
        if not self._signed:
            # Others pass these over: they would answer, and the next request, without the conversation.
            return SUMMARY not in said and all(text_of(request.fields.get(name)) == b"null" for name in OWN)
        return not any(mark in said for mark in UNSIGNED)

    def takes_settings(self, request: RelayRequest, model: str, profile: ModelProfile) -> bool:
        if not isinstance(request, BodyRelayRequest):
            return True
        fields, efforts, levels = request.fields, profile.efforts, profile.thinking_levels
        if not takes_limit(fields, LIMITS, profile.most_output) or not takes_settings(fields, PLACES, profile):
            return False
        if profile.system_anywhere is False and not is_leading(text_of(fields.get("messages")), beside=True):
            return False
        output = settings_in(fields.get("output_config"))
        formed = output.format is not None or OLD_FORMAT in fields
        if formed and "response_format" in (profile.unsupported_fields or ()):
            return False
        kind, effort = settings_in(fields.get(FIELD)).type, word(output.effort)
        if (kind is not None and kind == UNTAKEN.get(levels)) or (
            effort is not None and levels is False and not efforts
        ):
            return False
        if always_thinks(efforts) and (kind == "disabled" or settings_in(fields.get("tool_choice")).type in FORCING):
            return False
        return not efforts or taken(effort, efforts)

    def request_head(self, key: str | None, model: str, *, stream: bool) -> HttpRequest:
        # The version is the caller's, and comes with each request.
        accept = self.stream_type if stream else self.whole_type
        headers = self._variant.carrier.json_headers(key, accept)
        return HttpRequest(url=chat_url(self._url, self._variant, model, stream=stream), headers=headers)

    def _body_with(self, fields: Mapping[str, object], headers: Headers) -> dict[str, object]:
        # The caller's version says what its body means.
        return with_version(without_model(fields), self._variant, dict(headers).get(VERSION, FIRST_VERSION))

    def _head_key(self, model: str, request: RelayRequest) -> Hashable:
        return model, request.stream

    def read(self, body: bytes) -> ReplySummary:
        return read_whole(body)


def _request(call: ServerRequest, body: RelayBody) -> BodyRelayRequest:
    return BodyRelayRequest(body.model, body.stream is True, body.fields, MessageTap, _passed(call), text=body.text)


READER = BodyReader(_request, blanks=True)


def _passed(call: ServerRequest) -> Headers:
    headers = passed(call, PASSED, CLAUDE_CODE)
    return headers if headers and dict(headers).get(VERSION) else (FIRST, *headers)
