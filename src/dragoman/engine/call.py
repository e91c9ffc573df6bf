"""One call of a service: a request is translated, sent, and its answer decoded as it arrives."""

import asyncio
import math
from collections.abc import Awaitable
from functools import partial
from time import monotonic
from typing import ClassVar

from msgspec.structs import replace

from dragoman.engine.answer import Answer, Receive
from dragoman.engine.beside import beside
from dragoman.engine.commit import held
from dragoman.engine.compaction import Summarised
from dragoman.engine.grammar import Checked, check_grammars, grammars
from dragoman.engine.question import question
from dragoman.engine.renamed import Renamed
from dragoman.engine.repeated import words_of
from dragoman.engine.secrets import Secrets, signed
from dragoman.engine.text_bypass import SendAhead, TextBypass
from dragoman.errors import BadEventError, DragomanError, OpaqueStateError, UpstreamError
from dragoman.protocols.base import ClientCodec, Preliminaries
from dragoman.protocols.decoder import Decoder
from dragoman.protocols.env import Env
from dragoman.protocols.errors.head import not_an_answer
from dragoman.protocols.kept_turns import with_kept
from dragoman.protocols.losses import refuse
from dragoman.protocols.opaque import disowned, has_own
from dragoman.transport.base import MAX_BODY, SHORT, Reply, Route, Timeouts, Transport, read_all, read_beginning
from dragoman.transport.timeout import timeout
from dragoman.types import (
    ChatRequest,
    FinishReason,
    Headers,
    HttpRequest,
    HttpResponse,
    Loss,
    PartStart,
    ResponseEnd,
    ResponseStart,
    StreamEvent,
    Usage,
)
from dragoman.types.redacted import Redacted

LINGER = 0.25
"""Seconds in which a service must end the transfer after its end mark, so that the connection can be used again."""

LARGE = 256 << 10
"""Bytes of a whole reply from which on a thread reads it: 1 MB of small parts, or of numbers, takes up to 0.5 s."""

MAX_ERROR_BODY = 1 << 16
"""Bytes of a failure that are read: 64 KiB are enough for any error object, and an HTML page is not shown anyway."""


class Service(Redacted, frozen=True):
    """The service of a call. `secrets`: what no error of it may show. `key`: the credential for its chats.

    `strict`: refuse what the protocol cannot express, instead of listing it as lost. `empty_ok`: an answer without
    content is a good one. `max_answer`: bytes of an answer. `headers`: fields that each request gets, their
    names in lower case.
    """

    hidden: ClassVar[frozenset[str]] = frozenset({"key", "headers"})
    name: str
    codec: ClientCodec
    transport: Transport
    route: Route
    strict: bool = False
    secrets: Secrets = Secrets()
    empty_ok: bool = False
    max_answer: int = MAX_BODY
    key: str | None = None
    headers: Headers = ()

    async def send(self, request: HttpRequest) -> Reply:
        """The reply to `request`, which gets the service's `headers`. Raises as `Transport.send`."""
        return await self.transport.send(request.with_headers(self.headers, self.codec.lists), self.route)


async def open_answer(service: Service, request: ChatRequest, env: Env) -> Answer:
    """The service's answer, once its head has arrived and is valid.

    If the service refuses opaque state of its own, it is asked once more, without any: then that is a loss, which
    `strict` does not allow. Until the first content of such an answer, nothing of it is given out.

    Raises what went wrong until then, with the service's name.
    """
    own, origin = service.codec.name, service.codec.origin(request.model)
    request = await beside(request, _with_state, request, service.codec)
    if service.strict or not await beside(request, has_own, request, own, origin):
        return await _open(service, request, env)
    try:
        return await held(await _open(service, request, env))
    except OpaqueStateError:
        request = disowned(request)
    return await _open(service, request, env)


def _with_state(request: ChatRequest, codec: ClientCodec) -> ChatRequest:
    """`request` with all state of the service that its caller did not send."""
    return codec.vouched(with_kept(request, codec.name, codec.origin(request.model)))


async def _open(service: Service, request: ChatRequest, env: Env) -> Answer:
    codec = service.codec
    asked = await beside(request, question, request, codec, env.profile)
    request, lost = asked.request, asked.losses
    refuse(lost, service.name, strict=service.strict)
    checking = grammars(request, codec.expresses)
    if checking:
        await check_grammars(request, checking)
    service = _asked(service, request)
    try:
        message = await beside(request, _encoded, codec, request, env)
        if not isinstance(message, HttpRequest):
            message = await _exchange(service, message)
        if request.trace:
            message = replace(message, headers=(*message.headers, *request.trace))
        content, asked_at = _content_by(service.route.timeouts), monotonic()
        async with _until(content, service):
            reply = await service.send(message)
    except DragomanError as exc:
        raise signed(exc, service.name, service.secrets) from exc.__cause__
    answer = await receive(service, request, reply, lost, marked=message.mark_chunks, content=content)
    answer.asked_at = asked_at
    if asked.summary:
        return Summarised(answer)
    if checking:
        answer = Checked(answer, checking)
    return answer if asked.names is None else Renamed(answer, asked.names)


