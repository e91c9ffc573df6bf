"""The half that calls a service."""

from collections.abc import Callable, Iterator, Sequence

from msgspec.structs import replace

from dragoman.errors import DragomanError
from dragoman.protocols.base import ClientCodec
from dragoman.protocols.carrier import Carrier
from dragoman.protocols.decoder import Decoder
from dragoman.protocols.env import Env
from dragoman.protocols.gemini.contents import asking_system
from dragoman.protocols.gemini.count import GeminiCounter
from dragoman.protocols.gemini.decode_stream import ReplyDecoder
from dragoman.protocols.gemini.embeddings import GeminiEmbedClient
from dragoman.protocols.gemini.errors import decode_error
from dragoman.protocols.gemini.extra import NAME
from dragoman.protocols.gemini.hosted import is_native
from dragoman.protocols.gemini.media import AUTO, RESOLUTIONS
from dragoman.protocols.gemini.mixed import lost_hosted, with_mixed, without_hosted
from dragoman.protocols.gemini.relay import GEMINI_ROOT, GOOGLE_KEY, GeminiRelay
from dragoman.protocols.gemini.request import TIERS, encode_body
from dragoman.protocols.gemini.schema import NO_REFERENCES, is_own_schema
from dragoman.protocols.gemini.thinking import changed_budget, efforts_of, with_budget
from dragoman.protocols.gemini.tools import TOOL_NAMES
from dragoman.protocols.gemini.vertex_embeddings import EmbedMethod, VertexEmbedClient
from dragoman.protocols.opaque import is_own, origin, wrapped_base64
from dragoman.protocols.reasoning import budget_of
from dragoman.protocols.request_body import request_body
from dragoman.protocols.speech import PARTS, USUAL
from dragoman.protocols.tools.freeform import freeform_names
from dragoman.protocols.tools.result_media import apart, moved
from dragoman.types import (
    AnyPart,
    Audio,
    ChangedField,
    ChatRequest,
    Extra,
    File,
    HostedCall,
    HostedResult,
    HttpRequest,
    HttpResponse,
    Image,
    Loss,
    LostDetail,
    LostField,
    LostPart,
    ModelProfile,
    MovedMessage,
    OpaqueState,
    Reasoning,
    Refusal,
    Tool,
    ToolResult,
    Unknown,
)
from dragoman.types.schemas import SchemaSupport

EXPRESSES = frozenset(
    {
        "tools",
        "hosted.web_search",
        "hosted.web_search.blocked",
        "hosted.web_fetch",
        "hosted.code_execution",
        "hosted.maps",
        "hosted.file_search",
        "hosted.computer",
        "tool.output",
        "tool.strict",  # that a tool is not
        "tool_choice",
        "tool_choice.names",
        "response_format",
        "max_output_tokens",
        "temperature",
        "top_p",
        "top_k",
        "frequency_penalty",
        "presence_penalty",
        "stop",
        "seed",
        "reasoning.mode",
        "reasoning.effort",
        "reasoning.budget_tokens",
        "reasoning.display",
        "top_logprobs",
        "service_tier",
        "modalities",
        "store",
        "text",
        "text.opaque",
        "refusal",
        "refusal.opaque",
        "reasoning",
        "reasoning.opaque",
        "image",
        "image.url",
        "image.data",
        "image.file_id",
        "image.detail",
        "image.opaque",
        "audio",
        "audio.url",
        "audio.data",
        "audio.file_id",
        "audio.opaque",
        "file",
        "file.url",
        "file.data",
        "file.file_id",
        "file.opaque",
        "tool_call",
        "tool_call.opaque",
        "tool_result",
        "tool_result.opaque",
        "tool_result.is_error",
        "tool_result.image",
        "tool_result.audio",
        "tool_result.file",
        "hosted_call",
        "hosted_call.opaque",
        "hosted_result",
        "hosted_result.opaque",
        f"unknown.{NAME}",
    }
)

ENTERPRISE = frozenset({"metadata", "file.name"})
"""What Vertex AI takes, and the Gemini API refuses."""


