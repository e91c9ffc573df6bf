"""The half that calls a service."""

from collections.abc import Iterable, Iterator, Mapping
from typing import ClassVar

from dragoman.errors import DragomanError
from dragoman.protocols import opaque
from dragoman.protocols.anthropic.breakpoints import surplus, within_limit
from dragoman.protocols.anthropic.count import AnthropicCounter
from dragoman.protocols.anthropic.decode_stream import ReplyDecoder
from dragoman.protocols.anthropic.errors import decode_error
from dragoman.protocols.anthropic.extra import NAME, THREAD
from dragoman.protocols.anthropic.fitting import SAMPLING, changed_fields, fitted, thinking_as_taken
from dragoman.protocols.anthropic.losses import changed
from dragoman.protocols.anthropic.marks import marked, wants_marks
from dragoman.protocols.anthropic.relay import AnthropicRelay
from dragoman.protocols.anthropic.request import (
    FIRST_VERSION,
    MAX_TOKENS,
    X_API_KEY,
    Variant,
    encode_body,
    with_version,
    without_model,
)
from dragoman.protocols.anthropic.service import BETA, chat_url, headers_for
from dragoman.protocols.anthropic.states import carried, with_signatures
from dragoman.protocols.anthropic.tools import TOOL_NAMES
from dragoman.protocols.anthropic.worded import is_summary, without_summaries
from dragoman.protocols.base import ClientCodec
from dragoman.protocols.carrier import Carrier
from dragoman.protocols.compaction import EXPRESSED, asked_by
from dragoman.protocols.decoder import Decoder
from dragoman.protocols.env import Env
from dragoman.protocols.opaque import is_own, without_foreign
from dragoman.protocols.profiles import with_limit
from dragoman.protocols.request_body import request_body
from dragoman.protocols.speech import ANYWHERE, BREAKPOINTS, OWN_RESULTS
from dragoman.protocols.tools.call_ids import PLAIN, CallIdForm
from dragoman.types import (
    AnyPart,
    ChangedField,
    ChatRequest,
    HttpRequest,
    HttpResponse,
    Loss,
    LostDetail,
    LostPart,
    ModelProfile,
    OpaqueState,
    Reasoning,
    RefusedReference,
)

EXPRESSES = frozenset(
    {
        "tools",
        "hosted.web_search",
        "hosted.web_search.allowed",
        "hosted.web_search.blocked",
        "hosted.web_search.location",
        "hosted.web_search.max_uses",
        "hosted.web_fetch",
        "hosted.web_fetch.allowed",
        "hosted.web_fetch.blocked",
        "hosted.web_fetch.max_uses",
        "hosted.code_execution",
        "hosted.tool_search",
        "tool.strict",
        "tool.defer_loading",
        "tool_choice",
        "tool_choice.hosted",
        "parallel_tool_calls",
        "response_format",
        "max_output_tokens",
        "stop",
        "reasoning.mode",
        "reasoning.effort",
        "reasoning.budget_tokens",
        "reasoning.display",
        "service_tier",
        "user",
        "safety_identifier",
        "cache",
        "text",
        "text.citations",
        "text.citations.quote",
        "text.citations.source",
        "text.citations.location",
        "refusal",
        "reasoning",
        "reasoning.opaque",
        "image",
        "image.url",
        "image.data",
        "image.file_id",
        "file",
        "file.url",
        "file.data",
        "file.file_id",
        "file.name",
        "tool_call",
        "tool_result",
        "tool_result.is_error",
        "tool_result.image",
        "tool_result.file",
        "hosted_call",
        OWN_RESULTS,
        f"unknown.{NAME}",
        *BREAKPOINTS,
        ANYWHERE,
    }
)


