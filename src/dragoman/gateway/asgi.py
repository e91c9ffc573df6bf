"""The gateway as an ASGI application, for other servers. https://asgi.readthedocs.io/en/latest/specs/www.html"""

import asyncio
import logging
import math
from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping
from contextlib import asynccontextmanager, suppress
from time import monotonic
from types import TracebackType
from typing import Any, Self

from msgspec.structs import replace

from dragoman.config import load
from dragoman.errors import DragomanError, InvalidRequestError
from dragoman.gateway.app import Admitted, Gateway
from dragoman.gateway.http.body import Pieces
from dragoman.gateway.http.request_limits import (
    LAST,
    MAX_DISCARDED,
    body_timeout,
    check_body_limits,
    check_head_limits,
    too_large,
    too_many_pieces,
)
from dragoman.gateway.http.response_writer import LEAVE, START, DisconnectedError, ResponseWriter, address
from dragoman.gateway.http.timeouts import ServerTimeouts
from dragoman.gateway.http.unpacking import unpacked
from dragoman.gateway.log import begin
from dragoman.gateway.outgoing import Outgoing, Part
from dragoman.gateway.serving.lasting.lasting_answers import LastingAnswers, may_outlive
from dragoman.types import Headers, Outcome, ServerRequest, ServerResponse

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

LATER = 1.0
"""Seconds in which answers whose callers have left can report that they were ended, when the server shuts down."""

GONE = 499
"""The status of a caller that has left, in nginx's log; nobody receives it."""

log = logging.getLogger("dragoman.gateway")


class AsgiGateway:
    """A gateway as a server such as uvicorn sees it. It closes the gateway's client when the server shuts down.

    Answers that may outlive their callers go on in tasks of this process's loop; another process knows nothing of them.
    """

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self._lasting: LastingAnswers | None = None
        """None until a request has come, or if every answer ends with its caller."""
        self._tasks: set[asyncio.Task[None]] = set()
        """Such answers under way."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        match scope["type"]:
            case "http":
                await self._answer(scope, receive, send)
            case "lifespan":
                await self._live(receive, send)
            case "websocket":
                await self._deny(scope, receive, send)
            case kind:
                raise InvalidRequestError(f"expected HTTP, got {kind}")

    @asynccontextmanager
    async def lifespan(self, app: object = None) -> AsyncIterator[None]:
        """From the start to the end of the server; for the `lifespan` of an application that this one is mounted in.

        A server tells only the outermost application. Without this, what is logged and traced last is lost.
        """
        files = ", ".join(map(str, self._gateway.client.config.files)) or "no configuration file"
        log.info("started: behind another server, %s", files)
        try:
            yield
        finally:
            if self._lasting is not None:
                self._lasting.close()
            if self._tasks:
                await asyncio.wait(self._tasks, timeout=LATER)
            await self._gateway.aclose()
            log.info("stopped")

    async def _live(self, receive: Receive, send: Send) -> None:
        await receive()
        async with self.lifespan():
            await send({"type": "lifespan.startup.complete"})
            await receive()
        await send({"type": "lifespan.shutdown.complete"})

    async def _deny(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuses a WebSocket as a path is refused that serves none. A server without the extension answers 403."""
        await receive()
        if "websocket.http.response" not in scope.get("extensions", {}):
            await send({"type": "websocket.close"})
            return
        scheme = {"ws": "http", "wss": "https"}.get(scope.get("scheme", "ws"), "http")
        await self._answer({**scope, "method": "GET", "scheme": scheme}, receive, _http_of_websocket(send))

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        gateway, call = self._gateway, read_head(scope)
        if call.method == "POST":
            await gateway.client.fresh_keys()
        outcome = gateway.outcome(call, address(scope.get("client")))
        writer = AsgiResponseWriter(receive, send, outcome, gateway.timeouts)
        writer.more = gateway.headers(call, outcome.request_id)
        writer.closes = scope.get("http_version", "1.1").startswith("1")
        outgoing: Outgoing | None = None
        try:
            asked = await self._read(call, writer, receive)
            if asked is not None:
                outgoing = self._begin(*asked, writer)
                if outgoing is None:
                    await gateway.answer(*asked, writer)
        finally:
            if outgoing is None:
                gateway.release(writer)
        if outgoing is not None:
            await _pass_on(outgoing, writer)
        if writer.disconnected and not writer.started:
            await _say_gone(send)

    def _begin(self, admitted: Admitted, call: ServerRequest, writer: "AsgiResponseWriter") -> Outgoing | None:
        """The response to pass on, if the answer may outlive its caller or is resumed; else None.

        From then on the answer's own writer tells what becomes of the request.
        """
        gateway = self._gateway
        settings = gateway.client.config.gateway
        if not may_outlive(settings):
            return None
        lasting = self._lasting = self._lasting or LastingAnswers(settings, asyncio.get_running_loop())
        outgoing = Outgoing(writer.outcome, self._release)
        caller = outgoing.writer
        try:
            answering = lasting.begin(gateway, admitted, call, caller)
            if answering is caller:
                outgoing.discard()
                return None
        except DragomanError as exc:
            answering = None
            caller.send_nowait(gateway.refusal(call, exc, caller.outcome))
        gateway.gate.leave(writer)
        if answering is not None:
            if gateway.gate.active and (full := gateway.turned_away(call, answering)) is not None:
                answering.send_nowait(full.response, full.lines)
            else:
                task = asyncio.get_running_loop().create_task(gateway.answer(admitted, call, answering))
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)
        return outgoing

    def _release(self, writer: ResponseWriter) -> None:
        if self._lasting is None or not self._lasting.caller_released(writer):
            self._gateway.release(writer)

    async def _read(
        self, call: ServerRequest, writer: "AsgiResponseWriter", receive: Receive
    ) -> tuple[Admitted, ServerRequest] | None:
        """What answers `call`, and the whole of it; None if it was refused, or the caller has left."""
        gateway = self._gateway
        writer.unread = call.method == "POST" and not call.header(b"expect")
        try:
            if (error := check_head_limits(call, gateway.limits)) is not None:
                raise error
            admitted = gateway.admit(call, writer.outcome)
            if isinstance(admitted, ServerResponse):
                await writer.send(admitted)
                return None
            if (error := check_body_limits(call, gateway.limits.body)) is not None:
                raise error
            if gateway.gate.active and (full := gateway.turned_away(call, writer)) is not None:
                await writer.send(full.response)
                return None
            if call.method == "POST":
                call = await read_body(call, receive, gateway.limits.body, gateway.timeouts.body)
                writer.unread = False
                writer.outcome.complete_at = monotonic()
                call = await unpacked(call, gateway.limits.body)
        except InvalidRequestError as exc:
            await writer.send(gateway.refusal(call, exc, writer.outcome))
        except DisconnectedError:
            writer.enter(LEAVE)
        else:
            return admitted, call
        return None


