"""The relay: caller and service use the same protocol, so the bytes of the answer pass as they are. A tap reads along.

A relay runs in the callbacks of the exchange with the service: it needs no task, and no turn of the loop passes between
a read from the service and the write to the caller. Its states, and what may come next in each:

    ASKED      the request is on its way                HELD: a good head is here
                                                        OVER: `refuse` (no reply), `take_over` (a head of another kind)
    HELD       no content has come, nothing went out    PASSING: `begin`, with the first content
                                                        OVER: `refuse` (it failed, is empty, too large), `take_over` (it
                                                        is not of the form that was asked for), `give` (a whole answer)
    PASSING    content has gone out                     OVER: `pass_on` without more (a good end), `fail` (it broke off)
    OVER       the sink was told the end, or the owner has closed the relay; the sink is called no more

`refuse`, `take_over`, `give`, `begin`, `pass_on` and `fail` are the calls to the sink (`RelaySink`).
"""

import asyncio
from enum import Enum
from time import monotonic
from typing import Protocol

from dragoman.engine.bypass import Bypass
from dragoman.engine.ends import EMPTY, LINGER, answer_too_large, nothing
from dragoman.engine.relay_target import RelayTarget
from dragoman.engine.repeated import relayed_words
from dragoman.engine.secrets import signed
from dragoman.engine.spent import SAMPLE, note, relayed_tokens
from dragoman.errors import DragomanError, TruncatedStreamError
from dragoman.loop.outlet import Outlet
from dragoman.protocols.betas import replaced, sent, untaken
from dragoman.protocols.gateways import is_gateway, losses_behind
from dragoman.protocols.relay import RelayRequest, ReplySummary, Tap
from dragoman.transport.base import BODY, COMPLETE, FAILED, SHORT, Exchange, Reply, Sending
from dragoman.types import Headers, Loss, Outcome
from dragoman.types.http import without


class RelaySink(Protocol):
    """Where a relayed answer goes. Exactly one of `refuse`, `take_over`, `give` and `begin` is called, once."""

    def refuse(self, error: DragomanError) -> None:
        """The attempt failed before anything was passed on."""

    def take_over(self, reply: Reply) -> None:
        """The reply cannot pass as it is: it must be decoded."""

    def give(self, body: bytes) -> None:
        """The answer, if it is not streamed."""

    def begin(self, data: bytes, *, more: bool) -> None:
        """The beginning of a stream, up to its first content; if not `more`, the whole stream."""

    def pass_on(self, data: bytes, *, more: bool) -> None:
        """The next part of the stream; if not `more`, the last one, and the stream ended well."""

    def connect(self, outlet: Outlet) -> bool:
        """From now on HTTP chunks of the stream may be sent by `outlet`, too; False if there is no such way."""

    def fail(self, error: DragomanError) -> None:
        """The stream broke off after content was passed on. The caller has not been told the error yet."""


class RelayState(Enum):
    """The state of a relay; see above."""

    ASKED = "the request is on its way"
    HELD = "a good head is here, and no content"
    PASSING = "content has gone out"
    OVER = "the end was told"


ASKED, HELD, PASSING, OVER = RelayState


