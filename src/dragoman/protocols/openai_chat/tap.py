"""A relayed answer as it passes: whole events go on as they came, and what they say of the answer is known.

Every event is decoded, except those that are known to hold text and nothing else (see `lane`): that is nearly all of
them. Those of the usual kinds are read with a `Glance`; from the first of another kind on an `Observer` reads, which
comes to the same end as the decoder of a translated answer, and makes nothing of the text. What has come of an event
that is not whole is held back, and so is all that comes before the first content. Four things are changed on the way:

- an event that only reports the usage is taken out, if the caller did not ask for it;
- events that no blank line separates are separated, as a caller could not read them;
- a byte order mark is dropped, as callers take it for a part of the first field;
- the end mark is added to an answer that ended well without it.
"""

import re

from dragoman.errors import BadEventError
from dragoman.protocols.openai_chat.chunk import TOO_STRANGE, decode_chunk
from dragoman.protocols.openai_chat.decode_stream import ReplyDecoder
from dragoman.protocols.openai_chat.finish_reasons import FINISH
from dragoman.protocols.openai_chat.glance import DONE, Glance
from dragoman.protocols.openai_chat.lane import Lane, lane
from dragoman.protocols.openai_chat.observer import Observer
from dragoman.protocols.openai_chat.usage import usual_usage
from dragoman.protocols.relay import ReplySummary, Tap
from dragoman.types import FinishReason, PartStart, ResponseEnd, StreamEvent
from dragoman.wire import json, sse
from dragoman.wire.sse import BOM, MAX_EVENT, SseReader

END = b"\n\n"
ENDS = (END, b"\r\r", b"\r\n\r\n")
BLANK = re.compile(rb"(?:\r\n|\r(?=[^\n])|\n){2}")
"""A blank line. A CR may be half of a line end, as long as nothing stands behind it."""
OVERLAP = 3
"""Bytes of a blank line that the next read may complete."""
BLANKS = b" \t\r\n"
MAX_BLANKS = 64
"""Blanks at the beginning of a body that are kept; more would be looked at again and again."""
OTHERS = (b"{", b"[", b"<")
"""How a body begins that is no stream."""
MARK = b"[DONE]"
PLAIN = frozenset({"stop", "length"})
"""Reasons to stop that mean what they say, unless a tool was called."""
TRIES = 16
"""Events from which a lane is tried to be made: a service that writes each event in another way has none."""


