"""The answers of a server that may outlive their callers: what becomes of each when its caller leaves.

Knows no dialect; a codec says whether the events of its streams can be numbered, and how.
"""

import asyncio
from itertools import chain, islice

from msgspec import Struct

from dragoman.config import GatewayConfig
from dragoman.engine.env import system_env
from dragoman.error_words import cut
from dragoman.errors import RequestError
from dragoman.gateway.app import Admitted, Gateway
from dragoman.gateway.fronts.endpoints import ChatEndpoint
from dragoman.gateway.fronts.openai_responses.kept_answers import KeptEndpoint
from dragoman.gateway.http.direct_writer import DirectWriter
from dragoman.gateway.http.response_writer import ResponseWriter
from dragoman.gateway.serving.lasting.asked import Asked, PassedRequest, read_asked
from dragoman.gateway.serving.lasting.event_buffer import EventBuffer
from dragoman.gateway.serving.lasting.lasting_answer import ALONE, DRAINING, LastingAnswer
from dragoman.protocols.base import EventIdForm, ServerCodec
from dragoman.types import ServerRequest
from dragoman.wire.event_ids import EventIds

LAST_EVENT_ID = b"last-event-id"
"""https://html.spec.whatwg.org/multipage/server-sent-events.html#the-last-event-id-header"""


STREAM_SIZE = 3 << 10
"""Bytes that a stream takes beside its events, measured: short ones would take ten times their bound without them."""
FIRST = 16
"""Events among which one has the id of the answer: a service may send signs of life before it."""


class Kept(Struct):
    """An answer that can be resumed."""

    answer: LastingAnswer
    asked: Asked
    codec: ServerCodec
    gateway: Gateway
    request_id: str
    model: str = ""
    public: str | None = None
    """The id by which callers may ask for the answer, empty if their protocol has none; None until it has begun."""


def may_outlive(settings: GatewayConfig) -> bool:
    """Whether these settings let an answer go on without its caller."""
    return settings.resume > 0 or settings.on_disconnect == "drain"