def _encoded(codec: ClientCodec, request: ChatRequest, env: Env) -> HttpRequest | Preliminaries:
    return codec.encode_request(codec.fit(request, env.profile), env)


async def receive(
    service: Service,
    request: ChatRequest,
    reply: Reply,
    lost: tuple[Loss, ...] = (),
    *,
    marked: bool = False,
    content: float | None = None,
) -> Answer:
    """The answer in `reply`; `marked`: its chunks are marked. Raises the error that it is instead.

    `content`: the loop's time at which there must be content; None: as if the request were sent now.
    """
    service = _asked(service, request)
    error = await failure(service.codec, reply)
    if error is not None:
        error.upstream_status = reply.head.status
        raise signed(error, service.name, service.secrets)
    if content is None:
        content = _content_by(service.route.timeouts)
    return Decoded(reply, service.codec.decoder(request), service, lost, marked=marked, content=content)


async def fetch(service: Service, request: HttpRequest, limit: int = MAX_ERROR_BODY) -> HttpResponse:
    """The whole reply, of at most `limit` bytes, to a small request. Raises the codec's error if it is one."""
    try:
        reply = await service.send(request)
        error = await failure(service.codec, reply)
        if error is not None:
            error.upstream_status = reply.head.status
            raise error
        return HttpResponse(reply.head, await read_all(reply, limit))
    except DragomanError as exc:
        raise signed(exc, service.name, service.secrets) from exc.__cause__


def _asked(service: Service, request: ChatRequest) -> Service:
    """`service`, whose errors show what `request` says although it may look like a part of a secret."""
    hidden = service.secrets
    return service if hidden.asked is not None else replace(service, secrets=hidden.beside(words_of(request)))


async def _exchange(service: Service, exchange: Preliminaries) -> HttpRequest:
    """Sends the preliminary requests that a codec yields, and returns the chat request."""
    try:
        preliminary = next(exchange)
        while True:
            preliminary = exchange.send(await fetch(service, preliminary))
    except StopIteration as stop:
        request: HttpRequest = stop.value
        return request
    finally:
        exchange.close()


async def failure(codec: ClientCodec, reply: Reply) -> DragomanError | None:
    """The error that a reply without an answer means; None if it may be an answer."""
    head = reply.head
    if 200 <= head.status < 300 and head.media_type not in codec.error_types:
        return None
    if (error := not_an_answer(head)) is not None:
        reply.close()
        return error
    body = await read_beginning(reply, MAX_ERROR_BODY)
    return codec.decode_error(HttpResponse(head, body))


EMPTY: frozenset[FinishReason] = frozenset({"stop", "tool_call"})
"""With these reasons to stop, an answer without content is an error; other reasons explain why there is none."""


def nothing() -> UpstreamError:
    """The error for an answer without content."""
    return UpstreamError("expected an answer, got one with neither content nor a tool call", code="empty_answer")


def answer_too_large(limit: int) -> BadEventError:
    """The error for an answer of more than `limit` bytes."""
    return BadEventError(f"expected an answer of at most {limit} bytes", code="upstream_too_large")


def _content_by(timeouts: Timeouts) -> float:
    """The loop's time until which an answer must have content, if its request is sent now."""
    return asyncio.get_running_loop().time() + (math.inf if timeouts.first_token is None else timeouts.first_token)


def _until(content: float, service: Service) -> timeout:
    """Limits a wait before the first content."""
    left = content - asyncio.get_running_loop().time()
    return timeout(left, math.inf, "first_token", service.name, limit=service.route.timeouts.first_token)


