"""The relay: caller and service speak the same protocol, so bytes pass as they are, and a tap reads what must be known.

Runs in the callbacks of the service's connection: no task, no turn of the loop between a read and the write it causes.
"""

import asyncio
from abc import ABC, abstractmethod

from msgspec import Struct

from dragoman.engine.call import EMPTY, LINGER, nothing, too_large
from dragoman.engine.secrets import Secrets, signed
from dragoman.errors import DragomanError, TruncatedStreamError
from dragoman.protocols.relay import RelayCodec, RelayRequest, ReplySummary, Tap
from dragoman.transport.base import MAX_BODY, Reply
from dragoman.transport.http.coding import unpacked
from dragoman.transport.http.proxy_auth import check_proxy
from dragoman.transport.native.connection import Connection
from dragoman.transport.native.state import BODY, COMPLETE, FAILED, HEAD
from dragoman.transport.native.template import RequestTemplate
from dragoman.transport.native.transport import NativeReply

STREAM = "text/event-stream"
JSON = "application/json"


class RelayTarget(Struct, frozen=True):
    """A service as a relay reaches it; `secrets` are what no error of it may show.

    `stream`, `whole`: a template of the request for either kind of answer.
    """

    name: str
    secrets: Secrets
    codec: RelayCodec
    stream: RequestTemplate
    whole: RequestTemplate
    empty_ok: bool = False
    max_answer: int = MAX_BODY


