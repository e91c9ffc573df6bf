"""Google's Gemini API: whose key goes where, and what its service takes."""

import pytest

from dragoman.errors import ConfigurationError
from dragoman.providers.gemini import Gemini, GeminiCompatible
from dragoman.transport.selector import Transports
from tests.support.server import Exchange, serve


def test_the_variable_s_key_goes_to_no_other_host(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GOOGLE_GEMINI_BASE_URL", raising=False)
    monkeypatch.setenv("GEMINI_API_KEY", "AIza-own")
    assert Gemini.key() == "AIza-own"
    assert Gemini.configured({"url": "https://elsewhere.example"}).key() is None
    assert Gemini.configured({"url": "https://elsewhere.example", "api_key": "k"}).key() == "k"
    assert GeminiCompatible.configured({"url": "https://generativelanguage.googleapis.com"}).key() is None


def test_the_url_may_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GOOGLE_GEMINI_BASE_URL", "http://127.0.0.1:1")
    relay = Gemini.codec().relay
    assert relay is not None
    assert relay.request_head(None, "m", stream=False).url == "http://127.0.0.1:1/v1beta/models/m:generateContent"
    monkeypatch.setenv("GOOGLE_GEMINI_BASE_URL", "generativelanguage")
    with pytest.raises(ConfigurationError, match="GOOGLE_GEMINI_BASE_URL"):
        Gemini.codec()


def test_a_service_without_a_url_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="expected a `url`, for instance"):
        GeminiCompatible.codec()


def test_labels_are_sent_only_to_services_that_take_them() -> None:
    url = {"url": "http://127.0.0.1:1"}
    assert "metadata" not in GeminiCompatible.configured(url).codec().expresses
    assert "metadata" in GeminiCompatible.configured(url | {"enterprise": True}).codec().expresses


async def test_its_models_are_listed_with_its_key() -> None:
    async def models(exchange: Exchange) -> None:
        assert exchange.request.headers["x-goog-api-key"] == "k"
        await exchange.reply(body=b'{"models":[{"name":"models/a"},{"name":"models/b"}]}')

    async with serve(models) as up:
        provider = GeminiCompatible.configured({"url": up.url, "api_key": "k"})
        assert provider.lists_models()
        transports = Transports()
        try:
            assert await provider.fetch_models(transports) == ("a", "b")
        finally:
            transports.close()
    assert up.requests[0].path == "/v1beta/models?pageSize=1000"
