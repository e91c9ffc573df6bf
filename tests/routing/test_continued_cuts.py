"""Golden answers of text, cut anywhere and continued by another service: nothing is doubled, and nothing is missing.

The second service is played by hand: it reads from the bytes that it is sent how far the text has come, and says what
is missing of it, and no more. Then each front says the joined answer to its callers, in whose own way it is read.
`--faults` tries all cuts, and all services as the second one; without it there is a sample of both.
"""

import json
import random
import re
from collections.abc import Mapping

import pytest
from msgspec import Struct
from msgspec.structs import replace

from dragoman.client import Client
from dragoman.config import Config, GatewayConfig, ModelConfig, ProfileConfig, ProviderConfig
from dragoman.errors import DragomanError, TimeoutError, TransportError
from dragoman.protocols.registry import DIALECTS
from dragoman.protocols.speech import OURS
from dragoman.transport.base import Reply, Route, Transport
from dragoman.types import ChatRequest, ContinuedAnswer, HttpRequest, Metadata, StreamEvent, fold
from tests.shape.voices import VOICES, Answer
from tests.support.canned import CannedReply, Read
from tests.support.env import fixed_env
from tests.support.gateway import Got
from tests.support.golden import cases

SEED = 20_261_126
SAMPLE = 30
"""Cuts of each answer that are tried without `--faults`."""

NAMES = ("text", "unicode", "line-ends", "surrogates")
FRONTS = ("openai-chat", "openai-responses", "anthropic", "gemini", "ollama")
TEXTS = [(protocol, name) for protocol in FRONTS for name in NAMES if name in cases(protocol)]
TYPES = {"ollama": "application/x-ndjson"}

MARKS: Mapping[str, tuple[bytes, bytes]] = {
    "openai-chat": (b'"role":"assistant"', b"data: [DONE]"),
    "openai-responses": (b"event: response.created\n", b"event: response.completed\n"),
    "anthropic": (b"event: message_start\n", b"event: message_stop\n"),
    "gemini": (b"", b'"finishReason"'),
    "ollama": (b"", b'"done":true'),
}
"""What stands once in a stream of each dialect: at its start and at its end; empty: it has no such word."""

ERRORS: Mapping[str, bytes] = {
    "openai-chat": b'data: {"error":{"message":"overloaded","type":"server_error","code":null}}\n\n',
    "openai-responses": b'event: error\ndata: {"type":"error","code":"server_error","message":"overloaded"}\n\n',
    "anthropic": b'event: error\ndata: {"type":"error","error":{"type":"overloaded_error","message":"overloaded"}}\n\n',
    "gemini": b'data: {"error":{"code":503,"message":"overloaded","status":"UNAVAILABLE"}}\n\n',
    "ollama": b'{"error":"overloaded"}\n',
}
"""How each dialect says in a stream that its service failed."""

HOW: tuple[DragomanError | None, ...] = (
    None,
    TransportError("reset", code="transport_error"),
    TimeoutError("stalled", phase="idle"),
)
"""How a transfer breaks off; None: it ends cleanly, too early."""


def beginning(protocol: str, body: bytes) -> str:
    """What the caller of a service has written of the answer, read from the bytes of its request."""
    asked = json.loads(body)
    last = asked[{"gemini": "contents", "openai-responses": "input"}.get(protocol, "messages")][-1]
    if last["role"] not in {"assistant", "model"}:
        return ""
    said = last["parts"] if protocol == "gemini" else last["content"]
    return said if isinstance(said, str) else "".join(part["text"] for part in said)


class Break(Struct, frozen=True):
    """Where and how an answer breaks off."""

    body: bytes
    how: DragomanError | None


class Services(Transport):
    """Two services: `first`, which breaks off, and `second`, which says the rest of `text`."""

    def __init__(self, first: str, second: str) -> None:
        self.first, self.second, self.text = first, second, ""
        self.broken = Break(b"", None)
        self.asked: list[str] = []
        """How far the second service was told that the text has come."""

    async def send(self, request: HttpRequest, route: Route) -> Reply:
        if "//first." in request.url:
            how = self.broken.how
            reads: list[Read] = [[self.broken.body], *(() if how is None else (how,))]
            return CannedReply(reads, media_type=TYPES.get(self.first, "text/event-stream"))
        begun = beginning(self.second, request.body)
        assert self.text.startswith(begun)
        assert begun == begun.rstrip(), "services refuse this"
        self.asked.append(begun)
        kind, pieces = VOICES[self.second].reply(Answer(self.text[len(begun) :], usage=(7, 5)), True)
        return CannedReply([[piece] for piece in pieces], media_type=kind)

    def close(self) -> None:
        return