class Relay:
    """One request to one service, and its answer on the way to a sink.

    Its owner calls `pause` if the sink can take no more, and `resume` when it can. `close` ends it at once.
    """

    __slots__ = (
        "__weakref__",
        "_exchange",
        "_held",
        "_no_bypass",
        "_request",
        "_sample",
        "_sending",
        "_sink",
        "_size",
        "_state",
        "_tap",
        "_target",
        "answered",
        "bypass",
        "came_at",
        "losses",
        "paused",
        "summary",
    )

    def __init__(self, target: RelayTarget, request: RelayRequest, sink: RelaySink) -> None:
        self._target = target
        self._request = request
        self._tap = request.tap() if request.stream else None
        self._sink = sink
        self.summary: ReplySummary | None = self._tap
        """What the answer says of itself (usage, reason to stop), as far as it is known."""
        self.paused = False
        """Whether the sink can take no more."""
        self.answered = False
        """Whether the head of a good reply has come."""
        self.losses: tuple[Loss, ...] = ()
        """What of the request was left out, and what a good reply says was lost behind the service."""
        self.came_at: float | None = None
        """When its first content had come, or an answer that is not streamed, in seconds of the monotonic clock."""
        self._state = ASKED
        self._held: list[bytes] | tuple[()] = ()
        self._size = 0
        self._sample = b""
        """A part of the stream, as it was passed on, that has content: what the rest has is estimated from it."""
        self._sending: Sending | None = None
        self._exchange: Exchange | None = None
        self.bypass: Bypass | None = None
        """Made when it is first opened: what passes by it, the sink is not told of."""
        self._no_bypass = False
        """Whether the sink has no such way."""

    # The owner's side.

    def start(
        self,
        request: RelayRequest,
        model: str,
        loop: asyncio.AbstractEventLoop,
        trace: Headers = (),
        betas: str | None = None,
    ) -> None:
        """Sends the request, at once if a connection is idle.

        `model`: the service's own name of the model. `loop`: the running event loop. `trace`: see `ChatRequest.trace`.
        `betas`: in place of the caller's, which the service has refused.
        """
        try:
            target = self._target
            template = target.templates.of(model, request)
            headers, refused = request.headers, target.refused
            if betas is not None or (refused is not None and refused.known):
                headers = self._with_betas(headers, target.taken_betas(model, headers) if betas is None else betas)
            if trace:
                headers = (*headers, *trace)
            if target.replaced:
                headers = without(headers, target.replaced)
            body = request.body_for(model, target.codec)
            sending = template.send(body, self, loop, headers)
        except DragomanError as exc:
            self._refuse(exc)
            return
        if self._state is ASKED:
            self._sending = sending

    def pause(self) -> None:
        """The sink can take no more."""
        self.paused = True
        if self._exchange is not None:
            self._exchange.close_bypass()

    def resume(self) -> None:
        """The sink can take more."""
        self.paused = False
        if self._exchange is not None and self._state is not OVER:
            self.on_news(self._exchange)

    def interrupt(self, error: DragomanError) -> None:
        """Ends it with `error`, which did not come from the service."""
        state = self._state
        if state is not OVER:
            self.close()
            if state is PASSING:
                self._sink.fail(error)
            else:
                self._sink.refuse(error)

    def spent(self, outcome: Outcome) -> None:
        """Notes what the answer has cost up to here, although it has not ended."""
        tap = self._tap
        if tap is None or tap.done or not self._sample:
            return
        self._catch_up(tap)
        tap.count()
        note(outcome, tap.usage, 0 if tap.counted else relayed_tokens(tap, self._sample, self._size))

    def failure(self, error: DragomanError) -> bytes | None:
        """The last bytes of an answer that broke off, if they depend on what has passed; None if they do not."""
        if self._tap is None:
            return None
        self._catch_up(self._tap)
        return self._tap.failure(error)

    def close(self) -> None:
        """Ends it, and closes the connection to the service, unless the reply is complete."""
        self._state = OVER
        sending, self._sending = self._sending, None
        if sending is not None:
            sending.close()
        exchange, self._exchange = self._exchange, None
        if exchange is not None:
            exchange.release()

    # The exchange's side.

    def on_failure(self, error: DragomanError) -> None:
        """No reply has come, and none will."""
        self._sending = None
        self._refuse(error)

    def on_news(self, exchange: Exchange) -> None:
        """The exchange has something new: its head, pieces of the body, its end, a failure, or a silence."""
        state = self._state
        if state is OVER or (state is ASKED and not self._is_good(exchange)):
            return
        tap = self._tap
        if state is not PASSING:
            self.came_at = monotonic()
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
            if self.bypass is not None:
                self._catch_up(tap)
            first, last = pieces[0], pieces[-1]
            if len(pieces) == 1:
                self._size += len(first)
                passing = tap.feed(first)
            else:
                self._size += sum(map(len, pieces))
                passing = tap.feed_pieces(pieces)
            pieces.clear()
            if self._size > self._target.max_answer:
                self._fail(answer_too_large(self._target.max_answer))
                return
            if passing is first and state is PASSING and not tap.done and exchange.state is BODY:
                self._sink.pass_on(first, more=True)
            else:
                self._pass(tap, passing, whole=exchange.state is COMPLETE)
            if len(last) < SHORT and not self._no_bypass and self._state is PASSING:
                self._open_bypass(exchange, tap, last)
        elif exchange.state is COMPLETE:
            self._pass(tap, b"", whole=True)
        if self._state is not OVER:
            # Only after what has come was passed on: this call may end the exchange, and so call `on_news` again.
            exchange.go_on()
        if exchange.state is FAILED and self._state is not OVER:
            self._broke_off(tap, exchange.error or TruncatedStreamError("the answer broke off"))

    def _with_betas(self, headers: Headers, taken: str) -> Headers:
        field = self._target.codec.beta_field
        self.losses = untaken(sent(headers, field), field, taken)
        return replaced(headers, field, taken) if self.losses else headers

    def _is_good(self, exchange: Exchange) -> bool:
        """Whether the head is that of an answer that can pass as it is."""
        self._exchange, self._sending = exchange, None
        head, codec = exchange.head, self._target.codec
        wanted = codec.whole_type if self._tap is None else codec.stream_type
        if head.status == 200 and not exchange.coding and head.media_type == wanted:
            self.answered = True
            known, name = self._target.gateways.known, self._target.name
            if known.get(name, True):  # only the first answer shows it, and further ones of gateways have losses
                known[name] = is_gateway(head)
                self.losses += losses_behind(head)
            self._state = HELD
            return True
        self._hand_over(exchange)
        return False

    def _hand_over(self, exchange: Exchange) -> None:
        """Gives the reply to the sink, to be decoded. Nothing of it was passed on."""
        self._state = OVER
        self._exchange = None
        try:
            reply = exchange.as_reply(list(self._held))
        except DragomanError as exc:
            self._sink.refuse(self._signed(exc))
        else:
            self._sink.take_over(reply)

    def _collect(self, exchange: Exchange) -> None:
        """Keeps the pieces of an answer that is not streamed, until it is complete."""
        pieces = exchange.pieces
        if len(pieces) == 1 and exchange.state is COMPLETE and not self._held:
            body = pieces.pop()
            if len(body) <= self._target.max_answer:
                self._give(exchange, body)
            else:
                self._refuse(answer_too_large(self._target.max_answer))
            return
        self._size += sum(map(len, pieces))
        self._held = held = self._held or []
        held += pieces
        pieces.clear()
        if self._size > self._target.max_answer:
            self._refuse(answer_too_large(self._target.max_answer))
        elif exchange.state is COMPLETE:
            self._give(exchange, b"".join(held))

    def _pass(self, tap: Tap, data: bytes, *, whole: bool) -> None:
        """Passes on `data`, which the tap has returned; `whole`: the body has ended."""
        if whole and not (tap.done or tap.needs_decoding or tap.error is not None):
            data += tap.finish()
        if tap.needs_decoding and self._exchange is not None:
            self._held = [tap.unread()]
            self._hand_over(self._exchange)
            return
        if tap.empty and self._is_empty(tap):
            self._refuse(nothing())
            return
        if data or tap.done:
            if self._state is PASSING:
                self._sink.pass_on(data, more=not tap.done)
            else:
                self._state = PASSING
                self._sample = data[-SAMPLE:]
                if self._exchange is not None:
                    self._exchange.committed()
                self._sink.begin(data, more=not tap.done)
        if tap.error is not None:
            self._fail(tap.error)
        elif tap.done:
            self._release()

    def _open_bypass(self, exchange: Exchange, tap: Tap, last: bytes) -> None:
        """Opens a bypass if `last`, the last piece that came, is an event of the shape that may pass so."""
        shape = tap.shape
        if shape is None or self.paused or not shape.fits(last, 0, len(last)):
            return
        bypass = self.bypass
        if bypass is None:
            bypass = Bypass(keeps=tap.reads_passed)
            if not self._sink.connect(bypass):
                self._no_bypass = True
                return
            self.bypass, self._sample = bypass, last
        bypass.shape, bypass.room = shape, self._target.max_answer - self._size
        exchange.open_bypass(bypass, last)

    def _catch_up(self, tap: Tap) -> None:
        """Takes account of what has passed by the bypass until now."""
        if self.bypass is not None:
            self._size += self.bypass.tell(tap)

    def _broke_off(self, tap: Tap | None, error: DragomanError) -> None:
        """The transfer broke off; but the answer may be complete all the same."""
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
        elif summary.empty and self._is_empty(summary):
            self._refuse(nothing())
        else:
            self._release()
            self._sink.give(body)

    def _is_empty(self, summary: ReplySummary) -> bool:
        return summary.empty and summary.finish_reason in EMPTY and not self._target.empty_ok

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
        # The traceback refers to this exchange, and the exchange to the error: only the garbage collector would free
        # such a cycle.
        error.__cause__ = error.__context__ = error.__traceback__ = None
        return signed(error, self._target.name, self._target.secrets.beside(relayed_words(self._request)))

    def _release(self) -> None:
        """The answer is complete. Its connection can be used again once the transfer has ended too, which is due."""
        exchange, self._exchange = self._exchange, None
        self._state = OVER
        if exchange is not None:
            exchange.drain(LINGER)
