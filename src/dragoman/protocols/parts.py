"""Deltas to parts: gives any service's fragments the order of our grammar. Knows no vendor.

Our grammar has one open part at a time: PartStart, its PartDeltas, PartEnd, then the next part. Services do not keep to
that: they mix fragments of several tool calls, or name a call after its arguments. So each part is in one of these
states, under a key (`"text"`, `"reasoning"`, `("call", 0)` …):

    waiting   it has begun, but may not open yet; its fragments are collected (`_queue`, in the order of beginning)
    open      its PartStart has gone out; its fragments go out at once (`_part`); at most one
    closed    a call whose PartEnd has gone out (`_closed`); further arguments for it are an error

The first waiting part opens as soon as the open one may end, and a waiting call only once its name has come:

    text, refusal, reasoning   may end when another part begins: what comes later is a new part
    tool call                  may end when its arguments are complete JSON: until then a fragment may still come
    all                        end at `close`, in the order in which they began

For example:

    fragments   call 0 {"a":    call 1 {}     call 0 1}                      text "Done"
    events      Start 0, Delta  -             Delta, End 0, Start 1, Delta   End 1, Start text, Delta

No fragment is lost, but what had to wait arrives later than the service sent it. A call whose name never comes is an
error at `close`, because no program could run it.
"""

from collections import deque
from collections.abc import Hashable

from msgspec import Struct
from msgspec.structs import replace

from dragoman.errors import BadEventError
from dragoman.protocols.errors.nameless import nameless_call
from dragoman.protocols.streams.delta_row import deltas
from dragoman.protocols.tools.no_arguments import NO_ARGUMENTS
from dragoman.types import (
    Citation,
    Extra,
    InputFormat,
    Metadata,
    OpaqueState,
    PartDelta,
    PartEnd,
    PartStart,
    Reasoning,
    Refusal,
    StreamEvent,
    Text,
    TokenLogprob,
    ToolCall,
)
from dragoman.wire.brackets import Brackets

Streamed = Text | Refusal | Reasoning | ToolCall

TEXT, REFUSAL, REASONING = Text(text=""), Refusal(text=""), Reasoning(text="")
NOTHING: Extra = {}

Logprobs = tuple[TokenLogprob, ...]


class _Waiting(Struct):
    key: Hashable
    part: Streamed
    fallback: str
    """The call's id if the service sends none."""
    pieces: list[str]
    opaque: OpaqueState | None = None
    sealed: bool = False
    logprobs: Logprobs = ()
    citations: tuple[Citation, ...] = ()
    brackets: Brackets | None = None
    read: int = 0
    """How many of the pieces `brackets` has read: each is read once, however often somebody asks."""


NOBODY: deque[_Waiting] = deque(maxlen=0)
"""The queue of those for whom nothing waits: one of its own takes 760 bytes, in every open stream."""


