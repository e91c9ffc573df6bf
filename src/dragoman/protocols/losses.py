"""The losses of a request, and the rules that they share with those of an answer. Knows no protocol by name.

A protocol lists what it can say, in these words:

    seed, tools, …           a field of ChatRequest
    reasoning.effort, …      a field of its ReasoningConfig
    image, tool_call, …      a kind of part
    image.url, text.opaque   an attribute of a part, if it may be lost although the part is not, or alone carries it
    hosted.web_search        a kind of hosted tool
    tool.strict              an attribute of a tool
    tool_choice.names        an attribute of the choice
    tool_result.image        a kind of part inside of results
    unknown.NAME             its own unknown parts and tools
    hosted_result.own        results of hosted tools whose native body is its own
    text.citations.quote     an attribute of a citation, or of one kind alone: text.citations.place.quote
    text.logprobs.id         that of a token, besides its log probability
    cache                    that the service may cache the whole conversation
    text.cache, tool.cache   a cache breakpoint at a part of this kind, or at a tool
    name, developer          the name of who speaks; that role
    system.anywhere          system messages between other messages
"""

from collections.abc import Iterator, Sequence
from typing import assert_never

from msgspec import NODEFAULT, Struct
from msgspec.structs import fields

from dragoman.errors import InvalidRequestError, UnsupportedFeatureError
from dragoman.types import (
    AnyPart,
    AnyTool,
    Audio,
    ChangedRole,
    ChatRequest,
    Citation,
    EmulatedGrammar,
    Extra,
    File,
    HostedCall,
    HostedResult,
    HostedTool,
    Image,
    Loss,
    LostDetail,
    LostExtra,
    LostField,
    LostPart,
    Media,
    Message,
    MovedMessage,
    Reasoning,
    ReasoningConfig,
    Refusal,
    RefusedField,
    RefusedReference,
    Severity,
    Text,
    TokenLogprob,
    Tool,
    ToolCall,
    ToolChoice,
    ToolResult,
    Unknown,
    UnknownTool,
    UntakenField,
    UntakenPart,
    names,
)

PARTS: dict[type[AnyPart], str] = {
    Text: "text",
    Refusal: "refusal",
    Reasoning: "reasoning",
    Image: "image",
    Audio: "audio",
    File: "file",
    ToolCall: "tool_call",
    ToolResult: "tool_result",
    HostedCall: "hosted_call",
    HostedResult: "hosted_result",
    Unknown: "unknown",
}
ALWAYS = frozenset(
    {
        "model",
        "messages",
        "stream",
        "include_usage",
        "text",
        "essential",
        "silent",
        "extra",
        "candidate_count",
        "compact",
    }
)
"""Fields that every protocol has, that are not the service's business, or that have rules of their own."""

APART = frozenset({"reasoning", "tools", "tool_choice"})
"""Fields that may be lost in parts."""

DETAILS: dict[type[AnyPart], tuple[str, ...]] = {
    Text: ("opaque", "citations", "logprobs"),
    Refusal: ("opaque",),
    Reasoning: ("opaque",),
    Image: ("opaque", "detail"),
    Audio: ("opaque", "transcript"),
    File: ("opaque", "name"),
    ToolCall: ("opaque", "namespace"),
    ToolResult: ("opaque", "is_error"),
    HostedCall: ("opaque",),
    HostedResult: ("opaque",),
    Unknown: (),
}
"""Attributes that may be lost although the part is not. A protocol that has one lists it, as `tool_result.is_error`."""

CITATIONS = "citations"
"""The attribute of a text of which a protocol may have only some kinds, which it lists as `text.citations.url`."""

LOGPROBS = "logprobs"
"""The attribute of a text that a protocol may have without the ids of tokens; with them it lists `text.logprobs.id`."""

SOURCES = ("url", "data", "file_id")
"""Attributes of media of which one is set. A protocol that has it lists it, as `image.url`; else the part is lost."""

TOOL_DETAILS = ("strict", "grammar", "output", "defer_loading", "namespace")
"""Attributes of a tool that may be lost although the tool is not."""

DETAIL_LOSSES: dict[str, type[LostDetail | EmulatedGrammar]] = {"grammar": EmulatedGrammar}
"""What becomes of these, if they are not merely lost."""

NAMES = "name"
"""A protocol lists this if its messages can name their speaker."""

DEVELOPER = "developer"
"""A protocol lists this if it has that role; to the others it is the role `system`."""

