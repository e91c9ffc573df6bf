"""All pairs: a service that speaks A behind a caller who speaks B, over the real gateway and real sockets."""

import json
from pathlib import Path
from typing import Any

import pytest

from dragoman.config import Config, GatewayConfig, ProviderConfig
from dragoman.protocols.registry import DIALECTS
from tests.shape.voices import CALL, REASON, TEXT, USAGE, VOICES, Answer, Voice
from tests.support.gateway import Got, ask, running_gateway
from tests.support.server import Exchange, ReceivedRequest, serve

QUESTION = 'Кто ты? "quoted" <b> \\ 👨‍👩‍👧\nand more'
SPOKEN = Answer("Привет, мир! 👨‍👩‍👧‍👦 café\nконец.", finish_reason="length", usage=(7, 3))
CALLING = Answer(call=("weather", '{"city": "Москва"}'), finish_reason="tool_call", usage=(7, 3))
TOKEN = b'{"code":0,"data":"tok-1"}'

PAIRS = [(service, caller, stream) for service in VOICES for caller in VOICES for stream in (True, False)]
PAIRS = [(service, caller, stream) for service, caller, stream in PAIRS if stream or VOICES[caller].whole]
each_pair = pytest.mark.parametrize(("service", "caller", "stream"), PAIRS)


def test_every_dialect_has_a_voice() -> None:
    assert list(VOICES) == list(DIALECTS)


async def call_through(
    service: str, caller: str, answer: Answer, log: Path, *, stream: bool
) -> tuple[Got, list[ReceivedRequest]]:
    """What a caller gets of `answer`, and what the service was asked."""
    voice = VOICES[service]

    async def handler(exchange: Exchange) -> None:
        if exchange.request.method == "GET":
            await exchange.reply(body=TOKEN)
            return
        wanted = not voice.whole or voice.streams(exchange.request)
        kind, pieces = voice.reply(answer, wanted)
        await exchange.head(headers={"content-type": kind})
        for piece in pieces:
            await exchange.chunk(piece)
        await exchange.end()

    async with serve(handler) as up:
        config = Config(
            gateway=GatewayConfig(port=0, default_model="up/m", request_log=str(log)),
            providers={"up": ProviderConfig(protocol=service, url=up.url + voice.base, api_key="k")},
        )
        async with running_gateway(config) as url:
            said = VOICES[caller].ask(QUESTION, stream)
            path = VOICES[caller].address("up/m", stream=stream)
            got = await ask(url, "POST", path, said.headers, said.body)
    return got, [seen for seen in up.requests if seen.method == "POST"]


def as_far_as(answer: Answer, service: Voice, caller: Voice) -> Answer:
    """`answer` as far as the service says it and the caller's protocol can."""
    both = service.says & caller.says
    return Answer(
        answer.text if TEXT in both else "",
        answer.call if CALL in both else None,
        answer.finish_reason if REASON in both else "stop",
        answer.usage if USAGE in both else None,
    )


def losses(service: Voice, caller: Voice) -> list[str]:
    """What must be named: of the question the tools, of the answer what the service said and the caller cannot be."""
    question = ["tools"] if caller.tools and not service.tools else []
    if caller.limited and not service.tools:
        question.append("max_output_tokens")
    return [*question, *(f"answer.{name}" for name in (USAGE, REASON) if name in service.says - caller.says)]


def line(log: Path) -> dict[str, Any]:
    """The one line of the request log."""
    (said,) = log.read_bytes().splitlines()
    found: dict[str, Any] = json.loads(said)
    return found


@each_pair
async def test_text_usage_and_finish_reason_are_kept_or_their_loss_is_named(
    service: str, caller: str, stream: bool, tmp_path: Path
) -> None:
    log = tmp_path / "requests.jsonl"
    got, seen = await call_through(service, caller, SPOKEN, log, stream=stream)
    assert (got.status, got.clean) == (200, True), got.text
    assert [VOICES[service].question(each) for each in seen] == [QUESTION]
    assert VOICES[caller].read(got, stream) == as_far_as(SPOKEN, VOICES[service], VOICES[caller])
    told = line(log)
    assert told["end"] == "whole"
    assert sorted(filter(None, told.get("losses", "").split(", "))) == sorted(losses(VOICES[service], VOICES[caller]))


@pytest.mark.parametrize(("service", "caller", "stream"), [pair for pair in PAIRS if CALL in VOICES[pair[0]].says])
async def test_a_tool_call_is_kept_or_an_error_names_it(
    service: str, caller: str, stream: bool, tmp_path: Path
) -> None:
    log = tmp_path / "requests.jsonl"
    got, _ = await call_through(service, caller, CALLING, log, stream=stream)
    if CALL in VOICES[caller].says:
        assert VOICES[caller].read(got, stream) == CALLING
        assert line(log)["end"] == "whole"
    else:
        assert got.status >= 500
        assert "asks for a tool, which this protocol cannot say" in got.text
        assert line(log)["error"] == "unsupported_feature"