async def _pass_on(outgoing: Outgoing, writer: "AsgiResponseWriter") -> None:
    """Sends what comes to the caller, until the end or until the caller leaves."""
    writer.beat = outgoing.writer.send_heartbeat
    sent = False
    try:
        with suppress(DisconnectedError):
            async with writer:
                while not sent:
                    part = await outgoing.part()
                    await writer.pass_on(part)
                    sent = part.ends
    finally:
        writer.beat = None
        outgoing.close(sent=sent)


async def _say_gone(send: Send) -> None:
    """Ends the call for what stands between: Starlette's `BaseHTTPMiddleware` (1.10) takes none for a bug of ours."""
    with suppress(OSError):
        await send({"type": "http.response.start", "status": GONE, "headers": []})
        await send({"type": "http.response.body", "body": b"", "more_body": False})


def application() -> AsgiGateway:
    """A gateway with the configuration that is found: `uvicorn --factory dragoman.gateway.asgi:application`."""
    config = load()
    begin(config.gateway.log_level)
    return AsgiGateway(Gateway(config))


class AsgiResponseWriter(ResponseWriter):
    """A caller of another server. While work is held, nothing else may be received from it."""

    more: Headers = ()
    """Headers of every answer."""
    closes = True
    """Whether a header can end the connection: not in HTTP/2."""
    unread = False
    """Whether the caller may still send its body, without having been asked to."""

    def __init__(self, receive: Receive, send: Send, outcome: Outcome, timeouts: ServerTimeouts) -> None:
        super().__init__(outcome)
        self._receive = receive
        self._send = send
        self._timeouts = timeouts
        self._loop = asyncio.get_running_loop()
        self._spoke = self._loop.time()
        self._wakes = 0.0
        self._sending = asyncio.Lock()
        self._listener: asyncio.Task[None] | None = None
        self.beat: Callable[[], None] | None = None
        """Sends a heartbeat; None: this writer does it."""

    async def start(self, status: int, headers: Headers) -> None:
        self.outcome.first_byte_at = monotonic()
        if not self.started:
            await self._begin(status, headers)

    async def _begin(self, status: int, headers: Headers) -> None:
        self.enter(START)  # before it is sent: nobody may send another meanwhile
        self.outcome.status = status
        last = (("connection", "close"),) if status in LAST and self.closes else ()
        every = (*headers, *self.more, *last, ("x-request-id", self.outcome.request_id))
        sent = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in every]
        await self._tell({"type": "http.response.start", "status": status, "headers": sent})

    async def write(self, data: bytes, *, more: bool = True) -> None:
        last = data
        if self.unread and not more:
            # A connection of HTTP/1 closes after the last byte, behind Granian (2.8) also if we have not said that it
            # is the last. In HTTP/2 curl (7.88) sends no more once it has the status, and gives up the stream.
            at = len(data) - self.closes
            last = data[at:]
            await self._tell({"type": "http.response.body", "body": data[:at], "more_body": True})
            await self._discard()
        await self._tell({"type": "http.response.body", "body": last, "more_body": more})
        self.outcome.sent += len(data)
        self.complete = not more and not self.broken

    async def _discard(self) -> None:
        """Reads what is still sent of a refused request, for a moment."""
        left = MAX_DISCARDED
        with suppress(TimeoutError):
            async with asyncio.timeout(self._timeouts.linger):
                while left > 0:
                    message = await self._receive()
                    if not message.get("more_body"):
                        return
                    left -= len(message.get("body", b""))

    async def pass_on(self, part: Part) -> None:
        """Sends a part of a response that is made and accounted elsewhere. Raises DisconnectedError."""
        if part.status:
            await self._begin(part.status, part.headers)
        if part.body or part.whole:
            await self._tell({"type": "http.response.body", "body": part.body, "more_body": not part.whole})

    def abort(self) -> None:
        """Does nothing: the server breaks off if the application returns without having sent the end."""

    async def __aenter__(self) -> Self:
        await super().__aenter__()
        self._spoke = self._loop.time()
        self._wakes = self._spoke + min(self._timeouts.head_after, self._timeouts.heartbeat)
        self._listener = self._loop.create_task(self._listen())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        listener, self._listener = self._listener, None
        if listener is not None:
            listener.cancel()
        await super().__aexit__(kind, error, trace)

    async def _listen(self) -> None:
        """Waits for the caller to leave, and sends heartbeats meanwhile: one task does both."""
        try:
            while await self._is_there():
                await self._beat()
        except DisconnectedError as exc:
            self.enter(LEAVE)
            self.interrupt(exc)
        else:
            self.enter(LEAVE)
            self.interrupt(DisconnectedError())

    async def _is_there(self) -> bool:
        """True when it is time for a heartbeat, if nothing was sent; False once the caller has left."""
        try:
            async with asyncio.timeout_at(self._wakes):
                while (await self._receive())["type"] != "http.disconnect":
                    continue
        except TimeoutError:
            return True
        return False

    async def _beat(self) -> None:
        ends = self._spoke + (self._timeouts.heartbeat if self.started else self._timeouts.head_after)
        if ends <= self._loop.time():
            await self._break_silence()
            ends = math.inf
        self._wakes = min(ends, self._loop.time() + self._timeouts.heartbeat)

    async def _break_silence(self) -> None:
        if self.beat is not None:
            self.beat()
            return
        if not self.heartbeat or self._sending.locked():
            return
        if not self.started:
            if self.opening is None:
                return
            await self._begin(*self.opening)
        await self.write(self.heartbeat)

    async def _tell(self, message: Message) -> None:
        # One after another: a heartbeat may be due while the answer begins.
        async with self._sending:
            try:
                await self._send(message)
            except OSError as exc:
                # ASGI allows servers to raise this if the caller has left.
                self.enter(LEAVE)
                raise DisconnectedError from exc
            finally:
                self._spoke = self._loop.time()