OWN_RESULTS = "hosted_result.own"
"""A protocol lists this if it can say a result only of its own tools: the native body is in `extra`."""

ANYWHERE = "system.anywhere"
"""A protocol lists this if system messages may stand between others."""

CACHE = "cache"
"""The attribute of a part or of a tool that is a cache breakpoint. A protocol lists it, as `text.cache`."""

BREAKPOINTS = frozenset({f"{kind}.{CACHE}" for kind in (*PARTS.values(), "tool")})
"""What a protocol lists whose parts and tools may all have cache breakpoints."""

CITATION_DETAILS = ("quote", "source", "text_range", "location")
"""Attributes of a citation that may be lost although the citation is not."""

OURS = "dragoman"
"""The key of `extra` under which we ourselves add fields, for use inside this library."""

UNMISSED = frozenset({"conversationId"})
"""Fields of `extra` that are no loss: a conversation's name at one service."""

USUAL: dict[str, object] = {"detail": "auto", "store": False}
"""Values by which an attribute or a field asks for what a service without it does anyway."""

NOTHING: tuple[object, ...] = (None, [], {})
"""Values that say nothing: programs that send an answer back repeat its empty fields."""


class Speech(Struct, frozen=True):
    """What a protocol can say, and the rules by which the rest is lost; the same for requests and answers."""

    expresses: frozenset[str]
    """See above."""
    own: str
    """The protocol's name. Fields of `extra` under any other name are lost."""
    family: str = ""
    """Another key of `extra` whose fields it takes: that of a family of protocols."""
    unmissed: frozenset[str] = UNMISSED
    """Names in `extra` that are no loss."""

    def says(self, part: AnyPart) -> bool:
        """Whether the protocol has parts of this kind."""
        if isinstance(part, Unknown):
            return f"unknown.{part.protocol}" in self.expresses or "unknown" in self.expresses
        kind = PARTS[type(part)]
        if isinstance(part, HostedResult) and OWN_RESULTS in self.expresses:
            return self.own in part.extra
        if kind not in self.expresses:
            return False
        return not isinstance(part, Media) or self.missing_source(part) is None

    def missing_source(self, part: Media) -> str | None:
        """The attribute that says where the media is, if the protocol does not have it."""
        kind = PARTS[type(part)]  # type: ignore[index]  # every Media is one of the parts
        for source in SOURCES:
            if getattr(part, source) is not None:
                return None if f"{kind}.{source}" in self.expresses else source
        return None

    def unsaid_details(self, part: AnyPart) -> Iterator[str]:
        """The attributes of `part` that are set and that the protocol does not have."""
        kind = PARTS[type(part)]
        for detail in DETAILS[type(part)]:
            value = getattr(part, detail)
            if value and detail == CITATIONS:
                yield from self.unsaid_citations(value)
            elif value and detail == LOGPROBS:
                yield from self.unsaid_logprobs(kind, value)
            elif value and value != USUAL.get(detail) and f"{kind}.{detail}" not in self.expresses:
                yield detail
        if part.cache is not None and f"{kind}.{CACHE}" not in self.expresses:
            yield CACHE

    def unsaid_citations(self, citations: Sequence[Citation]) -> Iterator[str]:
        """What of citations the protocol does not have: their kind, as `citations.url`, an attribute or a field."""
        said = f"text.{CITATIONS}"
        for citation in citations:
            kind = f"{said}.{citation.kind}"
            if said not in self.expresses and kind not in self.expresses:
                yield f"{CITATIONS}.{citation.kind}"
                continue
            for name in CITATION_DETAILS:
                if getattr(citation, name) is not None and self.expresses.isdisjoint(
                    {f"{said}.{name}", f"{kind}.{name}"}
                ):
                    yield f"{CITATIONS}.{name}"
            yield from (f"{CITATIONS}.{name}" for name, _ in self.others(citation.extra))

    def unsaid_logprobs(self, kind: str, logprobs: Sequence[TokenLogprob]) -> Iterator[str]:
        """What the protocol does not have of those of a part of this kind: all, or the ids of the tokens."""
        said = f"{kind}.{LOGPROBS}"
        if said not in self.expresses:
            yield LOGPROBS
        elif f"{said}.id" not in self.expresses and any(
            token.id is not None for each in logprobs for token in (each, *each.top)
        ):
            yield f"{LOGPROBS}.id"

    def unsaid_choice(self, choice: ToolChoice) -> Iterator[str]:
        """The attributes of `choice` that are set and that the protocol does not have."""
        if choice.names and "tool_choice.names" not in self.expresses:
            yield "names"
        if choice.hosted is not None and "tool_choice.hosted" not in self.expresses:
            yield "hosted"

    def others(self, extra: Extra) -> Iterator[tuple[str, str]]:
        """The fields of all other protocols, each with its protocol."""
        for protocol, said in extra.items():
            if protocol not in {self.own, self.family, OURS}:
                yield from (
                    (name, protocol)
                    for name, value in said.items()
                    if name not in self.unmissed and value not in NOTHING
                )


