"""`functions`, as tools were called at first: asked, translated, and answered in the same form."""

from typing import Any

import pytest

from dragoman.config import Config, GatewayConfig
from dragoman.errors import BadEventError, InvalidRequestError
from dragoman.protocols.openai_chat import decode_body
from dragoman.protocols.openai_chat.functions import encode_function_call, wants_functions
from dragoman.protocols.openai_chat.request import encode_body
from dragoman.protocols.openai_chat.variant import Variant
from dragoman.types import ModelProfile, Tool, ToolCall, ToolChoice
from dragoman.wire import json
from tests.support.gateway import ask, chat_body, running_gateway
from tests.support.relaying import understood

SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}}
FUNCTION = {"name": "weather", "description": "Tells it", "parameters": SCHEMA}
BODY: dict[str, Any] = {"model": "m", "messages": [{"role": "user", "content": "hi"}], "functions": [FUNCTION]}
SCRIPTED = Config(gateway=GatewayConfig(port=0, default_model="offline/script"))
ERROR_CODES = 'tool: weather {"city": "Bath"}'


def test_functions_are_tools() -> None:
    asked = decode_body(BODY | {"function_call": {"name": "weather"}})
    assert asked.tools == (Tool(name="weather", description="Tells it", parameters=SCHEMA),)
    assert asked.tool_choice == ToolChoice("tool", "weather")
    assert asked.parallel_tool_calls is False
    assert wants_functions(asked)
    assert not wants_functions(decode_body(BODY | {"functions": None}))


def test_a_service_is_asked_for_tools_alone() -> None:
    sent = encode_body(decode_body(BODY | {"function_call": "auto"}), Variant(), ModelProfile())
    assert sent["tools"] == [{"type": "function", "function": FUNCTION}]
    assert sent["tool_choice"] == "auto"
    assert not any(name.startswith("function") for name in sent)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"tools": []}, "functions: expected it without `tools`"),
        ({"tool_choice": "auto"}, "functions: expected it without `tool_choice`"),
        ({"functions": "f"}, "functions: expected a list"),
        ({"functions": [{}]}, r"functions\[0\].name: expected a string"),
        ({"function_call": "must"}, "function_call: expected one of auto, none"),
        ({"function_call": {}}, "function_call.name: expected a string"),
        ({"function_call": 1}, "function_call: expected a string or an object"),
    ],
)
def test_what_is_wrong_is_named(change: dict[str, Any], words: str) -> None:
    with pytest.raises(InvalidRequestError, match=words):
        decode_body(BODY | change)


async def test_the_answer_is_of_the_same_form() -> None:
    async with running_gateway(SCRIPTED) as url:
        whole = await ask(url, "POST", "/v1/chat/completions", body=chat_body(ERROR_CODES, functions=[FUNCTION]))
        stream = await ask(
            url, "POST", "/v1/chat/completions", body=chat_body(ERROR_CODES, functions=[FUNCTION], stream=True)
        )
    choice = json.decode_event(whole.body)["choices"][0]
    assert choice["message"]["function_call"] == {"name": "weather", "arguments": '{"city": "Bath"}'}
    assert "tool_calls" not in choice["message"]
    assert choice["finish_reason"] == "function_call"
    said = understood(stream, stream=True)
    assert [text for _, text in said.parts] == ['{"city": "Bath"}']
    assert b'"finish_reason":"function_call"' in stream.body
    assert b"tool_calls" not in stream.body


async def test_several_calls_are_no_answer_to_functions() -> None:
    with pytest.raises(BadEventError, match="one call"):
        encode_function_call([ToolCall(id="a", name="f"), ToolCall(id="b", name="g")])
    two = f"{ERROR_CODES}\n{ERROR_CODES}"
    async with running_gateway(SCRIPTED) as url:
        whole = await ask(url, "POST", "/v1/chat/completions", body=chat_body(two, functions=[FUNCTION]))
        stream = await ask(url, "POST", "/v1/chat/completions", body=chat_body(two, functions=[FUNCTION], stream=True))
    assert whole.status == 502
    assert b"expected one call" in stream.body
    assert b"[DONE]" not in stream.body
