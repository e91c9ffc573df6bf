"""A relayed answer as it passes: its first content, its failure, its end and its usage; the rest is not decoded."""

import re

from dragoman.errors import BadEventError
from dragoman.protocols.openai_chat.chunk import Delta, decode_chunk, decode_usage
from dragoman.protocols.openai_chat.reasons import FINISH
from dragoman.protocols.openai_chat.reply import ReplyDecoder
from dragoman.protocols.relay import Tap, Told
from dragoman.types import PartStart, ResponseEnd, StreamEvent, Usage
from dragoman.wire.sse import MAX_EVENT

END = b"\n\n"
BLANK = re.compile(rb"(?:\r\n|\r(?!\n)|\n){2}")
MARK = b"[DONE]"
ERROR = b'"error"'
"""In JSON these bytes are a key or a whole value, never words within a longer one: there a quote is escaped."""
REASON = re.compile(rb'_reason"\s*:\s*"')
REASONS = (b'_reason":"', b'_reason": "')
"""As it is written, which is found faster."""
CALL = b"_call"
REFUSAL = b'refusal"'
USAGE = b"_tokens"
"""What stands in events that hold more than text; elsewhere too, which costs only time."""

EVENT = b"data: {"
DONE = b"data: [DONE]"
PLAIN = frozenset({"stop", "length"})
"""Reasons to stop that mean what they say, unless a tool was called."""
FIRST_EVENTS = 3
LAST_EVENTS = 5

NEAR = 24
"""Bytes at the end of a read in which the end mark stands, if it has just come."""
LAST = 1 << 10
"""Bytes of the end that are read first: the reason to stop, the usage and the mark fit in."""
LATE = 2 << 10
"""Bytes of the end that are kept at least, for the answer whose end takes more; 8,000 open answers keep twice that."""


