"""A service of the table gets of a relayed request what it would get of a translated one; else it is translated."""

import json
from typing import Any

import pytest
from msgspec.structs import replace

from dragoman.protocols.base import ClientCodec
from dragoman.protocols.openai_chat import OpenAIChatClient, OpenAIChatServer
from dragoman.protocols.relay import RelayCodec, RelayRequest
from dragoman.protocols.relay_body import LARGE
from dragoman.providers.base import AsyncGeneratorProvider
from dragoman.providers.openai import OpenAI
from dragoman.providers.openai_services import PROVIDERS
from dragoman.types import ModelProfile, ServerRequest
from tests.support.env import fixed_env

SERVICES: tuple[type[AsyncGeneratorProvider], ...] = (OpenAI, *PROVIDERS)
SERVER, PROFILE = OpenAIChatServer(), ModelProfile(reasoning_returns=True)
USER = {"role": "user", "content": "hi"}
CALLS = [{"id": "abcdefghi", "type": "function", "function": {"name": "f", "arguments": "{}"}}]
CALL = {"role": "assistant", "content": None, "tool_calls": CALLS}
PICTURE = [{"type": "image_url", "image_url": {"url": "https://h/p.png"}}]
DOCUMENT = [{"type": "file", "file": {"file_data": "data:application/pdf;base64,JVBERi0=", "filename": "a.pdf"}}]
MARKED = {"type": "text", "text": "hi", "prompt_cache_breakpoint": {"mode": "explicit"}}
SCHEMA = {"type": "json_schema", "json_schema": {"name": "x", "schema": {"type": "object"}}}
FUNCTION = {"type": "function", "function": {"name": "f"}}


def result(content: Any) -> list[dict[str, Any]]:
    return [USER, CALL, {"role": "tool", "tool_call_id": "abcdefghi", "content": content}]


CASES: dict[str, dict[str, Any]] = {
    "nothing": {},
    "a developer": {"messages": [{"role": "developer", "content": "be brief"}, USER]},
    "a quoted word": {"messages": [{"role": "user", "content": 'a "developer" with a "name"'}]},
    "a name": {"messages": [{"role": "user", "name": "ann", "content": "hi"}]},
    "a call": {"messages": result("r")},
    "a picture in a result": {"messages": result(PICTURE)},
    "a picture beside a result": {"messages": [*result("r"), {"role": "user", "content": PICTURE}]},
    "a document beside a result": {"messages": [*result("r"), {"role": "user", "content": DOCUMENT}]},
    "reasoning": {"messages": [USER, {"role": "assistant", "content": "x", "reasoning_content": "so"}, USER]},
    "a tier": {"service_tier": "flex"},
    "the usual tier": {"service_tier": "default"},
    "reasoning in the content": {
        "messages": [
            USER,
            {
                "role": "assistant",
                "content": [
                    {"type": "thinking", "thinking": [{"type": "text", "text": "so"}], "closed": True},
                    {"type": "text", "text": "x"},
                ],
            },
            USER,
        ]
    },
    "a breakpoint": {"messages": [{"role": "user", "content": [MARKED]}]},
    "max_tokens": {"max_tokens": 9},
    "max_completion_tokens": {"max_completion_tokens": 9},
    "a strict tool": {"tools": [{"type": "function", "function": {"name": "f", "strict": True}}]},
    "a freeform tool": {"tools": [{"type": "custom", "custom": {"name": "f"}}]},
    "any tool": {"tools": [FUNCTION], "tool_choice": "required"},
    "no tool": {"tools": [FUNCTION], "tool_choice": "none"},
    "one tool": {"tools": [FUNCTION], "tool_choice": {"type": "function", "function": {"name": "f"}}},
    "some tools": {
        "tools": [FUNCTION],
        "tool_choice": {"type": "allowed_tools", "allowed_tools": {"mode": "auto", "tools": [FUNCTION]}},
    },
    "a tool if it wants": {"tools": [FUNCTION], "tool_choice": "auto"},
    "a schema": {"response_format": SCHEMA},
    "an object": {"response_format": {"type": "json_object"}},
    "an effort": {"reasoning_effort": "high"},
    "no effort": {"reasoning_effort": "none"},
    "nulls": {"seed": None, "stop": None, "user": None, "max_tokens": None, "reasoning_effort": None, "top_k": None},
    "logprobs": {"logprobs": True, "top_logprobs": 2},
    "no logprobs": {"logprobs": False},
    **{
        name: {name: value}
        for name, value in {
            "seed": 1,
            "stop": ["x"],
            "top_k": 3,
            "store": True,
            "user": "u",
            "safety_identifier": "s",
            "verbosity": "low",
            "frequency_penalty": 0.5,
            "presence_penalty": 0.5,
            "temperature": 0.5,
            "top_p": 0.5,
        }.items()
    },
}
MOVED = "The tool f gave this:"
ADDED = {"stream_options", "prompt_cache_key"}
"""What a translation may add."""
SAID_OTHERWISE = {(service, case) for service in ("OpenRouter", "Vercel") for case in ("an effort", "no effort")}
"""OpenRouter takes both forms, which mean the same; that Vercel refuses this one is not known.
https://openrouter.ai/docs/client-sdks/typescript/models/chatrequestreasoningeffort.md, seen 2026-11-27"""


def asked(case: dict[str, Any]) -> ServerRequest:
    body = {"model": "m", "messages": [USER], "stream": True} | case
    return ServerRequest(method="POST", path="/v1/chat/completions", body=json.dumps(body).encode())


