"""Anthropic as a service: its URL, its key, its models, its version."""

import pytest

from dragoman.client import Client
from dragoman.config import Config, ProviderConfig
from dragoman.errors import ConfigurationError
from dragoman.protocols.anthropic.models import decode_models, models_request
from dragoman.providers import Anthropic, AnthropicCompatible
from dragoman.types import ChatRequest, HttpRequest, HttpResponse, ResponseHead, user
from tests.support.env import fixed_env

ASK = ChatRequest(model="m", messages=(user("hi"),))


def test_url_and_key_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ANTHROPIC_BASE_URL", raising=False)
    monkeypatch.setenv("ANTHROPIC_API_KEY", "key-of-mine")
    assert (Anthropic.url, Anthropic.key()) == ("https://api.anthropic.com", "key-of-mine")
    elsewhere = Anthropic.configured({"url": "http://127.0.0.1:1"})
    assert elsewhere.key() is None
    monkeypatch.setenv("ANTHROPIC_BASE_URL", "http://127.0.0.1:2/")
    assert (Anthropic.url, Anthropic.key()) == ("http://127.0.0.1:2/", "key-of-mine")
    monkeypatch.setenv("ANTHROPIC_API_KEY", "two\nlines")
    with pytest.raises(ConfigurationError, match="ANTHROPIC_API_KEY: expected visible ASCII"):
        Anthropic.key()
    for wrong in ("no-url", "http://["):
        monkeypatch.setenv("ANTHROPIC_BASE_URL", wrong)
        with pytest.raises(ConfigurationError, match="ANTHROPIC_BASE_URL"):
            Anthropic.codec()


def test_a_service_without_a_url_cannot_be_called() -> None:
    with pytest.raises(ConfigurationError, match="expected a `url`, for instance"):
        AnthropicCompatible.codec()


async def test_version_and_limit_are_settings() -> None:
    entry = ProviderConfig(protocol="anthropic", url="http://127.0.0.1:1", version="2026-10-21", max_tokens=77)
    async with Client(Config(providers={"up": entry})) as client:
        codec = client.providers["up"].codec()
    message = codec.encode_request(ASK, fixed_env(key="k"))
    assert isinstance(message, HttpRequest)
    headers = dict(message.headers)
    assert (headers["anthropic-version"], headers["x-api-key"]) == ("2026-10-21", "k")
    assert message.url == "http://127.0.0.1:1/v1/messages"
    assert b'"max_tokens":77' in message.body


def test_models_are_listed() -> None:
    asked = models_request("http://up/", "k")
    assert asked.url == "http://up/v1/models?limit=1000"
    assert dict(asked.headers)["x-api-key"] == "k"
    body = b'{"data":[{"id":"a"},{"id":"b c"},{"id":"a"},{"id":5},7],"has_more":false}'
    assert decode_models(HttpResponse(ResponseHead(200), body)) == ("a",)
