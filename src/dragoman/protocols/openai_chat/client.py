"""The half that calls a service."""

from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import ClassVar

from msgspec.structs import replace

from dragoman.errors import DragomanError
from dragoman.protocols.base import ClientCodec
from dragoman.protocols.carrier import BEARER
from dragoman.protocols.decoder import Decoder
from dragoman.protocols.env import Env
from dragoman.protocols.opaque import origin
from dragoman.protocols.openai_chat.completions_relay import COMPLETIONS, CompletionsRelay
from dragoman.protocols.openai_chat.controls import returned_breakpoints
from dragoman.protocols.openai_chat.decode_stream import ReplyDecoder
from dragoman.protocols.openai_chat.embeddings import OpenAIEmbedClient
from dragoman.protocols.openai_chat.errors import decode_error
from dragoman.protocols.openai_chat.extra import FAMILY, NAME
from dragoman.protocols.openai_chat.reasoning_details import carried
from dragoman.protocols.openai_chat.relay import ChatRelay
from dragoman.protocols.openai_chat.request import NEAREST_TIERS, encode_body
from dragoman.protocols.openai_chat.result_media import moves
from dragoman.protocols.openai_chat.thinking import as_it_came
from dragoman.protocols.openai_chat.turn_order import added
from dragoman.protocols.openai_chat.variant import THINKING, USUAL, Variant, thinks_not
from dragoman.protocols.openai_shared.cache import CACHED
from dragoman.protocols.openai_shared.cache import changed as changed_breakpoints
from dragoman.protocols.openai_shared.family import FAMILY_FIELDS, said_of, without_fields
from dragoman.protocols.openai_shared.json_word import EVERY_ROLE, lacks_word, with_word
from dragoman.protocols.openai_shared.names import TOOL_NAMES
from dragoman.protocols.openai_shared.schemas import PLAIN_PATTERNS
from dragoman.protocols.openai_shared.user import changed_user
from dragoman.protocols.profiles import forms_beside_tools
from dragoman.protocols.reasoning import silences_effort
from dragoman.protocols.relay import RelayCodec
from dragoman.protocols.request_body import request_body
from dragoman.protocols.speech import ANYWHERE, BREAKPOINT, DEVELOPER, NAMES
from dragoman.protocols.speech import USUAL as USUAL_VALUES
from dragoman.protocols.tools.call_ids import NINE, CallIdForm
from dragoman.protocols.tools.freeform import freeform_names
from dragoman.protocols.tools.result_media import moved
from dragoman.protocols.tools.unwrapped_calls import UnwrappedCalls
from dragoman.types import (
    AnyPart,
    ChangedField,
    ChatRequest,
    HttpRequest,
    HttpResponse,
    Loss,
    LostField,
    ModelProfile,
    OpaqueState,
    ReasoningConfig,
    Tool,
    WordedForm,
)

EXPRESSES = frozenset(
    {
        "tools",
        "hosted.web_search",
        "hosted.web_search.location",
        "hosted.web_search.context_size",
        "tool.strict",
        "tool.grammar",
        "tool_choice",
        "tool_choice.names",
        "parallel_tool_calls",
        "response_format",
        "max_output_tokens",
        "temperature",
        "top_p",
        "top_k",
        "frequency_penalty",
        "presence_penalty",
        "stop",
        "seed",
        "top_logprobs",
        "verbosity",
        "service_tier",
        "modalities",
        "metadata",
        "user",
        "safety_identifier",
        "cache_key",
        "store",
        "text",
        "refusal",
        "reasoning",
        "reasoning.opaque",
        "image",
        "image.url",
        "image.data",
        "image.detail",
        "audio",
        "audio.data",
        "file",
        "file.url",
        "file.data",
        "file.file_id",
        "file.name",
        "tool_call",
        "tool_call.cut",
        "tool_result",
        "tool_result.image",
        "tool_result.audio",
        "tool_result.file",
        f"unknown.{NAME}",
        NAMES,
        DEVELOPER,
        ANYWHERE,
        "cache",
        *CACHED,
    }
)


NOT_AT_ALL = ReasoningConfig(effort="none")


@lru_cache(maxsize=256)
def _expressed(variant: Variant) -> frozenset[str]:
    """What services of a variant have of the protocol. A client is made for each call."""
    return (EXPRESSES | THINKING[variant.thinking_field]) - variant.lacks()


class _UnwrappedReply(UnwrappedCalls, ReplyDecoder):
    """An answer to a request with freeform tools."""