class ChatTap(Tap):
    """Reads with the real decoder up to the first content; from there on only what may be a failure, and the end.

    Where that content is cut into events by anything but LF, everything is read.
    """

    def __init__(self) -> None:
        self._decoder: ReplyDecoder | None = None
        self._careful = False
        self._cut = False
        self._late: list[bytes] = []
        self._size = 0
        self._room = 2 * LATE
        self._edge = b""
        self._start = b""

    def feed(self, data: bytes) -> bool:
        if self.done or self.error is not None:
            return False
        if not self.committed:
            data = self._first(data)
            if not data or not self.committed:
                return False
        if self._careful and self._decoder is not None:
            self._read(self._decoder, data)
            return False
        self._late.append(data)
        self._size += len(data)
        near = self._edge + data if self._edge else data
        if near.rfind(ERROR) >= 0:  # which is faster than `in`: fewer bytes of JSON are `"` than `r`
            self._careful = True
            self._decoder = EndDecoder(self._decoder)
            self._read(self._decoder, self._kept())
            return False
        ends = data.endswith(END)
        self._edge = b"" if ends else near[-NEAR:]
        if MARK in near[-NEAR:]:
            if not self._plain_end():
                self._conclude(whole=False)
            return False
        if self._size > self._room:
            self._trim()
        return ends

    def boundary(self, data: bytes) -> int:
        if data.endswith(END) or len(data) > MAX_EVENT:
            return len(data)
        if b"\r" in data:
            return max((blank.end() for blank in BLANK.finditer(data)), default=0)
        return data.rfind(END) + len(END) if END in data else 0

    def good(self, data: bytes) -> int:
        decoder = EndDecoder(None)
        at = 0
        for blank in BLANK.finditer(data):
            decoder.feed(data[at : blank.end()])
            if decoder.error is not None:
                break
            at = blank.end()
        return at

    def finish(self) -> None:
        if self.done or self.error is not None:
            return
        if self.committed and not self._careful:
            self._conclude(whole=True)
        else:
            decoder = self._decoder or ReplyDecoder()
            self._heed(decoder, decoder.finish())
        self._owe()

    def _owe(self) -> None:
        if self.done and not self.other:
            # A blank line first, for the last event may have none.
            self.owed = END + DONE + END

    def _first(self, data: bytes) -> bytes:
        """Reads event by event until there is content; what is behind that event is left."""
        if self._decoder is None:
            if self._start:
                data, self._start = self._start + data, b""
            plain = _starts_plainly(data)
            if plain is None:
                self._start = data
                return b""
            if plain:
                self.committed = True
                return data
            self._decoder = ReplyDecoder()
        if b"\r" in data:
            self._careful = True
            self._read(self._decoder, data)
            return b""
        at = 0
        if data.startswith(b"\n") and self._edge == b"\n":
            self._read(self._decoder, b"\n")
            at = 1
        self._edge = data[-1:]
        while not self.committed and self.error is None and not self.done:
            end = data.find(END, at)
            if end < 0:
                self._read(self._decoder, data[at:])
                return b""
            self._read(self._decoder, data[at : end + len(END)])
            at = end + len(END)
        self._edge = b""
        return data[at:]

    def _read(self, decoder: ReplyDecoder, data: bytes) -> None:
        self._heed(decoder, decoder.feed(data))
        self.other = decoder.whole

    def _heed(self, decoder: ReplyDecoder, events: list[StreamEvent]) -> None:
        for event in events:
            if isinstance(event, PartStart):
                self.committed = True
            elif isinstance(event, ResponseEnd):
                self.committed = True
                self.finish_reason, self.usage = event.finish_reason, event.usage
        self.error = decoder.error
        self.done = decoder.done

    def _trim(self) -> None:
        """Keeps the end: the last event, however long ago it began, and what makes it LATE bytes."""
        late = self._kept()
        self._cut = self._cut and END not in b"".join(self._late)
        before = late.rfind(END, 0, -len(END))
        last = 0 if before < 0 else before + len(END)
        if len(late) - last > MAX_EVENT:
            self._forget(late[:last])
            late = late[-1:]
            self._cut = True
        elif last:
            enough = late.find(END, max(0, len(late) - LATE - len(END)), last)
            start = last if enough < 0 else enough + len(END)
            self._forget(late[:start])
            late = late[start:]
        self._late = [late]
        self._size = len(late)
        # Room for as much again: an event that grows and grows is not copied for each of its pieces.
        self._room = 2 * max(LATE, len(late))

    def _forget(self, data: bytes) -> None:
        """Reads what whole events, which are kept no longer, say besides text."""
        if max(map(data.rfind, (*REASONS, REFUSAL, CALL))) < 0:
            at = data.rfind(USAGE)
            if at < 0:
                return
            # Of reports the last one holds, and some services send one with each event.
            before = data.rfind(END, 0, at)
            data = data[before + len(END) :] if before >= 0 else data
        decoder = EndDecoder(self._decoder)
        decoder.feed(data)
        self._decoder = decoder

    def _conclude(self, *, whole: bool) -> None:
        """Reads the end: its last events where these say all, else all that was kept. `whole`: nothing more comes."""
        late = self._kept()
        end = late.find(END, len(late) - LAST) if len(late) > LAST else -1
        start = 0 if end < 0 else end + len(END)
        before = late[:start]
        decoder, events = self._ending(late[start:], whole=whole)
        if before and (decoder.reason is None or _says_more(before)):
            decoder, events = self._ending(late, whole=whole)
        if decoder.error is not None or decoder.done:
            self._heed(decoder, events)

    def _ending(self, text: bytes, *, whole: bool) -> tuple["EndDecoder", list[StreamEvent]]:
        decoder = EndDecoder(self._decoder)
        events = decoder.feed(text)
        return decoder, events + decoder.finish() if whole else events

    def _plain_end(self) -> bool:
        """Whether the answer has ended, as nearly all do; then that has been read."""
        usage: Usage | None = None
        reason: str | None = None
        late = self._late[-1]
        late = late[-LATE:] if len(late) >= LATE else b"".join(self._late)[-LATE:]
        blocks = late.rsplit(END, LAST_EVENTS)
        if self._decoder is not None or blocks[-1] or blocks[-2] != DONE:
            return False
        read = len(DONE + END)
        for block in blocks[-3:0:-1]:
            if not block.startswith(EVENT):
                return False
            try:
                chunk = decode_chunk(block[len(EVENT) - 1 :])
            except BadEventError:
                return False
            if chunk.error or (chunk.usage is not None and usage is not None):
                return False
            read += len(block + END)
            usage = decode_usage(chunk.usage) if chunk.usage is not None else usage
            if chunk.choices:
                reason = None if chunk.choices[0].index else chunk.choices[0].finish_reason
                break
        if reason is None or reason not in PLAIN or _says_more(late[:-read]):
            return False
        self.finish_reason = FINISH[reason]
        self.usage, self.done = usage, True
        return True

    def _kept(self) -> bytes:
        """What is kept of what came, from the first event on that is whole."""
        late = b"".join(self._late)
        if not self._cut:
            return late
        end = late.find(END)
        # Of an event too long to be kept its last byte is, with which its end may begin.
        return late[-1:] if end < 0 else late[end + len(END) :]


