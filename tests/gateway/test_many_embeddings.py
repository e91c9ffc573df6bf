"""Embeddings of more texts than one request, or one turn of the loop, can have."""

import asyncio
import json
from threading import get_ident
from typing import Any

import pytest
from msgspec.structs import replace

from dragoman import Client
from dragoman.config import Config
from dragoman.errors import InvalidRequestError
from dragoman.gateway import ServerTimeouts
from dragoman.gateway.asgi import AsgiResponseWriter
from dragoman.gateway.fronts.operations import EmbedEndpoint
from dragoman.protocols.openai_chat import OpenAIEmbedServer
from dragoman.types import EmbedRequest, EmbedResponse, Outcome, ServerRequest, ServerResponse
from tests.support.embeddings import EMBEDDING, JSON, texts_in
from tests.support.over import over
from tests.support.server import Exchange, serve


class Watched(OpenAIEmbedServer):
    """Remembers which threads it is used in."""

    def __init__(self) -> None:
        self.threads: list[int] = []

    def decode_request(self, call: ServerRequest) -> EmbedRequest:
        self.threads.append(get_ident())
        return super().decode_request(call)

    def encode_response(self, response: EmbedResponse, call: ServerRequest, request: EmbedRequest) -> ServerResponse:
        self.threads.append(get_ident())
        return super().encode_response(response, call, request)


@pytest.mark.parametrize("large", [False, True])
async def test_many_texts_are_read_and_many_vectors_written_beside_the_loop(large: bool) -> None:
    sent: list[Any] = []

    async def receive() -> Any:
        await asyncio.Event().wait()

    async def send(message: Any) -> None:
        sent.append(message)

    body = json.dumps({"model": "offline/echo", "input": ["a " * 200] * (1000 if large else 1)}).encode()
    codec, call = Watched(), ServerRequest(method="POST", path="/v1/embeddings", body=body)
    async with Client(Config()) as client:
        writer = AsgiResponseWriter(receive, send, Outcome("id", "POST", "/", 0.0), ServerTimeouts())
        await EmbedEndpoint(client, codec, "openai-chat")(call, writer)
    assert [each != get_ident() for each in codec.threads] == [large, large]
    assert sent[0]["status"] == 200


async def test_texts_may_come_as_so_many_tokens_as_openai_takes() -> None:
    """LangChain sends a thousand texts at a time, each as tokens."""
    said = {"model": "m", "input": [[1234] * 290] * 1000}
    call = ServerRequest(method="POST", path="/v1/embeddings", body=json.dumps(said).encode())
    assert len(OpenAIEmbedServer().decode_request(call).inputs) == 1000
    said = {"model": "m", "input": [[1234] * 410] * 1000}
    with pytest.raises(InvalidRequestError, match="at most 400000 values"):
        OpenAIEmbedServer().decode_request(replace(call, body=json.dumps(said).encode()))


@pytest.mark.parametrize(("service", "count", "asked"), [("gemini", 250, [100, 100, 50]), ("openai-chat", 250, [250])])
async def test_more_texts_than_a_service_takes_at_once_go_in_several_requests(
    service: str, count: int, asked: list[int]
) -> None:
    """Gemini takes a hundred, and LangChain sends a thousand."""
    base, _ = EMBEDDING[service]

    async def embeds(exchange: Exchange) -> None:
        numbers = [int(text) for text in texts_in(exchange.request.body)]
        both = {
            "data": [{"index": i, "embedding": [n]} for i, n in enumerate(numbers)],
            "embeddings": [{"values": [n]} for n in numbers],
            "usage": {"prompt_tokens": len(numbers), "total_tokens": len(numbers)},
            "usageMetadata": {"promptTokenCount": len(numbers)},
        }
        await exchange.reply(200, JSON, json.dumps(both).encode())

    async with serve(embeds) as up, Client(over(f"{up.url}{base}", service)) as client:
        found = await client.embed("up/m", [str(i) for i in range(count)])
        assert [len(texts_in(each.body)) for each in up.requests] == asked
    assert found.lists == [[float(i)] for i in range(count)]
    assert found.usage is not None
    assert found.usage.input_tokens == count


async def test_tokens_that_one_of_several_requests_does_not_tell_are_not_known() -> None:
    async def embeds(exchange: Exchange) -> None:
        numbers = [int(text) for text in texts_in(exchange.request.body)]
        told = {"usageMetadata": {"promptTokenCount": 5}} if numbers[0] == 0 else {}
        body = {"embeddings": [{"values": [1]} for _ in numbers], **told}
        await exchange.reply(200, JSON, json.dumps(body).encode())

    async with serve(embeds) as up, Client(over(up.url, "gemini")) as client:
        assert (await client.embed("up/m", [str(i) for i in range(101)])).usage is None
