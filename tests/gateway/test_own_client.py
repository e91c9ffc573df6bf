"""dragoman as the caller of its own gateway, over every front."""

import pytest

from dragoman.client import Client
from dragoman.config import Config, FrontConfig, GatewayConfig, ProviderConfig
from dragoman.errors import AuthenticationError, ModelNotFoundError, RateLimitError, TruncatedStreamError
from dragoman.types import PartDelta, ToolCall, Usage
from tests.support.gateway import running_gateway

SERVED = Config(
    gateway=GatewayConfig(port=0, default_model="offline/script"),
    fronts={
        "aibn": FrontConfig(secret="s3cret", password="hunter2,second"),
        "aichatfree": FrontConfig(secret="", password="hunter2"),
    },
)
TEXT = "Привет, мир! 👨‍👩‍👧‍👦 🏳️‍🌈 café\nконец."
SCRIPT = "text: " + TEXT.replace("\n", "\\n")
FRONTS = ["aibn", "aichatfree", "aichatonline", "cromicle", "openai"]


def calling(url: str) -> Config:
    """A provider for each front of the gateway at `url`."""
    return Config(
        providers={
            "aibn": ProviderConfig(protocol="aibn", url=f"{url}/aibn", secret="s3cret", password="second"),
            "aichatfree": ProviderConfig(protocol="aichatfree", url=f"{url}/aichatfree", password="hunter2"),
            "aichatonline": ProviderConfig(protocol="aichatonline", url=f"{url}/aichatonline"),
            "cromicle": ProviderConfig(protocol="cromicle", url=f"{url}/cromicle"),
            "openai": ProviderConfig(protocol="openai-chat", url=f"{url}/v1"),
        }
    )


def model(front: str) -> str:
    """A model of that front, whatever it is called there."""
    return f"{front}/{'offline/script' if front == 'openai' else 'gpt-3.5-turbo'}"


async def streamed_texts(client: Client, front: str, text: str) -> list[str]:
    """The pieces of a streamed answer; those of a broken one stand in the error's notes."""
    pieces: list[str] = []
    try:
        async with client.stream(model(front), text) as stream:
            async for event in stream:
                if isinstance(event, PartDelta):
                    pieces.append(event.text)
    except TruncatedStreamError as exc:
        exc.add_note("".join(pieces))
        raise
    return pieces


async def test_text_arrives_exactly_over_every_front() -> None:
    async with running_gateway(SERVED) as url, Client(calling(url), retries=0) as client:
        for front in FRONTS:
            assert "".join(await streamed_texts(client, front, SCRIPT)) == TEXT, front
            assert (await client.chat(model(front), SCRIPT)).text == TEXT, front


async def test_every_front_streams_and_does_not_gather() -> None:
    async with running_gateway(SERVED) as url, Client(calling(url), retries=0) as client:
        for front in FRONTS:
            async with client.stream(model(front), "text: now \nhang") as stream:
                async for event in stream:
                    if isinstance(event, PartDelta):
                        break


async def test_a_broken_answer_arrives_as_broken_over_every_front() -> None:
    async with running_gateway(SERVED) as url, Client(calling(url), retries=0) as client:
        for front in FRONTS:
            with pytest.raises(TruncatedStreamError) as caught:
                await streamed_texts(client, front, "text: half of \ndelay: 0.02\ntext: it\ndelay: 0.02\ncut")
            assert caught.value.__notes__ == ["half of it"], front


async def test_a_failure_before_the_answer_keeps_its_class() -> None:
    async with running_gateway(SERVED) as url, Client(calling(url), retries=0) as client:
        for front in FRONTS:
            with pytest.raises(RateLimitError, match="Slow") as caught:
                await client.chat(model(front), "error: 429 Slow!")
            assert caught.value.status == 429, front
        with pytest.raises(ModelNotFoundError, match="did you mean"):
            await client.chat("openai/offline/scripd", "hi")


async def test_tool_calls_and_usage_arrive_over_openai_chat() -> None:
    script = 'reasoning: hm\ntool: f {"a": 1}\ntool: g {"b": [2, "ü"]}\nusage: 5 6'
    async with running_gateway(SERVED) as url, Client(calling(url), retries=0) as client:
        reply = await client.chat("openai/offline/script", script)
    assert [(call.name, call.arguments) for call in reply.tool_calls] == [("f", '{"a": 1}'), ("g", '{"b": [2, "ü"]}')]
    assert all(isinstance(part, ToolCall) for part in reply.parts[1:])
    assert reply.finish_reason == "tool_call"
    assert reply.usage == Usage(5, 6)


async def test_what_raw_text_cannot_say_is_an_error_and_no_empty_answer() -> None:
    async with running_gateway(SERVED) as url, Client(calling(url), retries=0) as client:
        for front in FRONTS[:4]:
            with pytest.raises(Exception, match="tool"):
                await client.chat(model(front), 'tool: f {"a": 1}')


async def test_a_wrong_password_or_secret_is_refused() -> None:
    async with running_gateway(SERVED) as url:
        wrong = Config(
            providers={
                "password": ProviderConfig(protocol="aibn", url=f"{url}/aibn", secret="s3cret", password="wrong"),
                "secret": ProviderConfig(protocol="aibn", url=f"{url}/aibn", secret="undefined", password="second"),
            }
        )
        async with Client(wrong, retries=0) as client:
            with pytest.raises(AuthenticationError, match=r"Invalid password\."):
                await client.chat("password/m", "hi")
            with pytest.raises(AuthenticationError, match=r"Invalid signature\."):
                await client.chat("secret/m", "hi")
