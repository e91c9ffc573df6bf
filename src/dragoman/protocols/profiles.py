"""What a family of models takes of a request, by its profile. Knows no family and no protocol by name."""

from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Any

from msgspec import NODEFAULT, Struct
from msgspec.structs import fields, replace

from dragoman.protocols.losses import REASONING
from dragoman.protocols.reasoning import always_thinks, thinks
from dragoman.protocols.speech import BREAKPOINT, PARTS
from dragoman.protocols.tools.schema.compiler import CompiledSchema
from dragoman.protocols.tools.schema.keywords import Schema
from dragoman.protocols.tools.schema.words import joined_words
from dragoman.types import (
    AnyPart,
    AnyTool,
    ChangedSchema,
    ChatRequest,
    Extra,
    Loss,
    LostSchema,
    Message,
    ModelProfile,
    RefusedPrefill,
    ResponseFormat,
    RewrittenSchema,
    SchemaSupport,
    Tool,
    ToolResult,
    Unknown,
    UnknownTool,
)

LEFT_OUT = Unknown(protocol="", data=None)
"""What no protocol can say: a turn that has nothing else had something else, and is no empty one of the caller."""

Compile = Callable[[Any], CompiledSchema]
"""Compiles a schema for one target."""


class Compilers(Struct, frozen=True):
    """How the schemas of a request are compiled for one target; None: those of this kind are not."""

    parameters: Compile
    output: Compile | None = None
    form: Compile | None = None


Keeps = Callable[[Extra], bool]
"""Whether the schema of a thing with these further fields goes back as it came; see `ClientCodec.keeps`."""

SAMPLING = frozenset({"temperature", "top_p", "top_logprobs"})
"""Fields that models which think may not take then."""

NEUTRAL: dict[str, float | str] = {
    "temperature": 1,
    "frequency_penalty": 0,
    "presence_penalty": 0,
    "verbosity": "medium",
}
"""What changes nothing, and so is taken by models that take no other value: "Only the default (1) value is supported".
"""

UNSTEERED = frozenset({"reasoning.mode", "reasoning.effort", "reasoning.budget_tokens"})
"""All settings of how much a model thinks, because each of them would be sent as an effort."""

OF_TOOLS = frozenset({"tools", "tool_choice", "parallel_tool_calls"})
"""Fields of a request that have a meaning only if there are tools."""


def untaken(profile: ModelProfile) -> frozenset[str]:
    """Fields of a request, and kinds of parts, that models of `profile` do not take."""
    found = frozenset(profile.unsupported_fields or ())
    if profile.images is False:
        found |= {"image"}
    if profile.tools is False:
        found |= OF_TOOLS
    if profile.breakpoints is False:
        found |= {BREAKPOINT}
    if profile.efforts == ():
        found |= UNSTEERED
    return found


def without_neutral(request: ChatRequest, untaken: frozenset[str]) -> ChatRequest:
    """`request` without fields that are `untaken`, but would change nothing; the same object if it has none."""
    if NEUTRAL.keys().isdisjoint(untaken):
        return request
    said = [name for name, value in NEUTRAL.items() if name in untaken and getattr(request, name) == value]
    return replace(request, **dict.fromkeys(said)) if said else request


def untaken_thinking(profile: ModelProfile, *, asked: bool) -> frozenset[str]:
    """Fields of a request that models of `profile` do not take because they think, `asked` to or always."""
    thinks = profile.sampling_with_effort is False and (asked or always_thinks(profile.efforts))
    return SAMPLING if thinks else frozenset()


def untaken_together(request: ChatRequest, profile: ModelProfile) -> frozenset[str]:
    """Fields of `request` that models of `profile` do not take beside others of it."""
    found = untaken_thinking(profile, asked=thinks(request.reasoning))
    if profile.single_sampling and request.temperature is not None and request.top_p is not None:
        found |= {"top_p"}
    if profile.form_with_tools is False and forms_beside_tools(request):
        found |= {"response_format"}
    return found


def forms_beside_tools(request: ChatRequest) -> bool:
    """Whether another form of the answer than text is asked for beside tools."""
    form = request.response_format
    return bool(request.tools) and form is not None and form.kind != "text"


