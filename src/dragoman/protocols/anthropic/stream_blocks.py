"""The blocks of an answer that is under way, each to a part: what it begins with, what its deltas add, how it ends.

Our grammar has one open part at a time. This protocol has too, but programs that speak it after a translation may mix
the deltas of several calls. So only the first block that has not ended writes into the answer; those after it collect
their events, and are written once it is their turn.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Annotated, Any

import msgspec
from msgspec import Struct

from dragoman.errors import BadEventError
from dragoman.protocols.anthropic.citations import decode_citation
from dragoman.protocols.anthropic.extra import NAME, to_extra
from dragoman.protocols.anthropic.hosted import CALL, RESULTS, decode_call, decode_result
from dragoman.protocols.anthropic.inputs import FIELD, given_text
from dragoman.protocols.anthropic.states import redacted_state, signature_state
from dragoman.protocols.extra import without_none
from dragoman.protocols.tools.freeform import unwrapped_input
from dragoman.types import (
    AnyPart,
    Citation,
    HostedCall,
    Metadata,
    PartDelta,
    PartEnd,
    PartStart,
    Reasoning,
    StreamEvent,
    Text,
    ToolCall,
    Unknown,
)
from dragoman.wire import floats, json
from dragoman.wire.utf8 import well_formed

SECRET = "encrypted_content"  # noqa: S105  # the name of a field
"""What a block of a compacted conversation may have beside its words, in one piece."""


NEVER = msgspec.Meta(min_length=2**60)
"""What no JSON fits: a field of a service without a name is one of those that are not read."""


class Delta(Struct):
    """What a delta may add; a field that it does not have is None."""

    type: str | None = None
    text: str | None = None
    partial_json: str | None = None
    thinking: str | None = None
    signature: str | None = None
    citation: Any = None
    content: Any = None
    more: Annotated[dict[str, Any], NEVER] | None = msgspec.field(default=None, name="")
    """Fields with other names, until a block takes them. It is no field of the protocol."""

    @property
    def is_known(self) -> bool:
        """Whether it adds anything that is read."""
        return (
            self.text is not None
            or self.partial_json is not None
            or self.thinking is not None
            or self.signature is not None
            or self.citation is not None
            or self.content is not None
            or SECRET in (self.more or ())
        )


class Reading(Struct, frozen=True):
    """What the request and the service mean for the answer."""

    freeform: frozenset[str] = frozenset()
    """Names of tools whose input is text, and comes wrapped."""
    origin: str | None = None
    """The origin of the opaque state that comes."""


class Block(ABC):
    """A block that has begun."""

    ended = False
    visible = True
    """Whether its beginning alone is content."""

    @abstractmethod
    def begin(self, out: list[StreamEvent]) -> None: ...

    def add(self, delta: Delta, out: list[StreamEvent]) -> bool:
        """More of it; False if blocks of this kind take nothing of the delta."""
        return False

    @abstractmethod
    def end(self, out: list[StreamEvent]) -> None: ...


class TextBlock(Block):
    """Opens its part with the first character or source, because a text without any is none."""

    visible = False

    def __init__(self, body: Mapping[str, Any]) -> None:
        self._first = _text(body.get("text"))
        cited = body.get("citations")
        listed = cited if isinstance(cited, list) else []
        self._citations = [decode_citation(each) for each in listed if isinstance(each, Mapping)]
        rest = {name: value for name, value in body.items() if name not in {"type", "text", "citations"}}
        self._extra = to_extra(without_none(rest))
        self.visible = bool(self._first or self._citations)
        self._open = False

    def begin(self, out: list[StreamEvent]) -> None:
        if self.visible:
            self._start(out, tuple(self._citations))
            if self._first:
                out.append(PartDelta(self._first))

    def add(self, delta: Delta, out: list[StreamEvent]) -> bool:
        if delta.text:
            if not self._open:
                self._start(out)
            out.append(PartDelta(delta.text))
        if isinstance(delta.citation, Mapping):
            if not self._open:
                self._start(out)
            out.append(Metadata(citations=(decode_citation(delta.citation),)))
        return delta.text is not None or delta.citation is not None

    def end(self, out: list[StreamEvent]) -> None:
        if self._open:
            out.append(PartEnd())

    def _start(self, out: list[StreamEvent], citations: tuple[Citation, ...] = ()) -> None:
        self._open = self.visible = True
        out.append(PartStart(Text(text="", citations=citations, extra=self._extra)))


class ThinkingBlock(Block):
    """Its signature comes last."""

    def __init__(self, body: Mapping[str, Any], origin: str | None) -> None:
        self._first, self._signature = _text(body.get("thinking")), _text(body.get("signature"))
        self._origin = origin
        rest = {name: value for name, value in body.items() if name not in {"type", "thinking", "signature"}}
        self._extra = to_extra(without_none(rest))

    def begin(self, out: list[StreamEvent]) -> None:
        out.append(PartStart(Reasoning(text="", extra=self._extra)))
        if self._first:
            out.append(PartDelta(self._first))

    def add(self, delta: Delta, out: list[StreamEvent]) -> bool:
        if delta.thinking:
            out.append(PartDelta(delta.thinking))
        if delta.signature:
            self._signature += delta.signature
        return delta.thinking is not None or delta.signature is not None

    def end(self, out: list[StreamEvent]) -> None:
        out.append(PartEnd(signature_state(self._signature, self._origin) if self._signature else None))


class CallBlock(Block):
    """A call. What its beginning gives for the input counts only if nothing else comes."""

    def __init__(self, part: ToolCall | HostedCall, given: str) -> None:
        self._part = part
        self._given = given
        self._came = False

    def begin(self, out: list[StreamEvent]) -> None:
        out.append(PartStart(self._part))

    def add(self, delta: Delta, out: list[StreamEvent]) -> bool:
        if delta.partial_json:
            self._came = True
            out.append(PartDelta(delta.partial_json))
        return delta.partial_json is not None

    def end(self, out: list[StreamEvent]) -> None:
        if not self._came:
            out.append(PartDelta(self._given))
        out.append(PartEnd())


class FreeformBlock(Block):
    """A call of a freeform tool: its text is known only once the object around it is complete."""

    def __init__(self, part: ToolCall, given: str) -> None:
        self._part = part
        self._given = given
        self._pieces: list[str] = []

    def begin(self, out: list[StreamEvent]) -> None:
        out.append(PartStart(msgspec.structs.replace(self._part, input_format="text")))

    def add(self, delta: Delta, out: list[StreamEvent]) -> bool:
        self._pieces.append(delta.partial_json or "")
        return delta.partial_json is not None

    def end(self, out: list[StreamEvent]) -> None:
        arguments = "".join(self._pieces) or self._given
        text = unwrapped_input(arguments)
        out += [PartDelta(arguments if text is None else text), PartEnd()]


class WholeBlock(Block):
    """A block that comes complete."""

    def __init__(self, part: AnyPart) -> None:
        self._part = part

    def begin(self, out: list[StreamEvent]) -> None:
        out.append(PartStart(self._part))

    def end(self, out: list[StreamEvent]) -> None:
        out.append(PartEnd())


class UnknownBlock(Block):
    """A block of a kind that only this protocol knows: its deltas are put into the fields that they are of."""

    def __init__(self, body: Mapping[str, Any]) -> None:
        self._body = dict(body)
        self._input: list[str] = []
        self._texts: dict[str, list[str]] = {}
        """The pieces of fields that are text."""

    def begin(self, out: list[StreamEvent]) -> None:
        pass

    def add(self, delta: Delta, out: list[StreamEvent]) -> bool:
        if delta.partial_json is not None:
            self._input.append(delta.partial_json)
        for name in ("text", "thinking", "signature", "content"):
            value = getattr(delta, name)
            if isinstance(value, str):
                before = self._body.get(name)
                self._texts.setdefault(name, [before] if isinstance(before, str) else []).append(value)
            elif value is not None:
                self._body[name] = value
        if delta.more and SECRET in delta.more:
            self._body[SECRET] = delta.more.pop(SECRET)
        return delta.citation is None

    def end(self, out: list[StreamEvent]) -> None:
        if given := "".join(self._input):
            try:
                self._body[FIELD] = floats.decode(given)
            except json.NOT_STRICT as exc:
                raise BadEventError("expected the input of a call to be JSON, got something else") from exc
        self._body |= {name: "".join(pieces) for name, pieces in self._texts.items()}
        out += [PartStart(Unknown(protocol=NAME, data=self._body)), PartEnd()]


UNTYPED = {"text": "text", "thinking": "thinking", "name": "tool_use"}
"""Fields to the types of blocks that have them, for one that does not say its type."""


def open_block(body: Mapping[str, Any], reading: Reading) -> Block:
    """The block that begins with `body`. Raises BadEventError for a call without a name or an id."""
    kind = _text(body.get("type")) or next((kind for field, kind in UNTYPED.items() if field in body), "")
    if kind == "text":
        return TextBlock(body)
    if kind == "thinking":
        return ThinkingBlock(body, reading.origin)
    if kind == "redacted_thinking":
        state = redacted_state(_text(body.get("data")), reading.origin)
        rest = {field: value for field, value in body.items() if field not in {"type", "data"}}
        return WholeBlock(Reasoning(text="", form="redacted", opaque=state, extra=to_extra(without_none(rest))))
    if kind == "tool_use":
        number, name = body.get("id"), _text(body.get("name"))
        call_id = str(number) if type(number) is int else _text(number)
        if not call_id or not name:
            raise BadEventError("expected the id and the name of a tool call, got a call without")
        rest = {field: value for field, value in body.items() if field not in {"type", "id", "name", FIELD}}
        call = ToolCall(id=call_id, name=name, extra=to_extra(without_none(rest)))
        given = given_text(body.get(FIELD))
        return FreeformBlock(call, given) if name in reading.freeform else CallBlock(call, given)
    if kind == CALL and (hosted := decode_call(body)) is not None:
        return CallBlock(msgspec.structs.replace(hosted, arguments=""), hosted.arguments)
    if kind in RESULTS and (result := decode_result(body)) is not None:
        return WholeBlock(result)
    return UnknownBlock(body)


WORDED = ("text", "thinking")
"""Kinds of blocks that are nothing but words."""
BESIDE = -(1 << 32)
"""The index of the first block that has none of the service's: below those of a message that is continued."""


