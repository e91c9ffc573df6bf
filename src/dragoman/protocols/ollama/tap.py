"""The tap of a relayed answer: lines pass as they came, and what must be known of the answer is read.

Nearly all lines hold a piece of text and nothing else, and are recognised by their form (`USUAL`): nothing is decoded.
Every other line is read by the decoder of a translated answer, so that a relayed answer fails exactly when a translated
one does (a test compares them).
"""

import re

from dragoman.protocols.ndjson_tap import NdjsonTap
from dragoman.protocols.ollama.decode_stream import ReplyDecoder, is_complete
from dragoman.protocols.relay import ReplySummary
from dragoman.types import PartStart, ResponseEnd, ResponseStart, StreamEvent

USUAL = re.compile(
    rb"""(?:
    \{"model":"[^"\\\r\n]*+","created_at":"[^"\\\r\n]*+",
    (?:
        "message":\{"role":"assistant","content":"(?:[^"\\\r\n]++|\\[^\r\n])*+"
        (?:,"thinking":"(?:[^"\\\r\n]++|\\[^\r\n])*+")?\}
    |
        "response":"(?:[^"\\\r\n]++|\\[^\r\n])*+"
        (?:,"thinking":"(?:[^"\\\r\n]++|\\[^\r\n])*+")?
    ),"done":false\}\n
    )+""",
    re.VERBOSE,
)
"""Lines of text, as the service writes them on its two paths. None of them can hold a failure, a call or an end: these
would need a quotation mark that ends a string."""


class OllamaTap(NdjsonTap):
    """The tap of an answer to `/api/chat` or `/api/generate`."""

    __slots__ = ("_decoder",)

    def __init__(self) -> None:
        super().__init__()
        self._decoder = ReplyDecoder()

    def _usual(self, data: bytes, at: int) -> int:
        found = USUAL.match(data, at)
        return 0 if found is None else found.end() - at

    def _line(self, line: bytes) -> bytes:
        self._heed(self._decoder.feed(line if line.endswith(b"\n") else line + b"\n"))
        self.needs_decoding = self._decoder.whole
        return b"" if self.error is not None or self.needs_decoding else line

    def _is_complete(self, line: bytes) -> bool:
        return bool(line.strip()) and is_complete(line)

    def _last(self, tail: bytes) -> bytes:
        self._heed([*self._decoder.feed(tail), *self._decoder.finish()])
        self.needs_decoding = self._decoder.whole
        return tail if self.done else b""

    def _heed(self, events: list[StreamEvent]) -> None:
        """Takes over what the decoder has learnt."""
        self.error = self._decoder.error
        for event in events:
            if isinstance(event, ResponseEnd):
                self.finish_reason, self.usage, self.done = event.finish_reason, event.usage, True
                self.empty = not (self.committed or self._decoder.more_content)
            if not isinstance(event, ResponseStart):
                self.committed = True


def read_whole(body: bytes) -> ReplySummary:
    """What an answer that is not streamed says."""
    told = ReplySummary()
    decoder = ReplyDecoder()
    events = [*decoder.feed(body), *decoder.finish()]
    told.error, told.needs_decoding = decoder.error, decoder.lines > 1
    for event in events:
        if isinstance(event, ResponseEnd):
            told.finish_reason, told.usage = event.finish_reason, event.usage
            told.empty = not (decoder.more_content or any(isinstance(each, PartStart) for each in events))
    return told