class GeminiClient(ClientCodec):
    """Calls `POST {url}{root}/models/M:streamGenerateContent?alt=sse`.

    `enterprise`: the service takes labels, and names of files. `root`: what stands between the URL and the models;
    services with another one than the Gemini API count tokens in another form, and embed texts as Vertex AI does.
    `carrier`: what holds the key. `embed_method`: how a model of such a service embeds.
    """

    name = NAME
    tool_names = TOOL_NAMES
    pairing = "turn"
    most_stops = 5
    """"the number of stop_sequences must not exceed 5": 400. BerriAI/litellm#18921, seen 2026-11-28."""
    schema_support = form_support = NO_REFERENCES

    def __init__(
        self,
        url: str,
        *,
        enterprise: bool = True,
        root: str = GEMINI_ROOT,
        carrier: Carrier = GOOGLE_KEY,
        embed_method: Callable[[str], EmbedMethod] | None = None,
    ) -> None:
        self._url = url.rstrip("/")
        self._enterprise = enterprise
        self.relay = self._relay = GeminiRelay(self._url, root, carrier)
        own = root == GEMINI_ROOT
        if embed_method is not None:
            self.embeddings = VertexEmbedClient(self._relay.model_url, carrier, embed_method)
        elif own:
            self.embeddings = GeminiEmbedClient(self._url)
        self.counter = GeminiCounter(self.encode_request, whole=own)
        self.expresses = EXPRESSES | ENTERPRISE if enterprise else EXPRESSES

    def origin(self, model: str) -> str | None:
        return origin(self._url, model)

    def carried(self, part: AnyPart, state: OpaqueState, written: str | None) -> tuple[AnyPart, ...]:
        return (replace(part, opaque=OpaqueState(NAME, wrapped_base64(state, NAME), written)),)

    def efforts_for(self, model: str, profile: ModelProfile) -> Sequence[str] | None:
        return efforts_of(profile)

    def losses(self, request: ChatRequest, profile: ModelProfile) -> tuple[Loss, ...]:
        found = {loss.name: loss for loss in super().losses(request, profile)}
        more = (
            *_parts(request, self.origin(request.model)),
            *_thinking(request, profile),
            *changed_budget(request, profile),
            *lost_hosted(request, profile),
            *(moved(request.messages, _is_media) if profile.result_media is False else ()),
        )
        for loss in more:
            found.setdefault(loss.name, loss)
        return tuple(found.values())

    def fit(self, request: ChatRequest, profile: ModelProfile) -> ChatRequest:
        fitted = super().fit(with_budget(without_hosted(request, profile), profile), profile)
        return (
            fitted if profile.result_media is not False else replace(fitted, messages=apart(fitted.messages, _is_media))
        )

    def keeps(self, extra: Extra) -> bool:
        return is_own_schema(extra)

    def takes_schemas(self, profile: ModelProfile) -> SchemaSupport:
        return self.schema_support  # the profile's facts are about the older form, and what is sent is JSON Schema

    def changed(self, request: ChatRequest) -> Iterator[Loss]:
        if request.service_tier not in (None, *TIERS, *USUAL["service_tier"]):
            yield LostField("service_tier")
        for i, tool in enumerate(request.tools):
            if isinstance(tool, Tool) and tool.strict:
                yield LostDetail(f"tools[{i}].strict")
        form = request.response_format
        if form is not None and form.strict is False:
            yield ChangedField("response_format.strict")
        if form is not None and form.kind != "json_schema" and (form.name or form.description):
            yield LostField("response_format.name")
        if (asking := asking_system(request.messages)) is not None:
            yield MovedMessage(f"messages[{asking}]")
        choice = request.tool_choice
        if choice is not None and choice.mode == "tool" and choice.names:
            yield LostField("tool_choice.names")

    def encode_request(self, request: ChatRequest, env: Env) -> HttpRequest:
        message = self._relay.request_head(env.key, request.model, stream=True)
        body = encode_body(
            request,
            _data,
            enterprise=self._enterprise,
            levels=env.profile.thinking_levels is not False,
            signed=env.profile.signed_calls is True,
        )
        if not self._enterprise:
            body = with_mixed(body)
        data = request_body(body)
        return HttpRequest(url=message.url, headers=message.headers, body=data)

    def decoder(self, request: ChatRequest) -> Decoder:
        return ReplyDecoder(len(request.messages), self.origin(request.model), freeform_names(request.tools))

    def decode_error(self, reply: HttpResponse) -> DragomanError:
        return decode_error(reply)


def _is_media(part: AnyPart) -> bool:
    return isinstance(part, Image | Audio | File) or (isinstance(part, Unknown) and part.protocol == NAME)


def _data(state: OpaqueState) -> str:
    return state.data


def _parts(request: ChatRequest, written: str | None) -> Iterator[Loss]:
    """Parts that this protocol has, but not in this form."""
    for i, message in enumerate(request.messages):
        for j, part in enumerate(message.parts):
            yield from _part(part, f"messages[{i}].parts[{j}]", written)


def _part(part: AnyPart, place: str, written: str | None) -> Iterator[Loss]:
    match part:
        case Refusal():
            yield ChangedField(f"{place} (refusal)")
        case Reasoning(text="") if not is_own(part.opaque, NAME, written):
            yield LostPart(f"{place} (reasoning)")
        case Image(detail=str(detail)) if detail != AUTO and detail not in RESOLUTIONS:
            yield LostDetail(f"{place}.detail")
        case HostedCall() | HostedResult() if not is_native(part):
            yield LostPart(f"{place} ({PARTS[type(part)]})")
        case ToolResult(parts=parts):
            for k, inner in enumerate(parts):
                yield from _part(inner, f"{place}.parts[{k}]", written)
        case _:
            return


def _thinking(request: ChatRequest, profile: ModelProfile) -> Iterator[Loss]:
    """How much to think: one of a level and a budget arrives."""
    config = request.reasoning
    if config is None:
        return
    off = config.mode == "off" or config.effort == "none"
    levels = profile.thinking_levels is not False
    if config.effort is not None and config.effort != "none":
        if off:
            yield LostField("reasoning.effort")
        elif levels and config.effort == "max":
            yield ChangedField("reasoning.effort")
        elif not levels and (config.budget_tokens or budget_of(config.effort)) is None:
            yield LostField("reasoning.effort")
        elif not levels:
            yield ChangedField("reasoning.effort")
        if config.budget_tokens is not None and (off or levels):
            yield LostField("reasoning.budget_tokens")
    elif off and config.budget_tokens:
        yield LostField("reasoning.budget_tokens")
    if config.mode == "on" and config.effort is None and config.budget_tokens is None:
        yield ChangedField("reasoning.mode")
    if config.display == "full":
        yield ChangedField("reasoning.display")
