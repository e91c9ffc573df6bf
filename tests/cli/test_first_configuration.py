"""A first configuration: what is found becomes lines that are good."""

import tomllib

import pytest

from dragoman.cli.first_configuration import KeyedService, draft, first_chat_model
from dragoman.client.local_servers import FoundServer
from dragoman.config import from_tables
from dragoman.providers.catalogue import catalogue
from dragoman.providers.openai_services.local import SERVERS

FOUND = catalogue()


def server(name: str, *models: str) -> FoundServer:
    known = next(each for each in SERVERS if each.name == name)
    return FoundServer(known.url, (known,), models)


def test_services_and_servers_are_named_and_one_answers_by_default() -> None:
    keyed = [KeyedService("groq", FOUND["groq"], ("whisper-large", "llama-70b"))]
    made = draft(keyed, [server("lmstudio", "embed-small", "qwen")], FOUND)
    assert made.names == ("groq", "lmstudio")
    config = from_tables(tomllib.loads(made.toml))
    assert config.gateway.default_model == "groq/llama-70b"
    assert config.providers["groq"].default_model == "llama-70b"
    assert config.providers["lmstudio"].default_model == "qwen"
    assert "# The key is read from GROQ_API_KEY.\n[providers.groq]\n" in made.toml
    assert "api_key" not in made.toml


def test_a_service_without_a_known_model_is_named_all_the_same() -> None:
    made = draft([KeyedService("groq", FOUND["groq"], ())], [], FOUND)
    assert made.names == ("groq",)
    assert "default_model" not in made.toml
    assert draft([], [], FOUND).names == ()


@pytest.mark.parametrize(
    ("models", "default", "chosen"),
    [
        (("dall-e-3", "text-embedding-3-small", "gpt-4o-mini-tts", "gpt-4o-mini"), "", "gpt-4o-mini"),
        (("gpt-3.5-turbo-instruct", "meta/llama-3-70b-instruct"), "", "meta/llama-3-70b-instruct"),
        (("a",), "b", "b"),
        (("whisper-1",), "", ""),
    ],
)
def test_a_model_that_chats_is_chosen(models: tuple[str, ...], default: str, chosen: str) -> None:
    assert first_chat_model(models, default) == chosen
