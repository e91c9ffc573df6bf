"""A caller's WebSocket. The frames are those of the library `websockets`; this is what stands between it and a socket.

https://www.rfc-editor.org/rfc/rfc6455. Compression is declined: most of what is sent are small events, and a stream of
it costs 300 KiB a connection.

A message belongs to a lane. Those of one lane are answered one after another, those of several at the same time; one
that belongs to none (None) is answered at once.
"""

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from msgspec import Struct
from msgspec.structs import replace

from dragoman.errors import DragomanError, InvalidRequestError
from dragoman.gateway.http.nested import NestedAnswer, NestedWriter
from dragoman.gateway.http.response_writer import ENDED
from dragoman.types import ServerRequest, ServerResponse

if TYPE_CHECKING:
    from websockets.frames import Frame

GOING_AWAY, NO_TEXT, NO_UTF8, POLICY = 1001, 1003, 1007, 1008
"""Reasons to close; https://www.rfc-editor.org/rfc/rfc6455#section-7.4.1"""

MAX_WAITING = 128
"""Messages that may wait while others are answered. In one conversation each comes after the answer to the last; but a
caller may have dozens of conversations on one connection, and all may ask at once."""

MAX_ACTIVE = 16
"""Answers under way on one connection; what is asked beyond these waits. OpenAI allows as many."""

MANY_FRAMES = 1000
"""Frames after which what came with them waits for the next turn of the loop: each takes some five microseconds, and a
read may bring 40,000 of them."""


def asks_for_websocket(call: ServerRequest) -> bool:
    """Whether a request asks to go on as a WebSocket."""
    return call.method == "GET" and (call.header(b"upgrade") or "").strip().lower() == "websocket"


class Message(Struct, frozen=True):
    """What a caller has sent."""

    lane: str | None
    text: str


class SwitchedPort(Protocol):
    """What a WebSocket needs of the connection that it has taken over."""

    def write(self, data: bytes) -> None:
        """Sends at once."""

    def ask(self, call: ServerRequest, answer: NestedAnswer, error: DragomanError | None) -> NestedWriter:
        """Begins to answer a request as if it had come over HTTP; with `error`, if there is one and who asks may."""


