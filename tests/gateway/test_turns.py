"""Large requests, over HTTP and WebSockets, and large answers are read beside the loop; a small one is not held up."""

import asyncio
from threading import Event, get_ident
from typing import Any, cast

import pytest

from dragoman.client import Client
from dragoman.engine.answer import Answer
from dragoman.engine.beside import MANY
from dragoman.gateway import ServerTimeouts
from dragoman.gateway.answer import answer_whole
from dragoman.gateway.asgi import AsgiResponseWriter, Message
from dragoman.gateway.fronts.endpoints import LARGE, ChatEndpoint
from dragoman.gateway.fronts.openai_responses.socket import Session
from dragoman.gateway.http.websocket import Message as SocketMessage
from dragoman.gateway.http.websocket import WebSocket
from dragoman.protocols.openai_chat import OpenAIChatServer
from dragoman.protocols.openai_responses import OpenAIResponsesServer
from dragoman.protocols.openai_responses.socket_turns import SocketTurns
from dragoman.types import (
    ChatRequest,
    ChatResponse,
    Identity,
    Outcome,
    ServerRequest,
    StreamEvent,
    Text,
    unfold,
)
from dragoman.wire import json

PATIENCE = 20
"""Seconds until a test gives up: no measure, only an end."""


class Waiting(OpenAIChatServer):
    """Decodes only when another has done something. `went`: whether that was so."""

    def __init__(self, other: Event, patience: float) -> None:
        self._other = other
        self._patience = patience
        self.went = False

    def decode_request(self, call: ServerRequest, *, key_shown: bool = False) -> ChatRequest:
        self.went = self._other.wait(self._patience)
        return super().decode_request(call, key_shown=key_shown)


def call(size: int) -> ServerRequest:
    body = b'{"model":"echo","messages":[{"role":"user","content":"%b"}]}'
    return ServerRequest(method="POST", path="/", body=body % (b"x" * (size - len(body) + 2)))


@pytest.mark.parametrize(("size", "patience", "beside"), [(LARGE, 0, False), (LARGE + 1, PATIENCE, True)])
async def test_the_loop_goes_on_while_a_large_request_is_decoded(size: int, patience: float, beside: bool) -> None:
    done = Event()
    codec = Waiting(done, patience)
    client = Client({})
    asked = asyncio.ensure_future(ChatEndpoint(client, codec, clean=True).question(call(size), Identity()))
    await asyncio.sleep(0)  # it is decoded, or a thread has begun to
    done.set()
    request = await asked
    await client.aclose()
    assert request.model == "echo"
    assert codec.went is beside


class Seen(str):
    """A text that notes in which thread it is read."""

    __slots__ = ("thread",)

    thread: int

    def encode(self, encoding: str = "utf-8", errors: str = "strict") -> bytes:
        self.thread = get_ident()
        return super().encode(encoding, errors)


class Told:
    """A WebSocket that brings one message."""

    def __init__(self, text: str) -> None:
        self._messages = [SocketMessage("", text)]
        self.sent: list[bytes] = []

    async def receive(self) -> SocketMessage | None:
        return self._messages.pop() if self._messages else None

    def send(self, text: bytes) -> None:
        self.sent.append(text)


class Noting(OpenAIResponsesServer):
    """Notes in which thread it decodes."""

    thread = 0

    def decode_request(self, call: ServerRequest, *, key_shown: bool = False) -> ChatRequest:
        self.thread = get_ident()
        return super().decode_request(call, key_shown=key_shown)


@pytest.mark.parametrize(("size", "on_loop"), [(10, True), (LARGE, False)])
async def test_a_large_message_that_warms_a_conversation_is_read_in_a_thread(size: int, *, on_loop: bool) -> None:
    text = Seen('{"type":"response.create","generate":false,"model":"m","input":"%s"}' % ("x" * size))
    codec, told = Noting(), Told(text)
    await Session(cast(WebSocket, told), ServerRequest(method="GET", path="/"), codec, SocketTurns(4 * LARGE)).run()
    assert [json.decode_event(event)["type"] for event in told.sent] == ["response.created", "response.completed"]
    assert (codec.thread == get_ident()) is on_loop
    assert (text.thread == get_ident()) is on_loop


class Looked(OpenAIChatServer):
    """Notes in which threads it is asked for what it expresses."""

    def __init__(self) -> None:
        self.threads: list[int] = []

    def __getattribute__(self, name: str) -> Any:
        if name == "expresses":
            self.threads.append(get_ident())
        return super().__getattribute__(name)


class AtOnce(Answer):
    """An answer of so many parts."""

    def __init__(self, number: int) -> None:
        self._batches = [unfold(ChatResponse(parts=(Text(text="a"),) * number))]

    async def read(self) -> list[StreamEvent]:
        return self._batches.pop() if self._batches else []

    def close(self) -> None:
        """There is nothing to close."""


@pytest.mark.parametrize(("number", "on_loop"), [(MANY, True), (MANY + 1, False)])
async def test_what_an_answer_of_many_parts_loses_is_looked_for_in_a_thread(number: int, *, on_loop: bool) -> None:
    async def handler(request: ChatRequest) -> Answer:
        return AtOnce(number)

    async def receive() -> Message:
        await asyncio.Event().wait()
        return {}

    async def send(message: Message) -> None:
        """Somebody reads it."""

    codec = Looked()
    writer = AsgiResponseWriter(receive, send, Outcome("id", "POST", "/", 0.0), ServerTimeouts())
    await answer_whole(handler, codec, ChatRequest(model="m", messages=()), writer)
    assert writer.outcome.status == 200
    assert [thread == get_ident() for thread in codec.threads] == [on_loop]
