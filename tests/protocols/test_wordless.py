"""A turn of the system that only sets something in its own protocol, before services of all others."""

import json
from typing import Any

import pytest

from dragoman.protocols.anthropic import AnthropicServer
from dragoman.protocols.registry import DIALECTS
from dragoman.protocols.wordless import without_wordless
from dragoman.types import ChatRequest, Message, ModelProfile, ServerRequest, Text
from tests.support.env import fixed_env

SETTING = {"role": "system", "output_config": {"effort": "low"}}
CHANGE = {
    "role": "system",
    "content": [{"type": "tool_addition", "tool": {"type": "tool_reference", "name": "f"}}],
}
ASKED = {"role": "user", "content": "hi"}


@pytest.mark.parametrize(
    ("messages", "missed"),
    [
        ([ASKED, SETTING], "messages[1].output_config"),
        ([SETTING, ASKED], "messages[0].output_config"),
        ([ASKED, CHANGE], "messages[1].parts[0] (unknown)"),
    ],
)
@pytest.mark.parametrize("name", ["anthropic", "openai-chat", "openai-responses", "gemini", "ollama"])
def test_a_turn_without_words_is_sent_to_no_service_of_another_protocol(
    name: str, messages: list[Any], missed: str
) -> None:
    body = json.dumps({"model": "m", "max_tokens": 9, "messages": messages}).encode()
    request = AnthropicServer().decode_request(ServerRequest(method="POST", path="/", body=body))
    client: Any = DIALECTS[name].client
    codec = client("http://up")
    sent = codec.encode_request(codec.fit(request, ModelProfile()), fixed_env()).body
    if name == "anthropic":
        assert json.loads(sent)["messages"] == messages
        return
    assert b'"system"' not in sent
    assert missed in {loss.name for loss in codec.losses(request, ModelProfile())}


def test_a_message_in_which_a_caller_says_nothing_stays() -> None:
    silent = Message("system", ())
    request = ChatRequest(model="m", messages=(silent, Message("user", (Text(text="hi"),))))
    assert without_wordless(request, "openai-chat") is request
