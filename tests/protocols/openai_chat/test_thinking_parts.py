"""Reasoning as a part of the content: what signs it goes back to the service, and nothing within it is lost."""

import json
from typing import Any

import pytest
from msgspec.structs import replace

from dragoman.protocols.openai_chat import OpenAIChatClient, Variant
from dragoman.types import ChatRequest, Message, ModelProfile, Reasoning, StreamEvent, Text, Unknown, fold, user
from tests.support.cuts import drive
from tests.support.env import fixed_env

THINKS = ModelProfile(reasoning_returns=True)
ASKED = ChatRequest(model="m", messages=(user("a"),))
SOURCE = {"type": "reference", "reference_ids": [1]}


def thinking(*said: object, **more: Any) -> dict[str, Any]:
    return {"type": "thinking", "thinking": list(said)} | more


def words(text: str) -> dict[str, str]:
    return {"type": "text", "text": text}


def answered(codec: OpenAIChatClient, *contents: object) -> list[StreamEvent]:
    choices = [{"index": 0, "delta": {"content": content}, "finish_reason": None} for content in contents]
    ended = [*choices, {"index": 0, "delta": {}, "finish_reason": "stop"}]
    events, _ = drive(
        codec.decoder(ASKED), [b"data: " + json.dumps({"choices": [each]}).encode() + b"\n\n" for each in ended]
    )
    return events


def sent_back(codec: OpenAIChatClient, message: Message) -> Any:
    request = replace(ASKED, messages=(user("a"), message, user("b")))
    encoded: Any = codec.encode_request(codec.fit(request, THINKS), replace(fixed_env(), profile=THINKS))
    return json.loads(encoded.body)["messages"][1]


@pytest.mark.parametrize(
    "contents",
    [
        [[thinking(words("Hm"))], [thinking(words("."), signature="sig", closed=True)], [words("Yes.")]],
        [[thinking(words("Hm."))], [thinking(signature="sig")], "Yes."],
        [[thinking(words("Hm."), signature="sig"), words("Yes.")]],
    ],
)
def test_a_signature_goes_back_to_the_service_with_the_words_that_it_signs(contents: list[object]) -> None:
    codec = OpenAIChatClient("http://up", Variant(thinking_parts=True))
    response = fold(answered(codec, *contents))
    assert [type(part) for part in response.parts] == [Reasoning, Text]
    back = sent_back(codec, Message("assistant", response.parts))
    assert back == {
        "role": "assistant",
        "content": [thinking(words("Hm."), signature="sig", closed=True), words("Yes.")],
    }


def test_another_service_of_the_protocol_gets_the_words_alone() -> None:
    response = fold(answered(OpenAIChatClient("http://up"), [thinking(words("Hm."), signature="sig")], "Yes."))
    back = sent_back(OpenAIChatClient("http://up"), Message("assistant", response.parts))
    assert back == {"role": "assistant", "content": "Yes.", "reasoning_content": "Hm."}


def test_sources_within_reasoning_stand_after_it() -> None:
    response = fold(answered(OpenAIChatClient("http://up"), [thinking(words("Hm"), SOURCE, words("."))], "Yes."))
    assert response.parts == (Reasoning(text="Hm."), Unknown(protocol="openai-chat", data=SOURCE), Text(text="Yes."))


def test_the_parts_of_a_turn_keep_their_order() -> None:
    codec = OpenAIChatClient("http://up", Variant(thinking_parts=True))
    parts = (Reasoning(text="1"), Text(text="2"), Reasoning(text="3"), Text(text="4"))
    assert sent_back(codec, Message("assistant", parts))["content"] == [
        thinking(words("1"), closed=True),
        words("2"),
        thinking(words("3"), closed=True),
        words("4"),
    ]
