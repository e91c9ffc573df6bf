"""The relay: caller and service speak the same protocol, so bytes pass as they are, and a tap reads what must be known.

Runs in the callbacks of the exchange with the service: no task, no turn of the loop between a read and the write it
causes. Where an answer stands, and what may come next:

    ASKED      the request is on its way                HELD: a good head is here
                                                        OVER: `refuse` (no reply), `take_over` (a head of another kind)
    HELD       no content has come, nothing went out    PASSING: `begin`, with the first content
                                                        OVER: `refuse` (it failed, is empty, too large), `take_over` (it
                                                        is not of the form that was asked for), `give` (a whole answer)
    PASSING    content has gone out                     OVER: `pass_on` without more (a good end), `fail` (it broke off)
    OVER       the sink has been told the end, or the owner has closed; nothing more is told
"""

import asyncio
from collections.abc import Callable
from enum import Enum
from typing import Protocol

from msgspec import Struct

from dragoman.engine.call import EMPTY, LINGER, nothing, too_large
from dragoman.engine.secrets import Secrets, signed
from dragoman.errors import DragomanError, TruncatedStreamError
from dragoman.protocols.relay import RelayCodec, RelayRequest, ReplySummary, Tap
from dragoman.transport.base import BODY, COMPLETE, FAILED, MAX_BODY, Exchange, Reply, RequestTemplate, Sending

MAX_TEMPLATES = 1000
"""Templates of one service that are kept if each model has its own. Callers may make up models without end."""


class Templates:
    """What sends requests to a service: a template for a stream and for a whole answer, or these for each model.

    `make`: gives the one for a model, and for a stream or not.
    """

    def __init__(self, make: Callable[[str, bool], RequestTemplate], *, by_model: bool) -> None:
        self._make = make
        self._by_model = by_model
        self._made: dict[tuple[str, bool], RequestTemplate] = {}

    def of(self, model: str, *, stream: bool) -> RequestTemplate:
        """The one for such a request."""
        key = (model if self._by_model else "", stream)
        template = self._made.get(key)
        if template is None:
            if len(self._made) >= MAX_TEMPLATES:
                self._made.clear()
            template = self._made[key] = self._make(model, stream)
        return template


class RelayTarget(Struct, frozen=True):
    """A service as a relay reaches it; `secrets` are what no error of it may show."""

    name: str
    secrets: Secrets
    codec: RelayCodec
    templates: Templates
    empty_ok: bool = False
    max_answer: int = MAX_BODY


class RelaySink(Protocol):
    """Where a relayed answer goes. Exactly one of `refuse`, `take_over`, `give` and `begin` is called, once."""

    def refuse(self, error: DragomanError) -> None:
        """There is no answer; nothing has been sent."""

    def take_over(self, reply: Reply) -> None:
        """The reply is not of the kind that can pass as it is: it must be decoded."""

    def give(self, body: bytes) -> None:
        """A whole answer."""

    def begin(self, data: bytes, *, more: bool) -> None:
        """A stream, up to its first content. Without `more` that is all of it."""

    def pass_on(self, data: bytes, *, more: bool) -> None:
        """More of the stream, or its good end."""

    def fail(self, error: DragomanError) -> None:
        """The stream broke off, which has not been said yet."""


class RelayState(Enum):
    """Where a relayed answer stands; see above."""

    ASKED = "the request is on its way"
    HELD = "a good head is here, and no content"
    PASSING = "content has gone out"
    OVER = "the end was told"


ASKED, HELD, PASSING, OVER = RelayState


