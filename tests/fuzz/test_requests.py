"""Questions with something wrong in them: each is understood or refused; none is an error of ours."""

from hashlib import sha256
from typing import Any

import pytest

from dragoman.errors import DragomanError
from dragoman.protocols.base import ClientCodec, ServerCodec
from dragoman.protocols.openai_chat import OpenAIChatClient, OpenAIChatServer
from dragoman.protocols.webchat.aibn import AibnClient, AibnServer
from dragoman.protocols.webchat.aichatfree import AIChatFreeClient, AIChatFreeServer
from dragoman.protocols.webchat.aichatonline import AiChatOnlineServer
from dragoman.protocols.webchat.cromicle import CromicleClient, CromicleServer
from dragoman.types import ServerRequest
from dragoman.wire import json
from tests.fuzz.mutations import mutants
from tests.support.env import fixed_env

SEED = 20_261_126
SHOWN = 12

SIGN = sha256(b"5:Hi:").hexdigest()
WEATHER = {
    "type": "function",
    "function": {"name": "weather", "description": "d", "parameters": {"type": "object"}, "strict": True},
}
CALL = {"id": "call_1", "type": "function", "function": {"name": "weather", "arguments": "{}"}}

QUESTIONS: dict[str, tuple[ServerCodec, dict[str, Any]]] = {
    "openai-chat": (
        OpenAIChatServer(),
        {
            "model": "m",
            "messages": [
                {"role": "system", "content": "s", "name": "n"},
                {
                    "role": "user",
                    "content": [
                        {"type": "text", "text": "Hi"},
                        {"type": "image_url", "image_url": {"url": "https://example.org/a.png", "detail": "low"}},
                        {"type": "input_audio", "input_audio": {"data": "AA==", "format": "wav"}},
                        {"type": "file", "file": {"file_data": "AA==", "filename": "f"}},
                    ],
                },
                {"role": "assistant", "content": None, "tool_calls": [CALL], "reasoning_content": "r"},
                {"role": "tool", "tool_call_id": "call_1", "content": "42"},
            ],
            "tools": [WEATHER],
            "tool_choice": {"type": "function", "function": {"name": "weather"}},
            "response_format": {"type": "json_schema", "json_schema": {"name": "n", "schema": {"type": "object"}}},
            "max_completion_tokens": 5,
            "temperature": 0.5,
            "top_p": 0.5,
            "frequency_penalty": 0.5,
            "presence_penalty": 0.5,
            "seed": 1,
            "stop": ["a"],
            "stream": True,
            "stream_options": {"include_usage": True},
            "parallel_tool_calls": True,
            "reasoning_effort": "low",
            "user": "u",
        },
    ),
    "aibn": (
        AibnServer(),
        {
            "messages": [{"role": "system", "content": "s"}, {"role": "user", "content": "Hi"}],
            "time": 5,
            "pass": None,
            "sign": SIGN,
            "temperature": 0.5,
        },
    ),
    "aichatfree": (
        AIChatFreeServer(),
        {
            "messages": [
                {"role": "user", "parts": [{"text": "a"}]},
                {"role": "model", "parts": [{"text": "b"}]},
                {"role": "user", "parts": [{"text": "Hi"}]},
            ],
            "time": 5,
            "pass": None,
            "sign": SIGN,
        },
    ),
    "aichatonline": (AiChatOnlineServer(), {"conversationId": "c", "prompt": "Hi"}),
    "cromicle": (CromicleServer(), {"message": "Hi", "token": "abc", "hash": sha256(b"abcHi").hexdigest()}),
}

SERVICES: tuple[ClientCodec, ...] = (
    OpenAIChatClient(url="http://127.0.0.1/v1"),
    AibnClient(url="http://127.0.0.1"),
    AIChatFreeClient(url="http://127.0.0.1"),
    CromicleClient(url="http://127.0.0.1"),
)


@pytest.mark.parametrize("name", QUESTIONS)
def test_a_question_is_understood_or_refused(name: str) -> None:
    codec, question = QUESTIONS[name]
    found: list[str] = []
    understood = 0
    for mutant in mutants(json.encode(question), SEED):
        headers = ((b"content-type", b"application/json"), (b"uniqueid", b"t"))
        call = ServerRequest(method="POST", path="/", headers=headers, body=mutant.write())
        try:
            request = codec.decode_request(call)
            understood += 1
        except DragomanError as exc:
            codec.encode_error(exc)
            continue
        except Exception as exc:  # noqa: BLE001  # which is what is looked for
            found.append(f"{mutant.name}: {type(exc).__name__}: {exc}")
            continue
        for service in SERVICES:
            try:
                service.encode_request(request, fixed_env())
            except DragomanError:
                continue
            except Exception as exc:  # noqa: BLE001  # which is what is looked for
                found.append(f"{mutant.name}, to {service.name}: {type(exc).__name__}: {exc}")
    assert understood
    assert not found, "\n".join([f"{name}: {len(found)}", *found[:SHOWN]])
