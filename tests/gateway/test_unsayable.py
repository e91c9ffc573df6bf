"""An answer that the caller's protocol cannot say: no fault of the caller, who did not write it."""

import asyncio

import pytest

from dragoman.engine.answer import Answer
from dragoman.errors import UnsupportedFeatureError, UpstreamError
from dragoman.gateway import ServerTimeouts
from dragoman.gateway.answer import answer_stream, answer_whole
from dragoman.gateway.asgi import AsgiResponseWriter, Message
from dragoman.protocols.base import Encoder
from dragoman.protocols.env import Env
from dragoman.protocols.openai_chat import OpenAIChatServer
from dragoman.protocols.openai_chat.encode_stream import AnswerEncoder
from dragoman.types import ChatRequest, ChatResponse, Outcome, ServerResponse, StreamEvent, assistant, unfold

REQUEST = ChatRequest(model="m", messages=())


class Speechless(OpenAIChatServer):
    """A protocol that can say nothing."""

    def encode_response(self, response: ChatResponse, request: ChatRequest, env: Env) -> ServerResponse:
        raise UnsupportedFeatureError("there is no word for this")

    def encoder(self, request: ChatRequest, env: Env) -> Encoder:
        return SpeechlessEncoder(request, env)


class SpeechlessEncoder(AnswerEncoder):
    """The same, for a stream."""

    def send(self, events: object) -> bytes:
        raise UnsupportedFeatureError("there is no word for this")


class Said(Answer):
    """An answer that is said at once. `closed`: it was ended."""

    def __init__(self) -> None:
        self.closed = False
        self._events = unfold(ChatResponse(parts=assistant("hi").parts))

    async def read(self) -> list[StreamEvent]:
        events, self._events = self._events, []
        return events

    def close(self) -> None:
        self.closed = True


def writer() -> AsgiResponseWriter:
    async def receive() -> Message:
        await asyncio.Event().wait()
        return {}

    async def send(message: Message) -> None:
        raise AssertionError("nothing is to be sent")

    return AsgiResponseWriter(receive, send, Outcome("id", "POST", "/", 0.0), ServerTimeouts())


@pytest.mark.parametrize("stream", [True, False])
async def test_it_is_our_failure_and_not_the_callers(stream: bool) -> None:
    answer = Said()

    async def handler(request: ChatRequest) -> Answer:
        return answer

    with pytest.raises(UpstreamError, match="no word for this") as caught:
        if stream:
            await answer_stream(handler, Speechless(), REQUEST, writer(), clean=True)
        else:
            await answer_whole(handler, Speechless(), REQUEST, writer())
    assert (caught.value.status, caught.value.type) == (502, "upstream_error")
    assert answer.closed
