"""The catalogue: what this package has, and what others register."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from dragoman.errors import ConfigurationError, InvalidRequestError
from dragoman.providers import Aibn, OpenAI, OpenAICompatible, format_prompt, get_random_string
from dragoman.providers.catalogue import catalogue, generic
from dragoman.providers.openai_services import ROWS
from dragoman.providers.request import build_request

EXTENSION = """
from dragoman.providers import OpenAICompatible
class Mine(OpenAICompatible):
    url = "http://127.0.0.1:1/v1"
"""


def install(folder: Path, value: str, source: str = EXTENSION) -> None:
    """Puts another package into `folder`, which registers a provider `value` as `mine`."""
    (folder / "extension.py").write_text(source)
    info = folder / "extension-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: extension\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[dragoman.providers]\nmine = {value}\n")


def registered(folder: Path, value: str, source: str = EXTENSION) -> subprocess.CompletedProcess[str]:
    """What a Python that finds another package in `folder` says of the catalogue."""
    install(folder, value, source)
    code = f"import sys; sys.path.insert(0, {str(folder)!r})\n" + (
        "from dragoman.providers.catalogue import catalogue\n"
        "from dragoman.errors import ConfigurationError, InvalidRequestError\n"
        "try: print(*sorted(catalogue()))\n"
        "except ConfigurationError as exc: print(exc)\n"
    )
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)


def test_every_class_of_this_package_is_found_without_a_list() -> None:
    assert set(catalogue()) == {
        "aibn",
        "aichatfree",
        "aichatonline",
        "anthropic",
        "anthropiccompatible",
        "azure",
        "azureanthropic",
        "azureresponses",
        "bedrock",
        "bedrockanthropic",
        "bedrockresponses",
        "cromicle",
        "gemini",
        "geminicompatible",
        "offline",
        "ollama",
        "openai",
        "openaicompatible",
        "openairesponses",
        "responsescompatible",
        "vertex",
        "vertexanthropic",
        "vertexopenai",
    } | {row.name.lower() for row in ROWS}


def test_packages_are_looked_through_once_in_a_process() -> None:
    assert catalogue() is catalogue()


def test_another_package_registers_its_own(tmp_path: Path) -> None:
    assert "mine" in registered(tmp_path, "extension:Mine").stdout.split()


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("extension:Gone", "the provider 'mine' (extension:Gone) cannot be loaded"),
        ("nowhere:Mine", "the provider 'mine' (nowhere:Mine) cannot be loaded"),
        ("pathlib:Path", "the provider 'mine' (pathlib:Path) is no AsyncGeneratorProvider"),
    ],
)
def test_one_that_cannot_be_used_is_named(tmp_path: Path, value: str, message: str) -> None:
    assert message in registered(tmp_path, value).stdout


@pytest.mark.parametrize("source", ["class Mine(", "raise ValueError('wrong')", "1 / 0"])
def test_one_that_fails_as_it_is_loaded_is_named(tmp_path: Path, source: str) -> None:
    said = registered(tmp_path, "extension:Mine", source).stdout
    assert said.startswith("the provider 'mine' (extension:Mine) cannot be loaded: ")


class Elsewhere(Aibn):
    url = "http://127.0.0.1:1"


class Rival(Aibn):
    generic = Aibn.generic


def test_a_class_serves_the_bare_protocol_if_it_says_so_itself() -> None:
    assert generic(catalogue())["openai-chat"] == "openaicompatible"
    assert generic({"aibn": Aibn, "elsewhere": Elsewhere}) == {"aibn": "aibn"}


def test_two_classes_for_one_bare_protocol_are_named() -> None:
    with pytest.raises(ConfigurationError, match="'aibn' and 'rival' both are the one for 'aibn'"):
        generic({"aibn": Aibn, "rival": Rival})


def test_openai_takes_its_key_from_the_environment_unless_it_has_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-from-the-environment")
    assert OpenAI.key() == "sk-from-the-environment"
    assert OpenAI.configured({"api_key": "sk-own"}).key() == "sk-own"
    assert OpenAICompatible.key() is None


@pytest.mark.parametrize(
    ("key", "got"), [('"canary"', "one in quotes"), ("'canary'", "one in quotes"), ("canary\n", "others")]
)
def test_a_key_of_the_environment_that_cannot_be_one_is_named(
    monkeypatch: pytest.MonkeyPatch, key: str, got: str
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", key)
    with pytest.raises(ConfigurationError, match=f"OPENAI_API_KEY.*{got}") as caught:
        OpenAI.key()
    assert "canary" not in str(caught.value)


PROXY = "https://Proxy.example/openai/v1"
SITES = [
    ("", {}, "https://api.openai.com/v1", "sk-env"),
    (PROXY, {}, PROXY, "sk-env"),
    (PROXY, {"url": "https://proxy.example/other"}, "https://proxy.example/other", "sk-env"),
    ("", {"url": "https://attacker.example/v1"}, "https://attacker.example/v1", None),
    ("", {"url": "http://api.openai.com/v1"}, "http://api.openai.com/v1", None),
    (PROXY, {"url": "https://api.openai.com/v1"}, "https://api.openai.com/v1", None),
    ("", {"url": "https://mine.example/v1", "api_key": "sk-own"}, "https://mine.example/v1", "sk-own"),
    ("http://[", {"url": "https://[1"}, "https://[1", None),
]


@pytest.mark.parametrize(("variable", "attributes", "url", "key"), SITES)
def test_the_environment_s_key_goes_to_no_other_host_than_that_of_openai_s_tools(
    monkeypatch: pytest.MonkeyPatch, variable: str, attributes: dict[str, str], url: str, key: str | None
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-env")
    monkeypatch.setenv("OPENAI_BASE_URL", variable)
    provider = OpenAI.configured(attributes)
    assert (provider.url, provider.key()) == (url, key)


def test_a_wrong_address_of_the_environment_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", "proxy.example/v1")
    with pytest.raises(ConfigurationError, match="OPENAI_BASE_URL"):
        OpenAI.codec()


class OpenAIElsewhere(OpenAI):
    url = "https://api.elsewhere.example/v1"
    key_variable = "ELSEWHERE_API_KEY"


def test_a_class_with_a_variable_of_its_own_sends_that_key_to_its_own_host(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-env")
    monkeypatch.setenv("ELSEWHERE_API_KEY", "sk-elsewhere")
    assert OpenAIElsewhere.key() == "sk-elsewhere"
    assert OpenAIElsewhere.configured({"url": "https://attacker.example"}).key() is None


def test_a_prompt_is_the_content_of_one_message_or_lines_of_many() -> None:
    one = {"role": "user", "content": "Привет"}
    assert format_prompt([one]) == "Привет"
    many = [{"role": "system", "content": "Brief."}, one, {"role": "assistant", "content": ""}, one]
    assert format_prompt(many) == "System: Brief.\nUser: Привет\nUser: Привет\nAssistant:"
    asked: dict[str, Any] = {"role": "assistant", "content": None, "tool_calls": []}
    told = {"role": "tool", "tool_call_id": "c1", "content": "42"}
    assert format_prompt([one, asked, told]) == "User: Привет\nTool: 42\nAssistant:"
    with pytest.raises(InvalidRequestError, match=r"messages\[0\]\.content: expected what JSON can say, got bytes"):
        format_prompt([{"role": "user", "content": b"x"}])


def test_a_random_string_is_new_each_time_and_as_long_as_asked() -> None:
    words = {get_random_string() for _ in range(50)}
    assert len(words) == 50
    assert all(len(word) == 10 and word.isalnum() and word.islower() | word.isdigit() for word in words)
    assert len(get_random_string(24)) == 24


def test_what_no_protocol_shares_rides_under_the_name_of_the_one_asked() -> None:
    request = build_request("m", "Hi", {"extra_body": {"seed": 7, "mood": "calm"}, "temperature": None}, "aibn")
    assert (request.seed, request.temperature, request.extra) == (7, None, {"aibn": {"mood": "calm"}})
