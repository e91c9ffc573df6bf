"""What of earlier answers goes back to the service: reasoning with its state, and ids."""

from dragoman.protocols.openai_responses import NAME, OpenAIResponsesClient
from dragoman.types import ChatRequest, HostedCall, Image, Message, OpaqueState, Reasoning, Text, ToolCall, names
from tests.protocols.openai_responses.requests import ANSWER, CALL, CLIENT, decode, encode
from tests.support.env import fixed_env

FOREIGN = OpaqueState("anthropic", "sig", "abcdefgh")


def test_reasoning_that_the_service_would_refuse_is_left_out_and_named() -> None:
    ours = OpaqueState(NAME, "gAAA", CLIENT.origin("m"))
    parts = (
        Reasoning(text="own", opaque=ours),
        Reasoning(text="foreign", opaque=FOREIGN),
        Reasoning(text="of another model", item="rs_5", opaque=OpaqueState(NAME, "gBBB", "otherone")),
        Reasoning(text="made up", item="rs_dr1abc"),
        Reasoning(text="stored", item="rs_7", form="summary"),
        Text(text="a", item="msg_dr1abc"),
        HostedCall(id="x", tool="web_search", arguments="{}"),
        Image(data="iVBORw0KGgo="),
        ToolCall(id="c1", name="f", arguments="{}", opaque=FOREIGN),
    )
    request = ChatRequest(model="m", messages=(Message("assistant", parts),))
    lost = names(CLIENT.losses(request, fixed_env().profile))
    assert sorted(lost) == [
        "messages[0].parts[1] (reasoning)",
        "messages[0].parts[1].opaque",
        "messages[0].parts[2] (reasoning)",
        "messages[0].parts[2].opaque",
        "messages[0].parts[3] (reasoning)",
        "messages[0].parts[6] (hosted_call)",
        "messages[0].parts[7] (image)",
        "messages[0].parts[8].opaque",
    ]
    items = encode(request)["input"]
    assert [item.get("type", "message") for item in items] == ["reasoning", "reasoning", "message", "function_call"]
    assert items[0]["encrypted_content"] == "gAAA"
    assert items[2] == {"role": "assistant", "content": "a"}


def test_words_with_state_are_a_summary_if_the_caller_has_no_items() -> None:
    """OpenAI takes no `content` of reasoning, and Messages or Chat do not say what its words were."""
    ours = OpaqueState(NAME, "gAAA", CLIENT.origin("m"))
    parts = (Reasoning(text="own", opaque=ours), Reasoning(text="raw", item="rs_1", opaque=ours), Text(text="a"))
    own, raw, _ = encode(ChatRequest(model="m", messages=(Message("assistant", parts),)))["input"]
    assert own == {
        "type": "reasoning",
        "summary": [{"type": "summary_text", "text": "own"}],
        "encrypted_content": "gAAA",
    }
    assert raw["content"] == [{"type": "reasoning_text", "text": "raw"}], "its item says what it was"


def test_a_turn_of_which_nothing_can_be_said_is_left_out() -> None:
    turn = Message("assistant", (Reasoning(text="x", opaque=FOREIGN),))
    request = ChatRequest(model="m", messages=(Message("user", (Text(text="a"),)), turn))
    assert encode(request)["input"] == [{"role": "user", "content": "a"}]


def test_openai_gets_no_ids_of_others() -> None:
    openai = OpenAIResponsesClient("http://up/v1", penalties=False, own_ids=True)
    request = decode({"input": [ANSWER | {"id": "0b54-uuid"}, CALL | {"id": "fc_1"}], "frequency_penalty": 1})
    items = encode(request, openai)["input"]
    assert "id" not in items[0]
    assert items[1]["id"] == "fc_1"
    assert names(openai.losses(request, fixed_env().profile)) == ("frequency_penalty",)
    assert encode(request)["input"][0]["id"] == "0b54-uuid"
