"""The conversation: ids of calls, signatures, system messages, names in two forms."""

import json
from base64 import b64encode
from typing import Any

import pytest
from msgspec.structs import replace

from dragoman.errors import InvalidRequestError
from dragoman.protocols.gemini import NAME, GeminiClient, GeminiServer
from dragoman.protocols.gemini.partial_args import PartialCall
from dragoman.protocols.gemini.parts import SENTINEL
from dragoman.protocols.gemini.schema import to_json_schema
from dragoman.protocols.opaque import wrapped_base64
from dragoman.types import (
    ChatRequest,
    File,
    HostedTool,
    Image,
    Message,
    ModelProfile,
    MovedMessage,
    OpaqueState,
    Reasoning,
    ServerRequest,
    Text,
    Tool,
    ToolCall,
    ToolChoice,
    ToolResult,
    Unknown,
    assistant,
    names,
    system,
    tool_result,
    user,
)
from tests.support.env import fixed_env

CLIENT, SERVER = GeminiClient("https://h"), GeminiServer()
PATH = "/v1/models/m:generateContent"
SIGNED = ModelProfile(signed_calls=True)
CALL, OTHER = ToolCall(id="c1", name="f", arguments="{}"), ToolCall(id="c2", name="f", arguments="{}")


def received(*contents: dict[str, Any], **more: Any) -> ChatRequest:
    body = json.dumps({"contents": contents} | more).encode()
    return SERVER.decode_request(ServerRequest(method="POST", path=PATH, body=body))


def sent(*messages: Message, profile: ModelProfile = SIGNED) -> dict[str, Any]:
    request = ChatRequest(model="m", messages=messages)
    body = CLIENT.encode_request(CLIENT.fit(request, profile), replace(fixed_env(), profile=profile)).body
    found: dict[str, Any] = json.loads(body)
    return found


def signatures(body: dict[str, Any]) -> list[str | None]:
    """Those of the calls."""
    parts = [part for content in body["contents"] for part in content["parts"]]
    return [part.get("thoughtSignature") for part in parts if "functionCall" in part]


def model(*parts: dict[str, Any]) -> dict[str, Any]:
    return {"role": "model", "parts": list(parts)}


def calling(name: str, known: str | None = None) -> dict[str, Any]:
    return {"functionCall": {"name": name, "args": {}} | ({"id": known} if known else {})}


def answering(name: str, known: str | None = None) -> dict[str, Any]:
    return {"functionResponse": {"name": name, "response": {"result": "r"}} | ({"id": known} if known else {})}


HELLO = {"role": "user", "parts": [{"text": "Hello"}]}


def test_results_find_their_calls_by_id_then_by_name_then_by_order() -> None:
    calls = model(calling("f"), calling("g"), calling("f"), calling("f", "known"))
    results = [answering("f", "known"), answering("g"), answering("f"), answering("f")]
    request = received(HELLO, calls, {"role": "user", "parts": results})
    asked = [part.id for part in request.messages[1].parts if isinstance(part, ToolCall)]
    answered = [part.id for part in request.messages[2].parts if isinstance(part, ToolResult)]
    assert asked == ["call_1_0", "call_1_1", "call_1_2", "known"]
    assert answered == ["known", "call_1_1", "call_1_0", "call_1_2"]


def test_ids_that_were_made_up_are_not_sent_and_differ_from_turn_to_turn() -> None:
    turns = [HELLO, model(calling("f")), {"parts": [answering("f")]}, model(calling("f")), {"parts": [answering("f")]}]
    request = received(*turns)
    found = [part.id for message in request.messages for part in message.parts if isinstance(part, ToolCall)]
    assert found == ["call_1_0", "call_3_0"]
    body = CLIENT.encode_request(request, fixed_env()).body
    assert b'"id"' not in body


