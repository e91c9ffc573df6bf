"""llm, the command and its library, with the gateway as one of its OpenAI-compatible models."""

import json
import subprocess
import sys
from pathlib import Path

import llm
import pytest

ENTRY = """
- model_id: gateway
  model_name: {model}
  api_base: {url}/v1
  supports_tools: true
  supports_schema: true
"""


@pytest.fixture(autouse=True)
def configured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, url: str, model: str) -> None:
    """llm's folder, with the gateway in it."""
    (tmp_path / "extra-openai-models.yaml").write_text(ENTRY.format(model=model, url=url))
    monkeypatch.setenv("LLM_USER_PATH", str(tmp_path))
    monkeypatch.setenv("OPENAI_API_KEY", "key")


def test_a_prompt_and_what_it_cost() -> None:
    reply = llm.get_model("gateway").prompt("hello")
    assert reply.text()
    assert reply.usage().output > 0


def test_a_prompt_as_it_comes() -> None:
    assert len(list(llm.get_model("gateway").prompt("one two three"))) > 1


async def test_a_prompt_without_blocking() -> None:
    assert await llm.get_async_model("gateway").prompt("hello").text()


def test_a_conversation() -> None:
    conversation = llm.get_model("gateway").conversation()
    assert conversation.prompt("yes").text()
    assert conversation.prompt("yes").text()


def test_a_schema() -> None:
    reply = llm.get_model("gateway").prompt("'Paris' 3", schema=llm.schema_dsl("name, size int"))
    assert json.loads(reply.text()) == {"name": "Paris", "size": 3}


def test_a_chain_of_tools() -> None:
    def get_weather(city: str) -> str:
        return f"sunny in {city}"

    chain = llm.get_model("gateway").chain("What is the weather in 'Paris'?", tools=[get_weather])
    assert chain.text() == "sunny in Paris"


@pytest.mark.parametrize("options", [[], ["--no-stream"], ["--schema", "name, size int"]])
def test_the_command(options: list[str]) -> None:
    words = [sys.executable, "-m", "llm", "-m", "gateway", *options, "'Paris'"]
    ran = subprocess.run(words, capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL, check=True)
    assert ran.stdout.strip()