class Decoded(Answer):
    """A reply's bytes as events."""

    def __init__(
        self,
        reply: Reply,
        decoder: Decoder,
        service: Service,
        lost: tuple[Loss, ...],
        *,
        marked: bool,
        content: float,
    ) -> None:
        self.status = reply.head.status
        self._reply = reply
        self._decoder = decoder
        self._name = service.name
        self._service = service
        self._secrets = service.secrets
        self._empty_ok = service.empty_ok
        self._max = service.max_answer
        self._size = 0
        self._begun = False
        self._content = content
        self._end = service.route.timeouts.end
        self._ends: float | None = None
        self._lost = lost
        self._marked = marked
        self._error: DragomanError | None = None
        self._over = False
        self._bypass: TextBypass | None = None
        """None until texts may pass by it."""

    @property
    def usage(self) -> Usage | None:
        self._caught_up()  # its events were sent, and nobody reads the answer any more
        return self._decoder.usage

    async def read(self) -> list[StreamEvent]:
        while self._error is None and not self._over:
            if self._decoder.done:
                await self._linger()
                return []
            events = self._caught_up() or await self._next()
            if not self._begun:
                self._look(events)
            if events:
                return self._with_losses(events) if self._lost else events
        if self._error is not None:
            raise self._error
        return []

    def follow(self, receive: Receive, send_ahead: SendAhead) -> Awaitable[None] | None:
        if not self._begun or self._lost or self._is_over():
            return None
        return self._reply.follow(partial(self._pass_on, receive, send_ahead))

    def in_rows(self) -> None:
        self._decoder.in_rows = True

    def close(self) -> None:
        self._over = True
        self._reply.close()

    def _pass_on(self, receive: Receive, send_ahead: SendAhead, pieces: list[bytes]) -> bool:
        if events := self._caught_up():
            receive(events)  # whatever it says, these pieces were taken from the reply, and must be read
        events = self._decode(pieces)
        if (events and not receive(events)) or self._is_over():
            return False
        if len(last := pieces[-1]) < SHORT and (rows := self._decoder.open_rows) is not None:
            if self._bypass is None:
                self._bypass = TextBypass(rows, send_ahead)
            self._reply.open_bypass(self._bypass, last)
        return True

    def _caught_up(self) -> list[StreamEvent]:
        """The events that have passed by the bypass and were not decoded; [] if there are none."""
        if self._bypass is None or not self._bypass.size:
            return []
        words, event, size = self._bypass.caught_up()
        self._size += size
        if self._size > self._max:
            self._fail(answer_too_large(self._max))
            return []
        return self._decoder.say(words, event)

    def _is_over(self) -> bool:
        """Whether only the end is left to come, or nothing."""
        decoder = self._decoder
        return decoder.done or decoder.ending or self._over or self._error is not None

    async def _next(self) -> list[StreamEvent]:
        decoder = self._decoder
        try:
            pieces = await self._pieces()
        except DragomanError as exc:
            events = decoder.salvage()
            if decoder.done:
                self.close()
            else:
                self._fail(exc)
            return events
        if not pieces and not self._begun and self._size > LARGE:  # it was no stream, and is read now
            return self._finished(await asyncio.to_thread(decoder.finish))
        return self._decode(pieces)

    def _decode(self, pieces: list[bytes]) -> list[StreamEvent]:
        """The events of one read; [] is that of the end."""
        decoder = self._decoder
        self._size += sum(map(len, pieces))
        if self._size > self._max:
            self._fail(answer_too_large(self._max))
            return []
        events = decoder.feed_pieces(pieces) if self._marked else decoder.feed(b"".join(pieces))
        if not pieces:
            return self._finished(decoder.finish())
        if events:
            self._ends = None
        if decoder.error is not None:
            self._fail(decoder.error)
        return events

    def _finished(self, events: list[StreamEvent]) -> list[StreamEvent]:
        self.close()
        if self._decoder.error is not None:
            self._fail(self._decoder.error)
        return events

    async def _pieces(self) -> list[bytes]:
        """What one read brings. Raises TimeoutError if content does not come, or, after a reason to stop, the end."""
        if self._reply.ready:
            return await self._reply.read()
        if self._end is not None and self._decoder.ending:
            now = asyncio.get_running_loop().time()
            if self._ends is None:
                self._ends = now + self._end
            async with timeout(self._ends - now, math.inf, "idle", self._name, limit=self._end):
                return await self._reply.read()
        if self._begun:
            return await self._reply.read()
        async with _until(self._content, self._service):
            return await self._reply.read()

    def _look(self, events: list[StreamEvent]) -> None:
        """Looks for the first content, and raises at the end if there was none."""
        for event in events:
            if isinstance(event, PartStart):
                self._begun = True
                return
        if events and isinstance(end := events[-1], ResponseEnd) and self._is_empty(end):
            events.pop()
            self._fail(nothing())

    def _is_empty(self, end: ResponseEnd) -> bool:
        return not (self._begun or self._empty_ok or self._decoder.more_content) and end.finish_reason in EMPTY

    async def _linger(self) -> None:
        """Reads the end of the transfer, which follows the end mark at once if the service is well."""
        try:
            if self._reply.ready and not await self._reply.read():
                return
            async with asyncio.timeout(LINGER):
                while await self._reply.read():
                    pass
        except (DragomanError, TimeoutError):
            # The answer is complete; only the connection is lost.
            self._over = True
        finally:
            self.close()

    def _fail(self, error: DragomanError) -> None:
        self._error = signed(error, self._name, self._secrets)
        self.close()

    def _with_losses(self, events: list[StreamEvent]) -> list[StreamEvent]:
        first = events[0]
        if isinstance(first, ResponseStart):
            events[0] = replace(first, losses=self._lost)
        self._lost = ()
        return events
