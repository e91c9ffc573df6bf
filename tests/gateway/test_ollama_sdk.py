"""Ollama's own client as the caller."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from ollama import AsyncClient, ChatResponse, Client, ResponseError

from dragoman.config import Config, GatewayConfig, ModelConfig
from tests.support.gateway import ask, connect, running_gateway

CONFIG = Config(
    gateway=GatewayConfig(port=0, api_keys=("key-one",)), models={"fast": ModelConfig(targets=("offline/script",))}
)
WEATHER = {
    "type": "function",
    "function": {"name": "get_weather", "parameters": {"type": "object", "properties": {"city": {"type": "string"}}}},
}
HARD = "Привет, \u2028\u2029\u0085 👨‍👩‍👧‍👦 \\n"


def client(url: str, key: str = "key-one") -> AsyncClient:
    return AsyncClient(host=url, headers={"Authorization": f"Bearer {key}"})


def user(text: str) -> dict[str, Any]:
    return {"role": "user", "content": text}


async def streamed(caller: AsyncClient, text: str, **more: Any) -> list[ChatResponse]:
    """The lines of a streamed answer."""
    lines: AsyncIterator[ChatResponse] = await caller.chat(model="fast", messages=[user(text)], stream=True, **more)
    return [line async for line in lines]


async def test_a_whole_answer() -> None:
    async with running_gateway(CONFIG) as url, client(url) as caller:
        whole = await caller.chat(model="fast", messages=[user(f"reasoning: Hm.\ntext: {HARD}")])
    assert (whole.message.content, whole.message.thinking) == (HARD.replace("\\n", "\n"), "Hm.")
    assert (whole.done, whole.done_reason, whole.model) == (True, "stop", "fast")
    assert whole.eval_count
    assert whole.created_at


async def test_a_streamed_answer() -> None:
    async with running_gateway(CONFIG) as url, client(url) as caller:
        lines = await streamed(caller, f"reasoning: Hm. So.\ntext: {HARD}")
    assert "".join(line.message.content or "" for line in lines) == HARD.replace("\\n", "\n")
    assert "".join(line.message.thinking or "" for line in lines) == "Hm. So."
    assert {line.message.role for line in lines} == {"assistant"}
    assert [line.done for line in lines] == [False] * (len(lines) - 1) + [True]
    assert lines[-1].done_reason == "stop"
    assert lines[-1].prompt_eval_count
    assert len(lines) > 4


@pytest.mark.parametrize("stream", [True, False])
async def test_tool_calls_there_and_back(stream: bool) -> None:
    said = 'tool: get_weather {"city": "Köln"}\ntool: get_weather {"city": "Rom"}\n---\ntext: warm'
    async with running_gateway(CONFIG) as url, client(url) as caller:
        if stream:
            lines = await streamed(caller, said, tools=[WEATHER])
            calls = [call for line in lines for call in line.message.tool_calls or ()]
        else:
            whole = await caller.chat(model="fast", messages=[user(said)], tools=[WEATHER])
            calls = list(whole.message.tool_calls or ())
        turns = [{"role": "tool", "tool_name": call.function.name, "content": "20"} for call in calls]
        answer = await caller.chat(
            model="fast", messages=[user(said), {"role": "assistant", "tool_calls": calls}, *turns], tools=[WEATHER]
        )
    assert [(call.function.name, call.function.arguments) for call in calls] == [
        ("get_weather", {"city": "Köln"}),
        ("get_weather", {"city": "Rom"}),
    ]
    assert answer.message.content == "warm"


@pytest.mark.parametrize("path", ["chat", "generate"])
@pytest.mark.parametrize("stream", [True, False])
async def test_an_answer_says_how_long_it_took(path: str, stream: bool) -> None:
    """strands-agents divides by it (`strands/models/ollama.py`)."""
    said = {"messages": [user("delay: 0.1\ntext: a")]} if path == "chat" else {"prompt": "delay: 0.1\ntext: a"}
    body = json.dumps({"model": "fast", "stream": stream} | said).encode()
    async with running_gateway(CONFIG) as url:
        got = await ask(url, "POST", f"/api/{path}", {"Authorization": "Bearer key-one"}, body)
    *_, last = got.text.splitlines()
    assert 0.1e9 <= json.loads(last)["total_duration"] < 60e9


async def test_a_text_to_be_continued() -> None:
    async with running_gateway(CONFIG) as url, client(url) as caller:
        whole = await caller.generate(model="fast", prompt="reasoning: Hm.\ntext: a b", system="Be brief.")
        lines = await caller.generate(model="fast", prompt="text: a b c", stream=True)
        texts = [line.response or "" async for line in lines]
        with pytest.raises(ResponseError, match="raw") as caught:
            await caller.generate(model="fast", prompt="text: a", raw=True)
    assert (whole.response, whole.thinking, whole.done_reason) == ("a b", "Hm.", "stop")
    assert "".join(texts) == "a b c"
    assert caught.value.status_code == 400


async def test_a_model_is_loaded_at_once() -> None:
    async with running_gateway(CONFIG) as url, client(url) as caller:
        loaded = await caller.generate(model="fast", prompt="")
        gone = await caller.chat(model="fast", messages=[], keep_alive=0)
        with pytest.raises(ResponseError) as caught:
            await caller.chat(model="fasd", messages=[])
    assert (loaded.done_reason, gone.done_reason, gone.message.content) == ("load", "unload", "")
    assert caught.value.status_code == 404


async def test_models() -> None:
    async with running_gateway(CONFIG) as url, client(url) as caller:
        listed, shown, running = await caller.list(), await caller.show("fast"), await caller.ps()
        with pytest.raises(ResponseError, match="did you mean fast") as caught:
            await caller.show("fasd")
        got = await ask(url, "GET", "/api/version", {"Authorization": "Bearer key-one"})
    assert [model.model for model in listed.models] == ["fast", "offline/eliza", "offline/echo", "offline/script"]
    assert all(model.modified_at and len(model.digest or "") == 64 for model in listed.models)
    assert shown.modelinfo == {"general.architecture": "dragoman"}
    assert shown.capabilities == ["completion", "tools"]
    assert list(running.models) == []
    assert caught.value.status_code == 404
    assert got.body == b'{"version":"0.17.4"}'


async def test_failures_are_its_own_errors() -> None:
    async with running_gateway(CONFIG) as url, client(url) as caller:
        for word, status in {
            "400": 400,
            "401": 401,
            "404": 404,
            "429 retry_after=7": 429,
            "500": 500,
            "529": 503,
        }.items():
            for stream in (True, False):
                with pytest.raises(ResponseError, match="Because!") as caught:
                    if stream:
                        await streamed(caller, f"error: {word} Because!")
                    else:
                        await caller.chat(model="fast", messages=[user(f"error: {word} Because!")])
                assert caught.value.status_code == status, word
        async with client(url, "key-none") as stranger:
            with pytest.raises(ResponseError, match="expected a key of this gateway") as caught:
                await stranger.list()
        assert caught.value.status_code == 401


async def test_a_path_or_method_that_is_not_served_is_refused_in_its_words() -> None:
    key = {"Authorization": "Bearer key-one"}
    async with running_gateway(CONFIG) as url:
        path = await ask(url, "POST", "/api/chad", key)
        method = await ask(url, "GET", "/api/chat", key)
        async with connect(url) as wire:
            wire.send("HEAD", "/api/tags", key)
            assert await wire.head() == 200
    assert (path.status, method.status) == (404, 405)
    assert json.loads(path.body)["error"] == "POST /api/chad is not served here; POST /api/chat is"
    assert json.loads(method.body)["error"] == "/api/chat: expected POST, got GET"


async def test_a_stream_that_breaks_off_raises() -> None:
    async with running_gateway(CONFIG) as url, client(url) as caller:
        texts = []
        with pytest.raises(ResponseError, match="breaks the answer off"):
            lines = await caller.chat(model="fast", messages=[user("text: half\ncut")], stream=True)
            async for line in lines:
                texts.append(line.message.content)
        with pytest.raises(ResponseError):
            await caller.chat(model="fast", messages=[user("text: half\ncut")])
    assert texts == ["half"]


async def test_arguments_that_are_no_object_end_the_answer_with_an_error() -> None:
    async with running_gateway(CONFIG) as url, client(url) as caller:
        with pytest.raises(ResponseError, match=r"expected the arguments of the tool call .* to be a JSON object"):
            await streamed(caller, "text: a\ntool: get_weather [1]")


async def test_the_synchronous_client() -> None:
    def say(url: str) -> str:
        with Client(host=url, headers={"Authorization": "Bearer key-one"}) as caller:
            lines = caller.chat(model="fast", messages=[user("text: a b")], stream=True)
            return "".join(line.message.content or "" for line in lines)

    async with running_gateway(CONFIG) as url:
        assert await asyncio.to_thread(say, url) == "a b"