class LastingAnswers:
    """The answers of one server. `resume`: seconds for which a caller may come back; 0: it cannot.

    `tag`: what the names of its streams begin with, so that other workers know whose they are.
    """

    def __init__(self, settings: GatewayConfig, loop: asyncio.AbstractEventLoop, tag: str = "") -> None:
        self.adopt(settings)
        self._loop = loop
        self._tag = tag
        self._kept: dict[str, Kept] = {}
        self._ended: dict[str, None] = {}
        """The names of those that have ended, the first to end first."""
        self._waiting: dict[str, None] = {}
        """The names of those under way to which nobody listens, the first to be left first."""
        self._open: dict[LastingAnswer, Gateway] = {}
        """Answers under way."""
        self._callers: dict[ResponseWriter, LastingAnswer] = {}
        """Writers of the connections on which these were asked for. What they tell is told by the answer's own."""
        self.held = 0
        """Bytes of all of them."""
        self._closing = False

    def adopt(self, settings: GatewayConfig) -> None:
        """From now on these settings hold."""
        self.resume = settings.resume
        self._size, self._total = settings.resume_size, settings.resume_total
        self._drain = settings.on_disconnect == "drain"

    def begin(
        self, gateway: Gateway, admitted: Admitted, call: ServerRequest, caller: DirectWriter
    ) -> DirectWriter | None:
        """The writer for the answer to `call`. None if the caller goes on with a stream that it had lost.

        Raises RequestError if it wants to, and cannot.
        """
        match admitted.endpoint:
            case ChatEndpoint(codec=codec):
                said = lost_event(codec, call)
                if said is not None and (self.resume > 0 or isinstance(call, PassedRequest)):
                    self.resumed(said, call, caller)
                    return None
                # The writer of the answer counts from now on, as long as that goes on.
                gateway.gate.leave(caller)
                return self.open(gateway, codec, call, caller)
            case KeptEndpoint() as kept:
                wanted = kept.streamed(call)
                if wanted is not None and self.retrieved(*wanted, call.header(LAST_EVENT_ID), caller, kept):
                    return None
        return caller

    def open(self, gateway: Gateway, codec: ServerCodec, call: ServerRequest, caller: DirectWriter) -> DirectWriter:
        """The writer for the answer to `call`, which `caller` gets."""
        form = codec.event_ids if self.resume > 0 else EventIdForm.NONE
        name = "" if form is EventIdForm.NONE else self._tag + system_env().new_id()
        ids = EventIds(name if form is EventIdForm.LINES else "") if name else None
        answer = LastingAnswer(
            caller.outcome, caller, name=name, ids=ids, left=self._left, grown=self._grown, released=self._released
        )
        self._open[answer] = gateway
        self._callers[caller] = answer
        gateway.hold(answer.writer, call)
        if name:
            self._kept[name] = Kept(answer, read_asked(call), codec, gateway, caller.outcome.request_id)
            self.held += STREAM_SIZE
        return answer.writer

    def caller_released(self, caller: ResponseWriter) -> bool:
        """Is told that `caller` is over. Whether the answer's own writer tells the outcome of its request."""
        answer = self._callers.pop(caller, None)
        if answer is not None:
            answer.caller_over(lost=caller.disconnected)
        return answer is not None

    def serves(self, caller: ResponseWriter) -> bool:
        """Whether the outcome of `caller` will be told by an answer's own writer."""
        return caller in self._callers

    def resumed(self, said: str, call: ServerRequest, caller: DirectWriter) -> None:
        """Goes on with the stream whose last event had the id `said`. Raises RequestError if that cannot be."""
        name, _, number = said.rpartition(":")
        kept = self._find(self._kept.get(name), caller)
        if kept.asked != read_asked(call):
            message = "last-event-id: expected the request that the stream answers, got another one"
            raise RequestError(message, status=409, code="resume_mismatch")
        if not _is_number(number):
            raise gone(said)
        self._join(kept, int(number), caller, said)

    def retrieved(
        self, public: str, after: int | None, said: str | None, caller: DirectWriter, endpoint: KeptEndpoint
    ) -> bool:
        """Goes on with the stream of the answer `public`; False if `endpoint` has to answer. Raises RequestError.

        `after`: the position of the last event that the caller has, as the codec counts them; None: all are wanted.
        `said`: the id of that event, if a program that lost the stream asks for the same address once more; it holds.
        """
        kept = self._find_public(public, caller)
        if kept is None or kept.answer.buffer is None or endpoint.is_deleted(public, caller):
            return False
        name, _, last = (said or "").rpartition(":")
        known = name == kept.answer.name and _is_number(last)
        try:
            number = int(last) if known else _number(kept.answer.buffer, kept.codec, after)
            self._join(kept, number, caller, public)
        except RequestError:
            if endpoint.is_elsewhere(public, caller) and not known:
                return False  # its service may have what is no longer here; that has no ids of ours
            raise
        return True

    def holds(self, public: str, caller: ResponseWriter) -> bool:
        """Whether the stream of the answer `public` is here."""
        return self._find_public(public, caller) is not None

    def close(self) -> None:
        """The server stops: nobody can come back any more."""
        self._closing = True
        for answer in tuple(self._open):
            if not answer.heard:
                answer.writer.disconnect()
        for name in tuple(self._kept):
            if not self._kept[name].answer.heard:
                self._forget(name)

    # What becomes of an answer.

    def _left(self, answer: LastingAnswer) -> None:
        """The caller of an answer under way has left."""
        if self._closing:
            answer.writer.disconnect()
        elif answer.buffer is not None and answer.name in self._kept:
            self._limit(answer)
            # Soon, not now: the connection is being closed inside of this call.
            self._loop.call_soon(self._go_on, answer)
        else:
            self._alone(answer)

    def _go_on(self, answer: LastingAnswer) -> None:
        if not (answer.heard or answer.ended):
            answer.stay(ALONE)
            if answer.name in self._kept:
                self._waiting[answer.name] = None
            self._grown(answer, 0)

    def _alone(self, answer: LastingAnswer) -> None:
        """Nobody will come back for an answer under way."""
        if self._drain and not self._closing:
            self._loop.call_soon(answer.stay, DRAINING)
        else:
            answer.writer.disconnect()

    def _limit(self, answer: LastingAnswer) -> None:
        if answer.timer is not None:
            answer.timer.cancel()
        answer.timer = self._loop.call_later(self.resume, self._expire, answer)

    def _expire(self, answer: LastingAnswer) -> None:
        """Nobody has come back in time."""
        answer.timer = None
        if answer.heard:
            self._limit(answer)
            return
        self._forget(answer.name)
        if not answer.ended:
            self._alone(answer)

    def _released(self, answer: LastingAnswer) -> None:
        """The work for an answer is over."""
        gateway = self._open.pop(answer, None)
        if gateway is not None:
            gateway.release(answer.writer)
        self._waiting.pop(answer.name, None)
        if answer.buffer is None or self._closing:
            self._forget(answer.name)
        elif answer.name in self._kept:
            self._ended[answer.name] = None
            self._limit(answer)

    def _grown(self, answer: LastingAnswer, size: int) -> None:
        """The buffer of `answer` has grown by `size` bytes."""
        buffer = answer.buffer
        kept = self._kept.get(answer.name)
        if buffer is None or kept is None:
            return
        self.held += size
        if kept.public is None and buffer.last:
            names = (kept.codec.public_id(event.data) for event in islice(buffer.events(), FIRST))
            name = next(filter(None, names), "")
            kept.public = name if name or buffer.last >= FIRST else None
            kept.model = answer.writer.outcome.model
        if answer.listening is ALONE:
            if buffer.size >= self._size and not answer.full:
                answer.fill()
        else:
            # The other half is for what comes while the caller is away.
            self._trim(answer, self._size // 2)
        if self.held > self._total:
            self._make_room(answer)

    def _trim(self, answer: LastingAnswer, size: int) -> None:
        buffer = answer.buffer
        if buffer is not None and buffer.size > size:
            before = buffer.size
            buffer.trim(size, answer.upto)
            self.held -= before - buffer.size

    def _make_room(self, growing: LastingAnswer) -> None:
        """Gives up what nobody listens to, those that have ended first, until all are within their bound."""
        while self.held > self._total and (spare := self._spare(growing)) is not None:
            self._forget(spare.name)
            if not spare.ended:
                self._alone(spare)
        if self.held > self._total and growing.listening is ALONE:
            growing.fill()
        elif self.held > self._total and growing.buffer is not None:
            self._trim(growing, max(0, growing.buffer.size - (self.held - self._total)))

    def _spare(self, growing: LastingAnswer) -> LastingAnswer | None:
        """What is to be given up next; None if somebody listens to each."""
        answers = (self._kept[name].answer for name in chain(self._ended, self._waiting))
        return next((each for each in answers if each is not growing and not each.heard), None)

    def _forget(self, name: str) -> None:
        """Nobody can come back for this answer any more."""
        kept = self._kept.pop(name, None)
        if kept is None:
            return
        self._ended.pop(name, None)
        self._waiting.pop(name, None)
        self.held -= STREAM_SIZE
        answer = kept.answer
        if answer.timer is not None:
            answer.timer.cancel()
            answer.timer = None
        if answer.buffer is not None:
            self.held -= answer.buffer.size
            answer.buffer.clear()

    def _find_public(self, public: str, caller: ResponseWriter) -> Kept | None:
        owner = caller.outcome.identity.fingerprint
        # The latest first: some services give the same id again.
        latest = reversed(self._kept.values())
        return next((each for each in latest if each.public == public and each.answer.owner == owner), None)

    def _find(self, kept: Kept | None, caller: DirectWriter) -> Kept:
        if kept is None or kept.answer.owner != caller.outcome.identity.fingerprint or kept.answer.buffer is None:
            raise gone("")
        return kept

    def _join(self, kept: Kept, number: int, caller: DirectWriter, said: str) -> None:
        answer = kept.answer
        if self._closing or answer.buffer is None or not answer.buffer.holds_after(number):
            raise gone(said)
        if answer.timer is not None and not answer.ended:
            answer.timer.cancel()
            answer.timer = None
        self._waiting.pop(answer.name, None)
        caller.outcome.model, caller.outcome.resumes = kept.model, kept.request_id
        answer.join(caller, number)


def _is_number(said: str) -> bool:
    return said.isascii() and said.isdigit() and len(said) < 16


def _number(buffer: EventBuffer, codec: ServerCodec, after: int | None) -> int:
    """The number of the last event whose position is not beyond `after`. Raises RequestError if it may be dropped."""
    if after is None:
        return 0
    number = lost = buffer.lost
    seen = False
    for event in buffer.events():
        position = codec.position(event.data)
        if position is not None and position > after:
            seen = seen or not lost or position == after + 1
            break
        seen = seen or position is not None
        number = event.number
    if not seen:
        raise gone(str(after))  # those between are no longer here, or have no positions
    return number


def lost_event(codec: ServerCodec, call: ServerRequest) -> str | None:
    """The id of the last event that a caller has of a stream that it has lost; None if it has lost none."""
    return None if codec.event_ids is EventIdForm.NONE else call.header(LAST_EVENT_ID)


def gone(said: str) -> RequestError:
    """The error for a stream that is not here, or no longer, or not from that event on."""
    of = f" {cut(said, 80)!r}" if said else ""
    message = (
        f"last-event-id{of}: expected the id of an event of a stream that is still held for this key; "
        "ask without it for a new answer"
    )
    return RequestError(message, status=410, code="resume_gone")
