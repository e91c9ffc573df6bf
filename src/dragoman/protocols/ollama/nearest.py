"""What of a request arrives as something near it, and what need not be said because the service does it anyway."""

from collections.abc import Iterator
from typing import Any

from msgspec.structs import replace

from dragoman.protocols.media import media_type_of
from dragoman.protocols.ollama.thinking import changed_thinking
from dragoman.types import (
    AnyPart,
    ChangedField,
    ChatRequest,
    Image,
    Loss,
    LostDetail,
    Reasoning,
    Refusal,
    Tool,
    ToolChoice,
    ToolResult,
)

AUTO = ToolChoice("auto")


def unspoken(request: ChatRequest) -> ChatRequest:
    """`request` without settings that say what a service of this protocol does anyway."""
    done: dict[str, Any] = {}
    if request.tool_choice == AUTO:
        done["tool_choice"] = None
    if request.store is False:
        done["store"] = None
    if any(isinstance(tool, Tool) and tool.strict is False for tool in request.tools):
        done["tools"] = tuple(
            replace(tool, strict=None) if isinstance(tool, Tool) and tool.strict is False else tool
            for tool in request.tools
        )
    return replace(request, **done) if done else request


def changed(request: ChatRequest) -> Iterator[Loss]:
    """What arrives in another form, as a rule of this protocol."""
    if request.reasoning is not None:
        yield from changed_thinking(request.reasoning)
    if request.max_output_tokens == 0:
        yield ChangedField("max_output_tokens")
    form = request.response_format
    if form is not None and form.kind == "json_schema":
        if form.schema is None:
            yield ChangedField("response_format")
        if (
            form.description is not None
            and (form.schema or {}).get("description", form.description) != form.description
        ):
            yield LostDetail("response_format.description")
        if form.strict is False:
            # The service always keeps the answer to the schema.
            yield ChangedField("response_format.strict")
    for i, message in enumerate(request.messages):
        for j, part in enumerate(message.parts):
            yield from _part(part, f"messages[{i}].parts[{j}]")


def _part(part: AnyPart, place: str) -> Iterator[Loss]:
    match part:
        case Refusal():
            yield ChangedField(f"{place} (refusal)")
        case Reasoning(form=form) if form != "full":
            yield ChangedField(f"{place}.form")
        case Image(data=str(data), media_type=str(kind)) if kind != media_type_of(data):
            yield LostDetail(f"{place}.media_type")
        case ToolResult(parts=parts):
            for k, inner in enumerate(parts):
                yield from _part(inner, f"{place}.parts[{k}]")
        case _:
            return