def test_a_result_may_precede_its_call_only_if_the_conversation_began_elsewhere() -> None:
    request = received({"parts": [answering("f", "c9")]}, cachedContent="cachedContents/x")
    assert request.essential == ("cachedContent",)
    (part,) = request.messages[0].parts
    assert isinstance(part, ToolResult)
    assert part.id == "c9"


def test_a_call_that_another_service_made_gets_the_stand_in_for_a_signature_in_every_turn() -> None:
    old = (user("a"), Message("assistant", (CALL,)), tool_result(CALL, "r"), assistant("b"))
    now = (
        user("c"),
        Message("assistant", (Text(text="x"), CALL, OTHER)),
        tool_result(CALL, "r"),
        tool_result(OTHER, "r"),
    )
    step = (Message("assistant", (CALL,)), tool_result(CALL, "r"))
    assert signatures(sent(*old, *now, *step)) == [SENTINEL, SENTINEL, None, SENTINEL]
    assert signatures(sent(*old, *now, *step, profile=ModelProfile())) == [None] * 4


def test_a_stand_in_of_the_caller_s_is_no_state_and_goes_to_the_service_as_it_came() -> None:
    coded = b64encode(SENTINEL.encode()).decode()
    calls = [calling("f") | {"thoughtSignature": word} for word in (SENTINEL, coded)]
    request = received(HELLO, model(*calls), {"parts": [answering("f"), answering("f")]})
    assert [part.opaque for part in request.messages[1].parts] == [None, None]
    for profile in (SIGNED, ModelProfile()):
        assert signatures(sent(*request.messages, profile=profile)) == [SENTINEL, coded]


def test_a_signature_goes_to_its_own_model_alone() -> None:
    own = CLIENT.origin("m")
    for state, expected in (
        (OpaqueState(NAME, "b3du"), "b3du"),
        (OpaqueState(NAME, "b3du", own), "b3du"),
        (OpaqueState(NAME, "Y2FuYXJ5", "0a1b2c3d"), SENTINEL),
        (OpaqueState("anthropic", "Y2FuYXJ5"), SENTINEL),
    ):
        turn = Message("assistant", (replace(CALL, opaque=state),))
        body = sent(user("a"), turn, tool_result(CALL, "r"))
        assert signatures(body) == [expected]
        assert "Y2FuYXJ5" not in json.dumps(body)


def test_neighbours_are_one_content() -> None:
    body = sent(
        user("a"),
        assistant("b"),
        Message("assistant", (CALL, OTHER)),
        tool_result(CALL, "1"),
        tool_result(OTHER, "2"),
        user("c"),
    )
    assert [(content["role"], len(content["parts"])) for content in body["contents"]] == [
        ("user", 1),
        ("model", 3),
        ("user", 2),
        ("user", 1),
    ]


def test_a_system_of_which_nothing_can_be_said_says_nothing() -> None:
    billing = Message("system", (Unknown(protocol="anthropic", data={}),), top_level=True)
    assert "systemInstruction" not in sent(billing, user("a"))


def test_the_system_speaks_first_and_later_in_a_frame() -> None:
    messages = (system("one"), Message("developer", (Text(text="two"),)), user("a"), system("three"), user("b"))
    body = sent(*messages)
    assert body["systemInstruction"] == {"parts": [{"text": "one"}, {"text": "two"}]}
    assert [content["parts"][0]["text"] for content in body["contents"]] == ["a", "<system>\nthree\n</system>", "b"]
    losses = CLIENT.losses(ChatRequest(model="m", messages=messages), ModelProfile())
    assert [loss.name for loss in losses] == ["messages[1].role", "messages[3]"]
    assert names(losses) == ()


