"""Ollama's address and key, as Ollama's own tools find them."""

import pytest

from dragoman.errors import ConfigurationError
from dragoman.protocols.ollama import OllamaClient
from dragoman.providers import Ollama

HOSTS = [
    ("", "http://127.0.0.1:11434"),
    ("1.2.3.4", "http://1.2.3.4:11434"),
    (":56789", "http://127.0.0.1:56789"),
    ("1.2.3.4:56789", "http://1.2.3.4:56789"),
    ("http://1.2.3.4", "http://1.2.3.4:80"),
    ("https://1.2.3.4", "https://1.2.3.4:443"),
    ("https://example.com:56789/path/", "https://example.com:56789/path"),
    ("example.com/path", "http://example.com:11434/path"),
    ("example.com/", "http://example.com:11434"),
    ("[0001:002:003:0004::1]", "http://[0001:002:003:0004::1]:11434"),
    ("[::1]:56789/path", "http://[::1]:56789/path"),
    ("https://[::1]", "https://[::1]:443"),
    (' "example.com" ', "http://example.com:11434"),
]
"""By the vendor's Python SDK, except for the last."""


@pytest.mark.parametrize(("host", "url"), HOSTS)
def test_the_host_of_the_environment_is_read_as_by_its_own_tools(
    monkeypatch: pytest.MonkeyPatch, host: str, url: str
) -> None:
    monkeypatch.setenv("OLLAMA_HOST", host)
    assert Ollama.url == url
    assert isinstance(Ollama.codec(), OllamaClient)


@pytest.mark.parametrize("host", ["http://[", "example.com:port", "ftp://example.com"])
def test_a_wrong_host_of_the_environment_is_named(monkeypatch: pytest.MonkeyPatch, host: str) -> None:
    monkeypatch.setenv("OLLAMA_HOST", host)
    with pytest.raises(ConfigurationError, match="OLLAMA_HOST"):
        Ollama.codec()


def test_an_entrys_url_is_taken_as_it_stands() -> None:
    request = Ollama.configured({"url": "http://h:1/base/"}).codec().relay
    assert request is not None
    assert request.request_head(None, "m", stream=True).url == "http://h:1/base/api/chat"


@pytest.mark.parametrize(
    ("variable", "attributes", "key"),
    [
        ("", {}, "env"),
        ("https://ollama.com", {}, "env"),
        ("https://ollama.com", {"api_key": "own"}, "own"),
        ("https://ollama.com", {"url": "https://attacker.example"}, None),
        ("", {"url": "https://ollama.com"}, None),
        ("", {"url": "https://ollama.com", "api_key": "own"}, "own"),
        ("", {"url": "http://["}, None),
    ],
)
def test_the_environment_s_key_goes_to_no_other_host(
    monkeypatch: pytest.MonkeyPatch, variable: str, attributes: dict[str, str], key: str | None
) -> None:
    monkeypatch.setenv("OLLAMA_API_KEY", "env")
    monkeypatch.setenv("OLLAMA_HOST", variable)
    assert Ollama.configured(attributes).key() == key


def test_a_key_that_no_header_can_hold_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OLLAMA_API_KEY", "canary\n")
    monkeypatch.delenv("OLLAMA_HOST", raising=False)
    with pytest.raises(ConfigurationError, match="OLLAMA_API_KEY") as caught:
        Ollama.key()
    assert "canary" not in caught.value.message
