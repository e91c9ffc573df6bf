"""A service's answer to events: server-sent chunks, or one whole completion."""

from functools import cached_property
from typing import Any, ClassVar

from dragoman.errors import BadEventError, UpstreamError
from dragoman.protocols.openai_chat.answer_fields import decode_logprobs, encode_logprobs, take_citations, take_media
from dragoman.protocols.openai_chat.answer_start import answer_start
from dragoman.protocols.openai_chat.chunk import (
    Call,
    Choice,
    Chunk,
    ChunkHead,
    Delta,
    Logprobs,
    Loose,
    LooseCall,
    decode_chunk,
    decode_head,
    is_piece,
    is_usual,
    read_loosely,
)
from dragoman.protocols.openai_chat.errors import failure_in, reported
from dragoman.protocols.openai_chat.extra import NAME, to_extra
from dragoman.protocols.openai_chat.finish_reasons import FAILED, decode_reason, reason_of
from dragoman.protocols.openai_chat.foreign import (
    foreign_error,
    is_silent,
    named_error,
    read_object,
    read_stray,
)
from dragoman.protocols.openai_chat.lane import lane
from dragoman.protocols.openai_chat.listed import listed
from dragoman.protocols.openai_chat.more import CHOICE, add_fields, holds_content
from dragoman.protocols.openai_chat.reasoning_details import holds_state, state_of
from dragoman.protocols.openai_chat.surrogates import SurrogateJoiner
from dragoman.protocols.openai_chat.thoughts import Thoughts
from dragoman.protocols.openai_chat.tool_call_index import Calls
from dragoman.protocols.openai_chat.usage import decode_usage, find_usage, usual_usage
from dragoman.protocols.openai_shared.family import TIER, answer_extra
from dragoman.protocols.parts import PartAssembler
from dragoman.protocols.streams.joined_events import DONE
from dragoman.protocols.streams.lane import TextRows
from dragoman.protocols.streams.silent_events import SIGNS_OF_LIFE, SILENCE
from dragoman.protocols.streams.sse_decoder import SseDecoder
from dragoman.protocols.streams.whole_text import rest
from dragoman.protocols.tools.call_ids import AnswerIds
from dragoman.protocols.tools.cut_calls import CUT
from dragoman.types import (
    ChatRequest,
    Loss,
    LostChoice,
    PartStart,
    Reasoning,
    ResponseEnd,
    StreamEvent,
    Text,
    Unknown,
    Usage,
)
from dragoman.types.usage import merged
from dragoman.wire import json
from dragoman.wire.sse import SseEvent
from dragoman.wire.utf8 import BLANKS

REFUSAL_LOGPROBS = f"{CHOICE}logprobs"

TIER_FIELD = b'"service_tier"'
BASE_FIELD = b'"base_resp"'