def test_names_may_have_either_form_at_every_depth_and_the_caller_s_own_are_kept() -> None:
    request = received(
        {"parts": [{"inline_data": {"mime_type": "image/png", "data": "-_8"}}]},
        {
            "role": "model",
            "parts": [{"function_call": {"name": "f", "args": {"top_k": 1.0}}, "thought_signature": "a"}],
        },
        {"parts": [{"function_response": {"name": "f", "response": {"top_k": 2.0}}}]},
        system_instruction={"role": "user", "parts": [{"text": "s"}]},
        generation_config={"thinking_config": {"include_thoughts": True}, "speech_config": {"voice_config": {}}},
        tools=[{"function_declarations": [{"name": "f", "parameters": {"any_of": [{"type": "STRING"}]}}]}],
        safety_settings=[{"category": "c"}],
        labels={"cached_content": "mine"},
    )
    first, asked, answered = request.messages[1:]
    assert getattr(first.parts[0], "data", None) == "+/8="
    assert getattr(asked.parts[0], "arguments", None) == '{"top_k": 1.0}'
    assert getattr(answered.parts[0], "parts", None) == (Text(text='{"top_k": 2.0}'),)
    assert request.silent == ("role",)
    assert request.metadata == {"cached_content": "mine"}
    assert request.tools[0] == Tool(
        "f",
        parameters={"anyOf": [{"type": "string"}]},
        extra={"dragoman": {"gemini.parameters": {"any_of": [{"type": "STRING"}]}}},
    )
    assert set(request.extra[NAME]) == {"generationConfig.speechConfig", "safetySettings"}


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ({"type": "STRING", "nullable": True}, {"type": ["string", "null"]}),
        ({"type": "STRING", "enum": ["a"], "nullable": True}, {"type": ["string", "null"], "enum": ["a", None]}),
        ({"anyOf": [{"type": "NUMBER"}], "nullable": True}, {"anyOf": [{"type": "number"}, {"type": "null"}]}),
        (
            {"type": "ARRAY", "items": {"type": "INTEGER"}, "minItems": "2"},
            {"type": "array", "items": {"type": "integer"}, "minItems": 2},
        ),
        (
            {"type": "OBJECT", "properties": {"type": {"type": "STRING"}, "b": {}}, "propertyOrdering": ["b", "type"]},
            {"type": "object", "properties": {"b": {}, "type": {"type": "string"}}},
        ),
        ({"type": "TYPE_UNSPECIFIED", "example": 5, "nullable": False}, {"examples": [5]}),
        (
            {"defs": {"a": {"type": "STRING"}}, "ref": "#/defs/a"},
            {"$defs": {"a": {"type": "string"}}, "$ref": "#/defs/a"},
        ),
        ({"properties": {"x": "odd"}, "items": 5, "type": 70}, {"properties": {"x": "odd"}, "items": 5, "type": 70}),
        ({"type": 5, "items": {"type": 3}}, {"type": "array", "items": {"type": "integer"}}),
        ({"type": 0}, {}),
    ],
)
def test_a_schema_of_the_older_form_means_the_same_as_json_schema(old: dict[str, Any], new: dict[str, Any]) -> None:
    assert to_json_schema(old) == new
    assert list(to_json_schema(old).get("properties", {})) == list(new.get("properties", {}))


def test_a_count_of_too_many_digits_stays_as_it_came() -> None:
    assert to_json_schema({"maxLength": "1" * 19})["maxLength"] == 1111111111111111111
    assert to_json_schema({"maxLength": "1" * 5000})["maxLength"] == "1" * 5000


def test_arguments_may_come_value_by_value() -> None:
    call = PartialCall({"name": "f", "id": "c", "args": {"z": 1}})
    call.add({"args": {"z": 1}})
    for piece in (
        {"jsonPath": "$.a", "stringValue": "He", "willContinue": True},
        {"jsonPath": "$.a", "stringValue": "llo"},
        {"jsonPath": "$.list[1].x", "numberValue": 5},
        {"jsonPath": "$['odd key'].y", "nullValue": "NULL_VALUE"},
        {"jsonPath": "$.flag", "boolValue": False},
        {"jsonPath": "$.list[99999999].x", "numberValue": 5},
        {"jsonPath": "$..deep", "numberValue": 5},
        {"jsonPath": "$.nothing"},
        {"jsonPath": 5, "stringValue": "x"},
    ):
        call.add({"partialArgs": [piece]})
    call.add({"partialArgs": "odd"})
    assert (call.name, call.id) == ("f", "c")
    assert json.loads(call.arguments) == {
        "z": 1,
        "a": "Hello",
        "list": [None, {"x": 5}],
        "odd key": {"y": None},
        "flag": False,
    }


