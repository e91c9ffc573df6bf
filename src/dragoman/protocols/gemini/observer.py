"""The decoder of a relayed answer: it notes what came, and makes no parts of it."""

from typing import Any

from dragoman.protocols.gemini.decode_stream import ReplyDecoder
from dragoman.protocols.gemini.finish_reasons import NOT_SAID
from dragoman.protocols.gemini.glance import Glance
from dragoman.protocols.gemini.open_text import OpenText
from dragoman.protocols.streams.sse_decoder import BodyForm
from dragoman.types import (
    AnyPart,
    PartStart,
    StreamEvent,
    TokenLogprob,
    ToolCall,
    Usage,
)


class NotedText(OpenText):
    """Notes that a text has come, and tells nothing."""

    spoke = False

    def speak(
        self, kind: PartStart, text: str, out: list[StreamEvent], logprobs: tuple[TokenLogprob, ...] | None = None
    ) -> None:
        self.begun = self.spoke = True

    def end(self, out: list[StreamEvent]) -> None:
        return


class Observer(ReplyDecoder):
    """Fed event by event, it comes to the same result as the decoder.

    `every`: the caller may have asked for several candidates, and each that began must end.
    """

    def __init__(self, glance: Glance, *, every: bool = False) -> None:
        """Continues from the state that `glance` has reached."""
        super().__init__()
        self._text: NotedText = NotedText(self._more)
        if glance.began:
            self._form, self._started, self._begun = BodyForm.STREAM, True, glance.committed
            self._reason, self._finished = glance.reason, bool(glance.reason)
            self._usage = glance.usage
            self._report.keep(glance.report)
        self._every = every
        self._unended: dict[int, bool] = {}
        self.begin()

    def begin(self) -> None:
        """Another event comes: what is noted below is about that one."""
        self._text.spoke = self._read_loosely = self.joined = False

    @property
    def plain(self) -> bool:
        """Whether the event was a piece of text and nothing else, so that another one with that form is too."""
        return self._text.spoke and not self._read_loosely and self._partial is None

    @property
    def committed(self) -> bool:
        """True once content has come."""
        return self._begun or self._text.begun

    @property
    def usage(self) -> Usage | None:
        """The tokens that have been reported so far."""
        return self._usage

    def _loosely(self, value: dict[str, Any], data: bytes, out: list[StreamEvent]) -> None:
        self._read_loosely = True
        super()._loosely(value, data, out)
        if not self._every:
            return
        candidates = value.get("candidates")
        for each in candidates if isinstance(candidates, list) else []:
            if not isinstance(each, dict):
                continue
            number, reason = each.get("index"), each.get("finishReason")
            index = number if isinstance(number, int) else 0
            self._begun = self._begun or bool(each.get("content"))
            ended = isinstance(reason, str) and reason not in NOT_SAID
            self._unended[index] = not ended and self._unended.get(index, True)
        self._finished = self._blocked or (bool(self._unended) and not any(self._unended.values()))

    def _whole_part(self, part: AnyPart, out: list[StreamEvent]) -> None:
        self._begun = True
        self._called = self._called or isinstance(part, ToolCall)