def said(body: bytes | bytearray) -> dict[str, Any]:
    found = json.loads(bytes(body))
    found["messages"] = [_plain(message) for message in found["messages"]]
    return {name: value for name, value in found.items() if name not in ADDED and value not in (None, False)}


def _plain(message: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in message.items() if name != "content" or value}


def takes(relay: RelayCodec, request: RelayRequest) -> bool:
    """Whether the request is relayed."""
    return relay.takes is None or relay.takes(request)


def both(codec: ClientCodec, case: dict[str, Any]) -> tuple[dict[str, Any] | None, dict[str, Any]]:
    """What a relay sends, None if the request is translated; and what a translation sends."""
    call = asked(case)
    request = SERVER.decode_request(call)
    env = replace(fixed_env(), profile=PROFILE)
    translated = said(codec.encode_request(codec.fit(request, PROFILE), env).body)  # type: ignore[union-attr]  # no preliminaries
    relay, relayed = codec.relay, SERVER.reader.at_once(call)
    assert relay is not None
    assert relayed is not None
    return said(relayed.body_for("m", relay)) if takes(relay, relayed) else None, translated


@pytest.mark.parametrize("provider", SERVICES, ids=lambda provider: provider.__name__)
def test_a_relay_sends_what_a_translation_sends(provider: type[AsyncGeneratorProvider]) -> None:
    for name, case in CASES.items():
        relayed, translated = both(provider.codec(), case)
        if relayed is not None and (provider.__name__, name) not in SAID_OTHERWISE:
            assert relayed == translated, name


NEEDED = {"DeepSeek": "", "Moonshot": " ", "MoonshotChina": " ", "SiliconFlow": " "}
"""What stands in the field of a turn that has no reasoning, by the service that wants it in each."""


def test_a_turn_without_reasoning_is_translated_for_those_who_want_it_in_each() -> None:
    assert {each.__name__ for each in SERVICES if both(each.codec(), CASES["a call"])[0] is None} == NEEDED.keys()
    for each in SERVICES:
        if each.__name__ in NEEDED:
            sent = both(each.codec(), CASES["a call"])[1]["messages"][1]["reasoning_content"]
            assert sent == NEEDED[each.__name__]
            assert both(each.codec(), CASES["reasoning"])[0] is not None


def test_a_turn_with_empty_reasoning_is_translated_where_that_counts_as_none() -> None:
    case = {"messages": [USER, CALL | {"reasoning_content": ""}, *result("r")[2:]]}
    relayed = {each.__name__: both(each.codec(), case)[0] is not None for each in SERVICES}
    assert {name: relayed[name] for name in NEEDED} == {name: said == "" for name, said in NEEDED.items()}


@pytest.mark.parametrize("name", ["nothing", "nulls", "a quoted word", "a tool if it wants", "temperature"])
def test_nothing_is_translated_in_vain(name: str) -> None:
    assert [each.__name__ for each in SERVICES if both(each.codec(), CASES[name])[0] is None] == []


@pytest.mark.parametrize("name", [*CASES])
def test_a_service_of_which_nothing_is_known_gets_what_the_caller_said(name: str) -> None:
    relayed, _ = both(OpenAIChatClient("http://up"), CASES[name])
    assert relayed == said(asked(CASES[name]).body)


def test_several_answers_are_relayed_because_they_cannot_be_translated() -> None:
    (mistral,) = [each for each in PROVIDERS if each.__name__ == "Mistral"]
    several = SERVER.reader.at_once(asked(CASES["a developer"] | {"n": 2}))
    relay = mistral.codec().relay
    assert relay is not None
    assert several is not None
    assert takes(relay, several)


@pytest.mark.parametrize("provider", SERVICES, ids=lambda provider: provider.__name__)
def test_an_answer_that_is_not_streamed_is_asked_for_where_there_are_such(
    provider: type[AsyncGeneratorProvider],
) -> None:
    relay, whole = provider.codec().relay, SERVER.reader.at_once(asked({"stream": False}))
    assert relay is not None
    assert whole is not None
    assert takes(relay, whole) is (provider.__name__ not in {"DashScope", "DashScopeChina"})


def test_two_limits_are_left_to_the_service() -> None:
    relayed = SERVER.reader.at_once(asked({"max_tokens": 1, "max_completion_tokens": 2}))
    relay = OpenAI.codec().relay
    assert relayed is not None
    body = json.loads(relayed.body_for("m", relay))
    assert (body["max_tokens"], body["max_completion_tokens"]) == (1, 2)


@pytest.mark.parametrize("part", [*DOCUMENT, {"type": "input_audio", "input_audio": {"data": "aGk=", "format": "wav"}}])
def test_media_of_a_result_that_openai_takes_from_users_only_are_moved_there(part: dict[str, Any]) -> None:
    relayed, translated = both(OpenAI.codec(), {"messages": result([part])})
    assert relayed is None
    assert translated["messages"][-1] == {"role": "user", "content": [{"type": "text", "text": MOVED}, part]}


def test_messages_that_are_too_many_or_wrong_are_looked_at_by_the_translation() -> None:
    (groq,) = [each for each in PROVIDERS if each.__name__ == "Groq"]
    relay = groq.codec().relay
    assert relay is not None
    for messages in ([USER, CALL, {"role": "user", "content": "x" * LARGE}], [CALL, 3]):
        request = SERVER.reader.at_once(asked({"messages": messages}))
        assert request is not None
        assert not takes(relay, request)
