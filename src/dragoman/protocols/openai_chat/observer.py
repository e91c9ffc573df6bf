"""The decoder of a relayed answer: it notes what kinds of content come, and makes no parts of them."""

from dragoman.protocols.errors.nameless import nameless_call
from dragoman.protocols.openai_chat.chunk import Call, Choice, Chunk, ChunkHead, Delta, Logprobs, Loose
from dragoman.protocols.openai_chat.decode_stream import ReplyDecoder
from dragoman.protocols.openai_chat.glance import Glance
from dragoman.protocols.openai_chat.listed import listed
from dragoman.protocols.openai_chat.more import holds_content
from dragoman.protocols.openai_chat.reasoning_details import holds_state, words_in
from dragoman.protocols.streams.sse_decoder import BodyForm
from dragoman.types import StreamEvent


class Observer(ReplyDecoder):
    """Fed event by event, it comes to the same result as the decoder.

    `every`: the caller asked for several choices, and each that began must end.
    """

    thorough = False

    def __init__(self, glance: Glance, *, every: bool = False, begun: bool = False) -> None:
        """Continues from the state that `glance` has reached. `begun`: an event was read, so this is a stream."""
        super().__init__()
        self.begin()
        if begun:
            self._form = BodyForm.STREAM
        if glance.began:
            self._started, self._index = True, 0
            self._parts.begun = glance.committed
            self._reason, self._finished = glance.reason, glance.reason is not None
        self._usage = glance.usage
        self._every = every
        self._unended: dict[int, bool] = {}
        self._unnamed: set[int] = set()

    def begin(self) -> None:
        """Another event comes: what is noted below is about that one."""
        self.texts = self.others = 0
        """How many pieces of text came, and how many other things."""
        self.report = False
        """Whether the event only reported the usage."""
        self.joined = self._strays = False
        self.void = False
        """Whether it said nothing at all, which callers cannot read."""

    def _nothing(self) -> None:
        self.void = True

    @property
    def framed(self) -> bool:
        """Whether the event had the form of an event, so that a caller can read it."""
        return not (self.joined or self._strays)

    @property
    def committed(self) -> bool:
        """True once content has come."""
        return self._parts.begun

    def _start(self, head: ChunkHead, out: list[StreamEvent]) -> None:
        self._started = True

    def _choice(self, choice: Choice, out: list[StreamEvent]) -> None:
        if not self._every:
            super()._choice(choice, out)
        else:
            index = self._index = choice.index or 0
            super()._choice(choice, out)
            self._unended[index] = self._unended.get(index, True) and not choice.finish_reason
            self._finished = not any(self._unended.values())
        if choice.finish_reason or choice.index or choice.message is not None:
            self.others += 1

    def _message(self, message: Delta, out: list[StreamEvent], logprobs: Logprobs | None = None) -> None:
        self._delta(message, out)

    def _delta(self, delta: Delta, out: list[StreamEvent], logprobs: Logprobs | None = None) -> None:
        said = sum(1 for text in (delta.reasoning_content, delta.reasoning) if text)
        if isinstance(delta.content, list):
            said += sum(1 for _ in listed(delta.content))
            self.others += 1
        elif delta.content:
            said += 1
        self.texts += said
        if said:
            self._parts.begun = True
        if details := delta.reasoning_details:
            if words_in(details) or holds_state(details):
                self._parts.begun = True
            self.others += 1
        if delta.refusal:
            self._parts.saw_refusal = self._parts.begun = True
            self.others += 1
        for call in delta.tool_calls or ():
            self._call(call, out)
        if delta.function_call is not None:
            self._call(Call(function=delta.function_call), out)

    def _call(self, call: Call, out: list[StreamEvent]) -> None:
        number = self._calls.number(call)
        named = bool(call.name)
        if named:
            self._unnamed.discard(number)
        elif not self._calls.named(number):
            self._unnamed.add(number)
        self._parts.begun = self._parts.saw_tool_call = True
        if named or call.id or (call.function is None and call.custom is None):
            self.others += 1
        else:
            self.texts += 1

    def _notes(self, data: bytes, chunk: Chunk, loose: Loose | None) -> None:
        super()._notes(data, chunk, loose)
        if loose is not None and holds_content(loose.more):
            self._parts.begun = True
        self.others += 1
        self.report = not chunk.choices and self._usage is not None

    def _stray(self, line: bytes, out: list[StreamEvent]) -> None:
        self._strays = True
        super()._stray(line, out)

    def _close(self, out: list[StreamEvent]) -> None:
        if self._unnamed:
            raise nameless_call()
        super()._close(out)
