"""A service without a gateway, and a caller's connection without a socket."""

import asyncio
from collections.abc import Callable

from dragoman.errors import DragomanError
from dragoman.gateway.http.application import Peer
from dragoman.gateway.http.direct_writer import DirectWriter
from dragoman.types import Outcome, ServerRequest, ServerResponse

ADMITTED = "chat"


class Rules:
    """What is admitted, which never changes by itself."""

    generation = 0


class Echo:
    """A service that writes down what it is asked, and answers each at once or, where it is `slow`, only later."""

    def __init__(self, *, slow: bool) -> None:
        self.begun: Callable[[Outcome], None] | None = None
        self.heard: list[ServerRequest | str] = []
        self.waiting: list[DirectWriter] = []
        self.slow = slow
        self._count = 0

    def opened(self, connection: Peer) -> None:
        pass

    def closed(self, connection: Peer) -> None:
        pass

    def outcome(self, call: ServerRequest, remote: str) -> Outcome:
        name = call.header(b"x-request-id") or self.new_request_id()
        return Outcome(name, call.method, call.path, 0.0, remote=remote)

    def admit(self, call: ServerRequest, outcome: Outcome) -> str | ServerResponse:
        return ADMITTED if call.path != "/none" else ServerResponse(status=404)

    def fields(self, call: ServerRequest) -> bytes:
        return b"x-more: 1\r\nrequest-id: \x01\r\n" if call.header(b"origin") else b""

    def unpack(self, admitted: str, call: ServerRequest, writer: DirectWriter) -> None:
        self.serve(admitted, call, writer)

    def new_request_id(self) -> str:
        self._count += 1
        return f"fresh-{self._count}"

    def serve(self, admitted: str, call: ServerRequest, writer: DirectWriter) -> None:
        self.heard.append(
            ServerRequest(
                method=call.method,
                path=call.path,
                query=call.query,
                headers=tuple(sorted(call.headers)),
                body=call.body,
            )
        )
        self.waiting.append(writer)
        if not self.slow:
            self.answer()

    def answer(self) -> None:
        for writer in self.waiting:
            writer.send_nowait(ServerResponse(body=b"answer to " + writer.outcome.request_id.encode()))
        self.waiting.clear()

    def release(self, writer: DirectWriter) -> None:
        self.heard.append(f"{writer.outcome.method} {writer.outcome.path} {writer.outcome.status} {writer.complete}")

    def postpone(self, writer: DirectWriter) -> None:
        self.heard.append(f"{writer.outcome.path} waits")

    def resign(self, writer: DirectWriter) -> None:
        self.heard.append(f"{writer.outcome.path} goes")

    def hold(self, writer: DirectWriter, call: ServerRequest) -> None:
        self.heard.append(f"{writer.outcome.path} comes")

    def refusal(self, call: ServerRequest, error: DragomanError, outcome: Outcome) -> ServerResponse:
        return ServerResponse(status=error.status, body=error.message.encode())


class Pipe(asyncio.Transport):
    """A caller's connection, as far as a server sees it."""

    def __init__(self, peer: object = None) -> None:
        super().__init__({"peername": peer})
        self.sent = b""
        self.ended = ""

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        pass

    def get_write_buffer_size(self) -> int:
        return 0

    def is_closing(self) -> bool:
        return bool(self.ended)

    def write(self, data: bytes | bytearray | memoryview) -> None:
        assert not self.ended
        self.sent += data

    def write_eof(self) -> None:
        self.ended = self.ended or "eof"

    def close(self) -> None:
        self.ended = self.ended or "close"

    def abort(self) -> None:
        self.ended = self.ended or "abort"
