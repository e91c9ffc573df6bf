"""Answers to a chat request, streamed or whole. Until the first content is sent, an error may still become a status."""

import logging
from collections.abc import Sequence
from contextlib import suppress
from time import monotonic

from dragoman.engine.answer import Answer, Handler, whole
from dragoman.engine.commit import begins_content
from dragoman.engine.env import system_env
from dragoman.engine.spent import Counted, Spent
from dragoman.errors import ConfigurationError, DragomanError, RequestError, TruncatedStreamError, UpstreamError
from dragoman.gateway.attempts import asked_headers
from dragoman.gateway.http.response_writer import ResponseWriter
from dragoman.protocols.answer_losses import AnswerLosses, answer_losses
from dragoman.protocols.base import Encoder, ServerCodec
from dragoman.types import (
    ChatRequest,
    Headers,
    Loss,
    Outcome,
    ResponseEnd,
    ResponseStart,
    StreamEvent,
    names,
    unfold,
)

STREAM: dict[str, str] = {"cache-control": "no-store", "x-accel-buffering": "no"}
"""Headers that keep proxies from holding a stream back; https://nginx.org/en/docs/http/ngx_http_proxy_module.html#proxy_buffering"""

MAX_LOSSES = 1000
"""Characters of the list of losses: proxies refuse headers above 4 KiB, and each turn may lose a part."""


log = logging.getLogger("dragoman.gateway")


async def answer_whole(handler: Handler, codec: ServerCodec, request: ChatRequest, writer: ResponseWriter) -> None:
    """Sends the whole answer. If the service broke off, that is an error, however much it had sent."""
    spent = Spent()
    async with writer:
        opened = await handler(request)
        _answers(opened, writer.outcome)
        try:
            response = await whole(Counted(opened, spent))
        except BaseException:
            spent.note(writer.outcome)
            raise
        finally:
            _answers(opened, writer.outcome)
    writer.outcome.came_at = monotonic()
    writer.outcome.usage, writer.outcome.finish_reason = response.usage, response.finish_reason
    try:
        answer = codec.encode_response(response, request, system_env())
    except RequestError as exc:
        raise _unsayable(exc) from exc
    lost = (*response.losses, *answer_losses(unfold(response), codec.expresses, codec.name))
    writer.outcome.losses = _spelt(lost)
    await writer.send(answer, *_header(writer.outcome.losses))


async def answer_stream(
    handler: Handler, codec: ServerCodec, request: ChatRequest, writer: ResponseWriter, *, clean: bool
) -> None:
    """Sends the answer batch by batch, as it comes.

    A failure after the beginning is reported in the protocol's own words. Then the transfer ends well if `clean`, else
    without its end.
    """
    encoder = codec.encoder(request, system_env())
    writer.outcome.stream = True
    writer.heartbeat = encoder.heartbeat if writer.first_heartbeat is None else writer.first_heartbeat
    writer.opening = (encoder.status, tuple((STREAM | dict(encoder.headers)).items()))
    try:
        async with writer:
            answer = await handler(request)
            _answers(answer, writer.outcome)
            spent = Spent()
            try:
                await _pass_on(answer, encoder, writer, AnswerLosses(codec.expresses, codec.name), spent)
            except BaseException:
                spent.note(writer.outcome)
                answer.close()
                raise
            finally:
                _answers(answer, writer.outcome)  # an answer that was continued has another target by now
    except DragomanError as exc:
        if not writer.started:
            raise
        writer.outcome.fail(exc)
        await writer.break_off(encoder.fail(fit(exc, writer)), clean=clean)
        return
    await _let_go(answer)


def fit(error: DragomanError, writer: ResponseWriter) -> DragomanError:
    """`error` as a caller may see it: a message about a setting of ours, which names files, goes to the log instead."""
    if not isinstance(error, ConfigurationError):
        return numbered(error, writer.outcome)
    if not error.attempts:  # else it is logged with its target, and not for each request
        log.error("request %s: %s", writer.outcome.request_id, error)
    fitting = ConfigurationError("a setting of the gateway is wrong; its log says which")
    fitting.attempts = error.attempts
    return numbered(fitting, writer.outcome)


def numbered(error: DragomanError, outcome: Outcome) -> DragomanError:
    """`error` with the id of the request that failed, unless the service gave one."""
    error.request_id = error.request_id or outcome.request_id
    return error


def _answers(answer: Answer, outcome: Outcome) -> None:
    """Notes in the outcome which target answers."""
    answer = answer.innermost
    outcome.target, outcome.upstream_status, outcome.attempts = answer.target, answer.status, answer.attempts
    outcome.asked_at, outcome.answering_model = answer.asked_at, answer.model


async def _pass_on(
    answer: Answer, encoder: Encoder, writer: ResponseWriter, left_out: AnswerLosses, spent: Spent
) -> None:
    held: list[StreamEvent] = []
    losses: tuple[Loss, ...] = ()
    begun = False
    opening = writer.opening
    while events := await answer.read():
        if not begun:
            held += events
            begun = begins_content(events)
            if not begun:
                continue
            events, writer.outcome.came_at = held, monotonic()
            losses = held[0].losses if isinstance(held[0], ResponseStart) else ()
            writer.outcome.answering_model = answer.model
            writer.outcome.losses = _spelt(losses)
        left_out.read(events)
        spent.read(events)
        last = events[-1]
        if ended := isinstance(last, ResponseEnd):
            writer.outcome.usage, writer.outcome.finish_reason = last.usage, last.finish_reason
        try:
            data = encoder.send(events)
        except RequestError as exc:
            raise _unsayable(exc) from exc
        if isinstance(last, ResponseEnd):
            writer.outcome.losses = _spelt((*losses, *last.losses, *left_out.found))
        if data or ended:
            if opening is not None:
                status, headers = opening
                await writer.start(status, (*headers, *asked_headers(writer.outcome), *_header(_spelt(losses))))
                writer.heartbeat = encoder.heartbeat
                opening = None
            saying = writer.write(data, more=not ended)
            # A slow caller may keep us here for long: no reference must keep what it was sent in memory.
            held, events, data = [], [], b""
            del last
            await saying
        if ended:
            return
    raise TruncatedStreamError("the answer broke off before its end")


def _unsayable(error: RequestError) -> DragomanError:
    """The error for an answer that the caller's protocol cannot express. It is not the caller's fault."""
    return error if error.status >= 500 else UpstreamError(error.message, code=error.code)


async def _let_go(answer: Answer) -> None:
    """Reads to the end of the transfer, so that the connection can be used again; the answer is complete, and sent."""
    try:
        with suppress(DragomanError):
            await answer.read()
    finally:
        answer.close()


def losses_header(losses: Sequence[Loss], outcome: Outcome) -> Headers:
    """The header field that lists `losses`, which are noted in the outcome too; none if nothing was lost."""
    outcome.losses = _spelt(losses)
    return _header(outcome.losses)


def _spelt(losses: Sequence[Loss]) -> str:
    """The names of the losses, for a header and the log, in printable ASCII; empty if nothing was lost."""
    if not losses:
        return ""
    text = ascii(", ".join(names(losses, MAX_LOSSES)))[1:-1]
    return text if len(text) <= MAX_LOSSES else f"{text[:MAX_LOSSES]}..."


def _header(losses: str) -> Headers:
    return (("x-dragoman-losses", losses),) if losses else ()
