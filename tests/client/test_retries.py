"""Another attempt: after which errors, how often, how long it waits, and never after content."""

from collections.abc import Awaitable, Callable, Sequence
from math import inf
from typing import Any

import pytest

from dragoman import Client
from dragoman.client.retries import LONGEST, PATIENCE, pause, retried
from dragoman.config import Config, ProviderConfig
from dragoman.errors import (
    ConnectError,
    DragomanError,
    InvalidRequestError,
    OverloadedError,
    QuotaExhaustedError,
    RateLimitError,
    TimeoutError,
    UpstreamError,
)
from dragoman.types import ChatRequest, ResponseStart, user
from tests.support.canned import CannedReply, CannedTransport

UP = Config(providers={"up": ProviderConfig(protocol="openai-chat", url="http://up/v1")})

START = b'data: {"id":"c1","model":"m","choices":[{"index":0,"delta":{"role":"assistant"}}]}\n\n'
WORD = b'data: {"id":"c1","model":"m","choices":[{"index":0,"delta":{"content":"hi"}}]}\n\n'
END = b'data: {"id":"c1","model":"m","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n'
BUSY = b'data: {"error":{"message":"busy","type":"overloaded_error","code":"overloaded"}}\n\n'
"""How a service fails whose head has gone out."""


def streamed(*reads: bytes) -> CannedReply:
    return CannedReply([[read] for read in reads], media_type="text/event-stream")


def good() -> CannedReply:
    return streamed(START, WORD, END)


def refused(status: int = 503) -> CannedReply:
    return CannedReply([[b'{"error":{"message":"not now"}}']], status, "application/json")


def client_of(*replies: CannedReply | Exception, **limits: Any) -> tuple[Client, CannedTransport]:
    """A client that waits for nothing before it tries again."""
    transport = CannedTransport(*replies)
    return Client(UP, transport=transport, random=lambda: 0.0, **limits), transport


FAILURES: dict[str, Callable[[], CannedReply | Exception]] = {
    "no connection": lambda: ConnectError("refused"),
    "a status": refused,
    "too many requests": lambda: refused(429),
    "an error before content": lambda: streamed(START, BUSY),
    "a cut before content": lambda: streamed(START),
}


@pytest.mark.parametrize("failure", FAILURES.values(), ids=FAILURES)
async def test_a_call_is_asked_again_before_the_first_content(failure: Callable[[], CannedReply | Exception]) -> None:
    for ask in (chat, stream):
        client, transport = client_of(failure(), failure(), good())
        assert await ask(client) == "hi"
        assert len(transport.sent) == 3


async def chat(client: Client) -> str:
    return (await client.chat("up/m", "x")).text


async def stream(client: Client) -> str:
    return "".join([text async for text in client.stream("up/m", "x").text])


async def test_the_last_error_names_all_attempts() -> None:
    client, transport = client_of(refused(), refused(429), refused(), good())
    with pytest.raises(OverloadedError) as caught:
        await client.chat("up/m", "x")
    assert len(transport.sent) == 3
    assert [(attempt.target, attempt.status) for attempt in caught.value.attempts] == [
        ("up/m", 503),
        ("up/m", 429),
        ("up/m", 503),
    ]


async def test_nothing_is_asked_again_after_content() -> None:
    client, transport = client_of(streamed(START, WORD, BUSY), good())
    with pytest.raises(OverloadedError):
        await client.chat("up/m", "x")
    assert len(transport.sent) == 1


@pytest.mark.parametrize("status", [400, 401, 404])
async def test_an_error_that_would_come_again_is_raised_at_once(status: int) -> None:
    client, transport = client_of(refused(status), good())
    with pytest.raises(DragomanError):
        await client.chat("up/m", "x")
    assert len(transport.sent) == 1


@pytest.mark.parametrize(
    ("of_client", "of_call", "asked"), [(0, None, 1), (None, 0, 1), (0, 1, 2), (1, None, 2), (None, None, 3)]
)
async def test_how_often_is_the_client_s_or_the_call_s_to_say(
    of_client: int | None, of_call: int | None, asked: int
) -> None:
    client, transport = client_of(*[refused() for _ in range(9)], retries=of_client)
    with pytest.raises(OverloadedError):
        await client.chat("up/m", "x", retries=of_call)
    assert len(transport.sent) == asked


async def test_without_retries_the_answer_is_there_with_its_head() -> None:
    client, _ = client_of(streamed(START, WORD, BUSY))
    assert isinstance(await anext(client.stream("up/m", "x", retries=0)), ResponseStart)


async def test_embeddings_and_counts_are_asked_again_too() -> None:
    vectors = CannedReply([[b'{"data":[{"index":0,"embedding":[0.5]}]}']], media_type="application/json")
    client, transport = client_of(refused(), vectors)
    assert (await client.embed("up/m", "x")).lists == [[0.5]]
    assert len(transport.sent) == 2


async def test_the_gateway_s_way_is_not_tried_again() -> None:
    client, transport = client_of(refused(), good())
    with pytest.raises(OverloadedError):
        await client.open(ChatRequest(model="up/m", messages=(user("x"),)))
    assert len(transport.sent) == 1


PAUSES: list[tuple[DragomanError, int, float, float | None]] = [
    (OverloadedError("x"), 0, 1.0, 0.5),
    (OverloadedError("x"), 0, 0.5, 0.25),
    (OverloadedError("x"), 1, 1.0, 1.0),
    (OverloadedError("x"), 50, 1.0, LONGEST),
    (RateLimitError("x", retry_after=20.0), 0, 0.0, 20.0),
    (UpstreamError("x", retry_after=20.0), 5, 1.0, 22.0),
    (RateLimitError("x", retry_after=PATIENCE), 0, 0.0, PATIENCE),
    (RateLimitError("x", retry_after=PATIENCE + 1), 0, 0.0, None),
    (QuotaExhaustedError("x", retry_after=1.0), 0, 0.0, None),
    (InvalidRequestError("x"), 0, 0.0, None),
    (TimeoutError("x", phase="connect"), 0, 0.0, 0.0),
]


@pytest.mark.parametrize(("error", "attempt", "random", "seconds"), PAUSES)
def test_how_long_it_waits(error: DragomanError, attempt: int, random: float, seconds: float | None) -> None:
    assert pause(error, attempt, lambda: random) == pytest.approx(seconds)


def failing(errors: Sequence[DragomanError]) -> Callable[[], Awaitable[str]]:
    left = list(errors)

    async def call() -> str:
        if left:
            raise left.pop(0)
        return "good"

    return call


async def test_it_sleeps_as_long_as_it_says() -> None:
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    call = failing([OverloadedError("x"), RateLimitError("x", retry_after=7.0), OverloadedError("x")])
    assert await retried(call, 3, lambda: 1.0, inf, sleep) == "good"
    assert slept == pytest.approx([0.5, 7.7, 2.0])


async def test_it_does_not_wait_for_what_would_come_too_late() -> None:
    call = failing([RateLimitError("x", retry_after=7.0)])
    with pytest.raises(RateLimitError):
        await retried(call, 3, lambda: 0.0, 0.0)
