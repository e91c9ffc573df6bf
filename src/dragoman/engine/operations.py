"""One small exchange with a service that is no chat: embeddings, a count of tokens."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import chain
from sys import maxsize
from typing import Any

from msgspec.structs import replace

from dragoman.engine.beside import beside
from dragoman.engine.betas import with_taken_betas
from dragoman.engine.decoded import LARGE
from dragoman.engine.question import question
from dragoman.engine.repeated import words_of
from dragoman.engine.secrets import signed
from dragoman.engine.service import Service, fetch
from dragoman.errors import BadEventError, DragomanError, ModelNotFoundError, NoOperationError
from dragoman.protocols.env import Env
from dragoman.protocols.estimate import estimated_input, estimated_tokens
from dragoman.protocols.gateways import is_estimate, losses_behind, with_behind
from dragoman.protocols.losses import refuse
from dragoman.protocols.operations import EmbedClient
from dragoman.types import (
    ChatRequest,
    EmbedRequest,
    EmbedResponse,
    HttpRequest,
    HttpResponse,
    Loss,
    LostField,
    TokenCount,
    Usage,
)
from dragoman.types.operations import NUMBER, is_finite

MAX_VECTORS = 64 << 20
"""Bytes of a reply: 2,048 vectors of 3,072 numbers in base64 are 34 MiB."""

FORM = "form"
"""The entry among what a service refuses that stands for the form of its vectors."""

UNCOUNTED = frozenset({404, 405, 501})
"""Statuses of services that have nothing at the path that counts: many have only that of the chats."""


async def embed(service: Service, request: EmbedRequest, env: Env) -> tuple[EmbedResponse, tuple[Loss, ...]]:
    """The vectors, and what of `request` the service did not get. Raises what went wrong, with the service's name."""
    codec = service.codec.embeddings
    if codec is None:
        raise NoOperationError(f"{service.name} has no embeddings in its protocol, {service.codec.name}")
    if not request.inputs and not codec.loads:
        return EmbedResponse(vectors=()), ()
    lost = codec.losses(request, service.codec.name)
    refuse(lost, service.name, strict=service.strict)
    service = replace(service, secrets=service.secrets.beside(words_of(request)))
    responses = [await _embedded(service, codec, each, env) for each in _parts(request, codec)]
    response = responses[0] if len(responses) == 1 else _joined(responses)
    lost = (*lost, *(each for each in response.losses if each.name not in {loss.name for loss in lost}))
    with signing(service):
        if not _fits(response, request.dimensions):
            lost = (*lost, *(each for each in [LostField("dimensions")] if each not in lost))
            refuse(lost, service.name, strict=service.strict)
    return response, lost


def _parts(request: EmbedRequest, codec: EmbedClient) -> list[EmbedRequest]:
    """`request` as requests of which none has more than the service takes; a text that is too long is alone."""
    texts, most, most_tokens = request.inputs, codec.most_of(request.model) or maxsize, codec.most_tokens
    if most_tokens is None and len(texts) <= most:
        return [request]
    begins, tokens = [0], 0
    for at, text in enumerate(texts):
        count = 0 if most_tokens is None else estimated_input(text)
        tokens += count
        if at - begins[-1] == most or (most_tokens is not None and tokens > most_tokens and at > begins[-1]):
            begins.append(at)
            tokens = count
    return [replace(request, inputs=texts[at:end]) for at, end in zip(begins, [*begins[1:], None], strict=True)]


async def _embedded(service: Service, codec: EmbedClient, request: EmbedRequest, env: Env) -> EmbedResponse:
    """The vectors for one request to the service."""
    reply = await _fetched(service, codec, request, env)
    large = len(reply.body) > LARGE
    with signing(service):
        found = await asyncio.to_thread(_decoded, codec, reply, request) if large else _decoded(codec, reply, request)
    return replace(found, losses=losses_behind(reply.head), estimated=is_estimate(reply.head))