class ChatTap(Tap):
    """`usage_wanted`: the caller asked for the usage. `every`: it asked for several choices."""

    __slots__ = (
        "_beginning",
        "_edge",
        "_formless",
        "_glance",
        "_held",
        "_lane",
        "_observer",
        "_size",
        "_tail",
        "_tries",
        "_usage_wanted",
    )

    def __init__(self, *, usage_wanted: bool = True, every: bool = False) -> None:
        super().__init__()
        self._usage_wanted = usage_wanted
        self._glance = Glance()
        self._observer = Observer(self._glance, every=True) if every else None
        self._lane: Lane | None = None
        self._tries = TRIES
        self._tail: list[bytes] = []
        self._edge = b""
        self._size = 0
        self._held: list[bytes] = []
        self._formless = self._beginning = True

    @property
    def ending(self) -> bool:
        return self._glance.reason is not None if self._observer is None else self._observer.ending

    def feed(self, data: bytes) -> bytes:
        if self.done or self.error is not None:
            return b""
        if self._lane is not None and not self._tail and self._lane.holds(data):
            return data
        return self._let_through(self._events(data))

    def feed_pieces(self, pieces: list[bytes]) -> bytes:
        if self.done or self.error is not None:
            return b""
        return super().feed_pieces(pieces) if self._tail else self._let_through(self._pieces(pieces))

    def finish(self) -> bytes:
        if self.done or self._stuck():
            return b""
        tail, observer = b"".join(self._tail), self._careful()
        observer.begin()
        self._heed(observer.feed(tail))
        if observer.error is None and not observer.done:
            self._heed(observer.finish())
        if self._stuck():
            return b""
        self._tail.clear()
        tail = self._passing(tail)
        marked = tail.rstrip().endswith(MARK)
        # The last event may have no blank line behind it.
        return self._let_through([tail, b"" if marked and tail.endswith(ENDS) else END if marked else END + DONE])

    def salvage(self) -> bytes:
        if self.done or self._stuck():
            return b""
        self._heed(self._careful().salvage())
        self._tail.clear()
        return self._let_through([DONE] if self._careful().done else [])

    def unread(self) -> bytes:
        return b"".join([*self._held, *self._tail])

    def _stuck(self) -> bool:
        """True if nothing of what was read may pass: it failed, or must be decoded."""
        return self.error is not None or self.needs_decoding

    def _careful(self) -> Observer:
        """The one who reads events of every kind."""
        if self._observer is None:
            self._observer = Observer(self._glance)
        return self._observer

    def _events(self, data: bytes) -> list[bytes]:
        """Reads the events that `data` completes. What may pass of them."""
        if self._tail:
            # Searched no byte twice: an event that comes in many pieces is put together once.
            if _blank(self._edge + data, 0) < 0:
                return self._keep(data)
            data = b"".join([*self._tail, data])
            self._tail.clear()
        passing: list[bytes] = []
        plain = b"\r" not in data
        begin, at, alike = 0, 0, True
        while at < len(data) and not (self.done or self.error is not None):
            if alike and self._lane is not None and (length := self._lane.length(data, at)):
                at += length
                self._tries = TRIES
                continue
            end = data.find(END, at) + len(END) if plain else _blank(data, at)
            if end < len(END) or self.needs_decoding:
                break
            event = data[at:end]
            # Not again for the same bytes, which would be searched from each of many odd events on.
            alike = alike and (self._lane is None or not event.startswith(self._lane.before))
            passed = self._event(event)
            if passed is not event:
                passing += [data[begin:at], passed]
                begin = end
            at = end
        passing.append(data[begin:at])
        if at < len(data) and not (self.done or self.error is not None):
            self._keep(data[at:])
        return passing

    def _pieces(self, pieces: list[bytes]) -> list[bytes]:
        """The same of pieces, each of which is one event as a rule: services send each as soon as they have it."""
        passing: list[bytes] = []
        at, alike = 0, True
        glance, lane = self._glance, self._lane
        while at < len(pieces) and not (self.done or self.error is not None):
            event = pieces[at]
            if lane is not None and alike and event.startswith(lane.before):
                row, count = lane.row(pieces, at)
                if count:
                    passing.append(row)
                    at += count
                    self._tries = TRIES
                    continue
                alike = False
            if self._observer is None and glance.read(event):
                passing.append(self._glanced(event))
            elif self.needs_decoding or not event.endswith(END) or event.find(END) != len(event) - len(END):
                return passing + self._events(b"".join(pieces[at:]))
            else:
                passing.append(self._observed(event))
            lane = self._lane
            at += 1
        return passing

    def _event(self, event: bytes) -> bytes:
        if self._observer is None and self._glance.read(event):
            return self._glanced(event)
        return self._observed(event)

    def _glanced(self, event: bytes) -> bytes:
        glance = self._glance
        self._formless = False
        if glance.text:
            self.committed = True
            self._learn(event)
        elif glance.report:
            self.usage = glance.usage
            return event if self._usage_wanted else b""
        elif glance.done:
            self.usage = glance.usage
            self._end(FINISH.get(glance.reason or "stop", "other"))
        else:
            self.committed, self.usage = glance.committed, glance.usage
        return event

    def _observed(self, event: bytes) -> bytes:
        observer = self._careful()
        observer.begin()
        self._heed(observer.feed(event))
        if self.error is not None:
            return b""
        if observer.texts == 1 and not observer.others:
            self._learn(event)
        return self._passing(event)

    def _end(self, reason: FinishReason) -> None:
        self.finish_reason, self.done, self.committed = reason, True, True

    def _passing(self, event: bytes) -> bytes:
        """The form in which `event`, which the observer has read, goes on."""
        observer = self._careful()
        if observer.report and not self._usage_wanted:
            return b""
        return event if observer.framed else _framed(event)

    def _learn(self, event: bytes) -> None:
        known = self._lane
        if self._tries and (known is None or not (event.startswith(known.before) and event.endswith(known.after))):
            self._tries -= 1
            self._lane = lane(event) or known

    def _keep(self, data: bytes) -> list[bytes]:
        self._size = self._size + len(data) if self._tail else len(data)
        self._edge = (self._edge + data)[-OVERLAP:] if self._tail else data[-OVERLAP:]
        if data:
            self._tail.append(data)
        if self._formless:
            self._form()
        if self._size > MAX_EVENT:
            self.error = BadEventError(f"expected events of at most {MAX_EVENT} bytes", code="upstream_too_large")
        return []

    def _form(self) -> None:
        """Looks at the body's first byte: if it is not that of a stream, there may be no blank line to wait for."""
        tail = b"".join(self._tail)
        start = tail.lstrip(BLANKS).removeprefix(BOM).lstrip(BLANKS)
        if start.startswith(OTHERS):
            self._careful().begin()
            self._heed(self._careful().feed(start))
        elif len(start) > len(BOM):
            self._formless = False
        elif not start and len(tail) > MAX_BLANKS:
            self._tail = [tail[-OVERLAP:]]

    def _heed(self, events: list[StreamEvent]) -> None:
        """What the observer has found out."""
        observer = self._careful()
        self._formless = False
        self.usage, self.needs_decoding = observer.usage, observer.whole
        self.error, self.committed = observer.error, observer.committed
        for event in events:
            if isinstance(event, ResponseEnd):
                self._end(event.finish_reason)

    def _let_through(self, pieces: list[bytes]) -> bytes:
        """What may go on of what was read: nothing, as long as there is no content."""
        if not self.committed:
            self._held += pieces
            self.waiting += sum(map(len, pieces))
            return b""
        if self._held:
            pieces = [*self._held, *pieces]
            self._held.clear()
            self.waiting = 0
        data = pieces[0] if len(pieces) == 1 else b"".join(pieces)
        if self._beginning and data:
            self._beginning = False
            data = data.removeprefix(BOM)
        if self.done and not (self._observer or self._glance).committed:
            # What it says beside content is looked for only here.
            self.empty = read_whole(data).empty
        return data


