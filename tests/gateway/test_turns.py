"""A large request is decoded beside the loop; a small one is not held up."""

import asyncio
from threading import Event

import pytest

from dragoman.client import Client
from dragoman.gateway.fronts.endpoints import LARGE, ChatEndpoint
from dragoman.protocols.openai_chat import OpenAIChatServer
from dragoman.types import ChatRequest, Identity, ServerRequest

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