class WebSocket:
    """One caller's messages. It is the Watcher of the request that asked for it."""

    def __init__(self, call: ServerRequest, max_message: int, lane_of: Callable[[str], str | None]) -> None:
        """`lane_of`: the lane of a message. Raises InvalidRequestError if `call` asks for no valid WebSocket."""
        from websockets.datastructures import Headers  # only who uses it pays for it: 10 ms, 3 MiB
        from websockets.http11 import Request
        from websockets.protocol import State
        from websockets.server import ServerProtocol

        fields = Headers((name.decode("latin-1"), value.decode("latin-1")) for name, value in call.headers)
        handshake = ServerProtocol()
        response = handshake.accept(Request(call.path, fields))
        if response.status_code != 101:
            raise InvalidRequestError("expected a valid request for a WebSocket (RFC 6455)", code="bad_websocket")
        handshake.send_response(response)
        self.head = b"".join(handshake.data_to_send())
        """The response that begins it."""
        # The request was read already, so this one begins with frames.
        self._protocol: ServerProtocol = ServerProtocol(state=State.OPEN, max_size=max_message)
        self._max_size = max_message
        """Of all messages that wait, in characters, and of all requests under way, in bytes, if there are several."""
        self._lane_of = lane_of
        self.error = ""
        """The code of the error for which the connection was closed, if it was because of what came."""
        self.unread = b""
        """What came, and waits for the next turn of the loop. For the connection."""
        self._port: SwitchedPort | None = None
        self._messages: list[Message] = []
        self._size = 0
        """Characters of the messages that wait."""
        self._begun = bytearray()
        """Of a message in several frames, which may be empty, and of any number."""
        self._waiter: asyncio.Future[None] | None = None
        self._nested: dict[str | None, tuple[NestedWriter, int]] = {}
        """The answers under way by their lanes, each with the size of its request."""
        self._leaving = False

    # For who talks with the caller.

    async def receive(self) -> Message | None:
        """The next message that may be answered now; None if the connection is closing, and no answer is under way."""
        while not (closing := self._is_closing()) or self._nested:
            if not closing and (message := self._next()) is not None:
                return message
            if self._leaving and not closing and not self._nested:
                self.drain()
            else:
                await self._wait()
        return None

    def _next(self) -> Message | None:
        if self._leaving:
            return None
        busy = self._nested
        full = len(busy) >= MAX_ACTIVE
        for at, message in enumerate(self._messages):
            if message.lane is None or not (full or message.lane in busy):
                self._size -= len(message.text)
                return self._messages.pop(at)
        return None

    def send(self, text: bytes) -> None:
        """Sends a text message, in UTF-8. Does nothing if the connection is closing."""
        if not self._is_closing():
            self._protocol.send_text(text)
            self._flush()

    async def ask(
        self, lane: str | None, call: ServerRequest, answer: NestedAnswer, error: DragomanError | None = None
    ) -> None:
        """Begins to answer `call` as if it had come over HTTP, with `error` if there is one.

        Waits before that while it is too large to go beside those under way. `answer` calls `answered` in its end.
        """
        size = len(call.body)
        while self._nested and size + sum(other for _, other in self._nested.values()) > self._max_size:
            await self._wait()
        if self._port is not None and not self._is_closing():
            writer = self._port.ask(call, answer, error)
            if writer.state is not ENDED:
                self._nested[lane] = writer, size

    def answered(self, lane: str | None) -> None:
        """The answer in this lane has ended."""
        if self._nested.pop(lane, None) is not None:
            self._wake()

    # For the connection.

    def opened(self, port: SwitchedPort) -> None:
        """From now on the connection is this one's."""
        self._port = port

    def feed(self, data: bytes) -> int:
        """Reads what came. Returns how many frames that were."""
        self._protocol.receive_data(data)
        frames = self._protocol.events_received()
        for frame in frames:
            self._frame(frame)  # type: ignore[arg-type]  # a server that has accepted gets no other events
        self._flush()
        if self._is_closing():
            if self._protocol.parser_exc is not None:
                self.error = InvalidRequestError.code
            self._wake()
        return len(frames)

    def beat(self) -> None:
        """It has been silent for long."""
        if self._nested:
            for writer in self._writers():
                writer.send_heartbeat()
        elif not self._is_closing():
            self._protocol.send_ping(b"")
            self._flush()

    @property
    def busy(self) -> bool:
        """Whether an answer is under way."""
        return bool(self._nested)

    def drain(self) -> None:
        """No more requests: closes once those under way are answered."""
        self._leaving = True
        if not self._nested:
            self._end(GOING_AWAY, "the gateway is stopping")

    def close(self) -> None:
        """The caller has left."""
        self._port = None
        self._leave()

    @property
    def paused(self) -> bool:
        """See Watcher; how much the caller reads is the port's to know."""
        return False

    @paused.setter
    def paused(self, on: bool) -> None:
        if on:
            for writer in self._writers():
                writer.pause()

    def resume(self) -> None:
        """The caller reads again."""
        for writer in self._writers():
            writer.resume()

    def interrupt(self, error: DragomanError) -> None:
        """The gateway stops now: what is under way is ended on its own."""
        self.drain()

    def _writers(self) -> list[NestedWriter]:
        return [writer for writer, _ in self._nested.values()]

    def _end(self, code: int, reason: str) -> None:
        if not self._is_closing():
            self._protocol.send_close(code, reason)
            self._flush()
            self._wake()

    def _leave(self) -> None:
        """The caller is gone, and nobody is left to hear the answers under way."""
        writers = self._writers()
        self._nested.clear()
        for writer in writers:
            writer.disconnect()
        self._wake()

    def _is_closing(self) -> bool:
        return self._protocol.close_sent is not None or self._protocol.close_rcvd is not None or self._port is None

    def _frame(self, frame: "Frame") -> None:
        from websockets.frames import Opcode

        if frame.opcode is Opcode.BINARY:
            self._refuse(NO_TEXT, "expected text")
        elif frame.opcode in {Opcode.TEXT, Opcode.CONT}:
            self._begun += frame.data
            if frame.fin:
                data, self._begun = self._begun, bytearray()
                self._message(data)

    def _refuse(self, code: int, reason: str) -> None:
        """Closes the connection because of what came; the answers under way could not be said any more."""
        self.error = InvalidRequestError.code
        self._end(code, reason)
        self._leave()

    def _message(self, data: bytearray) -> None:
        if self._is_closing():
            return
        try:
            text = data.decode()
        except UnicodeDecodeError:
            self._refuse(NO_UTF8, "expected UTF-8")
            return
        self._size += len(text)
        if len(self._messages) >= MAX_WAITING or self._size > self._max_size:
            self._refuse(POLICY, "expected the next message after the answer to the last")
            return
        self._messages.append(Message(self._lane_of(text), text))
        self._wake()

    async def _wait(self) -> None:
        """Until `_wake`: a message has come, an answer has ended, or the connection is closing."""
        self._waiter = asyncio.get_running_loop().create_future()
        await self._waiter

    def _wake(self) -> None:
        waiter, self._waiter = self._waiter, None
        if waiter is not None and not waiter.done():
            waiter.set_result(None)

    def _flush(self) -> None:
        port = self._port
        for data in self._protocol.data_to_send():
            if not data:  # both sides have said goodbye, or this one cannot read on
                self._leave()
            elif port is not None:
                port.write(data)


def refused(answer: ServerResponse) -> ServerResponse:
    """`answer`, which refuses what is no WebSocket, with the fields that say what would be one."""
    return replace(answer, headers=(*answer.headers, ("upgrade", "websocket"), ("connection", "close")))