def _blank(data: bytes, at: int) -> int:
    """Where the next blank line in `data` ends; -1 if there is none."""
    if b"\r" in data:
        found = BLANK.search(data, at)
        return -1 if found is None else found.end()
    end = data.find(END, at)
    return end if end < 0 else end + len(END)


def _framed(event: bytes) -> bytes:
    """`event`, in which several stand line by line, as events that a caller can find."""
    reader = SseReader()
    out: list[bytes] = []
    for each in [*reader.feed(event), *reader.finish()]:
        if each.stray and not each.data.startswith(b"{"):
            continue
        try:
            json.decode_loosely(each.data)
            out.append(sse.encode(each.data))
        except BadEventError:
            out += [sse.encode(line) for line in each.data.split(b"\n")]
    return b"".join(out)


def read_whole(body: bytes) -> ReplySummary:
    """What a whole answer says: a plain one is read with a look, any other with the decoder."""
    told = ReplySummary()
    try:
        chunk = decode_chunk(body)
    except TOO_STRANGE:
        chunk = None
    if chunk is not None and not chunk.error and chunk.choices and len(chunk.choices) == 1:
        choice = chunk.choices[0]
        message = choice.message
        if (
            choice.finish_reason in PLAIN
            and message is not None
            and message.content
            and not (message.tool_calls or message.refusal or message.function_call is not None)
        ):
            told.finish_reason = FINISH[choice.finish_reason]
            told.usage = None if chunk.usage is None else usual_usage(chunk.usage)
            return told
    decoder = ReplyDecoder()
    events = [*decoder.feed(body), *decoder.finish()]
    told.error, told.needs_decoding = decoder.error, not decoder.whole
    for event in events:
        if isinstance(event, ResponseEnd):
            told.finish_reason, told.usage = event.finish_reason, event.usage
            told.empty = not (decoder.more_content or any(isinstance(part, PartStart) for part in events))
    return told
