"""What of a request arrives as something near it, or cannot arrive for a reason that lies in its value."""

from collections.abc import Iterator

from dragoman.protocols.anthropic.cache import is_exact as is_exact_cache
from dragoman.protocols.anthropic.citations import is_own as is_own_citation
from dragoman.protocols.anthropic.hosted import encode_call
from dragoman.protocols.anthropic.messages import arranged, spaced
from dragoman.protocols.anthropic.request import FAST, NATIVE_TIERS, Variant
from dragoman.protocols.anthropic.sources import is_exact, is_exact_picture, takes, takes_picture
from dragoman.protocols.anthropic.thinking import changed as changed_thinking
from dragoman.types import (
    AnyPart,
    ChangedField,
    ChatRequest,
    File,
    HostedCall,
    Image,
    Loss,
    LostDetail,
    LostField,
    LostPart,
    MovedMessage,
    Text,
    ToolResult,
    UnknownTool,
)

SAME_TIERS = frozenset({"auto", "standard", FAST})


def changed(request: ChatRequest, variant: Variant) -> Iterator[Loss]:
    """These, each by its name."""
    temperature = request.temperature
    if temperature is not None and not variant.newest and not 0 <= temperature <= 1:
        yield ChangedField("temperature")
    if request.safety_identifier is not None and request.user not in {None, request.safety_identifier}:
        yield LostField("safety_identifier")
    if request.service_tier is not None and request.service_tier not in SAME_TIERS:
        yield (ChangedField if request.service_tier in NATIVE_TIERS else LostField)("service_tier")
    yield from _format(request)
    if not request.tools and request.parallel_tool_calls is False and request.tool_choice is None:
        yield LostField("parallel_tool_calls")
    if request.reasoning is not None:
        yield from changed_thinking(request.reasoning)
    if not is_exact_cache(request.cache):
        yield ChangedField("cache.ttl")
    for i, tool in enumerate(request.tools):
        if not isinstance(tool, UnknownTool) and not is_exact_cache(tool.cache):
            yield ChangedField(f"tools[{i}].cache.ttl")
    for i in arranged(request.messages, system_turns=variant.newest).told:
        yield MovedMessage(f"messages[{i}]")
    if (place := spaced(request.messages)) is not None:
        yield ChangedField(place)
    for i, message in enumerate(request.messages):
        for j, part in enumerate(message.parts):
            yield from _part(part, f"messages[{i}].parts[{j}]")


def _format(request: ChatRequest) -> Iterator[Loss]:
    form = request.response_format
    if form is None:
        return
    if form.kind == "json_object":
        yield LostField("response_format")
    elif form.kind == "json_schema":
        schema = form.schema or {}
        if form.description is not None and schema.get("description", form.description) != form.description:
            yield LostField("response_format.description")
        if form.strict is False:
            yield ChangedField("response_format.strict")


def _part(part: AnyPart, place: str) -> Iterator[Loss]:
    if not is_exact_cache(part.cache):
        yield ChangedField(f"{place}.cache.ttl")
    match part:
        case Text(citations=citations) if not all(map(is_own_citation, citations)):
            yield LostDetail(f"{place}.citations")
        case Image() if not takes_picture(part):
            yield LostPart(f"{place} (image.{part.media_type})")
        case Image() if not is_exact_picture(part):
            yield ChangedField(f"{place}.media_type")
        case File() if not takes(part):
            yield LostPart(f"{place} (file.{part.media_type})")
        case File() if not is_exact(part):
            yield ChangedField(f"{place}.media_type")
        case HostedCall() if encode_call(part) is None:
            yield LostPart(f"{place} (hosted_call)")
        case ToolResult(parts=parts):
            for k, inner in enumerate(parts):
                yield from _part(inner, f"{place}.parts[{k}]")
        case _:
            return
