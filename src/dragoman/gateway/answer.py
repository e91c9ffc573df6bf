"""Answers to a chat request, streamed or whole. Until the first content is sent, an error may still become a status."""

import asyncio
import logging
from contextlib import suppress
from functools import lru_cache
from time import monotonic

from msgspec.structs import replace

from dragoman.engine.answer import Answer, Handler, whole
from dragoman.engine.beside import MANY
from dragoman.engine.env import system_env
from dragoman.engine.spent import Counted, Spent
from dragoman.errors import ConfigurationError, DragomanError, RequestError
from dragoman.gateway.http.response_writer import ResponseWriter
from dragoman.gateway.losses_header import header_of, spelt
from dragoman.gateway.passage import Passage, note_target, unsaid, unsayable
from dragoman.protocols.answer_losses import AnswerLosses
from dragoman.protocols.base import ServerCodec
from dragoman.protocols.env import Env
from dragoman.protocols.errors.retry import name_wait
from dragoman.types import ChatRequest, ChatResponse, Headers, Outcome, unfold

STREAM: dict[str, str] = {"cache-control": "no-store", "x-accel-buffering": "no"}
"""Headers that keep proxies from holding a stream back; https://nginx.org/en/docs/http/ngx_http_proxy_module.html#proxy_buffering"""

log = logging.getLogger("dragoman.gateway")


async def answer_whole(handler: Handler, codec: ServerCodec, request: ChatRequest, writer: ResponseWriter) -> None:
    """Sends the whole answer. If the service broke off, that is an error, however much it had sent."""
    spent = Spent()
    async with writer:
        opened = await handler(request)
        note_target(opened, writer.outcome)
        try:
            response = await whole(Counted(opened, spent))
        except BaseException:
            spent.note(writer.outcome, opened)
            raise
        finally:
            note_target(opened, writer.outcome)
    writer.outcome.came_at, writer.outcome.usage_estimated = monotonic(), False
    writer.outcome.usage, writer.outcome.finish_reason = response.usage, response.finish_reason
    large = len(response.parts) > MANY
    left_out = await asyncio.to_thread(_left_out, response, codec) if large else _left_out(response, codec)
    try:
        answer = codec.encode_response(response, request, _env(codec, writer.outcome))
    except RequestError as exc:
        raise unsayable(exc) from exc
    if left_out.unsaid is not None:
        raise unsaid(left_out.unsaid)
    lost = (*response.losses, *left_out.found)
    writer.outcome.losses = spelt(lost)
    await writer.send(answer, *header_of(writer.outcome.losses))


def _left_out(response: ChatResponse, codec: ServerCodec) -> AnswerLosses:
    found = _losses(codec)
    found.read(unfold(response))
    return found


def _losses(codec: ServerCodec) -> AnswerLosses:
    return AnswerLosses(codec.expresses, codec.name, codec.family)


async def answer_stream(
    handler: Handler, codec: ServerCodec, request: ChatRequest, writer: ResponseWriter, *, clean: bool
) -> None:
    """Sends the answer batch by batch, as it comes.

    A failure after the beginning is reported in the protocol's own words. Then the transfer ends well if `clean`, else
    without its end.
    """
    encoder = codec.encoder(request, _env(codec, writer.outcome))
    writer.outcome.stream = True
    writer.heartbeat = encoder.heartbeat if writer.first_heartbeat is None else writer.first_heartbeat
    writer.opening = _opening(encoder.status, encoder.headers)
    try:
        async with writer:
            answer = await handler(request)
            del request, handler  # an open stream needs neither, and the request may be large
            note_target(answer, writer.outcome)
            spent = Spent()
            try:
                await Passage(
                    answer, encoder, writer, AnswerLosses(codec.expresses, codec.name, codec.family), spent
                ).run()
            except BaseException:
                spent.note(writer.outcome, answer)
                answer.close()
                raise
            finally:
                note_target(answer, writer.outcome)  # of an answer that broke off while it was continued
    except DragomanError as exc:
        if not writer.started:
            raise
        writer.outcome.fail(exc)
        await writer.break_off(encoder.fail(fit_late(exc, writer)), clean=clean)
        return
    await _let_go(answer)


@lru_cache(maxsize=64)
def _opening(status: int, headers: Headers) -> tuple[int, Headers]:
    """How streams of one encoder begin: one object for all of them."""
    return status, tuple((STREAM | dict(headers)).items())


def fit(error: DragomanError, writer: ResponseWriter) -> DragomanError:
    """`error` as a caller may see it: a message about a setting of ours, which names files, goes to the log instead."""
    if not isinstance(error, ConfigurationError):
        return numbered(error, writer.outcome)
    if not error.attempts:  # else it is logged with its target, and not for each request
        log.error("request %s: %s", writer.outcome.request_id, error)
    fitting = ConfigurationError("a setting of the gateway is wrong; its log says which")
    fitting.attempts = error.attempts
    return numbered(fitting, writer.outcome)


def fit_late(error: DragomanError, writer: ResponseWriter) -> DragomanError:
    """The same for a caller who has had a head before: what its fields would say of another try, the message says."""
    fitting = fit(error, writer)
    name_wait(fitting)
    return fitting


def numbered(error: DragomanError, outcome: Outcome) -> DragomanError:
    """`error` with the id of the request that failed, unless the service gave one."""
    error.request_id = error.request_id or outcome.request_id
    return error


def _env(codec: ServerCodec, outcome: Outcome) -> Env:
    """What `codec` is given for an answer."""
    env = system_env()
    if not codec.tells_time:
        return env
    return replace(env, asked_at=env.now - (monotonic() - outcome.received_at))


async def _let_go(answer: Answer) -> None:
    """Reads to the end of the transfer, so that the connection can be used again; the answer is complete, and sent."""
    try:
        with suppress(DragomanError):
            await answer.read()
    finally:
        answer.close()