def _says_more(data: bytes) -> bool:
    """Whether there may be events in `data` that tell more of the answer than text."""
    return (
        data.rfind(USAGE) >= 0 or data.rfind(REFUSAL) >= 0 or data.rfind(CALL) >= 0 or REASON.search(data) is not None
    )


def _starts_plainly(data: bytes) -> bool | None:
    """Whether there is content in a stream's first bytes, and nothing before it that takes more than a look.

    None: so far there is nothing at all, but what says who speaks.
    """
    at = 0
    for _ in range(FIRST_EVENTS):
        end = data.find(END, at)
        if end < 0 or not data.startswith(EVENT, at):
            return False
        event = data[at + len(EVENT) - 1 : end]
        try:
            chunk = decode_chunk(event)
        except BadEventError:
            return False
        if chunk.error or chunk.usage is not None or not chunk.choices or b"\r" in event:
            return False
        choice = chunk.choices[0]
        delta = choice.delta
        if delta is None or choice.index or choice.finish_reason or delta.tool_calls or delta.refusal:
            return False
        at = end + len(END)
        if delta.content:
            return True
        if at == len(data):
            return None
    return False


def read_whole(body: bytes) -> Told:
    """What a whole answer says: a plain one is read with a look, any other with the real decoder."""
    told = Told()
    try:
        chunk = decode_chunk(body)
    except BadEventError:
        chunk = None
    if chunk is not None and not chunk.error and chunk.choices and len(chunk.choices) == 1:
        choice = chunk.choices[0]
        message = choice.message
        if (
            choice.finish_reason in PLAIN
            and not choice.index
            and message is not None
            and message.content
            and not (message.tool_calls or message.refusal or message.function_call is not None)
        ):
            told.finish_reason = FINISH[choice.finish_reason]
            told.usage = decode_usage(chunk.usage) if chunk.usage is not None else None
            return told
    decoder = ReplyDecoder()
    events = [*decoder.feed(body), *decoder.finish()]
    told.error, told.other = decoder.error, not decoder.whole
    for event in events:
        if isinstance(event, ResponseEnd):
            told.finish_reason, told.usage = event.finish_reason, event.usage
    return told


class EndDecoder(ReplyDecoder):
    """A decoder that may begin between any two events, because of the content it reads only the kind."""

    def __init__(self, first: ReplyDecoder | None) -> None:
        super().__init__()
        self._started = True
        if first is not None:
            self._finished, self._reason, self._usage = first._finished, first._reason, first._usage
            self._refused, self._parts.saw_tool_call = first._refused, first._parts.saw_tool_call

    @property
    def reason(self) -> str | None:
        """The service's own reason to stop, once it was said."""
        return self._reason

    def _delta(self, delta: Delta, out: list[StreamEvent]) -> None:
        self._refused = self._refused or bool(delta.refusal)
        if delta.tool_calls or delta.function_call is not None:
            self._parts.saw_tool_call = True
