"""A large request leaves turns of the loop to others; a small one is not held up."""

import asyncio

import pytest

from dragoman.client import Client
from dragoman.gateway.fronts.endpoints import LARGE, ChatEndpoint
from dragoman.protocols.openai_chat import OpenAIChatServer
from dragoman.types import ChatRequest, Identity, ServerRequest


class Noting(OpenAIChatServer):
    """Notes when it decodes."""

    def __init__(self, seen: list[str]) -> None:
        self._seen = seen

    def decode_request(self, call: ServerRequest, *, key_shown: bool = False) -> ChatRequest:
        self._seen.append("decoded")
        return super().decode_request(call, key_shown=key_shown)


def call(size: int) -> ServerRequest:
    body = b'{"model":"echo","messages":[{"role":"user","content":"%b"}]}'
    return ServerRequest(method="POST", path="/", body=body % (b"x" * (size - len(body) + 2)))


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        (LARGE, ["decoded", "asked", "other", "other", "other", "other"]),
        (LARGE + 1, ["other", "other", "decoded", "other", "other", "asked"]),
    ],
)
async def test_others_have_turns_before_and_after_a_large_request_is_decoded(size: int, expected: list[str]) -> None:
    seen: list[str] = []

    async def other() -> None:
        for _ in range(expected.count("other")):
            seen.append("other")
            await asyncio.sleep(0)

    async def asked() -> ChatRequest:
        request = await chat.question(call(size), Identity())
        seen.append("asked")
        return request

    client = Client({})
    chat = ChatEndpoint(client, Noting(seen), clean=True)
    request, _ = await asyncio.gather(asked(), other())
    await client.aclose()
    assert request.model == "echo"
    assert seen == expected