def test_a_content_of_the_model_may_be_empty_and_a_list_of_one_may_be_its_entry() -> None:
    request = received(HELLO, {"role": "model"}, {"role": "user", "parts": {"text": "x"}})
    assert [part.text for message in request.messages for part in message.parts if isinstance(part, Text)] == [
        "Hello",
        "x",
    ]
    asked = received(HELLO, generationConfig={"stopSequences": "end", "thinkingConfig": {"thinkingLevel": "ULTRA"}})
    assert asked.stop == ("end",)
    assert asked.reasoning is not None
    assert asked.reasoning.effort is None
    body = json.loads(GeminiClient("https://h").encode_request(asked, fixed_env()).body or b"")
    assert body["generationConfig"]["thinkingConfig"] == {"thinkingLevel": "ULTRA"}


def test_an_empty_text_beside_calls_is_not_sent() -> None:
    turn = Message("assistant", (Text(text=""), CALL))
    answered = Message("tool", (ToolResult(id="c1", parts=(Text(text=""),)),))
    picture = Message("user", (Text(text=""), Image(data="aGk=", media_type="image/png")))
    contents = sent(user("x"), turn, answered, Message("assistant", (Text(text=""),)), picture)["contents"]
    assert [[next(iter(part)) for part in content["parts"]] for content in contents] == [
        ["text"],
        ["functionCall"],
        ["functionResponse"],
        ["inlineData"],
    ]


def test_a_message_without_words_is_not_sent() -> None:
    """OllamaClient of JetBrains/koog sends an empty message of the user between calls and their results.

    Gemini refuses a request with an empty text: microsoft/autogen#5762, zuisong/gemini-openai-proxy#83.
    """
    results = (tool_result(CALL, "done"), tool_result(OTHER, "too"))
    body = sent(system(""), user("x"), system(""), Message("assistant", (CALL, OTHER)), user(""), *results)
    assert "systemInstruction" not in body
    asked, called, answered = body["contents"]
    assert asked == {"role": "user", "parts": [{"text": "x"}]}
    assert called["parts"][0]["thoughtSignature"] == SENTINEL
    assert [part["functionResponse"]["id"] for part in answered["parts"]] == ["c1", "c2"]
    with pytest.raises(InvalidRequestError, match="expected at least one with content"):
        sent(user(""))


def test_a_tool_that_is_null_is_none() -> None:
    request = received(HELLO, tools=[{"googleSearch": None, "functionDeclarations": [{"name": "f"}]}])
    assert [each.name for each in request.tools if isinstance(each, Tool)] == ["f"]
    assert len(request.tools) == 1


def test_a_signature_may_stand_alone() -> None:
    (_, message) = received(HELLO, model({"thoughtSignature": "YQ=="})).messages
    (part,) = message.parts
    assert part.opaque == OpaqueState("gemini", "YQ==")


@pytest.mark.parametrize(
    ("messages", "words"),
    [
        ((Message("user", (ToolCall(id="c", name="f"),)),), "messages[0]: expected tool calls only in an assistant's"),
        (
            (Message("tool", (ToolResult(id="c", parts=(Text(text="x"),)),)),),
            "messages[0].parts[0]: expected a call with the id of this result, or the result's name",
        ),
    ],
)
def test_what_cannot_be_said_of_calls_is_refused(messages: tuple[Message, ...], words: str) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        sent(*messages)
    assert words in str(caught.value)