class OpenAIChatClient(ClientCodec):
    """Calls `POST {url}/chat/completions`.

    `completions`: the path below the URL at which the service completes texts; empty if it has none.
    """

    name = NAME
    tool_names = TOOL_NAMES
    pairing = "message"
    call_ids: ClassVar[Mapping[str | None, CallIdForm]] = {"nine": NINE, "short": CallIdForm(40)}
    strict_forms = True
    schema_support = form_support = PLAIN_PATTERNS
    family = FAMILY

    def __init__(self, url: str, variant: Variant = USUAL, completions: str = "") -> None:
        self._url = f"{url.rstrip('/')}/chat/completions"
        self.relay = ChatRelay(self._url, variant)
        self._completions = (
            CompletionsRelay(f"{url.rstrip('/')}{completions}", stream_usage=variant.stream_usage)
            if completions
            else None
        )
        self.embeddings = OpenAIEmbedClient(url, variant.refused_fields)
        self._variant = variant
        self.effort_alone = variant.thinking_field == "reasoning_effort"
        self.refused = frozenset(variant.refused_fields) | (frozenset() if variant.breakpoints else {BREAKPOINT})
        self.expresses = _expressed(variant)
        self.most_stops = variant.most_stops
        self._unknown = frozenset(FAMILY_FIELDS).intersection(variant.refused_fields)

    def relay_for(self, protocol: str) -> RelayCodec | None:
        return self._completions if protocol == COMPLETIONS else super().relay_for(protocol)

    def origin(self, model: str) -> str | None:
        return origin(self._url, model)

    def carried(self, part: AnyPart, state: OpaqueState, written: str | None) -> tuple[AnyPart, ...]:
        return carried(part, state, written)

    def efforts_for(self, model: str, profile: ModelProfile) -> Sequence[str] | None:
        return self._variant.efforts_for(model, profile.efforts)

    def most_output_for(self, model: str, profile: ModelProfile) -> int | None:
        return self._variant.most_output_for(model, profile.most_output)

    def untaken(self, profile: ModelProfile) -> frozenset[str]:
        # Reasoning is in a field that OpenAI does not have: services that do not take it back refuse or ignore it.
        found = super().untaken(profile)
        return found if profile.reasoning_returns else found | {"reasoning"}

    def changed(self, request: ChatRequest) -> Iterator[Loss]:
        yield from super().changed(request)
        yield from changed_breakpoints(request, self._variant.breakpoints)
        yield from changed_user(request)
        if self._variant.service_tiers is not None:
            if request.service_tier not in {None, *dict(self._variant.service_tiers), *USUAL_VALUES["service_tier"]}:
                yield LostField("service_tier")
        elif request.service_tier in NEAREST_TIERS:
            yield ChangedField("service_tier")
        if self._variant.weakens(request):
            yield ChangedField("tool_choice")
        yield from moved(request.messages, moves(pictures=self._variant.result_media))
        if silences_effort(request.reasoning) and "reasoning.effort" in self.expresses:
            yield ChangedField("reasoning.effort")
        form = request.response_format
        if form is not None and form.kind == "json_schema" and not self._variant.json_schema:
            yield ChangedField("response_format")

    def losses(self, request: ChatRequest, profile: ModelProfile) -> tuple[Loss, ...]:
        request = as_it_came(request)
        found = self._losses(request, profile)
        if self._unknown and (unknown := said_of(request.extra, NAME, self._unknown)):
            names = {loss.name for loss in found}
            found = (*found, *(LostField(name) for name in unknown if name not in names))
        if any("cache" in loss.name for loss in found):
            returned = set(returned_breakpoints(request))
            found = tuple(loss for loss in found if loss.name.removesuffix(".ttl") not in returned)
        if profile.user_after_results is False:
            found = (*found, *added(request.messages))
        if self._lacks_word(request) and "response_format" not in self._untaken(request, profile):
            found = (*found, WordedForm("response_format"))
        return found

    def _losses(self, request: ChatRequest, profile: ModelProfile) -> tuple[Loss, ...]:
        if not self._must_not_think(request, profile):
            return super().losses(request, profile)
        still = replace(request, reasoning=NOT_AT_ALL)
        return (*super().losses(still, profile), ChangedField("reasoning.effort"))

    def fit(self, request: ChatRequest, profile: ModelProfile) -> ChatRequest:
        request = as_it_came(request)
        still = self._must_not_think(request, profile)
        fitted = super().fit(replace(request, reasoning=NOT_AT_ALL) if still else request, profile)
        if self._unknown and said_of(fitted.extra, NAME, self._unknown):
            fitted = replace(fitted, extra=without_fields(fitted.extra, NAME, self._unknown))
        return with_word(fitted) if self._lacks_word(fitted) else fitted

    def _lacks_word(self, request: ChatRequest) -> bool:
        form = request.response_format
        if form is None or not self._variant.json_word:
            return False
        bare = form.kind == "json_object" or (form.kind == "json_schema" and not self._variant.json_schema)
        return bare and lacks_word(request, EVERY_ROLE)

    def _untaken(self, request: ChatRequest, profile: ModelProfile) -> frozenset[str]:
        found = super()._untaken(request, profile)
        alone = not self._variant.form_with_tools and forms_beside_tools(request)
        return found | {"response_format"} if alone else found

    def _must_not_think(self, request: ChatRequest, profile: ModelProfile) -> bool:
        if self._variant.effort_with_tools or profile.effort_with_tools is not False or thinks_not(request):
            return False
        return any(isinstance(tool, Tool) for tool in request.tools)

    def encode_request(self, request: ChatRequest, env: Env) -> HttpRequest:
        body = request_body(encode_body(request, self._variant, env.profile))
        return HttpRequest(url=self._url, headers=BEARER.json_headers(env.key, "text/event-stream"), body=body)

    def decoder(self, request: ChatRequest) -> Decoder:
        written = self.origin(request.model)
        if not (names := freeform_names(request.tools)):
            return ReplyDecoder(written, request)
        decoder = _UnwrappedReply(written, request)
        decoder.unwrap(names)
        return decoder

    def decode_error(self, reply: HttpResponse) -> DragomanError:
        return decode_error(reply)