def losses(
    request: ChatRequest,
    expresses: frozenset[str],
    own: str,
    untaken: frozenset[str] = frozenset(),
    *,
    family: str = "",
    origin: str | None = None,
) -> tuple[Loss, ...]:
    """What `request` says and the protocol `own` cannot say, by what it `expresses`: each loss once, in order.

    `untaken`: what the protocol can say, but the model does not take. `origin`: whose opaque state the service can
    read. Raises InvalidRequestError for a part that is not one of our types.
    """
    found: dict[str, Loss] = {}
    speech = Speech(expresses | ALWAYS, own, family, UNMISSED.union(request.silent))
    for loss in _Manifest(speech, untaken, frozenset(request.essential), origin).of(request):
        found.setdefault(loss.name, loss)
    return tuple(found.values())


def refuse(losses: Sequence[Loss], target: str, *, strict: bool) -> None:
    """Raises UnsupportedFeatureError for a loss that is always refused, and with `strict` for every one that counts."""
    if grave := [loss for loss in losses if loss.severity is Severity.ERROR]:
        raise UnsupportedFeatureError(f"{target}: {'; '.join(map(str, grave))}", param=grave[0].name)
    if strict and (lost := names(losses)):
        raise UnsupportedFeatureError(f"{target} cannot express: {', '.join(lost)}")


