"""Embeddings and counts of tokens: what takes long is not done on the loop."""

from collections.abc import Iterator
from threading import get_ident
from typing import Any

import pytest
from msgspec.structs import replace

from dragoman.engine.beside import MANY
from dragoman.engine.decoded import LARGE
from dragoman.engine.operations import count_tokens, embed
from dragoman.engine.service import Service
from dragoman.protocols.anthropic import AnthropicClient
from dragoman.protocols.env import Env
from dragoman.protocols.operations import CountClient, EmbedClient
from dragoman.transport.base import Route
from dragoman.types import (
    ChatRequest,
    EmbedRequest,
    EmbedResponse,
    HttpRequest,
    HttpResponse,
    TokenCount,
    user,
    vector,
)
from tests.support.canned import CannedReply, CannedTransport
from tests.support.env import fixed_env


class Seen(tuple[Any, ...]):
    """Notes in which threads it is looked through."""

    threads: list[int]

    def __iter__(self) -> Iterator[Any]:
        self.threads.append(get_ident())
        return super().__iter__()


def seen(*values: object) -> Seen:
    watched = Seen(values)
    watched.threads = []
    return watched


class Counter(CountClient):
    """Notes in which thread it encodes."""

    thread = 0

    def encode_request(self, request: ChatRequest, env: Env) -> HttpRequest:
        self.thread = get_ident()
        return HttpRequest(url="http://h/count")

    def decode_response(self, reply: HttpResponse) -> TokenCount:
        return TokenCount(1)


class Embedder(EmbedClient):
    """Answers with vectors of its own."""

    def __init__(self, vectors: tuple[bytes, ...]) -> None:
        self._vectors = vectors

    def encode_request(self, request: EmbedRequest, env: Env) -> HttpRequest:
        return HttpRequest(url="http://h/embed")

    def decode_response(self, reply: HttpResponse, request: EmbedRequest) -> EmbedResponse:
        return EmbedResponse(vectors=self._vectors)


def service(reply: CannedReply, **codecs: object) -> Service:
    codec = AnthropicClient("http://h")
    for name, value in codecs.items():
        setattr(codec, name, value)
    return Service("Up", codec, CannedTransport(reply), Route())


@pytest.mark.parametrize(("turns", "on_loop"), [(MANY // 2, True), (MANY // 2 + 1, False)])
async def test_a_long_question_for_its_tokens_is_encoded_in_a_thread(turns: int, *, on_loop: bool) -> None:
    counter = Counter()
    request = ChatRequest(model="m", messages=(user("hi"),) * turns)
    counted = await count_tokens(service(CannedReply([[b"{}"]]), counter=counter), request, fixed_env())
    assert counted.input_tokens == 1
    assert (counter.thread == get_ident()) is on_loop


@pytest.mark.parametrize(("turns", "on_loop"), [(MANY // 2, True), (MANY // 2 + 1, False)])
@pytest.mark.parametrize("counter", [None, Counter()], ids=["no counter", "404"])
async def test_a_long_question_is_estimated_in_a_thread(
    turns: int, counter: CountClient | None, *, on_loop: bool
) -> None:
    messages = seen(*(user("hi"),) * turns)
    request = ChatRequest(model="m", messages=messages)
    counted = await count_tokens(service(CannedReply([], status=404), counter=counter), request, fixed_env())
    assert counted.estimated
    assert (messages.threads[-1] == get_ident()) is on_loop


@pytest.mark.parametrize(("size", "on_loop"), [(LARGE, True), (LARGE + 1, False)])
async def test_many_vectors_are_checked_in_a_thread(size: int, *, on_loop: bool) -> None:
    vectors = seen(vector([1.0]))
    asked = service(CannedReply([[b" " * size]]), embeddings=Embedder(vectors))
    response, _ = await embed(asked, EmbedRequest(model="m", inputs=("hi",)), fixed_env())
    assert replace(response, vectors=()) == EmbedResponse(vectors=())
    assert [thread == get_ident() for thread in vectors.threads[:2]] == [on_loop, on_loop]