def with_limit(request: ChatRequest, most: int | None) -> ChatRequest:
    """`request` that allows its answer no more than `most` tokens; the same object if it does not anyway."""
    limit = request.max_output_tokens
    return request if limit is None or most is None or limit <= most else replace(request, max_output_tokens=most)


def with_stops(request: ChatRequest, most: int | None, *, blank: bool) -> ChatRequest:
    """`request` with the first `most` texts that end its answer, those of white space if `blank`; the same object if it
    has no others."""
    kept = request.stop if blank else tuple(text for text in request.stop if text.strip())
    return request if kept[:most] == request.stop else replace(request, stop=kept[:most])


def supported(profile: ModelProfile, own: SchemaSupport) -> SchemaSupport:
    """What models of `profile` take of JSON Schema at a service that takes `own`: what the profile knows holds."""
    return SchemaSupport(
        keywords=own.keywords if profile.schema_keywords is None else frozenset(profile.schema_keywords),
        formats=own.formats if profile.schema_formats is None else frozenset(profile.schema_formats),
        limits=own.limits if profile.schema_limits is None else frozenset(profile.schema_limits),
        depth=own.depth if profile.schema_depth is None else profile.schema_depth,
    )


def supported_form(profile: ModelProfile, own: SchemaSupport) -> SchemaSupport:
    """The same of JSON Schema for the form of an answer."""
    return SchemaSupport(
        keywords=own.keywords if profile.format_keywords is None else frozenset(profile.format_keywords),
        formats=own.formats if profile.format_formats is None else frozenset(profile.format_formats),
        limits=own.limits if profile.format_limits is None else frozenset(profile.format_limits),
    )


def nothing_kept(extra: Extra) -> bool:
    """For protocols of which no schema goes back as it came."""
    return False


def changes(
    request: ChatRequest,
    profile: ModelProfile,
    compilers: Compilers,
    keeps: Keeps = nothing_kept,
) -> Iterator[Loss]:
    """What `fitted` changes, and what models of `profile` do not take although nothing can be changed about it."""
    if profile.tools is not False:
        for i, tool in enumerate(request.tools):
            if not isinstance(tool, Tool) or keeps(tool.extra):
                continue
            if tool.parameters is not None:
                yield from _schema_losses(compilers.parameters(tool.parameters), f"tools[{i}].parameters")
            if tool.output is not None and compilers.output is not None:
                yield from _schema_losses(compilers.output(tool.output), f"tools[{i}].output")
    form = request.response_format
    if compilers.form is not None and form is not None and form.schema is not None and not keeps(form.extra):
        yield from _schema_losses(compilers.form(form.schema), "response_format.schema")
    if profile.prefill is False and request.messages and request.messages[-1].role == "assistant":
        yield RefusedPrefill(f"messages[{len(request.messages) - 1}]")


def _schema_losses(schema: CompiledSchema, place: str) -> Iterator[Loss]:
    if schema.broken is not None:
        yield LostSchema(place, schema.broken)
    if schema.lost:
        yield ChangedSchema(f"{place} ({', '.join(sorted(schema.lost))})")
    if rewritten := schema.same | schema.told:
        yield RewrittenSchema(f"{place} ({', '.join(sorted(rewritten))})")


def fitted(
    request: ChatRequest, untaken: frozenset[str], compilers: Compilers, keeps: Keeps = nothing_kept
) -> ChatRequest:
    """`request` without what is `untaken`, and with compiled schemas; those that the protocol `keeps` stay."""
    defaults, kinds = _left_out(untaken)
    changed = defaults.copy()
    if request.tools and "tools" not in changed:
        tools = tuple(
            _compiled(tool, compilers) if isinstance(tool, Tool) and not keeps(tool.extra) else tool
            for tool in request.tools
        )
        if any(new is not old for new, old in zip(tools, request.tools, strict=True)):
            changed["tools"] = tools
    form = request.response_format
    asked = None if form is None or "response_format" in changed or keeps(form.extra) else form
    if asked is not None and asked.schema is not None and compilers.form is not None:
        new_form = _compiled_form(asked, compilers.form)
        if new_form is not asked:
            changed["response_format"] = new_form
    if request.reasoning is not None and not _REASONING.isdisjoint(untaken):
        left_out = {name: None for name in REASONING if f"reasoning.{name}" in untaken}
        changed["reasoning"] = replace(request.reasoning, **left_out) if len(left_out) < len(REASONING) else None
    messages = tuple(_without(message, kinds) for message in request.messages) if kinds else request.messages
    if BREAKPOINT in untaken:
        messages = tuple(map(_unmarked, messages))
        changed["tools"] = tuple(map(_unmarked_tool, changed.get("tools", request.tools)))
    if messages is not request.messages:
        changed["messages"] = messages
    return replace(request, **changed) if changed else request