def _http_of_websocket(send: Send) -> Send:
    """Sends a response to the request for a WebSocket; https://asgi.readthedocs.io/en/latest/extensions.html"""

    async def sent(message: Message) -> None:
        await send({**message, "type": message["type"].replace("http.", "websocket.http.", 1)})

    return sent


def read_head(scope: Scope) -> ServerRequest:
    """Everything of a request except its body; its path without the prefix at which we are mounted.

    By the specification `path` includes `root_path`; some servers and older frameworks leave it out.
    """
    root, path = scope.get("root_path", "").rstrip("/"), scope["path"]
    return ServerRequest(
        method=scope["method"],
        path=path.removeprefix(root) or "/" if path == root or path.startswith(f"{root}/") else path,
        scheme=scope.get("scheme", "http"),
        query=scope["query_string"].decode("latin-1"),
        headers=tuple((bytes(name).lower(), bytes(value)) for name, value in scope["headers"]),
    )


async def read_body(call: ServerRequest, receive: Receive, limit: int, silence: float) -> ServerRequest:
    """`call` with its body, of at most `limit` bytes, sent without a pause longer than `silence` seconds.

    Raises InvalidRequestError (400, 408, 413) as soon as a limit is broken, and DisconnectedError.
    """
    body = Pieces()
    more = True
    while more:
        try:
            async with asyncio.timeout(silence):
                message = await receive()
        except TimeoutError as exc:
            raise body_timeout(silence) from exc
        if message["type"] == "http.disconnect":
            raise DisconnectedError
        piece = message.get("body", b"")
        body.size += len(piece)
        if body.size > limit:
            raise too_large(limit)
        if not body.add(piece):
            raise too_many_pieces()
        more = message.get("more_body", False)
    return replace(call, body=b"".join(body.pieces))
