"""A caller's WebSocket. The frames are those of the library `websockets`; this is what stands between it and a socket.

https://www.rfc-editor.org/rfc/rfc6455. Compression is declined: most of what is sent are small events, and a stream of
it costs 300 KiB a connection.
"""

import asyncio
from collections import deque
from typing import TYPE_CHECKING, Protocol

from msgspec.structs import replace

from dragoman.errors import DragomanError, InvalidRequestError
from dragoman.gateway.http.nested import NestedAnswer, NestedWriter
from dragoman.gateway.http.response_writer import ENDED
from dragoman.types import ServerRequest, ServerResponse

if TYPE_CHECKING:
    from websockets.frames import Frame

GOING_AWAY, POLICY, FAILED = 1001, 1008, 1011
"""Reasons to close; https://www.rfc-editor.org/rfc/rfc6455#section-7.4.1"""

MAX_WAITING = 128
"""Messages that may wait while one is answered. In one conversation each comes after the answer to the last; but a
caller may have dozens of conversations on one connection, and all may ask at once."""


MANY_FRAMES = 1000
"""Frames after which what came with them waits for the next turn of the loop: each takes some five microseconds, and a
read may bring 40,000 of them."""


def asks_for_websocket(call: ServerRequest) -> bool:
    """Whether a request asks to go on as a WebSocket."""
    return call.method == "GET" and (call.header(b"upgrade") or "").strip().lower() == "websocket"


class SwitchedPort(Protocol):
    """What a WebSocket needs of the connection that it has taken over."""

    def write(self, data: bytes) -> None:
        """Sends at once."""

    def end(self) -> None:
        """Closes once the caller has read what waits."""

    def ask(self, call: ServerRequest, answer: NestedAnswer) -> NestedWriter:
        """Begins to answer a request as if it had come over HTTP."""


class WebSocket:
    """One caller's messages. It is the Watcher of the request that asked for it."""

    paused = False
    """For callers of a Watcher; how much the caller reads is the port's to know."""

    def __init__(self, call: ServerRequest, max_message: int) -> None:
        """Raises InvalidRequestError if `call` is no valid request for a WebSocket."""
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
        self._max_waiting = max_message
        self.unread = b""
        """What came, and waits for the next turn of the loop. For the connection."""
        self._port: SwitchedPort | None = None
        self._messages: deque[str] = deque()
        self._size = 0
        """Characters of the messages that wait."""
        self._begun = bytearray()
        """Of a message in several frames, which may be empty, and of any number."""
        self._waiter: asyncio.Future[None] | None = None
        self._nested: NestedWriter | None = None
        self._leaving = False

    # For who talks with the caller.

    async def receive(self) -> str | None:
        """The next message; None if the connection is closing: nothing could be answered any more."""
        while not self._is_closing() and not self._messages:
            await self._wait()
        if self._is_closing():
            return None
        message = self._messages.popleft()
        self._size -= len(message)
        return message

    def send(self, text: bytes) -> None:
        """Sends a text message, in UTF-8. Does nothing if the connection is closing."""
        if not self._is_closing():
            self._protocol.send_text(text)
            self._flush()

    def end(self, code: int, reason: str) -> None:
        """Closes the connection; `reason`: at most 123 bytes."""
        if not self._is_closing():
            self._protocol.send_close(code, reason)
            self._flush()
            if self._nested is None:
                self._wake()

    async def ask(self, call: ServerRequest, answer: NestedAnswer) -> None:
        """Answers `call` as if it had come over HTTP, and tells `answer`. Ends with it, or if the caller leaves."""
        if self._port is None:
            return
        writer = self._port.ask(call, answer)
        if writer.state is not ENDED:
            self._nested = writer
            await self._wait()
        self._nested = None
        if self._leaving:
            self.drain()

    def answered(self) -> None:
        """The answer that is told has ended."""
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
        if self._is_closing() and self._nested is None:
            self._wake()
        return len(frames)

    def beat(self) -> None:
        """It has been silent for long."""
        if self._nested is not None:
            self._nested.send_heartbeat()
        elif not self._is_closing():
            self._protocol.send_ping(b"")
            self._flush()

    def drain(self) -> None:
        """No more requests: closes once the one under way is answered."""
        self._leaving = True
        if self._nested is None:
            self.end(GOING_AWAY, "the gateway is stopping")

    def close(self) -> None:
        """The caller has left."""
        self._port = None
        if self._nested is not None:
            self._nested.disconnect()
        self._wake()

    def resume(self) -> None:
        """The caller reads again."""
        if self._nested is not None:
            self._nested.resume()

    def pause(self) -> None:
        """The caller does not read."""
        if self._nested is not None:
            self._nested.pause()

    def interrupt(self, error: DragomanError) -> None:
        """The gateway stops now: what is under way is ended on its own."""
        self.drain()

    def _is_closing(self) -> bool:
        return self._protocol.close_sent is not None or self._protocol.close_rcvd is not None or self._port is None

    def _frame(self, frame: "Frame") -> None:
        from websockets.frames import Opcode

        if frame.opcode is Opcode.BINARY:
            self._refuse(1003, "expected text")
        elif frame.opcode in {Opcode.TEXT, Opcode.CONT}:
            self._begun += frame.data
            if frame.fin:
                data, self._begun = self._begun, bytearray()
                self._message(data)

    def _refuse(self, code: int, reason: str) -> None:
        """Closes the connection because of what came; the answer under way could not be said any more."""
        self.end(code, reason)
        if self._nested is not None:
            self._nested.disconnect()
            self._wake()

    def _message(self, data: bytearray) -> None:
        if self._is_closing():
            return
        try:
            text = data.decode()
        except UnicodeDecodeError:
            self._refuse(1007, "expected UTF-8")
            return
        self._size += len(text)
        if len(self._messages) >= MAX_WAITING or self._size > self._max_waiting:
            self._refuse(POLICY, "expected the next message after the answer to the last")
            return
        self._messages.append(text)
        if self._nested is None:
            self._wake()

    async def _wait(self) -> None:
        """Until `_wake`: a message has come, the answer has ended, or the connection is closing."""
        self._waiter = asyncio.get_running_loop().create_future()
        await self._waiter

    def _wake(self) -> None:
        waiter, self._waiter = self._waiter, None
        if waiter is not None and not waiter.done():
            waiter.set_result(None)

    def _flush(self) -> None:
        port = self._port
        for data in self._protocol.data_to_send():
            if port is None:
                continue
            if data:
                port.write(data)
            else:
                port.end()


def refused(answer: ServerResponse) -> ServerResponse:
    """`answer`, which refuses what is no WebSocket, with the fields that say what would be one."""
    return replace(answer, headers=(*answer.headers, ("upgrade", "websocket"), ("connection", "close")))