@lru_cache(maxsize=256)
def _left_out(untaken: frozenset[str]) -> tuple[dict[str, Any], frozenset[type[AnyPart]]]:
    """The fields of a request that are not taken, with their defaults, and the kinds of parts."""
    defaults = {name: default for name, default in _DEFAULTS.items() if name in untaken}
    return defaults, frozenset(kind for kind, name in PARTS.items() if name in untaken)


def _compiled(tool: Tool, compilers: Compilers) -> Tool:
    """`tool` with its schemas compiled; what its parameters demand as a whole stands in the tool's description."""
    if tool.output is not None and compilers.output is not None:
        output = compilers.output(tool.output)
        if output.broken is not None:
            tool = replace(tool, output=None)
        elif output.schema is not tool.output:
            tool = replace(tool, output=_with_words(output))
    if tool.parameters is None:
        return tool
    new = compilers.parameters(tool.parameters)
    if new.schema is tool.parameters:
        return tool
    words = joined_words(tool.description or "", new.words)
    return replace(tool, parameters=new.schema, description=words or tool.description)


def _compiled_form(form: ResponseFormat, compile_: Compile) -> ResponseFormat:
    """`form` with its schema compiled; what that demands as a whole stands in the schema's description."""
    new = compile_(form.schema)
    if new.schema is form.schema:
        return form
    return replace(form, schema=_with_words(new))


def _with_words(new: CompiledSchema) -> Schema:
    """The schema; what it demands as a whole stands in its description."""
    words = joined_words(new.schema.get("description") or "", new.words)
    return new.schema | {"description": words} if new.words else new.schema


def _without(message: Message, kinds: frozenset[type[AnyPart]]) -> Message:
    """`message` without parts of these `kinds`, inside of results too; the same object if it has none.

    If nothing is left, LEFT_OUT stands in it.
    """
    if (kinds | {ToolResult}).isdisjoint(map(type, message.parts)):
        return message  # nearly every message has none, and there may be thousands of parts
    parts: list[AnyPart] = []
    for part in message.parts:
        if type(part) in kinds and part.opaque is None:
            continue
        if type(part) is ToolResult:
            inner = tuple(each for each in part.parts if type(each) not in kinds)
            parts.append(replace(part, parts=inner))
        else:
            parts.append(part)
    return replace(message, parts=tuple(parts) or (LEFT_OUT,))


def _unmarked(message: Message) -> Message:
    """`message` without cache breakpoints, inside of results too; the same object if it has none."""
    parts = tuple(map(_without_mark, message.parts))
    same = all(new is old for new, old in zip(parts, message.parts, strict=True))
    return message if same else replace(message, parts=parts)


def _unmarked_tool(tool: AnyTool) -> AnyTool:
    return tool if isinstance(tool, UnknownTool) or tool.cache is None else replace(tool, cache=None)


def _without_mark(part: AnyPart) -> AnyPart:
    if type(part) is ToolResult:
        inner = tuple(map(_without_mark, part.parts))
        if any(new is not old for new, old in zip(inner, part.parts, strict=True)):
            part = replace(part, parts=inner)
    return part if part.cache is None else replace(part, cache=None)


_DEFAULTS = {
    field.name: field.default
    for field in fields(ChatRequest)
    if field.default is not NODEFAULT and field.name != "reasoning"  # in this word, a kind of part
}
_REASONING = frozenset(f"reasoning.{name}" for name in REASONING)
