"""Reasoning as a part of the content: what signs it goes back to the service, and nothing within it is lost."""

import json
from typing import Any

import pytest
from msgspec.structs import replace

from dragoman.errors import InvalidRequestError
from dragoman.protocols.openai_chat import OpenAIChatClient, Variant
from dragoman.protocols.openai_chat.messages import decode_messages
from dragoman.protocols.openai_chat.thinking_parts import decode_thinking
from dragoman.protocols.parts import PartAssembler
from dragoman.types import (
    ChatRequest,
    Message,
    ModelProfile,
    OpaqueState,
    PartEnd,
    Reasoning,
    Refusal,
    StreamEvent,
    Text,
    Unknown,
    fold,
    user,
)
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
        [[thinking(words("Hm.")), thinking(signature="sig"), words("Yes.")]],
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


@pytest.mark.parametrize("apart", [True, False])
def test_each_signature_signs_its_own_words(apart: bool) -> None:
    codec = OpenAIChatClient("http://up", Variant(thinking_parts=True))
    said = [thinking(words(text), signature=f"of {text}", closed=True) for text in ("1", "2")] + [words("Yes.")]
    response = fold(answered(codec, *([each] for each in said) if apart else [said]))
    assert sent_back(codec, Message("assistant", response.parts))["content"] == said


def test_reasoning_that_comes_within_a_call_keeps_its_signatures_apart() -> None:
    parts, out = PartAssembler(), list[StreamEvent]()
    parts.tool_call(out, 0, "c", "f", "{")
    for each in "12":
        parts.reasoning(out, each)
        parts.sign(out, OpaqueState("p", f"of {each}"))
    parts.tool_call(out, 0, "", "", "}")
    parts.close(out)
    ends = [event.opaque for event in out if isinstance(event, PartEnd)]
    assert ends == [None, OpaqueState("p", "of 1"), OpaqueState("p", "of 2")]


def test_a_refusal_is_said_once() -> None:
    codec = OpenAIChatClient("http://up", Variant(thinking_parts=True))
    back = sent_back(codec, Message("assistant", (Reasoning(text="Hm."), Refusal(text="No."))))
    assert back == {"role": "assistant", "content": [thinking(words("Hm."), closed=True)], "refusal": "No."}


def test_reasoning_without_words_that_nothing_signs_is_not_sent() -> None:
    codec = OpenAIChatClient("http://up", Variant(thinking_parts=True))
    for empty in (Reasoning(text=""), Reasoning(text="", form="redacted", opaque=OpaqueState("anthropic", "x"))):
        assert sent_back(codec, Message("assistant", (empty, Text(text="Yes."))))["content"] == "Yes."


@pytest.mark.parametrize(
    ("part", "place"),
    [
        (thinking(words("Hm."), {"type": "text"}), ".thinking[1].text"),
        (thinking("Hm."), ".thinking[0]"),
        (thinking({"text": "Hm."}), ".thinking[0].type"),
        ({"type": "thinking", "thinking": 5}, ".thinking"),
        (thinking(words("Hm."), signature=7), ".signature"),
    ],
)
def test_a_caller_s_part_of_another_form_is_refused(part: object, place: str) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        decode_messages([{"role": "assistant", "content": [words("a"), part]}])
    assert caught.value.param == f"messages[0].content[1]{place}"


def test_sources_are_told_from_words_in_the_time_of_their_number() -> None:
    class Counted(dict[str, Any]):
        compared = 0

        def __eq__(self, other: object) -> bool:
            Counted.compared += 1
            return self is other

        __hash__ = None

    inner = [*(Counted(words("a")) for _ in range(50)), *(Counted(SOURCE) for _ in range(50))]
    assert len(list(decode_thinking(thinking(*inner)))) == 51
    assert Counted.compared == 0


@pytest.mark.parametrize("empty", [[], [words("")], "", None])
def test_thinking_without_words_is_nothing(empty: object) -> None:
    """mistralai/client-python#252"""
    events = answered(OpenAIChatClient("http://up"), [words("a")], [thinking() | {"thinking": empty}], [words("b")])
    assert fold(events).parts == (Text(text="ab"),)