def test_a_call_without_arguments_has_none() -> None:
    messages = (Message("user", (Text(text="x"),)), Message("assistant", (ToolCall(id="c", name="f", arguments=" "),)))
    assert sent(*messages)["contents"][1]["parts"][0]["functionCall"] == {"id": "c", "name": "f", "args": {}}


def test_a_file_without_bytes_cannot_stand_in_a_result() -> None:
    call = Message("assistant", (ToolCall(id="c", name="f", arguments="{}"),))
    result = ToolResult(id="c", parts=(Text(text="x"), File(name="a.txt")))
    body = sent(Message("user", (Text(text="x"),)), call, Message("tool", (result,)))
    assert "parts" not in body["contents"][2]["parts"][0]["functionResponse"]


def test_a_request_of_system_messages_alone_is_asked_by_the_user() -> None:
    body = sent(system("a"), system("b"))
    assert body["systemInstruction"]["parts"] == [{"text": "a"}]
    assert body["contents"] == [{"role": "user", "parts": [{"text": "b"}]}]
    losses = CLIENT.losses(ChatRequest(model="m", messages=(system("a"), system("b"))), SIGNED)
    assert losses == (MovedMessage("messages[1]"),)
    with pytest.raises(InvalidRequestError, match="expected at least one with content"):
        sent(Message("system", (Text(text="a"),), top_level=True))


def test_a_choice_without_functions_is_left_out_unless_it_forces_one() -> None:
    request = ChatRequest(model="m", messages=(user("x"),), tool_choice=ToolChoice("auto"))
    for tools in ((), (HostedTool(tool="web_search"),)):
        assert b"toolConfig" not in CLIENT.encode_request(replace(request, tools=tools), fixed_env()).body
    assert b"toolConfig" in CLIENT.encode_request(replace(request, tools=(Tool("f"),)), fixed_env()).body
    forced = replace(request, tool_choice=ToolChoice("required"))
    assert b'"mode":"ANY"' in CLIENT.encode_request(forced, fixed_env()).body


def test_a_call_may_have_several_results() -> None:
    result = {"functionResponse": {"id": "c1", "name": "f", "response": {"output": "x"}}}
    request = received(
        {"parts": [{"text": "x"}]},
        model({"functionCall": {"id": "c1", "name": "f"}}),
        {"role": "user", "parts": [result]},
        {"role": "user", "parts": [result]},
    )
    assert [part.id for part in (request.messages[2].parts + request.messages[3].parts)] == ["c1", "c1"]  # type: ignore[union-attr]  # results


@pytest.mark.parametrize("whole", [True, False], ids=["one content", "one content a chunk"])
def test_all_words_of_a_thought_are_those_that_its_state_vouches_for(whole: bool) -> None:
    """Anthropic refuses a signature whose thinking is not word for word what it wrote."""
    state = OpaqueState("anthropic", "c2ln", "0a1b2c3d")
    words: list[dict[str, Any]] = [{"text": "I ", "thought": True}, {"text": "thi", "thought": True}]
    words += [{"text": "nk", "thought": True}]
    words += [{"text": "", "thought": True, "thoughtSignature": wrapped_base64(state, NAME)}, {"text": "so"}]
    hi = {"role": "user", "parts": [{"text": "hi"}]}
    turn = [{"role": "model", "parts": words}] if whole else [{"role": "model", "parts": [part]} for part in words]
    said = received(hi, *turn, hi).messages[1]
    assert said.parts == (Reasoning(text="I think", form="summary", opaque=state), Text(text="so"))


def test_thoughts_that_google_has_signed_stay_as_they_came() -> None:
    words: list[dict[str, Any]] = [{"text": "I ", "thought": True}, {"text": "think", "thought": True}]
    words += [{"text": "", "thought": True, "thoughtSignature": "YQ=="}]
    said = received({"role": "user", "parts": [{"text": "hi"}]}, {"role": "model", "parts": words}).messages[1]
    assert [part.text for part in said.parts if isinstance(part, Reasoning)] == ["I ", "think", ""]
