"""What a protocol can say of requests and answers, and the words for it. Knows no protocol by name.

A protocol lists what it can say, in these words:

    seed, tools, …           a field of ChatRequest
    reasoning.effort, …      a field of its ReasoningConfig
    image, tool_call, …      a kind of part
    image.url, text.opaque   an attribute of a part, if it may be lost although the part is not, or alone carries it
    hosted.web_search        a kind of hosted tool
    tool.strict              an attribute of a tool
    tool_choice.names        an attribute of the choice
    tool_result.image        a kind of part inside of results
    tool_result.tools        that a result may be tools, see `tools.search`
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
from typing import get_args

from msgspec import Struct

from dragoman.types import (
    AnyPart,
    Audio,
    Citation,
    EmulatedGrammar,
    Extra,
    File,
    HostedCall,
    HostedResult,
    Image,
    LostDetail,
    Media,
    Reasoning,
    Refusal,
    Text,
    TokenLogprob,
    ToolCall,
    ToolChoice,
    ToolResult,
    Unknown,
)
from dragoman.types.tools import HostedKind

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
HOSTED_CALLS = frozenset(f"hosted_call.{kind}" for kind in get_args(HostedKind))
"""All kinds of calls of a service's tools, which a protocol lists for answers."""
ALWAYS = frozenset(
    {
        "model",
        "messages",
        "stream",
        "include_usage",
        "text",
        "essential",
        "silent",
        "source",
        "trace",
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

TOOL_DETAILS = ("strict", "grammar", "output", "defer_loading", "namespace", "namespace_description")
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

BREAKPOINT = "breakpoint"
"""What models do not take that refuse this attribute of a part."""

BREAKPOINTS = frozenset({f"{kind}.{CACHE}" for kind in (*PARTS.values(), "tool")})
"""What a protocol lists whose parts and tools may all have cache breakpoints."""

CITATION_DETAILS = ("quote", "source", "text_range", "location")
"""Attributes of a citation that may be lost although the citation is not."""

OURS = "dragoman"
"""The key of `extra` under which we ourselves add fields, for use inside this library."""
ONLY = "only"
"""A field there, of a message: the only protocol in which it says something if it has no parts."""

UNMISSED = frozenset({"conversationId"})
"""Fields of `extra` that are no loss: a conversation's name at one service."""

USUAL: dict[str, tuple[object, ...]] = {
    "detail": ("auto",),
    "store": (False,),
    "parallel_tool_calls": (True,),
    "modalities": (("text",),),
    "service_tier": ("auto", "standard"),
    "truncate": (False,),
}
"""Values by which an attribute or a field asks for what a service without it does anyway."""

NOTHING: tuple[object, ...] = (None, [], {})
"""Values that say nothing: programs that send an answer back repeat its empty fields."""

UNSAID = "_UNSPECIFIED"
"""How the value ends that Google's protocols have for nothing: `THINKING_LEVEL_UNSPECIFIED`."""


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
            elif value and value not in USUAL.get(detail, ()) and f"{kind}.{detail}" not in self.expresses:
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
                    if name not in self.unmissed and not _says_nothing(value)
                )


def _says_nothing(value: object) -> bool:
    return value in NOTHING or (isinstance(value, str) and value.endswith(UNSAID))
