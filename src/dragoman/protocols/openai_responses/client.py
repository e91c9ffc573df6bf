"""The half that calls a service."""

from collections.abc import Iterator, Mapping, Sequence
from typing import ClassVar

from msgspec.structs import replace

from dragoman.errors import DragomanError
from dragoman.protocols import opaque
from dragoman.protocols.base import ClientCodec
from dragoman.protocols.carrier import BEARER
from dragoman.protocols.compaction import EXPRESSED
from dragoman.protocols.decoder import Decoder
from dragoman.protocols.env import Env
from dragoman.protocols.openai_responses.agent_items import with_functions_alone
from dragoman.protocols.openai_responses.conversation import NEXT
from dragoman.protocols.openai_responses.counter import ResponsesCounter
from dragoman.protocols.openai_responses.decode_stream import ReplyDecoder
from dragoman.protocols.openai_responses.extra import NAME
from dragoman.protocols.openai_responses.hosted import TYPES, is_sayable
from dragoman.protocols.openai_responses.kept import ResponsesKept
from dragoman.protocols.openai_responses.relay import ResponsesRelay
from dragoman.protocols.openai_responses.request import LEAST_TOKENS, Variant, encode_body, without_encrypted
from dragoman.protocols.openai_responses.sayable import Sayable
from dragoman.protocols.openai_responses.tool_search import SEARCH
from dragoman.protocols.openai_shared.cache import CACHED, FIELD
from dragoman.protocols.openai_shared.cache import changed as changed_breakpoints
from dragoman.protocols.openai_shared.errors import decode_error
from dragoman.protocols.openai_shared.family import FAMILY
from dragoman.protocols.openai_shared.json_word import lacks_word, with_word
from dragoman.protocols.openai_shared.names import TOOL_NAMES
from dragoman.protocols.openai_shared.schemas import PLAIN_PATTERNS
from dragoman.protocols.openai_shared.user import changed_user
from dragoman.protocols.reasoning import silences_effort
from dragoman.protocols.request_body import request_body
from dragoman.protocols.speech import ANYWHERE, BREAKPOINT, DEVELOPER, PARTS
from dragoman.protocols.tools.call_ids import CallIdForm
from dragoman.protocols.tools.deferred import deferred
from dragoman.protocols.tools.freeform import freeform_names
from dragoman.protocols.tools.search import RESULTS, is_search
from dragoman.protocols.tools.unwrapped_calls import UnwrappedCalls
from dragoman.types import (
    AnyPart,
    ChangedField,
    ChatRequest,
    HostedTool,
    HttpRequest,
    HttpResponse,
    Loss,
    LostDetail,
    LostField,
    LostPart,
    ModelProfile,
    OpaqueState,
    Reasoning,
    Role,
    Text,
    Tool,
    ToolResult,
    WordedForm,
)

READ_FOR_JSON: frozenset[Role] = frozenset({"developer", "user", "assistant"})
"""Roles in whose messages the word JSON counts: the service does not look for it in others."""

PENALTIES = frozenset({"frequency_penalty", "presence_penalty"})

EXPRESSES = frozenset(
    {
        EXPRESSED,
        "tools",
        "hosted.web_search",
        "hosted.web_search.allowed",
        "hosted.web_search.location",
        "hosted.web_search.context_size",
        "hosted.file_search",
        "hosted.code_execution",
        "hosted.image_generation",
        "hosted.computer",
        "hosted.shell",
        "hosted.tool_search",
        "hosted.mcp",
        "hosted.mcp.allowed",
        "hosted.mcp.label",
        "hosted.mcp.url",
        "hosted.mcp.authorization",
        "tool.strict",
        "tool.grammar",
        "tool.output",
        "tool.defer_loading",
        "tool.namespace",
        "tool.namespace_description",
        "tool_choice",
        "tool_choice.names",
        "tool_choice.hosted",
        "parallel_tool_calls",
        "response_format",
        "max_output_tokens",
        "temperature",
        "top_p",
        "reasoning.mode",
        "reasoning.effort",
        "reasoning.budget_tokens",
        "reasoning.display",
        "top_logprobs",
        "verbosity",
        "service_tier",
        "metadata",
        "user",
        "safety_identifier",
        "cache_key",
        "store",
        "truncate",
        "text",
        "text.citations",
        "text.citations.source",
        "text.citations.text_range",
        "text.logprobs",
        "refusal",
        "reasoning",
        "reasoning.opaque",
        "image",
        "image.url",
        "image.data",
        "image.file_id",
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
        "tool_call.namespace",
        "tool_result",
        "tool_result.image",
        "tool_result.file",
        RESULTS,
        "hosted_call",
        f"unknown.{NAME}",
        DEVELOPER,
        ANYWHERE,
        "cache",
        *CACHED,
    }
)


