"""One call of a service: a request is translated and sent, and its reply is an answer or an error."""

from functools import partial
from time import monotonic

from msgspec.structs import replace

from dragoman.engine.answer import Answer
from dragoman.engine.beside import beside
from dragoman.engine.betas import with_taken_betas
from dragoman.engine.commit import held
from dragoman.engine.compaction import Summarised
from dragoman.engine.decoded import Decoded, content_by, until
from dragoman.engine.grammar import Checked, check_grammars, grammars
from dragoman.engine.question import question
from dragoman.engine.renamed import Renamed
from dragoman.engine.repeated import words_of
from dragoman.engine.secrets import signed
from dragoman.engine.service import Service, failure, fetch
from dragoman.errors import DragomanError, OpaqueStateError
from dragoman.protocols.base import ClientCodec, Preliminaries
from dragoman.protocols.betas import sent
from dragoman.protocols.env import Env
from dragoman.protocols.gateways import with_behind
from dragoman.protocols.kept_turns import with_kept
from dragoman.protocols.losses import refuse
from dragoman.protocols.opaque import disowned, has_own
from dragoman.transport.base import Reply
from dragoman.types import ChatRequest, HttpRequest, Loss


async def open_answer(service: Service, request: ChatRequest, env: Env) -> Answer:
    """The service's answer, once its head has arrived and is valid.

    If the service refuses opaque state of its own, it is asked once more, without any: then that is a loss, which
    `strict` does not allow. Until the first content of such an answer, nothing of it is given out.

    Raises what went wrong until then, with the service's name.
    """
    if service.codec.takes_whole(request, env.profile):
        return await _ask(service, request, (), env, whole=True)
    own, origin = service.codec.name, service.codec.origin(request.model)
    request = await beside(request, _with_state, request, service)
    if service.strict or not await beside(request, has_own, request, own, origin):
        return await _open(service, request, env)
    try:
        return await held(await _open(service, request, env))
    except OpaqueStateError:
        request = disowned(request)
    return await _open(service, request, env)


def _with_state(request: ChatRequest, service: Service) -> ChatRequest:
    """`request` with all state of the service that its caller did not send; a gateway gets that of others as well."""
    codec = service.codec
    request = codec.vouched(with_kept(request, codec.name, codec.origin(request.model)))
    gateways = service.gateways
    return codec.carrying(request, gateways.homes) if gateways.known.get(service.name) else request


async def _open(service: Service, request: ChatRequest, env: Env) -> Answer:
    codec = service.codec
    asked = await beside(request, question, request, codec, env.profile)
    refuse(asked.losses, service.name, strict=service.strict)
    checking = grammars(asked.request, codec.expressed(env.profile))
    if checking:
        await check_grammars(asked.request, checking)
    answer = await _ask(service, asked.request, asked.losses, env)
    if asked.summary:
        return Summarised(answer)
    if checking:
        answer = Checked(answer, checking)
    return answer if asked.names is None else Renamed(answer, asked.names)


async def _ask(
    service: Service, request: ChatRequest, lost: tuple[Loss, ...], env: Env, *, whole: bool = False
) -> Answer:
    """The answer to what the service is asked. `whole`: its codec takes it as it is."""
    codec, service = service.codec, _asked(service, request)
    try:
        if whole:
            message = codec.encode_request(request, env)
        else:
            message = await beside(request, _encoded, codec, request, env)
        if not isinstance(message, HttpRequest):
            message = await _exchange(service, message)
        if request.trace:
            message = replace(message, headers=(*message.headers, *request.trace))
    except DragomanError as exc:
        raise signed(exc, service.name, service.secrets) from exc.__cause__
    return await with_taken_betas(service, request.model, message, partial(_sent, service, request, lost))


async def _sent(
    service: Service, request: ChatRequest, lost: tuple[Loss, ...], message: HttpRequest, untaken: tuple[Loss, ...]
) -> Answer:
    content, asked_at = content_by(service.route.timeouts), monotonic()
    try:
        async with until(content, service):
            reply = await service.send(message)
    except DragomanError as exc:
        raise signed(exc, service.name, service.secrets) from exc.__cause__
    answer = await receive(service, request, reply, lost + untaken, marked=message.mark_chunks, content=content)
    answer.asked_at = asked_at
    # A gateway may say in its stream that it was refused.
    return await held(answer) if sent(message.headers, service.codec.beta_field) else answer


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
        content = content_by(service.route.timeouts)
    service.meet(reply.head)
    lost = with_behind(lost, reply.head)
    return Decoded(reply, service.codec.decoder(request), service, lost, marked=marked, content=content)


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
