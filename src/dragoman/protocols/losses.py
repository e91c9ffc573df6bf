"""The losses of a request: what it says, and the protocol of its service cannot. The words are those of `speech`."""

from collections.abc import Iterator, Sequence
from functools import lru_cache
from operator import attrgetter
from typing import assert_never

from msgspec import NODEFAULT, Struct
from msgspec.structs import fields

from dragoman.errors import InvalidRequestError, UnsupportedFeatureError
from dragoman.protocols.speech import (
    ALWAYS,
    ANYWHERE,
    APART,
    BREAKPOINT,
    CACHE,
    DETAIL_LOSSES,
    DEVELOPER,
    NAMES,
    PARTS,
    TOOL_DETAILS,
    UNMISSED,
    USUAL,
    Speech,
)
from dragoman.types import (
    AnyPart,
    AnyTool,
    ChangedRole,
    ChatRequest,
    Extra,
    HostedResult,
    HostedTool,
    Loss,
    LostDetail,
    LostExtra,
    LostField,
    LostPart,
    Media,
    Message,
    MovedMessage,
    ReasoningConfig,
    RefusedField,
    RefusedReference,
    Severity,
    Text,
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
from dragoman.types.messages import SYSTEM_ROLES

REASONING = ("mode", "effort", "budget_tokens", "display")
"""Fields of ReasoningConfig that may be lost one by one."""

HOSTED_DETAILS = ("allowed", "blocked", "location", "max_uses", "context_size", "label", "url", "authorization")
"""Settings of a hosted tool. A protocol that has one lists it, as `hosted.web_search.allowed`."""

MOST = frozenset({"tool_call", "tool_result"})
"""The kinds of parts that conversations have most, beside texts, which every protocol has."""

_DEFAULTS = {
    field.name: field.default
    for field in fields(ChatRequest)
    if field.default is not NODEFAULT and field.name not in ALWAYS | APART
}
_NOTHING = tuple(_DEFAULTS.values())
_values = attrgetter(*_DEFAULTS)


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
    speech = speech_of(expresses, own, family, request.silent)
    whole = MOST.intersection(expresses).difference(untaken)
    for loss in _Manifest(speech, untaken, frozenset(request.essential), origin, whole).of(request):
        found.setdefault(loss.name, loss)
    return tuple(found.values())


@lru_cache(maxsize=256)
def speech_of(expresses: frozenset[str], own: str, family: str, silent: tuple[str, ...]) -> Speech:
    """What the protocol `own` can say, and which names mean nothing to a model: those, and the `silent` ones."""
    # Services have few of them, and to join their words takes longer than to look for most losses.
    return Speech(expresses | ALWAYS, own, family, UNMISSED.union(silent))


def refuse(losses: Sequence[Loss], target: str, *, strict: bool) -> None:
    """Raises UnsupportedFeatureError for a loss that is always refused, and with `strict` for every one that counts."""
    if grave := [loss for loss in losses if loss.severity is Severity.ERROR]:
        error = UnsupportedFeatureError(f"{target}: {'; '.join(map(str, grave))}", param=grave[0].name)
        error.refused = tuple(loss.name for loss in grave)
        raise error
    if strict and (lost := names(losses)):
        raise UnsupportedFeatureError(f"{target} cannot express: {', '.join(lost)}")


class _Manifest(Struct, frozen=True):
    speech: Speech
    untaken: frozenset[str]
    essential: frozenset[str]
    origin: str | None
    whole: frozenset[str]
    """Those of MOST that the protocol has and the model takes."""

    def of(self, request: ChatRequest) -> Iterator[Loss]:
        yield from self._tools(request.tools, request.tool_choice)
        values = _values(request)
        if values != _NOTHING:
            for name, value, default in zip(_DEFAULTS, values, _NOTHING, strict=True):
                if value != default and value not in USUAL.get(name, ()):
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
            if message.role not in SYSTEM_ROLES:
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
        if tool.cache is not None and (BREAKPOINT in self.untaken or f"tool.{CACHE}" not in self.speech.expresses):
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
            if not self._is_bare(part):
                yield from self._part(part, f"{path}parts[{j}]")

    def _is_bare(self, part: AnyPart) -> bool:
        """Whether `part` is a text, a call or a result of texts, and no more: nearly all of thousands are."""
        if type(part) is Text:
            bare = not part.citations
        elif type(part) is ToolCall:
            bare = "tool_call" in self.whole and part.namespace is None
        elif type(part) is ToolResult:
            bare = "tool_result" in self.whole and not part.is_error and all(map(self._is_bare, part.parts))
        else:
            return False
        return bare and not (part.extra or part.opaque or part.cache)

    def _part(self, part: AnyPart, place: str) -> Iterator[Loss]:
        kind = _kind(part, place)
        if type(part) is Unknown and part.essential and not self.speech.says(part):
            native = part.data.get("type") if isinstance(part.data, dict) else None
            yield RefusedReference(f"{place} ({native})" if isinstance(native, str) else place)
            return
        media = part if isinstance(part, Media) else None
        if media is not None and media.file_id is not None and media.service not in {None, self.speech.own}:
            yield RefusedReference(f"{place}.file_id")
            return
        if not self.speech.says(part):
            source = None if media is None else self.speech.missing_source(media)
            yield LostPart(
                f"{place} ({kind}.{source})" if source and kind in self.speech.expresses else f"{place} ({kind})"
            )
            return
        if kind in self.untaken and not self._is_ours(part):
            yield UntakenPart(f"{place} ({kind})")
            return
        for detail in self.speech.unsaid_details(part):
            yield LostDetail(f"{place}.{detail}")
        if part.cache is not None and BREAKPOINT in self.untaken and f"{kind}.{CACHE}" in self.speech.expresses:
            yield LostDetail(f"{place}.{CACHE}")
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
        if type(part) is Text or f"{outer}.{kind}" in self.speech.expresses or type(part) is Unknown:
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