class _UnwrappedReply(UnwrappedCalls, ReplyDecoder):
    """An answer to a request with freeform tools."""


class OpenAIResponsesClient(ClientCodec):
    """Calls `POST {url}/responses`. For the parameters, see Variant."""

    name = NAME
    tool_names = TOOL_NAMES
    pairing = "turn"
    call_ids: ClassVar[Mapping[str | None, CallIdForm]] = {"short": CallIdForm(64)}
    strict_forms = True
    schema_support = form_support = PLAIN_PATTERNS
    family = FAMILY
    effort_alone = True

    def __init__(
        self,
        url: str,
        *,
        penalties: bool = True,
        own_ids: bool = False,
        breakpoints: bool = False,
        json_word: bool = False,
    ) -> None:
        self._service = url.rstrip("/")
        self._url = f"{self._service}/responses"
        self._variant = Variant(penalties, own_ids, breakpoints, json_word)
        self.relay = ResponsesRelay(self._url, self._variant)
        self.counter = ResponsesCounter(self._url, self._variant)
        self.kept = ResponsesKept(self._url)
        has = EXPRESSES | PENALTIES if penalties else EXPRESSES
        self.expresses = has if breakpoints else has - CACHED
        self.refused = frozenset() if breakpoints else frozenset({BREAKPOINT})

    def origin(self, model: str) -> str:
        return opaque.origin(self._service, model)

    def carried(self, part: AnyPart, state: OpaqueState, written: str | None) -> tuple[AnyPart, ...]:
        if isinstance(part, Reasoning):
            return (replace(part, opaque=OpaqueState(NAME, opaque.wrapped(state, NAME), written)),)
        text = opaque.wrapped(replace(state, protocol=state.protocol + NEXT), NAME)
        item = Reasoning(text="", form="redacted", opaque=OpaqueState(NAME, text, written))
        return item, replace(part, opaque=None)

    def takes_whole(self, request: ChatRequest, profile: ModelProfile) -> bool:
        limit = request.max_output_tokens
        return (limit is None or limit >= LEAST_TOKENS) and super().takes_whole(request, profile)

    def losses(self, request: ChatRequest, profile: ModelProfile) -> tuple[Loss, ...]:
        found = super().losses(request, profile)
        if self._lacks_word(request) and "response_format" not in self._untaken(request, profile):
            found = (*found, WordedForm("response_format"))
        names = {loss.name for loss in found}
        return (*found, *(loss for loss in self._left_out(request, profile) if loss.name not in names))

    def changed(self, request: ChatRequest) -> Iterator[Loss]:
        config = request.reasoning
        if config is not None:
            if config.budget_tokens is not None:
                yield ChangedField("reasoning.budget_tokens")
            if config.mode in {"on", "adaptive"} and config.effort is None and config.budget_tokens is None:
                yield ChangedField("reasoning.mode")
            if config.display == "full":
                yield ChangedField("reasoning.display")
            if silences_effort(config):
                yield ChangedField("reasoning.effort")
        yield from changed_breakpoints(request, FIELD if self._variant.breakpoints else None)
        yield from changed_user(request)
        if request.max_output_tokens is not None and request.max_output_tokens < LEAST_TOKENS:
            yield ChangedField("max_output_tokens")

    def fit(self, request: ChatRequest, profile: ModelProfile) -> ChatRequest:
        sayable = self._sayable(request, profile)
        messages = []
        for message in request.messages:
            lost = set(sayable.left_out(message)) if message.role == "assistant" else set()
            kept = tuple(part for i, part in enumerate(message.parts) if i not in lost)
            messages.append(replace(message, parts=kept) if lost else message)
        # An assistant's turn of which nothing is left would be an empty one.
        left = tuple(new for new, old in zip(messages, request.messages, strict=True) if new.parts or not old.parts)
        fitted = super().fit(replace(request, messages=left), profile)
        fitted = with_word(fitted) if self._lacks_word(fitted) else fitted
        if _chooses_nothing(fitted):
            fitted = replace(fitted, tool_choice=None)
        shows = "reasoning.display" not in (profile.unsupported_fields or ())
        return fitted if shows else without_encrypted(fitted)

    def encode_request(self, request: ChatRequest, env: Env) -> HttpRequest:
        headers = BEARER.json_headers(env.key, "text/event-stream")
        if env.profile.freeform_tools is False:
            request = with_functions_alone(request)
        body = request_body(encode_body(request, self._variant, self._sayable(request, env.profile)))
        return HttpRequest(url=self._url, headers=headers, body=body)

    def decoder(self, request: ChatRequest) -> Decoder:
        written = self.origin(request.model)
        # A function of another group may have the same name.
        names = freeform_names(request.tools) - {
            tool.name for tool in request.tools if isinstance(tool, Tool) and tool.input_format == "json"
        }
        if not names:
            return ReplyDecoder(written)
        decoder = _UnwrappedReply(written)
        decoder.unwrap(names)
        return decoder

    def decode_error(self, reply: HttpResponse) -> DragomanError:
        return decode_error(NAME, reply)

    def _loads_later(self, request: ChatRequest, profile: ModelProfile) -> bool:
        # Without a search it refuses such tools (pydantic/pydantic-ai#6080, Wei-Shaw/sub2api#5942).
        if "prompt" in request.extra.get(NAME, {}):  # which may have one
            return True
        by_caller = profile.freeform_tools is not False
        return any(
            tool.tool == SEARCH and is_sayable(tool)
            if isinstance(tool, HostedTool)
            else by_caller and isinstance(tool, Tool) and is_search(tool)
            for tool in request.tools
        )

    def _lacks_word(self, request: ChatRequest) -> bool:
        form = request.response_format
        bare = self._variant.json_word and form is not None and form.kind == "json_object"
        return bare and lacks_word(request, READ_FOR_JSON)

    def _sayable(self, request: ChatRequest, profile: ModelProfile) -> Sayable:
        return Sayable(
            self.origin(request.model),
            plain_reasoning=profile.reasoning_returns is True,
            own_ids=self._variant.own_ids,
        )

    def _left_out(self, request: ChatRequest, profile: ModelProfile) -> Iterator[Loss]:
        later = self._loads_later(request, profile)
        for i, tool in enumerate(request.tools):
            if isinstance(tool, HostedTool) and not is_sayable(tool):
                yield LostPart(f"tools[{i}] ({tool.tool})")
            elif deferred(tool) and not later:
                yield LostDetail(f"tools[{i}].defer_loading")
        choice = request.tool_choice
        if choice is not None and choice.hosted is not None and choice.hosted not in TYPES:
            yield LostField("tool_choice.hosted")
        sayable = self._sayable(request, profile)
        for i, message in enumerate(request.messages):
            for j in sayable.left_out(message):
                yield LostPart(f"messages[{i}].parts[{j}] ({PARTS[type(message.parts[j])]})")
            if message.role != "assistant":
                # Only what the model said has sources there.
                for place, text in _texts(message.parts, f"messages[{i}]"):
                    if text.citations:
                        yield LostDetail(f"{place}.citations")


def _texts(parts: Sequence[AnyPart], place: str) -> Iterator[tuple[str, Text]]:
    """The texts of a turn, those in results too, each with its place."""
    for j, part in enumerate(parts):
        if isinstance(part, Text):
            yield f"{place}.parts[{j}]", part
        elif isinstance(part, ToolResult):
            yield from _texts(part.parts, f"{place}.parts[{j}]")


def _chooses_nothing(request: ChatRequest) -> bool:
    """Whether there are no tools for a choice that forces none: xAI refuses that (Menci/Floway#337)."""
    choice = request.tool_choice
    if choice is None or choice.forces or request.tools:
        return False
    return "prompt" not in request.extra.get(NAME, {})  # which may have tools