class Relay:
    """One request to one service, and its answer on the way to a sink.

    The owner sets `paused` while the sink can take no more, and then calls `resume`; `close` ends it at once.
    `summary`: what the answer says of itself, as far as that is known. `answered`: a good head was here.
    """

    __slots__ = (
        "__weakref__",
        "_exchange",
        "_held",
        "_sending",
        "_sink",
        "_size",
        "_state",
        "_tap",
        "_target",
        "answered",
        "paused",
        "summary",
    )

    def __init__(self, target: RelayTarget, request: RelayRequest, sink: RelaySink) -> None:
        self._target = target
        self._tap = request.tap() if request.stream else None
        self._sink = sink
        self.summary: ReplySummary | None = self._tap
        self.paused = self.answered = False
        self._state = ASKED
        self._held: list[bytes] = []
        self._size = 0
        self._sending: Sending | None = None
        self._exchange: Exchange | None = None

    # The owner's side.

    def start(self, request: RelayRequest, model: str, loop: asyncio.AbstractEventLoop) -> None:
        """Sends the request, at once if a connection is idle.

        `model`: the service's own name of it. `loop`: the running one.
        """
        try:
            template = self._target.templates.of(model, stream=request.stream)
            sending = template.send(request.body_for(model), self, loop, request.headers)
        except DragomanError as exc:
            self._refuse(exc)
            return
        if self._state is ASKED:
            self._sending = sending

    def resume(self) -> None:
        """More can be taken."""
        self.paused = False
        if self._exchange is not None and self._state is not OVER:
            self.on_news(self._exchange)

    def interrupt(self, error: DragomanError) -> None:
        """Ends it with `error`, which is not the service's."""
        state = self._state
        if state is not OVER:
            self.close()
            if state is PASSING:
                self._sink.fail(error)
            else:
                self._sink.refuse(error)

    def failure(self, error: DragomanError) -> bytes | None:
        """The last bytes of an answer that broke off, if they depend on what has passed; None if they do not."""
        return None if self._tap is None else self._tap.failure(error)

    def close(self) -> None:
        """Ends it; the service's connection is closed, unless the reply is whole."""
        self._state = OVER
        sending, self._sending = self._sending, None
        if sending is not None:
            sending.close()
        exchange, self._exchange = self._exchange, None
        if exchange is not None:
            exchange.release()

    # The exchange's side.

    def on_failure(self, error: DragomanError) -> None:
        """There is no reply."""
        self._sending = None
        self._refuse(error)

    def on_news(self, exchange: Exchange) -> None:
        """There is news of the reply."""
        state = self._state
        if state is OVER or (state is ASKED and not self._is_good(exchange)):
            return
        tap = self._tap
        if exchange.quiet:
            if tap is not None and tap.ending:
                self._pass(tap, tap.salvage(), whole=False)
            return
        pieces = exchange.pieces
        if tap is None:
            self._collect(exchange)
        elif pieces:
            if self.paused:
                return
            first = pieces[0]
            if len(pieces) == 1:
                self._size += len(first)
                passing = tap.feed(first)
            else:
                self._size += sum(map(len, pieces))
                passing = tap.feed_pieces(pieces)
            pieces.clear()
            if self._size > self._target.max_answer:
                self._fail(too_large(self._target.max_answer))
                return
            if passing is first and state is PASSING and not tap.done and exchange.state is BODY:
                self._sink.pass_on(first, more=True)
            else:
                self._pass(tap, passing, whole=exchange.state is COMPLETE)
        elif exchange.state is COMPLETE:
            self._pass(tap, b"", whole=True)
        if self._state is not OVER:
            # Behind what came, for this may end the exchange, which is then told here.
            exchange.go_on()
        if exchange.state is FAILED and self._state is not OVER:
            self._broke_off(tap, exchange.error or TruncatedStreamError("the answer broke off"))

    def _is_good(self, exchange: Exchange) -> bool:
        """Whether the head is one of an answer that can pass."""
        self._exchange, self._sending = exchange, None
        head, codec = exchange.head, self._target.codec
        wanted = codec.whole_type if self._tap is None else codec.stream_type
        if head.status == 200 and not exchange.coding and head.media_type == wanted:
            self.answered = True
            self._state = HELD
            return True
        self._hand_over(exchange)
        return False

    def _hand_over(self, exchange: Exchange) -> None:
        """Leaves the reply, of which nothing was passed on, to be decoded."""
        self._state = OVER
        self._exchange = None
        try:
            reply = exchange.as_reply(self._held)
        except DragomanError as exc:
            self._sink.refuse(self._signed(exc))
        else:
            self._sink.take_over(reply)

    def _collect(self, exchange: Exchange) -> None:
        """Keeps what has come of a whole answer, until all of it has."""
        pieces = exchange.pieces
        if len(pieces) == 1 and exchange.state is COMPLETE and not self._held:
            body = pieces.pop()
            if len(body) <= self._target.max_answer:
                self._give(exchange, body)
            else:
                self._refuse(too_large(self._target.max_answer))
            return
        self._size += sum(map(len, pieces))
        self._held += pieces
        pieces.clear()
        if self._size > self._target.max_answer:
            self._refuse(too_large(self._target.max_answer))
        elif exchange.state is COMPLETE:
            self._give(exchange, b"".join(self._held))

    def _pass(self, tap: Tap, data: bytes, *, whole: bool) -> None:
        """Passes on `data`, which the tap has let through; `whole`: the body has ended."""
        if whole and not (tap.done or tap.needs_decoding or tap.error is not None):
            data += tap.finish()
        if tap.needs_decoding and self._exchange is not None:
            self._held.append(tap.unread())
            self._hand_over(self._exchange)
            return
        if self._is_empty(tap):
            self._refuse(nothing())
            return
        if data or tap.done:
            if self._state is PASSING:
                self._sink.pass_on(data, more=not tap.done)
            else:
                self._state = PASSING
                if self._exchange is not None:
                    self._exchange.committed()
                self._sink.begin(data, more=not tap.done)
        if tap.error is not None:
            self._fail(tap.error)
        elif tap.done:
            self._release()

    def _broke_off(self, tap: Tap | None, error: DragomanError) -> None:
        """The body ended badly; the answer in it may be whole all the same."""
        if tap is not None:
            last = tap.salvage()
            if tap.done:
                self._pass(tap, last, whole=False)
                return
        elif self._held:
            body = b"".join(self._held)
            summary = self._target.codec.read(body)
            if summary.error is None and not summary.needs_decoding and not self._is_empty(summary):
                self.summary = summary
                self.close()
                self._sink.give(body)
                return
        self._fail(error)

    def _give(self, exchange: Exchange, body: bytes) -> None:
        summary = self.summary = self._target.codec.read(body)
        if summary.needs_decoding:
            self._held = [body]
            self._hand_over(exchange)
        elif summary.error is not None:
            self._refuse(summary.error)
        elif self._is_empty(summary):
            self._refuse(nothing())
        else:
            self._release()
            self._sink.give(body)

    def _is_empty(self, summary: ReplySummary) -> bool:
        return summary.empty and summary.finish_reason == EMPTY and not self._target.empty_ok

    def _refuse(self, error: DragomanError) -> None:
        if self._state is not OVER:
            self.close()
            self._sink.refuse(self._signed(error))

    def _fail(self, error: DragomanError) -> None:
        if self._state is not PASSING:
            self._refuse(error)
            return
        self.close()
        self._sink.fail(self._signed(error))

    def _signed(self, error: DragomanError) -> DragomanError:
        # Where it was raised knows all of this exchange, which knows the error: only the collector would free them.
        error.__cause__ = error.__context__ = error.__traceback__ = None
        return signed(error, self._target.name, self._target.secrets)

    def _release(self) -> None:
        """The answer is whole. Its connection serves again once the transfer has ended too, which it should at once."""
        exchange, self._exchange = self._exchange, None
        self._state = OVER
        if exchange is not None:
            exchange.drain(LINGER)