def _kind_of(delta: Delta) -> str | None:
    """The kind of block that the delta's words are of; None if it has no words."""
    return "text" if delta.text is not None else "thinking" if delta.thinking is not None else None


class Blocks:
    """The blocks of an answer, by their indexes."""

    def __init__(self, reading: Reading) -> None:
        self._reading = reading
        self._open: dict[int, Block] = {}
        """Those that are not written to their end, in the order in which they began."""
        self._waiting: dict[int, list[StreamEvent]] = {}
        """The events of those that must wait."""
        self._beside: dict[tuple[int, str], int] = {}
        """The blocks of words that came in a block of another kind, by its index and theirs."""
        self.begun = False
        """Whether content has come."""
        self.called = False
        """Whether a tool call has begun."""

    @property
    def only(self) -> int | None:
        """The index of the one open block, if it is known what it takes; None if there is none such."""
        if len(self._open) != 1:
            return None
        ((index, block),) = self._open.items()
        return index if index >= 0 and not isinstance(block, UnknownBlock) else None

    def start(self, index: int, body: Mapping[str, Any], out: list[StreamEvent]) -> None:
        """A block begins. One that has the same index ends. One that says nothing begins with its first delta."""
        self.stop(index, out)
        if not body:
            return
        block = open_block(body, self._reading)
        self._open[index] = block
        block.begin(self._place(index, out))
        self.begun = self.begun or block.visible
        self.called = self.called or (isinstance(block, CallBlock | FreeformBlock) and body.get("type") != CALL)

    def add(self, index: int, delta: Delta, out: list[StreamEvent]) -> bool:
        """A delta; False if it is none of its block's. Raises BadEventError if its block has not begun, unless it is
        one of plain text."""
        block = self._open.get(index)
        if block is None:
            kind = _kind_of(delta)
            if kind is None:
                if delta.partial_json:
                    raise BadEventError("expected no arguments before their tool call, got some")
                return False
            self.start(index, {"type": kind}, out)
            block = self._open[index]
        taken = block.add(delta, self._place(index, out))
        self.begun = self.begun or block.visible
        return taken or self._add_beside(index, delta, out)

    def _add_beside(self, index: int, delta: Delta, out: list[StreamEvent]) -> bool:
        """Words for a block of another kind are one of their own, which is written after it: SGLang sends them so
        (sgl-project/sglang#24293, #26795). Blanks are left out: they stood between two calls of its model."""
        kind = _kind_of(delta)
        if kind is None:
            return False
        number = self._beside.get((index, kind))
        if number is None:
            if not (delta.text or delta.thinking or "").strip():
                return False
            number = self._beside[index, kind] = BESIDE - len(self._beside)
            self.start(number, {"type": kind}, out)
        return self.add(number, delta, out)

    def stop(self, index: int, out: list[StreamEvent]) -> None:
        """A block ends; nothing happens if none has this index."""
        block = self._open.get(index)
        if block is None or block.ended:
            return
        block.ended = True
        block.end(self._place(index, out))
        self._advance(out)
        for kind in WORDED if self._beside else ():
            if (number := self._beside.get((index, kind))) is not None:
                self.stop(number, out)

    def close(self, out: list[StreamEvent]) -> None:
        """Ends all that have not ended."""
        for index in tuple(self._open):
            self.stop(index, out)

    def _place(self, index: int, out: list[StreamEvent]) -> list[StreamEvent]:
        """Where the events of a block are written."""
        return out if index == next(iter(self._open)) else self._waiting.setdefault(index, [])

    def _advance(self, out: list[StreamEvent]) -> None:
        """Writes what has waited for the first block to end."""
        while self._open and self._open[first := next(iter(self._open))].ended:
            del self._open[first]
            if self._open:
                out += self._waiting.pop(next(iter(self._open)), [])


def _text(value: object) -> str:
    return well_formed(value) if isinstance(value, str) else ""