async def _fetched(service: Service, codec: EmbedClient, request: EmbedRequest, env: Env) -> HttpResponse:
    """The reply, to a request without a form of vectors if the service refuses that, and for an hour at once so."""

    async def fetched(request: EmbedRequest) -> HttpResponse:
        return await fetch(service, codec.encode_request(request, env).with_headers(request.trace), MAX_VECTORS)

    plainer, known, asked = codec.plainer(request), service.refused, f"{request.model} (embeddings)"
    if plainer is None:
        return await fetched(request)
    if not known.taken(service.name, asked, FORM):
        return await fetched(plainer)
    try:
        return await fetched(request)
    except DragomanError as exc:
        if not codec.refuses_form(exc):
            raise
    reply = await fetched(plainer)
    known.learn(service.name, asked, FORM, "")
    return reply


def _decoded(codec: EmbedClient, reply: HttpResponse, request: EmbedRequest) -> EmbedResponse:
    response = codec.decode_response(reply, request)
    if not all(response.vectors):
        raise BadEventError("expected an embedding, got one without numbers")
    if not all(map(is_finite, response.vectors)):
        raise BadEventError("expected an embedding of finite numbers, got NaN or an infinity")
    return response


def _fits(response: EmbedResponse, dimensions: int | None) -> bool:
    """Whether the vectors have as many numbers as were asked for. Raises BadEventError if not all have as many."""
    sizes = {len(vector) // NUMBER for vector in response.vectors}
    if len(sizes) > 1:
        raise BadEventError("expected embeddings of one length, got several")
    return dimensions is None or sizes <= {dimensions}


def _joined(responses: list[EmbedResponse]) -> EmbedResponse:
    """The responses to some of the texts each as one to all. How many tokens they had is known if each says it."""
    counts = [None if each.usage is None else each.usage.input_tokens for each in responses]
    known = [count for count in counts if count is not None]
    usage = Usage(input_tokens=sum(known)) if len(known) == len(counts) else None
    vectors = tuple(chain.from_iterable(each.vectors for each in responses))
    lost = tuple({loss.name: loss for each in responses for loss in each.losses}.values())
    extra: dict[str, dict[str, Any]] = {}
    for each in responses:
        for protocol, said in each.extra.items():
            extra[protocol] = said | extra.get(protocol, {})
    estimated = any(each.estimated for each in responses)
    return replace(responses[0], vectors=vectors, usage=usage, estimated=estimated, extra=extra, losses=lost)


async def count_tokens(service: Service, request: ChatRequest, env: Env) -> TokenCount:
    """The service's own count; an estimate if its protocol or this service has none. Raises what went wrong."""
    codec = service.codec.counter
    if codec is None:
        return await beside(request, estimated_tokens, request)
    asked = await beside(request, question, request, service.codec, env.profile)
    refuse(asked.losses, service.name, strict=service.strict)
    fitted = await beside(request, service.codec.fit, asked.request, env.profile)
    service = replace(service, secrets=service.secrets.beside(words_of(request)))
    message = await beside(request, codec.encode_request, fitted, env)
    message = message.with_headers(request.trace)

    async def counted(message: HttpRequest, untaken: tuple[Loss, ...]) -> tuple[HttpResponse, tuple[Loss, ...]]:
        return await fetch(service, message), asked.losses + untaken

    try:
        reply, lost = await with_taken_betas(service, f"{request.model} (tokens)", message, counted)
    except DragomanError as exc:
        if exc.upstream_status not in UNCOUNTED or isinstance(exc, ModelNotFoundError):
            raise
        return await beside(request, estimated_tokens, request)
    with signing(service):
        losses = with_behind(lost, reply.head)
        return replace(codec.decode_response(reply), losses=losses, estimated=is_estimate(reply.head))


@contextmanager
def signing(service: Service) -> Iterator[None]:
    """What is wrong with a reply of `service` has its name, and none of its secrets."""
    try:
        yield
    except DragomanError as exc:
        raise signed(exc, service.name, service.secrets) from exc.__cause__
