"""The losses of a request, and the rules that they share with those of an answer. Knows no protocol by name."""

from collections.abc import Iterator, Sequence
from itertools import chain

from msgspec import NODEFAULT, Struct
from msgspec.structs import fields

from dragoman.errors import InvalidRequestError, UnsupportedFeatureError
from dragoman.types import (
    AnyPart,
    Audio,
    ChangedRole,
    ChatRequest,
    Extra,
    File,
    Image,
    Loss,
    LostDetail,
    LostExtra,
    LostField,
    LostPart,
    Message,
    MovedMessage,
    Reasoning,
    Refusal,
    RefusedReference,
    Severity,
    Text,
    ToolCall,
    ToolResult,
    Unknown,
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
    Unknown: "unknown",
}
ALWAYS = frozenset({"model", "messages", "stream", "include_usage", "extra", "text"})
"""Fields that every protocol has, that are not the service's business, or that have rules of their own (`extra`)."""

DETAILS: dict[type[AnyPart], str] = {Reasoning: "signature", ToolResult: "is_error"}
"""An attribute that may be lost although its part is not. A protocol that has it lists it, as `reasoning.signature`."""

NAMES = "name"
"""A protocol lists this if its messages can name their speaker."""

ROLE = "role"
"""The field of `extra` in which a protocol keeps its own name of a role that all protocols know."""

OURS = "dragoman"
"""The key of `extra` under which we ourselves add fields, for use inside this library."""

UNMISSED = frozenset({ROLE, "conversationId"})
"""Fields of `extra` that are no loss: another name of a role that we know, a conversation's name at one service."""

NOTHING: tuple[object, ...] = (None, [], {})
"""Values that say nothing: programs that send an answer back repeat its empty fields."""

LATER = frozenset({MovedMessage, RefusedReference})
"""Kinds of losses that no protocol here has yet. Protocols that keep system messages outside of the conversation, and
those that refer to earlier answers, will have them."""


class Speech(Struct, frozen=True):
    """What a protocol can say, and the rules by which the rest is lost; the same for requests and answers."""

    expresses: frozenset[str]
    """Fields, kinds of parts and attributes; `unknown.NAME`, if it takes back its own unknown parts and no others."""
    own: str
    """The protocol's name. Fields of `extra` under any other name are lost."""

    def says(self, part: AnyPart) -> bool:
        """Whether the protocol has parts of this kind."""
        if PARTS[type(part)] in self.expresses:
            return True
        return isinstance(part, Unknown) and f"unknown.{part.protocol}" in self.expresses

    def unsaid_detail(self, part: AnyPart) -> str | None:
        """The attribute of `part` that the protocol does not have, if it is set."""
        detail = DETAILS.get(type(part))
        if detail is None or f"{PARTS[type(part)]}.{detail}" in self.expresses:
            return None
        return detail if getattr(part, detail) else None

    def others(self, extra: Extra) -> Iterator[tuple[str, str]]:
        """The fields of all other protocols, each with its protocol."""
        for protocol, said in extra.items():
            if protocol not in {self.own, OURS}:
                yield from (
                    (name, protocol) for name, value in said.items() if name not in UNMISSED and value not in NOTHING
                )

    def has_other_role(self, extra: Extra) -> bool:
        """Whether another protocol has its own name of the role."""
        return any(ROLE in said for protocol, said in extra.items() if protocol != self.own)


def losses(
    request: ChatRequest, expresses: frozenset[str], own: str, untaken: frozenset[str] = frozenset()
) -> tuple[Loss, ...]:
    """What `request` says and the protocol `own` cannot say, by what it `expresses`: each loss once, in order.

    `untaken`: what the protocol can say, but the model does not take. Raises InvalidRequestError for a part that is not
    one of our types.
    """
    found: dict[str, Loss] = {}
    for loss in _Manifest(Speech(expresses | ALWAYS, own), untaken).of(request):
        found.setdefault(loss.name, loss)
    return tuple(found.values())


def refuse(losses: Sequence[Loss], target: str, *, strict: bool) -> None:
    """Raises UnsupportedFeatureError for a loss that is always refused, and with `strict` for every one that counts."""
    if grave := [loss for loss in losses if loss.severity is Severity.ERROR]:
        raise UnsupportedFeatureError(f"{target}: {'; '.join(map(str, grave))}")
    if strict and (lost := names(losses)):
        raise UnsupportedFeatureError(f"{target} cannot express: {', '.join(lost)}")


class _Manifest(Struct, frozen=True):
    speech: Speech
    untaken: frozenset[str]

    def of(self, request: ChatRequest) -> Iterator[Loss]:
        for name, default in _DEFAULTS.items():
            if getattr(request, name) != default:
                if name not in self.speech.expresses:
                    yield LostField(name)
                elif name in self.untaken:
                    yield UntakenField(name)
        yield from self._extra(request.extra, "")
        if "tools" in self.speech.expresses and "tools" not in self.untaken:
            yield from chain(*(self._extra(tool.extra, f"tools[{i}].") for i, tool in enumerate(request.tools)))
        for i, message in enumerate(request.messages):
            yield from self._message(message, f"messages[{i}].")

    def _message(self, message: Message, path: str) -> Iterator[Loss]:
        if message.name is not None and NAMES not in self.speech.expresses:
            yield LostDetail(f"{path}name")
        if message.extra:
            if self.speech.has_other_role(message.extra):
                yield ChangedRole(f"{path}role")
            yield from self._extra(message.extra, path)
        for j, part in enumerate(message.parts):
            if type(part) is not Text or part.extra:  # every protocol has texts, and there may be thousands
                yield from self._part(part, f"{path}parts[{j}]")

    def _part(self, part: AnyPart, place: str) -> Iterator[Loss]:
        kind = _kind(part, place)
        if not self.speech.says(part):
            yield LostPart(f"{place} ({kind})")
            return
        if kind in self.untaken:
            yield UntakenPart(f"{place} ({kind})")
            return
        if detail := self.speech.unsaid_detail(part):
            yield LostDetail(f"{place}.{detail}")
        yield from self._extra(part.extra, f"{place}.")
        for k, inner in enumerate(part.parts if isinstance(part, ToolResult) else ()):
            within = f"{place}.parts[{k}]"
            if (inner_kind := _kind(inner, within)) in self.untaken:
                yield UntakenPart(f"{within} ({inner_kind})")
            else:
                yield from self._extra(inner.extra, f"{within}.")

    def _extra(self, extra: Extra, path: str) -> Iterator[Loss]:
        return (LostExtra(f"{path}{name}", protocol) for name, protocol in self.speech.others(extra))


def _kind(part: AnyPart, place: str) -> str:
    kind = PARTS.get(type(part))
    if kind is None:
        raise InvalidRequestError(f"{place}: expected a part of a message, got {type(part).__name__}")
    return kind


_DEFAULTS = {field.name: field.default for field in fields(ChatRequest) if field.default is not NODEFAULT}