class ReplyDecoder(SseDecoder):
    """Events from the answer to one request.

    An answer ends with `[DONE]`, or with the end of the transfer if a reason to stop has come. The reason alone is not
    the end, because some services send text after it. The end is a good one only if there was a reason or content, and
    if nothing was skipped that looks like a message of the service.
    """

    thorough: ClassVar[bool] = True
    """Whether chunks that may say more than the fast way reads are read loosely, too."""

    unexplained = False
    """The service has failed, and no reason has come yet: an event after this one may say it."""

    _other_choices: set[str] | None = None

    def __init__(self, origin: str | None = None, request: ChatRequest | None = None) -> None:
        """`origin`: that of the service's opaque state. `request`: whose answer it is; only its calls are looked at."""
        super().__init__()
        self._parts = PartAssembler()
        self._ids = AnswerIds(request)
        self._halves = SurrogateJoiner()
        self._started = False
        self._tier_known = False
        """The first chunk has said how the request was served; else a later one may."""
        self._plain = False
        """The last chunk was one piece of a text."""
        self._index: int | None = None
        """The choice that is read."""
        self._said = 0
        """Characters of content that were streamed."""
        self._last = ""
        """The last piece of them."""
        self._before = 0
        """Those before the text under way."""
        self._thoughts = Thoughts()
        self._reason: str | None = None
        self._usage: Usage | None = None
        self._origin = origin
        self._more: dict[str, Any] = {}
        """Fields without a canonical value, over the whole stream."""

    @property
    def usage(self) -> Usage | None:
        return self._usage

    @cached_property
    def _calls(self) -> Calls:
        """Made for the first call: most open streams have none."""
        return Calls(self._parts.complete)

    def _whole(self, body: bytes, out: list[StreamEvent]) -> None:
        if (failure := failure_in(json.decode_event(body))) is not None:
            raise reported(failure)
        self._chunk(body, out)
        if not self._started:
            raise self._skipped or BadEventError("expected a chat completion, got other JSON")
        self._close(out)

    def _is_plain(self) -> bool:
        return self._plain and self._parts.steady and not self._halves.held

    def _rows_like(self, event: bytes) -> TextRows | None:
        return lane(event)

    def _row(self, words: list[str], row: bytes, out: list[StreamEvent]) -> None:
        if self._parts.is_saying():
            self._said += sum(map(len, words))
            self._last = words[-1]
        else:
            self._thoughts.say(sum(map(len, words)), words[-1])
        self._parts.more(out, words, in_row=self.in_rows)

    def _event(self, event: SseEvent, out: list[StreamEvent]) -> None:
        self._plain = False
        if self.done:
            return
        data, name = event.data, event.event
        if event.stray:
            self._stray(data, out)
            return
        if name == b"error":
            raise named_error(data)
        if not data.startswith(b"{"):
            data = data.strip(BLANKS)
        if data.startswith(b"{"):
            self._chunk(data, out, name)
        elif data == DONE:
            self._close(out)
        elif data in SILENCE or name in SIGNS_OF_LIFE:
            self._nothing()
        else:
            raise foreign_error(data)

    def _nothing(self) -> None:
        """An event says nothing at all: earendil-works/pi#2466."""

    def _stray(self, line: bytes, out: list[StreamEvent]) -> None:
        """A line of the body that belongs to no event: some services write so when they fail."""
        line = line.strip(BLANKS)
        if line.startswith((b"{", b"[")):
            self._event(SseEvent(line), out)
        elif (words := read_stray(line)) is not None:
            self._skip(words)

    def _chunk(self, data: bytes, out: list[StreamEvent], name: bytes = b"") -> None:
        loose: Loose | None = None
        try:
            chunk = decode_chunk(data)
        except json.NOT_STRICT:
            loose = read_loosely(data)
            if loose is None:
                raise foreign_error(data) from None
            chunk = loose.chunk
        if loose is not None or self._halves.held:
            self._halves.join(chunk)
        if chunk.error:
            raise reported(chunk.error)
        telling = loose is not None or chunk.usage is not None
        if loose is not None and self.thorough:
            add_fields(self._more, loose.more)
        if chunk.choices:
            if not self._started:
                self._start(decode_head(data) if loose is None else loose.head, out)
                self._index = min(choice.index or 0 for choice in chunk.choices)
                telling = True
            for choice in chunk.choices:
                self._choice(choice, out)
                telling = telling or choice.finish_reason is not None
        elif chunk.choices is not None:
            telling = True  # a chunk without a choice says something else: Azure's first has what its filters found
            if data.find(BASE_FIELD) >= 0 and (failure := failure_in(json.decode_event(data))) is not None:
                raise reported(failure)
        elif not telling:
            self._other(data, name)
        if telling:
            self._notes(data, chunk, loose)
        else:
            self._plain = is_piece(chunk)

    def _other(self, data: bytes, name: bytes) -> None:
        """An object that is neither a chunk nor a report. In an event of another name it is meant for other readers."""
        if (strange := read_object(data, name)) is not None:
            self._skip(strange)
        elif name in SIGNS_OF_LIFE or is_silent(data):
            self._nothing()

    def _notes(self, data: bytes, chunk: Chunk, loose: Loose | None) -> None:
        """What a chunk says besides the text."""
        if loose is None and self.thorough and not is_usual(data):
            loose = read_loosely(data)
            if loose is not None:
                add_fields(self._more, loose.more)
        if loose is None:
            usage = None if chunk.usage is None else usual_usage(chunk.usage)
        else:
            report = find_usage(loose.value)
            usage = None if report is None else decode_usage(json.clean(report))
        if self.thorough and not self._tier_known and data.find(TIER_FIELD) >= 0:
            tier = decode_head(data).service_tier
            self._more |= {TIER: tier} if isinstance(tier, str) else {}
        self._usage = merged(self._usage, usage)

    def _choice(self, choice: Choice, out: list[StreamEvent]) -> None:
        index = choice.index or 0
        if index != self._index:
            if self._other_choices is None:
                self._other_choices = set()
            self._other_choices.add(f"choices[{index}]")
            return
        if choice.text:
            choice.as_chat()
        if choice.delta is not None:
            self._delta(choice.delta, out, choice.logprobs)
        if choice.message is not None:
            self._message(choice.message, out, choice.logprobs)
        if choice.finish_reason:
            if choice.finish_reason in FAILED:
                self.unexplained = True
                said = f"the service gave `{choice.finish_reason}` for its reason to stop, and no other"
                self._skip(UpstreamError(said))
                return
            if self._skipped is not None:
                raise self._skipped  # a relay would pass the reason on, which callers take for a good end
            self._finished = True
            self._reason = choice.finish_reason

    def _message(self, message: Delta, out: list[StreamEvent], logprobs: Logprobs | None = None) -> None:
        """A whole message. At the end of a stream it repeats what was streamed; nothing may reach callers twice."""
        if self._parts.begun:
            content = message.content
            if self._said and content:
                content = self._rest(content if isinstance(content, str) else self._text_in(content))
            called = self._parts.saw_tool_call
            message = Delta(
                content=content,
                refusal=None if self._parts.saw_refusal else message.refusal,
                tool_calls=None if called else message.tool_calls,
                function_call=None if called else message.function_call,
            )
            logprobs = None
        for number, call in enumerate(message.tool_calls or ()):
            call.index = number  # whatever ids they have, these are calls of their own
        self._delta(message, out, logprobs)

    def _text_in(self, content: list[Any]) -> str:
        """The text of a list of parts. What else is in it may have been streamed, or not: that is not known."""
        parts = list(listed(content))
        if any(isinstance(part, Unknown) for part in parts):
            self._leave_out("message")
        return "".join(part.text for part in parts if isinstance(part, Text))

    def _rest(self, whole: str) -> str | None:
        """What was not streamed of a text that is complete now."""
        more = rest(whole, self._said, self._last)
        if more is None:
            self._leave_out("message")
        return more

    def _delta(self, delta: Delta, out: list[StreamEvent], logprobs: Logprobs | None = None) -> None:
        parts = self._parts
        thought = delta.reasoning_content or delta.reasoning
        if delta.reasoning_details:
            self._thoughts.add(delta.reasoning_details)
            if not thought:
                self._reasoning(self._thoughts.unsaid(delta.reasoning_details), out)
        if thought:
            self._thoughts.say(len(thought), thought)
            self._reasoning(thought, out)
        elif delta.content or delta.tool_calls:
            self._thoughts.leave()
        if self._thoughts.details and (delta.content or delta.tool_calls or delta.refusal):
            self._sign(out)
        tokens = decode_logprobs(logprobs.content) if logprobs is not None and logprobs.content else None
        if content := delta.content:
            if isinstance(content, str):
                self._said += len(content)
                self._last = content
                parts.text(out, content, tokens)
            else:
                self._list(content, out)
        elif tokens:
            parts.text(out, "", tokens)
        if logprobs is not None and logprobs.refusal:
            add_fields(self._more, {REFUSAL_LOGPROBS: {"refusal": encode_logprobs(decode_logprobs(logprobs.refusal))}})
        if delta.refusal or delta.tool_calls:
            self._leave_text(out)
        if delta.refusal:
            parts.refusal(out, delta.refusal)
        if delta.tool_calls:
            for call in delta.tool_calls:
                self._call(call, out)
        if delta.function_call is not None:
            self._call(Call(function=delta.function_call), out)

    def _leave_text(self, out: list[StreamEvent]) -> None:
        """Another part begins: the sources that have come are those of the text before it."""
        if self._more and self._parts.is_saying():
            self._cite(out)
        self._before = self._said

    def _reasoning(self, thought: str, out: list[StreamEvent]) -> None:
        if thought:
            self._leave_text(out)
            self._parts.reasoning(out, thought)

    def _cite(self, out: list[StreamEvent]) -> None:
        before = self._before if self._parts.is_saying() else self._said
        if citations := take_citations(self._more, before):
            self._parts.cite(out, citations)

    def _sign(self, out: list[StreamEvent]) -> None:
        """Gives the reasoning its opaque state, if the details hold one."""
        details = self._thoughts.take()
        if holds_state(details):
            self._leave_text(out)
            self._parts.sign(out, state_of(details, self._origin))

    def _call(self, call: Call, out: list[StreamEvent]) -> None:
        number = self._calls.number(call)
        if call.name and self._parts.complete(number):
            return  # the whole call again, after its fragments
        extra = to_extra(call.extra) if isinstance(call, LooseCall) else {}
        self._parts.tool_call(
            out,
            number,
            self._ids.own(number, call.id or ""),
            call.name,
            call.arguments,
            extra=extra,
            input_format="json" if call.custom is None else "text",
            made=self._ids.made(number),
        )

    def _list(self, content: list[Any], out: list[StreamEvent]) -> None:
        for part in listed(content, self._origin):
            match part:
                case Reasoning():
                    self._reasoning(part.text, out)
                    if part.opaque is not None:
                        self._leave_text(out)
                        self._parts.sign(out, part.opaque)
                case Text():
                    self._said += len(part.text)
                    self._last = part.text
                    self._parts.text(out, part.text)
                case Unknown():
                    self._leave_text(out)
                    self._parts.whole(out, PartStart(part))

    def _start(self, head: ChunkHead, out: list[StreamEvent]) -> None:
        self._started = True
        self._tier_known = isinstance(head.service_tier, str)
        out.append(answer_start(head))

    def _close(self, out: list[StreamEvent]) -> None:
        """The end of the answer, if it is a good one."""
        if self._skipped is not None:
            raise self._skipped
        if self._halves.held:
            self._delta(self._halves.rest(), out)
        if self._thoughts.details:
            self._sign(out)
        if self._more:
            self._said_beside(out)
        if not (self._finished or self._parts.begun or self.more_content):
            raise BadEventError("expected an answer, got its end alone", code="empty_answer")
        if not self._started:
            self._start(ChunkHead(), out)
        self._parts.close(out, cut=reason_of(self._reason) in CUT)
        reason, native = decode_reason(
            self._reason, tool_call=self._parts.saw_tool_call, refusal=self._parts.saw_refusal
        )
        losses: list[Loss] = [*map(LostChoice, sorted(self._other_choices or ())), *self._left_out]
        out.append(ResponseEnd(reason, self._usage, native, losses=tuple(losses), extra=answer_extra(NAME, self._more)))
        self.done = True

    def _said_beside(self, out: list[StreamEvent]) -> None:
        """What of the content came in fields of its own."""
        self._cite(out)
        for part in take_media(self._more):
            if not self._started:
                self._start(ChunkHead(), out)
            self._parts.whole(out, PartStart(part))
        self.more_content = holds_content(self._more)
