"""The loss manifest of an answer on its way to a caller, by the rules of `losses`. Knows no protocol by name.

Losses of a request are its fields and the places of its parts; those of an answer begin with `answer.`, since both are
in one list. What a protocol lists of answers, besides the words of `losses`:

    usage, stop_sequence, …  a field of ResponseEnd
    finish_reason            all reasons; or single ones, as `finish_reason.pause`
    finish_reason.native     the service's own word for any other reason
    detail.refusal           the service's own words about a reason
    usage.reasoning_tokens   a count of Usage that lies inside of input and output
    usage.input.audio        one of its further counts; `usage.details`: all of them
    tool_call.cut            a call in whose midst the answer was cut
    hosted_call.web_search   calls of this kind; `HOSTED_CALLS`: all kinds
"""

from collections.abc import Collection, Iterable, Sequence

from dragoman.protocols.speech import PARTS, Speech
from dragoman.protocols.tools.cut_calls import CUT, SAYABLE, is_begun
from dragoman.types import (
    AnyPart,
    Extra,
    FinishReason,
    HostedCall,
    Loss,
    LostAnswerExtra,
    LostAnswerField,
    LostAnswerPart,
    Metadata,
    PartDelta,
    PartEnd,
    PartStart,
    ResponseEnd,
    ResponseStart,
    StreamEvent,
    ToolCall,
    Usage,
)

BROKEN: FinishReason = "other"
"""The finish reason of an answer that went wrong in a way of the service's own, as a call that nobody can read."""

USUAL = "stop"
"""The finish reason that is no loss: a caller who gets the answer assumes it."""

COUNTS = ("cache_read_tokens", "cache_write_tokens", "reasoning_tokens", "total_tokens")
"""Counts of Usage that may be lost although input and output are not. A sum that is just theirs is not set."""

USUAL_FACTS: dict[str, tuple[object, ...]] = {
    "service_tier": ("standard", "default", "on_demand"),
    "speed": ("standard",),
    "inference_geo": ("global", "not_available"),
    "trafficType": ("ON_DEMAND",),
}
"""Fields of an answer or beside its counts, and the values by which a service says that it did as it does if nothing is
asked for. OpenAI says `default` in every answer, Groq `on_demand`."""