def client(services: Services) -> Client:
    entries = {
        name: ProviderConfig(protocol=protocol, url=f"http://{name}.example{VOICES[protocol].base}", api_key="k")
        for name, protocol in (("first", services.first), ("second", services.second))
    }
    config = Config(
        gateway=GatewayConfig(breaker_failures=0),
        providers=entries,
        models={"route": ModelConfig(targets=("first/m", "second/m"), continues=True)},
        profiles={"*": ProfileConfig(prefill=True)},
    )
    return Client(config, transport=services)


def question(protocol: str, name: str) -> ChatRequest:
    """The question of a golden answer."""
    return replace(cases(protocol)[name].request, model="route", stream=True)


async def joined(calling: Client, request: ChatRequest) -> list[StreamEvent]:
    """All events of the answer."""
    answer = await calling.open(request)
    events: list[StreamEvent] = []
    while batch := await answer.read():
        events += batch
    assert answer.target
    answer.close()
    return events


def said(front: str, request: ChatRequest, events: list[StreamEvent]) -> bytes:
    """What a caller of `front` gets."""
    encoder = DIALECTS[front].server().encoder(request, fixed_env())
    return b"".join(encoder.send([event]) for event in events)


def check(front: str, request: ChatRequest, events: list[StreamEvent], text: str) -> None:
    """Whether a caller of `front` gets `text`, in one answer."""
    body = said(front, request, events)
    start, end = MARKS[front]
    assert not start or body.count(start) == 1
    assert body.count(end) == 1
    assert body.count(b"event: content_block_start\n") == body.count(b"event: content_block_stop\n")
    assert VOICES[front].read(Got(200, {}, [body], clean=True), True).text == text


def cuts(body: bytes, *, everything: bool) -> list[int]:
    """How many bytes of an answer come; a sample has all sorts of places, in the middle of characters too."""
    places = range(len(body))
    return list(places) if everything else sorted(random.Random(SEED).sample(places, min(SAMPLE, len(places))))


@pytest.fixture
def everything(request: pytest.FixtureRequest) -> bool:
    """Whether all cuts are tried."""
    return bool(request.config.getoption("--faults"))


@pytest.mark.timeout(900)  # with `--faults`, on a machine that does much else
@pytest.mark.parametrize(("first", "name"), TEXTS)
async def test_a_cut_answer_is_joined_without_repetition_and_gap(first: str, name: str, everything: bool) -> None:
    one = FRONTS[TEXTS.index((first, name)) % len(FRONTS)]
    for second in FRONTS if everything else (one,):
        await check_cuts(first, name, second, everything=everything)


async def check_cuts(first: str, name: str, second: str, *, everything: bool) -> None:
    """Whether the answer comes whole wherever it is cut, if `second` goes on."""
    turn = FRONTS.index(second)  # so that each cut is tried with each front, by one of the second services
    body, request = cases(first)[name].reply, question(first, name)
    services = Services(first, second)
    services.broken = Break(body, None)
    async with client(services) as calling:
        services.text = text = fold(await joined(calling, request)).text
        assert text
        assert services.asked == []
        continued = 0
        for place in cuts(body, everything=everything):
            how = HOW[(place + turn) % len(HOW)]
            services.asked, services.broken = [], Break(body[:place], how)
            events = await joined(calling, request)
            where = f"{place} of {len(body)} bytes, {how!r}, then {second}, seed {SEED}"
            whole = fold(events)
            assert whole.text == text, where
            marked = any(isinstance(loss, ContinuedAnswer) for loss in whole.losses)
            assert marked is has_mark(events), where
            continued += marked
            # An answer of which nothing had come is the second one's own, and all others are marked.
            assert marked or not any(services.asked), where
            check(FRONTS[(place + turn) % len(FRONTS)], request, events, text)
    assert continued, f"no cut was in the text, seed {SEED}"


def has_mark(events: list[StreamEvent]) -> bool:
    """Whether an event says where the second answer begins."""
    return any(isinstance(event, Metadata) and "continued" in (event.extra or {}).get(OURS, {}) for event in events)


@pytest.mark.parametrize(("first", "name"), TEXTS)
async def test_an_error_between_two_events_is_continued_too(first: str, name: str) -> None:
    body, request = cases(first)[name].reply, question(first, name)
    services = Services(first, first)
    services.broken = Break(body, None)
    ends = [found.end() for found in re.finditer(rb"\n" if first == "ollama" else rb"(\r\n|\n|\r){2}", body)]
    async with client(services) as calling:
        services.text = text = fold(await joined(calling, request)).text
        for end in ends[:-1]:
            services.broken = Break(body[:end] + ERRORS[first], None)
            events = await joined(calling, request)
            assert fold(events).text == text, f"after {end} bytes"
    assert any(services.asked)
