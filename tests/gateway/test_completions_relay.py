"""Texts to be completed, by OpenAI's own client, at services that have a path for that, and at one that has not."""

import json
from collections.abc import Mapping
from typing import Any

import openai
import pytest

from dragoman.config import Config, GatewayConfig, ModelConfig, ProviderConfig
from tests.support.gateway import ask, running_gateway
from tests.support.over import caller_of
from tests.support.server import Exchange, serve

JSON = {"content-type": "application/json"}
EVENTS = {"content-type": "text/event-stream"}

HEAD = {"id": "cmpl-1", "object": "text_completion", "created": 1, "model": "real"}
REPORT = {"prompt_tokens": 3, "completion_tokens": 4, "total_tokens": 7}


def choice(text: str, reason: str | None = None, index: int = 0, logprobs: Any = None) -> dict[str, Any]:
    return {"index": index, "text": text, "logprobs": logprobs, "finish_reason": reason}


def whole(*choices: dict[str, Any]) -> bytes:
    return json.dumps({**HEAD, "choices": choices, "usage": REPORT}).encode()


def chunks(*choices: dict[str, Any], report: bool = True) -> bytes:
    values: list[dict[str, Any]] = [{**HEAD, "choices": [each]} for each in choices]
    values += [{**HEAD, "choices": [], "usage": REPORT}] if report else []
    return b"".join(f"data: {each}\n\n".encode() for each in [*map(json.dumps, values), "[DONE]"])


def configured(url: str, path: str | None = "/completions", **more: Any) -> Config:
    up = ProviderConfig(protocol="openai-chat", url=f"{url}/v1", completions=path, models=("m",))
    chat = ProviderConfig(protocol="openai-chat", url=f"{url}/chat/v1", models=("m",))
    return Config(gateway=GatewayConfig(port=0), providers={"up": up, "chat": chat}, **more)


TOP = {"tokens": ["a"], "token_logprobs": [-0.5], "top_logprobs": [{"a": -0.5, "b": -1.5}], "text_offset": [0]}
ASKED: Mapping[str, dict[str, Any]] = {
    "a gap": {"prompt": "def f(", "suffix": "    return a"},
    "a model's own marks": {"prompt": "<|fim_prefix|>def f(<|fim_suffix|>return a<|fim_middle|>"},
    "several prompts": {"prompt": ["a", "b"]},
    "tokens": {"prompt": [1, 2, 3]},
    "probabilities": {"prompt": "a", "logprobs": 2, "echo": True, "max_tokens": 0},
    "several answers": {"prompt": "a", "n": 2, "best_of": 3},
}


@pytest.mark.parametrize("asked", ASKED.values(), ids=list(ASKED))
async def test_everything_that_a_chat_has_no_place_for_arrives(asked: dict[str, Any]) -> None:
    several = (choice("a,\n  'b'", "stop", logprobs=TOP), choice("ü👋", "length", index=1))

    async def answers(exchange: Exchange) -> None:
        await exchange.reply(headers=JSON, body=whole(*several))

    async with serve(answers) as service, caller_of(configured(service.url)) as caller:
        got = await caller.completions.create(model="up/m", **asked)
        (seen,) = service.requests
    assert (seen.path, json.loads(seen.body)) == ("/v1/completions", asked | {"model": "m"})
    assert [each.text for each in got.choices] == ["a,\n  'b'", "ü👋"]
    assert got.choices[0].logprobs is not None
    assert got.choices[0].logprobs.top_logprobs == TOP["top_logprobs"]
    assert got.usage is not None
    assert got.usage.total_tokens == 7


@pytest.mark.parametrize("wanted", [False, True])
async def test_a_stream_passes_and_its_usage_is_asked_for(wanted: bool) -> None:
    words = ["ü", " 'b'\n", "👋", "c", "d", "e"]

    async def answers(exchange: Exchange) -> None:
        await exchange.reply(headers=EVENTS, body=chunks(*map(choice, words), choice("", "stop")))

    options: dict[str, Any] = {"stream_options": {"include_usage": True}} if wanted else {}
    async with serve(answers) as service, caller_of(configured(service.url)) as caller:
        stream = await caller.completions.create(model="up/m", prompt="a", suffix="z", stream=True, **options)
        got = [chunk async for chunk in stream]
        (seen,) = service.requests
    assert json.loads(seen.body)["stream_options"] == {"include_usage": True}
    assert [each.text for chunk in got for each in chunk.choices] == [*words, ""]
    assert [chunk.usage.total_tokens for chunk in got if chunk.usage is not None] == [7] * wanted


async def test_nothing_is_a_good_completion() -> None:
    async def answers(exchange: Exchange) -> None:
        if json.loads(exchange.request.body).get("stream"):
            await exchange.reply(headers=EVENTS, body=chunks(choice("", "stop")))
        else:
            await exchange.reply(headers=JSON, body=whole(choice("", "stop")))

    async with serve(answers) as service, caller_of(configured(service.url)) as caller:
        got = await caller.completions.create(model="up/m", prompt="a", suffix="z")
        stream = await caller.completions.create(model="up/m", prompt="a", suffix="z", stream=True)
        reasons = [each.finish_reason async for chunk in stream for each in chunk.choices]
    assert (got.choices[0].text, got.choices[0].finish_reason) == ("", "stop")
    assert reasons == ["stop"]