class AnswerLosses:
    """Collects, over an answer, what is left out by a protocol that can say what `expresses` lists; `own`: its name."""

    def __init__(self, expresses: frozenset[str], own: str, family: str = "") -> None:
        self._speech = Speech(expresses, own, family)
        self._kind = ""
        """The kind of the open part; empty if it is left out, and everything about it goes with it."""
        self._found: dict[str, Loss] = {}
        self._call: ToolCall | None = None
        """The last part, if it is a call that may not be cut."""
        self._arguments: list[str]
        """Its arguments, if there is one."""
        self._left_out: tuple[str, ...] = ()
        """The kinds of parts that are left out."""
        self._said = False
        """Whether a part is not."""
        self.unsaid: str | None = None
        """What is wrong with an answer of which the protocol says nothing, so that it would look whole."""

    @property
    def found(self) -> tuple[Loss, ...]:
        """The losses so far, each once."""
        return tuple(self._found.values())

    def read(self, events: Iterable[StreamEvent]) -> None:
        """Reads the next events of the answer."""
        for event in events:
            if isinstance(event, PartDelta):  # nearly all events are
                if self._call is not None:
                    self._arguments.append(event.text)
                if event.logprobs is not None:
                    for name in self._speech.unsaid_logprobs(self._kind, event.logprobs):
                        self._need_of_part(name)
                continue
            if type(event) is PartStart:  # a `match` takes several times as long
                self._part(event.part)
            elif type(event) is PartEnd:
                if event.opaque is not None:
                    self._need_of_part("opaque")
                if event.extra and self._kind:
                    self._extra(event.extra)
            elif type(event) is Metadata:
                self._usage(event.usage)
                for name in self._speech.unsaid_citations(event.citations):
                    self._need_of_part(name)
                if event.transcript:
                    self._need_of_part("transcript")
            elif type(event) is ResponseStart:
                self._extra(event.extra, event.silent)
                self._usage(event.usage)
            elif type(event) is ResponseEnd:
                self._end(event)

    def _part(self, part: AnyPart) -> None:
        self._kind = PARTS[type(part)] if self._says(part) else ""
        self._call = part if isinstance(part, ToolCall) and SAYABLE not in self._speech.expresses else None
        if self._call is not None:
            self._arguments = [self._call.arguments]
        if not self._kind:
            kind = PARTS[type(part)]
            if kind not in self._left_out:
                self._left_out += (kind,)
            self._lose(LostAnswerPart(f"answer.{kind}"))
            return
        self._said = True
        self._extra(part.extra)
        for detail in self._speech.unsaid_details(part):
            self._need_of_part(detail)

    def _says(self, part: AnyPart) -> bool:
        said = not isinstance(part, HostedCall) or f"hosted_call.{part.tool}" in self._speech.expresses
        return said and self._speech.says(part)

    def _end(self, end: ResponseEnd) -> None:
        self._usage(end.usage)
        if self._call is not None and end.finish_reason in CUT and is_begun(self._call, "".join(self._arguments)):
            self._lose(LostAnswerPart(f"answer.{SAYABLE}"))
        said = "finish_reason" in self._speech.expresses or says_reason(end, self._speech.expresses)
        if end.finish_reason != USUAL and not said:
            self._need("finish_reason")
        if self._left_out and not self._said and (end.finish_reason == USUAL or not said):
            kinds = ", ".join(self._left_out)
            self.unsaid = f"the answer has nothing that the caller's protocol can say, but only: {kinds}"
        if end.stop_sequence is not None:
            self._need("stop_sequence")
        if end.detail is not None and f"detail.{end.finish_reason}" not in self._speech.expresses:
            self._lose(LostAnswerField("answer.detail"))
        self._extra(end.extra, end.silent)

    def _usage(self, usage: Usage | None) -> None:
        if usage is None:
            return
        self._need("usage")
        if "usage" not in self._speech.expresses:
            return
        if self._has_unsaid_counts(usage):
            self._need("usage.details")
        asked = usage.input_tokens or 0
        for name in COUNTS:
            count = getattr(usage, name)
            if count and not (name == "total_tokens" and count == asked + (usage.output_tokens or 0)):
                self._need(f"usage.{name}")
        for name, protocol in self._speech.others(usage.extra):
            if not _is_usual(name, usage.extra[protocol][name]):
                self._lose(LostAnswerExtra(f"answer.usage.{name}", protocol))

    def _has_unsaid_counts(self, usage: Usage) -> bool:
        """Whether a further count is known that the protocol does not have; a protocol may list single ones."""
        sayable = self._speech.expresses
        return "usage.details" not in sayable and any(
            count and f"usage.{name}" not in sayable for name, count in usage.details.items()
        )

    def _need_of_part(self, detail: str) -> None:
        if self._kind:
            self._need(f"{self._kind}.{detail}")

    def _need(self, name: str) -> None:
        if name not in self._speech.expresses:
            self._lose(LostAnswerField(f"answer.{name}"))

    def _extra(self, extra: Extra, silent: Collection[str] = ()) -> None:
        if not extra:
            return
        for name, protocol in self._speech.others(extra):
            if name not in silent and not _is_usual(name, extra[protocol][name]):
                self._lose(LostAnswerExtra(f"answer.{name}", protocol))

    def _lose(self, loss: Loss) -> None:
        self._found.setdefault(loss.name, loss)


def _is_usual(name: str, value: object) -> bool:
    return value in USUAL_FACTS.get(name, ())


def says_reason(end: ResponseEnd, expresses: frozenset[str]) -> bool:
    """Whether a protocol that can say what `expresses` lists has a word for the reason of `end`."""
    known = end.finish_reason == "other" and end.native_finish_reason is not None
    words = {f"finish_reason.{end.finish_reason}", *(["finish_reason.native"] if known else ())}
    return not expresses.isdisjoint(words)


def unsaid_reason(end: ResponseEnd, expresses: frozenset[str]) -> str:
    """Why an answer went wrong, if such a protocol cannot say so: without content it would look whole. Else empty."""
    if end.finish_reason != BROKEN or "finish_reason" in expresses or says_reason(end, expresses):
        return ""
    return end.native_finish_reason or end.finish_reason


def answer_losses(
    events: Sequence[StreamEvent], expresses: frozenset[str], own: str, family: str = ""
) -> tuple[Loss, ...]:
    """What is left out of a whole answer."""
    losses = AnswerLosses(expresses, own, family)
    losses.read(events)
    return losses.found