class Relay(ABC):
    """One exchange; what is made of it says where its answer goes.

    Exactly one of `refuse`, `take_over`, `give` and `begin` is called, once. Its owner sets `paused` while no more can
    be taken, and then calls `resume`; `close` ends it at once. `summary`: what the answer says of itself, as far as
    that is known.
    """

    __slots__ = (
        "__weakref__",
        "_begun",
        "_body",
        "_connection",
        "_head_checked",
        "_held",
        "_holds_slot",
        "_line",
        "_over",
        "_reused",
        "_size",
        "_tap",
        "_task",
        "_template",
        "paused",
        "summary",
    )

    def __init__(self, line: RelayTarget, request: RelayRequest) -> None:
        self._line = line
        self._template = line.stream if request.stream else line.whole
        self._held: list[bytes] = []
        self._tap = request.tap() if request.stream else None
        self.summary: ReplySummary | None = self._tap
        self.paused = self._reused = self._head_checked = self._begun = self._over = self._holds_slot = False
        self._body = b""
        self._size = 0
        self._connection: Connection | None = None
        self._task: asyncio.Task[None] | None = None

    # Where the answer goes.

    @abstractmethod
    def refuse(self, error: DragomanError) -> None:
        """There is no answer; nothing has been sent."""

    @abstractmethod
    def take_over(self, reply: Reply) -> None:
        """The reply is not of the kind that can pass as it is: it must be decoded."""

    @abstractmethod
    def give(self, body: bytes) -> None:
        """A whole answer."""

    @abstractmethod
    def begin(self, data: bytes, *, more: bool) -> None:
        """A stream, up to its first content. Without `more` that is all of it."""

    @abstractmethod
    def pass_on(self, data: bytes, *, more: bool) -> None:
        """More of the stream, or its good end."""

    @abstractmethod
    def fail(self, error: DragomanError) -> None:
        """The stream broke off, which has not been said yet."""

    # The owner's side.

    def start(self, body: bytes, loop: asyncio.AbstractEventLoop) -> None:
        """Sends `body`, at once where a connection is idle. `loop` is the running one."""
        self._body = body
        connection = self._connection = self._template.pool.take(loop)
        if connection is None:
            self._task = loop.create_task(self._dial())
        else:
            self._reused = True
            self._template.begin(connection, body, self._on_data)

    def resume(self) -> None:
        """More can be taken."""
        self.paused = False
        if self._connection is not None and self._head_checked and not self._over:
            self._on_data()

    def interrupt(self, error: DragomanError) -> None:
        """Ends it with `error`, which is not the service's."""
        if not self._over:
            self.close()
            if self._begun:
                self.fail(error)
            else:
                self.refuse(error)

    def close(self) -> None:
        """Ends it; the service's connection is closed, unless the reply is whole."""
        self._over = True
        if self._task is not None:
            self._task.cancel()
        if self._holds_slot:
            # The task never began to run, so nobody else gives it back.
            self._holds_slot = False
            self._template.pool.give_back(None)
        connection, self._connection = self._connection, None
        if connection is not None:
            self._template.give_back(connection)

    async def _dial(self) -> None:
        try:
            connection = await self._template.dial()
        except DragomanError as exc:
            self._refuse(exc)
            return
        self._task = None
        self._send(connection)

    async def _redial(self) -> None:
        self._holds_slot = False
        try:
            connection = await self._template.redial()
        except DragomanError as exc:
            self._refuse(exc)
            return
        self._task = None
        self._send(connection)

    def _send(self, connection: Connection) -> None:
        self._connection = connection
        self._template.begin(connection, self._body, self._on_data)

    def _on_data(self) -> None:
        connection = self._connection
        if connection is None or not (self._head_checked or self._check_head(connection)):
            return
        tap = self._tap
        if connection.quiet:
            if tap is not None and tap.ending:
                self._pass(tap, tap.salvage(), whole=False)
            return
        pieces = connection.pieces
        if tap is None:
            self._collect(connection)
        elif pieces:
            if self.paused:
                return
            first = pieces[0]
            passing = tap.feed(first) if len(pieces) == 1 else tap.feed_pieces(pieces)
            pieces.clear()
            self._size += len(passing)
            if self._size + tap.waiting > self._line.max_answer:
                self._fail(too_large(self._line.max_answer))
                return
            if passing is first and self._begun and not tap.done and connection.state is BODY:
                self.pass_on(first, more=True)
            else:
                self._pass(tap, passing, whole=connection.state is COMPLETE)
        elif connection.state is COMPLETE:
            self._pass(tap, b"", whole=True)
        if not self._over:
            # Behind what came, for this may end the exchange, which is then told here.
            connection.go_on()
        if connection.state is FAILED and not self._over:
            self._broke_off(tap, connection.error or TruncatedStreamError("the answer broke off"))

    def _check_head(self, connection: Connection) -> bool:
        """Whether the head is one of an answer that can pass."""
        if connection.state is FAILED and not connection.received:
            error = connection.error or TruncatedStreamError("the connection closed without an answer")
            if self._reused and isinstance(error, TruncatedStreamError):
                # Closed while idle, not a byte answered: once more, afresh (RFC 9112, section 9.3.1).
                self._reused = False
                self._connection = None
                connection.listener = None
                self._template.pool.drop(connection)
                self._holds_slot = True
                self._task = asyncio.get_running_loop().create_task(self._redial())
            else:
                self._refuse(error)
            return False
        if connection.state is FAILED and not connection.pieces:
            self._refuse(connection.error or TruncatedStreamError("the answer broke off"))
            return False
        if connection.state is HEAD:
            connection.expect()
            return False
        self._head_checked = True
        head = connection.head
        wanted = JSON if self._tap is None else STREAM
        if head.status == 200 and not connection.coding and head.media_type == wanted:
            return True
        self._hand_over(connection)
        return False

    def _hand_over(self, connection: Connection) -> None:
        """Leaves the reply, of which nothing was passed on, to be decoded."""
        self._over = True
        self._connection = None
        connection.listener = None
        connection.committed()  # from here on the decoder's owner sees to that
        connection.pieces[:0] = self._held
        reply: Reply = NativeReply(connection, self._template.pool)
        try:
            check_proxy(reply, self._template.origin)
            reply = unpacked(reply) if connection.coding else reply
        except DragomanError as exc:
            self.refuse(self._signed(exc))
        else:
            self.take_over(reply)

    def _collect(self, connection: Connection) -> None:
        """Keeps what has come of a whole answer, until all of it has."""
        pieces = connection.pieces
        if len(pieces) == 1 and connection.state is COMPLETE and not self._held:
            body = pieces.pop()
            if len(body) <= self._line.max_answer:
                self._give(connection, body)
            else:
                self._refuse(too_large(self._line.max_answer))
            return
        self._size += sum(map(len, pieces))
        self._held += pieces
        pieces.clear()
        if self._size > self._line.max_answer:
            self._refuse(too_large(self._line.max_answer))
        elif connection.state is COMPLETE:
            self._give(connection, b"".join(self._held))

    def _pass(self, tap: Tap, data: bytes, *, whole: bool) -> None:
        """Passes on `data`, which the tap has let through; `whole`: the body has ended."""
        if whole and not (tap.done or tap.needs_decoding or tap.error is not None):
            data += tap.finish()
        if tap.needs_decoding and self._connection is not None:
            self._held.append(tap.unread())
            self._hand_over(self._connection)
            return
        if self._is_empty(tap):
            self._refuse(nothing())
            return
        if data or tap.done:
            if self._begun:
                self.pass_on(data, more=not tap.done)
            else:
                self._begun = True
                if self._connection is not None:
                    self._connection.committed()
                self.begin(data, more=not tap.done)
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
            summary = self._line.codec.read(body)
            if summary.error is None and not summary.needs_decoding and not self._is_empty(summary):
                self.summary = summary
                self.close()
                self.give(body)
                return
        self._fail(error)

    def _give(self, connection: Connection, body: bytes) -> None:
        summary = self.summary = self._line.codec.read(body)
        if summary.needs_decoding:
            self._held = [body]
            self._hand_over(connection)
        elif summary.error is not None:
            self._refuse(summary.error)
        elif self._is_empty(summary):
            self._refuse(nothing())
        else:
            self._release()
            self.give(body)

    def _is_empty(self, summary: ReplySummary) -> bool:
        return summary.empty and summary.finish_reason == EMPTY and not self._line.empty_ok

    def _refuse(self, error: DragomanError) -> None:
        if not self._over:
            self.close()
            self.refuse(self._signed(error))

    def _fail(self, error: DragomanError) -> None:
        if not self._begun:
            self._refuse(error)
            return
        self.close()
        self.fail(self._signed(error))

    def _signed(self, error: DragomanError) -> DragomanError:
        # Where it was raised knows all of this exchange, which knows the error: only the collector would free them.
        error.__cause__ = error.__context__ = error.__traceback__ = None
        return signed(error, self._line.name, self._line.secrets)

    def _release(self) -> None:
        """The answer is whole. Its connection serves again once the transfer has ended too, which it should at once."""
        connection, self._connection = self._connection, None
        self._over = True
        if connection is None:
            return
        if connection.state is not BODY:
            connection.listener = None
            self._template.pool.give_back(connection)
            return
        template = self._template
        late = asyncio.get_running_loop().call_later(LINGER, template.give_back, connection)

        def ended() -> None:
            connection.pieces.clear()
            connection.drained()
            if connection.state is not BODY:
                late.cancel()
                template.give_back(connection)

        connection.listener = ended
        connection.drained()