class PartAssembler:
    """Opens, fills and closes parts, one at a time. Each method appends its events to `out`."""

    def __init__(self) -> None:
        self._key: Hashable = None
        self._part: Streamed | None = None
        self._opaque: OpaqueState | None = None
        self._sealed = False
        """Whether the open part is reasoning whose words have been signed: further ones are another part's."""
        self._unread: list[str] = []
        """Arguments of the open call that `_brackets` has not read: they are read only if another part waits."""
        self._brackets = Brackets()
        self._bare = False
        """Whether a call of a function is open of whose arguments nothing has come."""
        self._queue = NOBODY
        self._last: dict[Hashable, _Waiting] = {}
        """The latest waiting part of each key: the one that further fragments may belong to."""
        self._closed: dict[Hashable, None] = {}  # an empty set takes thrice as much, in every open stream
        self.saw_tool_call = False
        """Whether a tool call has begun."""
        self.saw_refusal = False
        self.begun = False
        """Whether any part has begun."""

    def text(self, out: list[StreamEvent], text: str, logprobs: Logprobs | None = None) -> None:
        """A piece of text; an empty one opens no part. `logprobs`: those of its tokens."""
        if text or logprobs:
            if self._part is TEXT and not self._queue:
                out.append(PartDelta(text, logprobs))
            else:
                self._add(out, "text", TEXT, text)
                self._about(out, logprobs, ())

    @property
    def steady(self) -> bool:
        """Whether one part is open and none waits: then more of it goes out at once."""
        return self._part is not None and not self._queue

    def is_saying(self) -> bool:
        """Whether the open part is text."""
        return self._part is TEXT

    def more(self, out: list[StreamEvent], texts: list[str], *, in_row: bool) -> None:
        """More of the open part, in pieces that are not empty. Only while it is `steady`."""
        out += deltas(texts, in_row=in_row)
        if isinstance(self._part, ToolCall):
            self._unread += texts
            self._bare = False

    def cite(self, out: list[StreamEvent], citations: tuple[Citation, ...]) -> None:
        """Sources of the text so far; of an empty one, if there is none."""
        if self._part is TEXT and not self._queue:
            out.append(Metadata(citations=citations))
        else:
            self._add(out, "text", TEXT, "")
            self._about(out, None, citations)

    def _about(self, out: list[StreamEvent], logprobs: Logprobs | None, citations: tuple[Citation, ...]) -> None:
        """More about the text that was added last, which may have to wait."""
        if not (logprobs or citations):
            return
        waiting = self._last.get("text")
        if waiting is not None:
            waiting.logprobs += logprobs or ()
            waiting.citations += citations
            return
        if logprobs:
            out.append(PartDelta("", logprobs))
        if citations:
            out.append(Metadata(citations=citations))

    def refusal(self, out: list[StreamEvent], text: str) -> None:
        """A piece of a refusal's text."""
        if text:
            self.saw_refusal = True
            self._add(out, "refusal", REFUSAL, text)

    def reasoning(self, out: list[StreamEvent], text: str) -> None:
        """A piece of reasoning; of another part, if the words before it are signed."""
        if text:
            if self._sealed:
                self._end(out)
            if (waiting := self._last.get("reasoning")) is not None and waiting.sealed:
                del self._last["reasoning"]
            self._add(out, "reasoning", REASONING, text)

    def tool_call(
        self,
        out: list[StreamEvent],
        key: Hashable,
        call_id: str,
        name: str,
        arguments: str,
        *,
        extra: Extra = NOTHING,
        input_format: InputFormat = "json",
        made: str = "",
    ) -> None:
        """A fragment of the call `key`. One fragment must have the name; if none has an id, it becomes `made`."""
        self.saw_tool_call = True
        call = ToolCall(id=call_id, name=name, input_format=input_format, extra=extra)
        self._add(out, ("call", key), call, arguments, made or f"call_{key}")

    def complete(self, key: Hashable) -> bool:
        """True if the arguments of the call `key` are complete JSON, so that no more of them can come."""
        if self._key == ("call", key):
            return not self._busy()
        waiting = self._last.get(("call", key))
        if waiting is None:
            return ("call", key) in self._closed
        if isinstance(waiting.part, ToolCall) and waiting.part.input_format == "text":
            return False
        brackets = waiting.brackets = waiting.brackets or Brackets()
        for piece in waiting.pieces[waiting.read :]:
            brackets.feed(piece)
        waiting.read = len(waiting.pieces)
        return brackets.whole

    def whole(self, out: list[StreamEvent], part: PartStart) -> None:
        """A part that comes complete."""
        self.begun = True
        self.close(out)
        out += [part, PartEnd()]

    def sign(self, out: list[StreamEvent], opaque: OpaqueState) -> None:
        """The opaque state of the last reasoning, sent at its end. If none is under way, it gets an empty one."""
        if not self._queue and self._part is REASONING:
            self._opaque, self._sealed = opaque, True
            return
        if not self._queue or self._queue[-1].part is not REASONING:
            self._wait(_Waiting("reasoning", REASONING, "", []))
        last = self._queue[-1]
        last.opaque, last.sealed = opaque, bool(last.pieces)
        self._advance(out)

    def close(self, out: list[StreamEvent], *, cut: bool = False) -> None:
        """Ends the open part and all waiting ones. Raises BadEventError if one of them is a call without a name.

        `cut`: the answer may have ended before the arguments of a call came.
        """
        self._end(out, cut=cut)
        while self._queue:
            self._promote(out)
            self._end(out, cut=cut)

    def _add(self, out: list[StreamEvent], key: Hashable, part: Streamed, text: str, fallback: str = "") -> None:
        self.begun = True
        waiting = self._last.get(key)
        if key == self._key and (isinstance(part, ToolCall) or not self._queue):
            self._more(out, text)
        elif waiting is not None and isinstance(part, ToolCall) and isinstance(waiting.part, ToolCall):
            waiting.pieces.append(text)
            waiting.part = _merged(waiting.part, part)
        elif waiting is not None and waiting is self._queue[-1]:
            waiting.pieces.append(text)
        elif key in self._closed:
            if text.strip():
                raise BadEventError("expected no more arguments of a tool call that was whole")
        elif self._part is None and not self._queue and not isinstance(part, ToolCall):
            self._open(out, key, part)
            self._more(out, text)
        else:
            self._wait(_Waiting(key, part, fallback, [text]))
        if self._queue:
            self._advance(out)

    def _wait(self, waiting: _Waiting) -> None:
        self._queue = queue = self._queue or deque()
        queue.append(waiting)
        self._last[waiting.key] = waiting

    def _advance(self, out: list[StreamEvent]) -> None:
        while self._queue and not self._busy() and not _nameless(self._queue[0].part):
            self._end(out)
            self._promote(out)

    def _busy(self) -> bool:
        """Whether the open part may still grow, so that the next must wait."""
        if not isinstance(self._part, ToolCall):
            return False
        if self._part.input_format == "text":
            return True  # nothing shows that a freeform input is complete
        for piece in self._unread:
            self._brackets.feed(piece)
        self._unread.clear()
        return not self._brackets.whole

    def _more(self, out: list[StreamEvent], text: str, logprobs: Logprobs | None = None) -> None:
        if text or logprobs:
            out.append(PartDelta(text, logprobs))
            if isinstance(self._part, ToolCall):
                self._unread.append(text)
                self._bare = False

    def _promote(self, out: list[StreamEvent]) -> None:
        waiting = self._queue.popleft()
        self._queue = self._queue or NOBODY
        if self._last.get(waiting.key) is waiting:
            del self._last[waiting.key]
        part = waiting.part
        if isinstance(part, ToolCall):
            if not part.name:
                raise nameless_call()
            part = part if part.id else replace(part, id=waiting.fallback)
        self._open(out, waiting.key, part)
        self._opaque, self._sealed = waiting.opaque, waiting.sealed
        self._bare = isinstance(part, ToolCall) and part.input_format == "json"
        self._more(out, "".join(waiting.pieces), waiting.logprobs or None)
        if waiting.citations:
            out.append(Metadata(citations=waiting.citations))

    def _open(self, out: list[StreamEvent], key: Hashable, part: Streamed) -> None:
        self._key, self._part = key, part
        out.append(PartStart(part))

    def _end(self, out: list[StreamEvent], *, cut: bool = False) -> None:
        if self._part is None:
            return
        if self._bare and not cut:
            out.append(PartDelta(NO_ARGUMENTS))
        self._bare = False
        if isinstance(self._part, ToolCall):
            self._closed[self._key] = None
            self._unread = []
            self._brackets = Brackets()
        out.append(PartEnd(self._opaque))
        self._key = self._part = self._opaque = None
        self._sealed = False


def _nameless(part: Streamed) -> bool:
    return isinstance(part, ToolCall) and not part.name


def _merged(first: ToolCall, later: ToolCall) -> ToolCall:
    if (first.id or not later.id) and (first.name or not later.name) and not later.extra:
        return first
    return replace(first, id=first.id or later.id, name=first.name or later.name, extra=first.extra | later.extra)
