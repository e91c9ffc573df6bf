"""Endpoints for what is no chat: embeddings, and a count of tokens. Knows no path and no protocol."""

import asyncio
from time import monotonic

from msgspec.structs import replace

from dragoman.client import Client
from dragoman.gateway.fronts.endpoints import LARGE, Endpoint, decoded
from dragoman.gateway.http.response_writer import ResponseWriter
from dragoman.gateway.losses_header import losses_header
from dragoman.protocols.answer_losses import AnswerLosses
from dragoman.protocols.estimate import estimated_inputs
from dragoman.protocols.gateways import ESTIMATED
from dragoman.protocols.operations import CountServer, EmbedServer
from dragoman.protocols.steering import check_steering
from dragoman.types import ChatRequest, Outcome, ResponseStart, ServerRequest, TokenCount, Usage


class EmbedEndpoint(Endpoint):
    """Answers with embeddings."""

    def __init__(self, client: Client, codec: EmbedServer, protocol: str) -> None:
        self._client = client
        self._codec = codec
        self._protocol = protocol

    async def __call__(self, call: ServerRequest, writer: ResponseWriter) -> None:
        request = replace(await decoded(call, self._codec.decode_request), trace=writer.outcome.trace)
        if not request.model:
            request = replace(request, model=self._client.default_model)
        writer.outcome.operation, writer.outcome.model = "embeddings", request.model
        check_steering(request.extra.get(self._protocol, {}), self._client.allowed_fields(request.model))
        asked_at = monotonic()
        async with writer:
            response, lost = await self._client.embed_request(request, writer.outcome.answered_by)
        came_at = monotonic()
        writer.outcome.came_at, writer.outcome.usage = came_at, response.usage
        response = replace(response, seconds=came_at - asked_at)
        left_out = AnswerLosses(self._codec.expresses, self._protocol)
        left_out.read([ResponseStart(extra=response.extra, silent=response.silent, usage=response.usage)])
        headers = losses_header((*lost, *left_out.found), writer.outcome)
        if self._codec.must_count and (response.usage is None or response.usage.input_tokens is None):
            usage = replace(response.usage or Usage(), input_tokens=estimated_inputs(request))
            response = replace(response, usage=usage, estimated=True)
        if response.estimated:
            headers = (*headers, ESTIMATED)
        encode = self._codec.encode_response
        large = sum(map(len, response.vectors)) > LARGE
        answer = await asyncio.to_thread(encode, response, call, request) if large else encode(response, call, request)
        await writer.send(answer, *headers)


class CountEndpoint(Endpoint):
    """Answers with a count of tokens."""

    def __init__(self, client: Client, codec: CountServer) -> None:
        self.client = client
        self._codec = codec

    async def __call__(self, call: ServerRequest, writer: ResponseWriter) -> None:
        request = replace(await decoded(call, self._codec.decode_request), trace=writer.outcome.trace)
        if not request.model:
            request = replace(request, model=self.client.default_model)
        writer.outcome.operation, writer.outcome.model = "count_tokens", request.model
        async with writer:
            count = await self.count(request, writer.outcome)
        writer.outcome.came_at = monotonic()
        headers = losses_header(count.losses, writer.outcome)
        await writer.send(self._codec.encode_response(count), *headers, *((ESTIMATED,) if count.estimated else ()))

    async def count(self, request: ChatRequest, outcome: Outcome) -> TokenCount:
        """The count for `request`; `outcome` says who asks, and is told who answers. Raises what goes wrong."""
        return await self.client.count_request(request, outcome.answered_by)