@pytest.mark.parametrize("ended", [False, True])
async def test_a_stream_of_several_prompts_without_a_mark_is_whole_if_each_has_ended(ended: bool) -> None:
    said = [choice("a"), choice("b", index=1), choice("", "stop"), *[choice("", "length", index=1)] * ended]

    async def answers(exchange: Exchange) -> None:
        body = chunks(*said, report=False).removesuffix(b"data: [DONE]\n\n")
        await exchange.reply(headers=EVENTS, body=body)

    async with serve(answers) as service, caller_of(configured(service.url)) as caller:
        stream = await caller.completions.create(model="up/m", prompt=["a", "b"], stream=True)
        if ended:
            assert [(each.index, each.text) async for chunk in stream for each in chunk.choices][1] == (1, "b")
        else:
            with pytest.raises(openai.APIError):
                assert [chunk async for chunk in stream]


@pytest.mark.parametrize("cut", [b"", b"data: "])
async def test_a_stream_that_breaks_off_ends_in_an_error(cut: bytes) -> None:
    async def answers(exchange: Exchange) -> None:
        body = chunks(choice("half"), report=False).removesuffix(b"data: [DONE]\n\n")
        await exchange.reply(headers=EVENTS, body=body + cut)

    async with serve(answers) as service, caller_of(configured(service.url)) as caller:
        stream = await caller.completions.create(model="up/m", prompt="a", suffix="z", stream=True)
        with pytest.raises(openai.APIError):
            assert [chunk async for chunk in stream]


async def test_a_refusal_keeps_its_words() -> None:
    body = b'{"error": {"message": "suffix is not currently supported", "type": "BadRequestError", "code": 400}}'

    async def answers(exchange: Exchange) -> None:
        await exchange.reply(400, JSON, body)

    async with serve(answers) as service, caller_of(configured(service.url)) as caller:
        with pytest.raises(openai.BadRequestError, match="suffix is not currently supported"):
            await caller.completions.create(model="up/m", prompt="a", suffix="z")


async def test_a_route_goes_on_to_a_service_that_has_the_path() -> None:
    async def answers(exchange: Exchange) -> None:
        if exchange.request.path == "/v1/completions":
            await exchange.reply(headers=JSON, body=whole(choice("b", "stop")))
        else:
            await exchange.reply(503, JSON, b"{}")

    async with serve(answers) as service:
        models = {"fim": ModelConfig(targets=("chat/m", "up/m"))}
        async with caller_of(configured(service.url, models=models)) as caller:
            got = await caller.completions.create(model="fim", prompt="a")
        paths = [each.path for each in service.requests]
    assert (got.choices[0].text, paths) == ("b", ["/chat/v1/chat/completions", "/v1/completions"])


async def test_a_service_without_the_path_is_asked_as_a_chat_or_the_caller_is_told() -> None:
    chat = {"id": "c", "object": "chat.completion", "created": 1, "model": "real", "choices": []}
    said = {"index": 0, "message": {"role": "assistant", "content": "hello"}, "finish_reason": "stop"}

    async def answers(exchange: Exchange) -> None:
        await exchange.reply(headers=JSON, body=json.dumps(chat | {"choices": [said]}).encode())

    async with serve(answers) as service, caller_of(configured(service.url)) as caller:
        got = await caller.completions.create(model="chat/m", prompt="a")
        assert got.choices[0].text == "hello"
        with pytest.raises(openai.BadRequestError, match="its setting `completions`") as caught:
            await caller.completions.create(model="chat/m", prompt="a", suffix="z")
        assert caught.value.param == "suffix"
        assert [each.path for each in service.requests] == ["/chat/v1/chat/completions"]


async def test_a_route_that_must_read_events_says_so() -> None:
    models = {"fim": ModelConfig(targets=("up/m", "chat/m"), hedge=1.0)}
    async with caller_of(configured("http://127.0.0.1:9", models=models)) as caller:
        with pytest.raises(openai.BadRequestError, match="its route has `continue` or `hedge`"):
            await caller.completions.create(model="fim", prompt="a", suffix="z")


@pytest.mark.parametrize("path", ["/completions", "/beta/completions"])
async def test_explain_shows_the_path_and_the_body(path: str) -> None:
    body = {"model": "up/m", "prompt": "a", "suffix": "z"}
    asked = json.dumps({"path": "/v1/completions", "body": body}).encode()
    async with running_gateway(configured("http://127.0.0.1:9", path)) as url:
        found = json.loads((await ask(url, "POST", "/explain", JSON, asked)).body)
    assert (found["carried"], found["request"]["url"]) == ("relayed", f"http://127.0.0.1:9/v1{path}")
    assert json.loads(found["request"]["body"]) == body | {"model": "m"}