class _Manifest(Struct, frozen=True):
    speech: Speech
    untaken: frozenset[str]
    essential: frozenset[str]
    origin: str | None

    def of(self, request: ChatRequest) -> Iterator[Loss]:
        yield from self._tools(request.tools, request.tool_choice)
        for name, default in _DEFAULTS.items():
            value = getattr(request, name)
            if value != default and (name not in USUAL or value != USUAL[name]):
                yield from self._field(name)
        if request.candidate_count not in {None, 1}:
            yield RefusedField("candidate_count")
        if request.reasoning is not None:
            yield from self._reasoning(request.reasoning)
        for name, protocol in self.speech.others(request.extra):
            yield RefusedReference(name) if name in self.essential else LostExtra(name, protocol)
        if request.response_format is not None:
            yield from self._extra(request.response_format.extra, "response_format.")
        talking = False
        for i, message in enumerate(request.messages):
            if message.role not in {"system", "developer"}:
                talking = True
            elif talking and ANYWHERE not in self.speech.expresses:
                yield MovedMessage(f"messages[{i}]")
            yield from self._message(message, f"messages[{i}].")

    def _field(self, name: str) -> Iterator[Loss]:
        if name not in self.speech.expresses:
            yield LostField(name)
        elif name in self.untaken:
            yield UntakenField(name)

    def _reasoning(self, config: ReasoningConfig) -> Iterator[Loss]:
        for name in REASONING:
            if getattr(config, name) is not None:
                yield from self._field(f"reasoning.{name}")
        yield from self._extra(config.extra, "reasoning.")

    def _tools(self, tools: Sequence[AnyTool], choice: ToolChoice | None) -> Iterator[Loss]:
        callable_ = "tools" in self.speech.expresses
        if any(isinstance(tool, Tool) for tool in tools) and not callable_:
            yield LostField("tools")
        elif tools and "tools" in self.untaken:
            yield UntakenField("tools")
            tools = ()
        for i, tool in enumerate(tools):
            yield from self._tool(tool, f"tools[{i}]", callable_=callable_)
        if choice is not None:
            if "tool_choice" not in self.speech.expresses:
                yield LostField("tool_choice")
            elif "tool_choice" in self.untaken:
                yield UntakenField("tool_choice")
            else:
                yield from (LostField(f"tool_choice.{name}") for name in self.speech.unsaid_choice(choice))

    def _tool(self, tool: AnyTool, place: str, *, callable_: bool) -> Iterator[Loss]:
        match tool:
            case UnknownTool(protocol=protocol, data=data):
                if f"unknown.{protocol}" not in self.speech.expresses:
                    kind = data.get("type") if isinstance(data, dict) else None
                    yield LostExtra(f"{place} ({kind})" if isinstance(kind, str) else place, protocol)
                return
            case HostedTool():
                if f"hosted.{tool.tool}" not in self.speech.expresses:
                    yield LostPart(f"{place} ({tool.tool})")
                    return
                for name in HOSTED_DETAILS:
                    if getattr(tool, name) and f"hosted.{tool.tool}.{name}" not in self.speech.expresses:
                        yield LostDetail(f"{place}.{name}")
            case Tool():
                if not callable_:
                    return
                for name in TOOL_DETAILS:
                    # What is said not to be so is not so anywhere.
                    if getattr(tool, name) and f"tool.{name}" not in self.speech.expresses:
                        yield DETAIL_LOSSES.get(name, LostDetail)(f"{place}.{name}")
            case _:
                assert_never(tool)
        if tool.cache is not None and f"tool.{CACHE}" not in self.speech.expresses:
            yield LostDetail(f"{place}.{CACHE}")
        yield from self._extra(tool.extra, f"{place}.")

    def _message(self, message: Message, path: str) -> Iterator[Loss]:
        if message.name is not None and NAMES not in self.speech.expresses:
            yield LostDetail(f"{path}name")
        if message.role == "developer" and DEVELOPER not in self.speech.expresses:
            yield ChangedRole(f"{path}role")
        if message.extra:
            yield from self._extra(message.extra, path)
        for j, part in enumerate(message.parts):
            # Every protocol has texts, and there may be thousands.
            if type(part) is not Text or part.extra or part.opaque or part.cache or part.citations:
                yield from self._part(part, f"{path}parts[{j}]")

    def _part(self, part: AnyPart, place: str) -> Iterator[Loss]:
        kind = _kind(part, place)
        if isinstance(part, Unknown) and part.essential and not self.speech.says(part):
            native = part.data.get("type") if isinstance(part.data, dict) else None
            yield RefusedReference(f"{place} ({native})" if isinstance(native, str) else place)
            return
        if isinstance(part, Media) and part.file_id is not None and part.service not in {None, self.speech.own}:
            yield RefusedReference(f"{place}.file_id")
            return
        if not self.speech.says(part):
            source = self.speech.missing_source(part) if isinstance(part, Media) else None
            yield LostPart(
                f"{place} ({kind}.{source})" if source and kind in self.speech.expresses else f"{place} ({kind})"
            )
            return
        if kind in self.untaken and not self._is_ours(part):
            yield UntakenPart(f"{place} ({kind})")
            return
        for detail in self.speech.unsaid_details(part):
            yield LostDetail(f"{place}.{detail}")
        state = part.opaque
        if state is not None and f"{kind}.opaque" in self.speech.expresses and not self._is_ours(part):
            yield LostDetail(f"{place}.opaque")
        yield from self._extra(part.extra, f"{place}.")
        if isinstance(part, ToolResult | HostedResult):
            for k, inner in enumerate(part.parts):
                yield from self._inner(inner, kind, f"{place}.parts[{k}]")

    def _is_ours(self, part: AnyPart) -> bool:
        state = part.opaque
        return state is not None and state.protocol == self.speech.own and state.origin in {None, self.origin}

    def _inner(self, part: AnyPart, outer: str, place: str) -> Iterator[Loss]:
        kind = _kind(part, place)
        if isinstance(part, Text) or f"{outer}.{kind}" in self.speech.expresses or isinstance(part, Unknown):
            yield from self._part(part, place)
        else:
            yield LostPart(f"{place} ({kind})")

    def _extra(self, extra: Extra, path: str) -> Iterator[Loss]:
        return (LostExtra(f"{path}{name}", protocol) for name, protocol in self.speech.others(extra))


def _kind(part: AnyPart, place: str) -> str:
    kind = PARTS.get(type(part))
    if kind is None:
        raise InvalidRequestError(f"{place}: expected a part of a message, got {type(part).__name__}")
    return kind


REASONING = ("mode", "effort", "budget_tokens", "display")
"""Fields of ReasoningConfig that may be lost one by one."""

HOSTED_DETAILS = ("allowed", "blocked", "location", "max_uses", "context_size", "label", "url", "authorization")
"""Settings of a hosted tool. A protocol that has one lists it, as `hosted.web_search.allowed`."""

_DEFAULTS = {
    field.name: field.default
    for field in fields(ChatRequest)
    if field.default is not NODEFAULT and field.name not in ALWAYS | APART
}