class AnthropicClient(ClientCodec):
    """Calls `POST {url}/v1/messages`, or where Vertex AI has its models.

    `version`: the value of `anthropic-version`. `max_tokens`: the limit if the caller sets none. `signed`: whether the
    service refuses thinking with an empty signature; some with this protocol give that, and want it back. `carrier`,
    `body_version`: see Variant.
    """

    name = NAME
    tool_names = TOOL_NAMES
    pairing = "turn"
    lists = frozenset({BETA})
    beta_field = BETA
    blank_stops = False
    """"stop_sequences: each stop sequence must contain non-whitespace": 400. BerriAI/litellm#3286, seen 2026-11-28."""
    call_ids: ClassVar[Mapping[str | None, CallIdForm]] = {"plain": PLAIN}

    def __init__(
        self,
        url: str,
        *,
        version: str = FIRST_VERSION,
        max_tokens: int = MAX_TOKENS,
        signed: bool = False,
        carrier: Carrier = X_API_KEY,
        body_version: str = "",
    ) -> None:
        self._base = url.rstrip("/")
        self._signed = signed
        self._variant = Variant(version, max_tokens, carrier, body_version)
        self.relay = AnthropicRelay(self._base, self._variant, signed=signed)
        self.counter = AnthropicCounter(self._base, self._variant)
        self.expresses = EXPRESSES if self._variant.newest else EXPRESSES.union(SAMPLING)

    def compacts(self, request: ChatRequest) -> bool:
        return self._signed and asked_by(request) == NAME

    def origin(self, model: str) -> str | None:
        return opaque.origin(self._base, model)

    def vouched(self, request: ChatRequest) -> ChatRequest:
        return request if self._signed else with_signatures(request, opaque.origin(self._base, request.model))

    def carried(self, part: AnyPart, state: OpaqueState, written: str | None) -> tuple[AnyPart, ...]:
        return carried(part, state, written)

    def changed(self, request: ChatRequest) -> Iterable[Loss]:
        return changed(request, self._variant)

    def losses(self, request: ChatRequest, profile: ModelProfile) -> tuple[Loss, ...]:
        # The service refuses thinking without its signature, so that without it all of the part is lost.
        found = {loss.name: loss for loss in super().losses(request, profile)}
        if not self._signed and request.extra.get(NAME, {}).get(THREAD) is not None:
            found[THREAD] = RefusedReference(THREAD)
        if self.compacts(request):
            found.pop(EXPRESSED, None)
        for name in self._unsaid(request):
            found[name] = LostDetail(name)
        for place in surplus(request):
            found.setdefault(place, LostDetail(place))
        for place in self._unsigned(request):
            found.pop(f"{place}.opaque", None)
            found[f"{place} (reasoning)"] = LostPart(f"{place} (reasoning)")
        if request.reasoning is not None or request.tool_choice is not None:
            own = without_foreign(with_limit(request, profile.most_output), NAME, self.origin(request.model))
            own = self._with_effort(own, profile)
            for name in changed_fields(own, thinking_as_taken(own, profile)):
                if name in self.expresses:
                    found.setdefault(name, ChangedField(name))
        return tuple(found.values())

    def fit(self, request: ChatRequest, profile: ModelProfile) -> ChatRequest:
        request = super().fit(request if self._signed else without_summaries(request), profile)
        return fitted(within_limit(request), profile)

    def encode_request(self, request: ChatRequest, env: Env) -> HttpRequest:
        body = encode_body(request, self._variant, env.profile.most_output)
        if env.profile.breakpoints is not False and wants_marks(request):
            body = marked(body)
        if self._variant.body_version:
            body = with_version(without_model(body), self._variant, self._variant.version)
        headers = headers_for(request, self._variant, env.key, "text/event-stream")
        url = chat_url(self._base, self._variant, request.model, stream=True)
        return HttpRequest(url=url, headers=headers, body=request_body(body))

    def decoder(self, request: ChatRequest) -> Decoder:
        return ReplyDecoder(request.tools, self.origin(request.model))

    def decode_error(self, reply: HttpResponse) -> DragomanError:
        return decode_error(reply)

    def _unsaid(self, request: ChatRequest) -> Iterator[str]:
        """What a summary that the vendor's service wrote has beside its words."""
        for i, message in enumerate(() if self._signed else request.messages):
            for j, part in enumerate(message.parts):
                if is_summary(part):
                    yield from (f"messages[{i}].parts[{j}].{name}" for name in part.extra.get(NAME, {}))

    def _unsigned(self, request: ChatRequest) -> Iterator[str]:
        origin = self.origin(request.model)
        for i, message in enumerate(request.messages):
            for j, part in enumerate(message.parts):
                if isinstance(part, Reasoning) and not is_own(part.opaque, NAME, origin):
                    yield f"messages[{i}].parts[{j}]"
