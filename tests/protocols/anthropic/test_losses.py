"""What is asked of a service arrives in its bytes, or is named: nothing is neither."""

import json
from typing import Any

import pytest
from msgspec.structs import fields, replace

from dragoman.errors import InvalidRequestError
from dragoman.protocols.anthropic import NAME, AnthropicClient, AnthropicServer
from dragoman.protocols.anthropic.request import NEWEST_VERSION
from dragoman.protocols.speech import ALWAYS
from dragoman.types import (
    Audio,
    CacheBreakpoint,
    ChangedField,
    ChangedRole,
    ChatRequest,
    Citation,
    File,
    HostedCall,
    HostedResult,
    HostedTool,
    HttpRequest,
    Image,
    Loss,
    LostPart,
    Message,
    ModelProfile,
    MovedMessage,
    OpaqueState,
    Reasoning,
    ReasoningConfig,
    Refusal,
    ResponseFormat,
    ServerRequest,
    Text,
    Tool,
    ToolCall,
    ToolChoice,
    ToolResult,
    Unknown,
    UnknownTool,
    assistant,
    system,
    tool_result,
    user,
)
from tests.support.env import fixed_env

OLD, NEW = AnthropicClient("http://up"), AnthropicClient("http://up", version=NEWEST_VERSION)
ASK = ChatRequest(model="m", messages=(user("hi"),))
OWN = OpaqueState(NAME, "b3du", OLD.origin("m"))
CALL = ToolCall(id="c1", name="f", arguments="{}")
TOOL = Tool("f", parameters={"type": "object"})


def sent(request: ChatRequest, client: AnthropicClient = OLD) -> str:
    """The body that a service gets."""
    message = client.encode_request(client.fit(request, ModelProfile()), fixed_env())
    assert isinstance(message, HttpRequest)
    return message.body.decode()


def lost(request: ChatRequest, client: AnthropicClient = OLD) -> tuple[Loss, ...]:
    """What is named."""
    return client.losses(request, ModelProfile())


def named(request: ChatRequest, client: AnthropicClient = OLD) -> set[str]:
    """The names of it, notes too."""
    return {loss.name for loss in lost(request, client)}


SETTINGS: list[tuple[str, Any, str]] = [
    ("tools", (Tool("needle"),), "needle"),
    ("tool_choice", ToolChoice("tool", "needle"), "needle"),
    ("parallel_tool_calls", False, '"disable_parallel_tool_use":true'),
    ("response_format", ResponseFormat("json_schema", schema={"title": "needle"}), "needle"),
    ("response_format", ResponseFormat("json_object"), "needle"),
    ("max_output_tokens", 31_337, "31337"),
    ("temperature", 0.3125, "0.3125"),
    ("top_p", 0.3125, "0.3125"),
    ("top_k", 31_337, "31337"),
    ("frequency_penalty", 0.3125, "0.3125"),
    ("presence_penalty", 0.3125, "0.3125"),
    ("stop", ("needle",), "needle"),
    ("seed", 31_337, "31337"),
    ("top_logprobs", 0, "logprobs"),
    ("candidate_count", 2, "candidate"),
    ("verbosity", "needle", "needle"),
    ("service_tier", "standard", "standard_only"),
    ("service_tier", "fast", '"speed":"fast"'),
    ("service_tier", "priority", "priority"),
    ("service_tier", "flex", "flex"),
    ("service_tier", "needle", "needle"),
    ("modalities", ("needle",), "needle"),
    ("metadata", {"a": "needle"}, "needle"),
    ("user", "needle", "needle"),
    ("safety_identifier", "needle", "needle"),
    ("cache", CacheBreakpoint(), "cache_control"),
    ("cache_key", "needle", "needle"),
    ("store", True, "store"),
    ("truncate", True, "truncat"),
    ("reasoning", ReasoningConfig(mode="off"), "disabled"),
]


@pytest.mark.parametrize("client", [OLD, NEW], ids=["old", "new"])
@pytest.mark.parametrize(("name", "value", "needle"), SETTINGS)
def test_a_setting_arrives_or_is_named(name: str, value: Any, needle: str, client: AnthropicClient) -> None:
    request = replace(ASK, **{"tools": (TOOL,), name: value})
    assert (needle in sent(request, client)) is (name not in named(request, client)), named(request, client)


def test_each_setting_is_tried() -> None:
    every = {field.name for field in fields(ChatRequest)} - (ALWAYS - {"candidate_count"})
    assert {name for name, _, _ in SETTINGS} == every


REASONING: list[tuple[ReasoningConfig, str, set[str]]] = [
    (ReasoningConfig(effort="high"), '"thinking":{"type":"adaptive"},"output_config":{"effort":"high"}', set()),
    (ReasoningConfig(effort="none"), '"thinking":{"type":"disabled"}', set()),
    (ReasoningConfig(effort="minimal"), '"effort":"low"', {"reasoning.effort"}),
    (ReasoningConfig(budget_tokens=2048), '{"type":"enabled","budget_tokens":2048}', set()),
    (ReasoningConfig(budget_tokens=1), '{"type":"enabled","budget_tokens":1024}', {"reasoning.budget_tokens"}),
    (ReasoningConfig(budget_tokens=0), '"thinking":{"type":"disabled"}', set()),
    (ReasoningConfig(budget_tokens=-1), '"thinking":{"type":"adaptive"}', set()),
    (ReasoningConfig(mode="on"), '"thinking":{"type":"adaptive"}', set()),
    (ReasoningConfig(mode="adaptive", budget_tokens=2048), '{"type":"adaptive"}', {"reasoning.budget_tokens"}),
    (ReasoningConfig(mode="adaptive", display="summary"), '"display":"summarized"', set()),
    (ReasoningConfig(mode="adaptive", display="full"), '"display":"summarized"', {"reasoning.display"}),
    (ReasoningConfig(mode="adaptive", display="none"), '"display":"omitted"', set()),
    (ReasoningConfig(display="none"), '"messages"', {"reasoning.display"}),
    (ReasoningConfig(mode="off", display="none"), '{"type":"disabled"}', {"reasoning.display"}),
]


@pytest.mark.parametrize(("config", "body", "names"), REASONING)
def test_thinking_is_said_or_what_is_not_is_named(config: ReasoningConfig, body: str, names: set[str]) -> None:
    request = replace(ASK, reasoning=config)
    assert body in sent(request)
    assert named(request) == names


@pytest.mark.parametrize(
    ("tool", "needle", "name"),
    [
        (Tool("f", description="needle"), "needle", ""),
        (Tool("f", parameters={"title": "needle"}), "needle", ""),
        (Tool("f", strict=True), '"strict":true', ""),
        (Tool("f", defer_loading=True), '"defer_loading":true', ""),
        (Tool("f", cache=CacheBreakpoint(3600)), '"ttl":"1h"', ""),
        (Tool("f", cache=CacheBreakpoint(1800)), '"ttl":"1h"', "tools[0].cache.ttl"),
        (Tool("f", output={"title": "needle"}), "", "tools[0].output"),
        (Tool("f", namespace="needle"), "", "tools[0].namespace"),
        (Tool("f", input_format="text", grammar=("regex", "needle")), "needle", "tools[0].grammar"),
        (Tool("f", extra={"gemini": {"needle": 1}}), "", "tools[0].needle"),
        (UnknownTool(NAME, {"type": "needle"}), "needle", ""),
        (UnknownTool("gemini", {"type": "needle"}), "", "tools[0] (needle)"),
        (HostedTool(tool="web_search", allowed=("needle",)), "needle", ""),
        (HostedTool(tool="web_search", blocked=("needle",)), "needle", ""),
        (HostedTool(tool="web_search", location={"city": "needle"}), "needle", ""),
        (HostedTool(tool="web_search", max_uses=31_337), "31337", ""),
        (HostedTool(tool="web_search", context_size="needle"), "", "tools[0].context_size"),
        (HostedTool(tool="web_fetch", allowed=("needle",)), "needle", ""),
        (HostedTool(tool="web_fetch", location={"city": "needle"}), "", "tools[0].location"),
        (HostedTool(tool="code_execution", max_uses=31_337), "", "tools[0].max_uses"),
        (HostedTool(tool="file_search"), "", "tools[0] (file_search)"),
        (HostedTool(tool="mcp", url="needle"), "", "tools[0] (mcp)"),
    ],
)
def test_a_tool_arrives_or_is_named(tool: Any, needle: str, name: str) -> None:
    request = replace(ASK, tools=(TOOL, tool) if name.startswith("tools[1]") else (tool,))
    body = sent(request)
    assert (needle or "") in body
    assert needle or "needle" not in body
    assert named(request) == ({name} if name else set())


PARTS: list[tuple[Any, str, str]] = [
    (Text(text="needle"), "needle", ""),
    (Text(text="a", cache=CacheBreakpoint(300)), '"ttl":"5m"', ""),
    (Text(text="a", cache=CacheBreakpoint(60)), '"ttl":"5m"', ".cache.ttl"),
    (Text(text="a", opaque=OpaqueState("gemini", "needle")), "", ".opaque"),
    (Text(text="a", citations=(Citation(kind="url", url="needle"),)), "", ".citations"),
    (Text(text="a", citations=(Citation(kind="document", source=1, location=("page", 1, 31_337)),)), "31337", ""),
    (Image(url="needle"), "needle", ""),
    (Image(data="bmVlZGxl", media_type="image/png"), "bmVlZGxl", ""),
    (Image(data="bmVlZGxl", media_type="image/jpg"), '"media_type":"image/jpeg","data":"bmVlZGxl"', ""),
    (Image(data="bmVlZGxl", media_type="image/heic"), "", " (image.image/heic)"),
    (Image(data="/9j/bmVlZGxl", media_type="image/png"), '"media_type":"image/jpeg","data":"/9j/', ".media_type"),
    (Image(file_id="needle", service=NAME), "needle", ""),
    (Image(file_id="needle", service="openai-chat"), "", ".file_id"),
    (Image(url="a", detail="needle"), "", ".detail"),
    (File(url="needle"), "needle", ""),
    (File(data="bmVlZGxl", media_type="application/pdf", name="title"), '"title":"title"', ""),
    (File(data="bmVlZGxl", media_type="text/plain"), '"data":"needle"', ""),
    (File(data="bmVlZGxl", media_type="text/csv"), '"data":"needle"', ".media_type"),
    (File(data="bmVlZGxl", media_type="video/mp4"), "", " (file.video/mp4)"),
    (Audio(data="bmVlZGxl", media_type="audio/wav"), "", " (audio)"),
    (Image(data="bmVlZGxl", media_type="image/png"), "bmVlZGxl", ""),
    (Unknown(protocol=NAME, data={"type": "needle"}), "needle", ""),
    (Unknown(protocol="gemini", data={"type": "needle"}), "", " (unknown)"),
]


@pytest.mark.parametrize(("part", "needle", "name"), PARTS)
def test_a_part_arrives_or_is_named(part: Any, needle: str, name: str) -> None:
    for place, messages in {
        "messages[0].parts[1]": (Message("user", (Text(text="x"), part)),),
        "messages[2].parts[0].parts[0]": (
            user("x"),
            Message("assistant", (CALL,)),
            Message("tool", (ToolResult(id="c1", parts=(part, Text(text="x"))),)),
        ),
    }.items():
        request = replace(ASK, messages=messages)
        found = {each for each in named(request) if not each.startswith("messages[2].parts[0].parts[0] (unknown")}
        if name != ".file_id":  # always refused, so that nothing is sent
            body = sent(request)
            assert (needle or "") in body
            assert needle or ("needle" not in body and "bmVlZGxl" not in body)
        if name != " (unknown)" or place.startswith("messages[0]"):
            assert found == ({f"{place}{name}"} if name else set())


OF_MODEL: list[tuple[Any, str, str]] = [
    (Refusal(text="needle"), "needle", ""),
    (Reasoning(text="needle", opaque=OWN), '"thinking":"needle","signature":"b3du"', ""),
    (Reasoning(text="", form="redacted", opaque=replace(OWN, data="redacted.needle")), '"data":"needle"', ""),
    (Reasoning(text="needle"), "", " (reasoning)"),
    (Reasoning(text="needle", opaque=replace(OWN, origin="00000000")), "", " (reasoning)"),
    (Reasoning(text="needle", opaque=replace(OWN, protocol="gemini")), "", " (reasoning)"),
    (ToolCall(id="c1", name="f", arguments='{"a":"needle"}'), "needle", ""),
    (ToolCall(id="c1", name="f", arguments="needle", input_format="text"), '{"input":"needle"}', ""),
    (ToolCall(id="c1", name="f", arguments="{}", namespace="needle"), "", ".namespace"),
    (ToolCall(id="c1", name="f", arguments="{}", opaque=OpaqueState("gemini", "needle")), "", ".opaque"),
    (HostedCall(id="srvtoolu_needle", tool="web_search", name="web_search", arguments="{}"), "needle", ""),
    (
        HostedResult(id="needle", tool="web_search", extra={NAME: {"type": "web_search_tool_result", "content": []}}),
        "needle",
        "",
    ),
    (HostedResult(id="needle", tool="web_search", parts=(Text(text="x"),)), "", " (hosted_result)"),
    (HostedCall(id="needle", tool="image_generation"), "", " (hosted_call)"),
    (HostedCall(id="needle", tool="web_search", name="web_search"), "", " (hosted_call)"),
]


@pytest.mark.parametrize(("part", "needle", "name"), OF_MODEL)
def test_a_part_of_the_model_arrives_or_is_named(part: Any, needle: str, name: str) -> None:
    results = [tool_result(part, "done")] if isinstance(part, ToolCall) else []
    request = replace(ASK, messages=(user("x"), Message("assistant", (part, Text(text="y"))), *results, user("z")))
    body = sent(request)
    assert (needle or "") in body
    assert needle or "needle" not in body
    assert named(request) == ({f"messages[1].parts[0]{name}"} if name else set())


def test_systems_between_turns_are_told_or_have_turns_of_their_own() -> None:
    request = replace(
        ASK,
        messages=(
            system("a"),
            Message("developer", (Text(text="b"),)),
            user("x"),
            system("c"),
            assistant("y"),
            system("d"),
        ),
    )
    old, new = json.loads(sent(request)), json.loads(sent(request, NEW))
    assert [each["text"] for each in old["system"]] == ["a", "b"]
    assert [turn["role"] for turn in old["messages"]] == ["user", "assistant", "user"]
    assert old["messages"][0]["content"][1]["text"] == "<system>\nc\n</system>"
    assert [turn["role"] for turn in new["messages"]] == ["user", "system", "assistant", "user"]
    assert new["messages"][1]["content"] == "c"
    assert new["messages"][3]["content"] == "<system>\nd\n</system>"
    role = ChangedRole("messages[1].role")
    assert set(lost(request)) == {role, MovedMessage("messages[3]"), MovedMessage("messages[5]")}
    assert set(lost(request, NEW)) == {role, MovedMessage("messages[5]")}


def test_what_else_a_told_message_of_the_system_holds_is_told_too() -> None:
    picture = Image(data="iVBORw0KGgoA", media_type="image/png")
    words = Text(text="c", cache=CacheBreakpoint())
    told = Message("system", (words, picture))
    silent = Message("system", (Text(text=""),))
    (turn,) = json.loads(sent(replace(ASK, messages=(user("x"), told, silent))))["messages"]
    assert [block["type"] for block in turn["content"]] == ["text", "text", "image"]
    assert turn["content"][1] == {
        "type": "text",
        "text": "<system>\nc\n</system>",
        "cache_control": {"type": "ephemeral"},
    }


def test_results_come_first_and_in_the_order_of_the_calls() -> None:
    calls = tuple(replace(CALL, id=name) for name in ("a", "b", "c"))
    results = [Message("tool", (ToolResult(id=name, parts=()),)) for name in ("c", "a", "b")]
    request = replace(ASK, messages=(user("x"), Message("assistant", calls), user("wait"), *results, user("so?")))
    turns = json.loads(sent(request))["messages"]
    assert [turn["role"] for turn in turns] == ["user", "assistant", "user"]
    assert [block.get("tool_use_id") or block["text"] for block in turns[2]["content"]] == [
        "a",
        "b",
        "c",
        "wait",
        "so?",
    ]


def test_results_of_two_turns_of_the_model_in_a_row_come_in_the_order_of_all_their_calls() -> None:
    turns = [
        {"role": "user", "content": "x"},
        {"role": "assistant", "content": [{"type": "tool_use", "id": "a", "name": "f", "input": {}}]},
        {"role": "assistant", "content": [{"type": "tool_use", "id": "b", "name": "f", "input": {}}]},
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": each, "content": each} for each in "ab"]},
    ]
    body = json.dumps({"model": "m", "max_tokens": 9, "messages": turns}).encode()
    request = AnthropicServer().decode_request(ServerRequest(method="POST", path="/v1/messages", body=body))
    assert json.loads(sent(request))["messages"] == turns
    *before, results = request.messages
    swapped = replace(request, messages=(*before, replace(results, parts=results.parts[::-1])))
    assert json.loads(sent(swapped))["messages"] == turns


@pytest.mark.parametrize("blank", [" ", "\n\n", ""])
def test_a_text_of_white_space_alone_is_left_out(blank: str) -> None:
    messages = (
        Message("system", (Text(text=blank),), top_level=True),
        user("x"),
        Message("assistant", (Text(text=blank), CALL)),
        Message("tool", (ToolResult(id="c1", parts=(Text(text=blank),)),)),
        assistant(blank),
        Message("user", (Text(text=blank), Text(text=" y "))),
    )
    body = json.loads(sent(replace(ASK, messages=messages)))
    assert "system" not in body
    asked, called, answered, more = body["messages"]
    assert asked["content"] == "x"
    assert [block["type"] for block in called["content"]] == ["tool_use"]
    assert answered["content"] == [{"type": "tool_result", "tool_use_id": "c1", "content": blank}]  # it may be nothing
    assert more == {"role": "user", "content": [{"type": "text", "text": " y "}]}


def test_a_choice_without_tools_is_left_out_unless_it_forces_one() -> None:
    for choice in (ToolChoice("auto"), ToolChoice("none")):
        request = replace(ASK, tool_choice=choice, parallel_tool_calls=True)
        assert "tool_choice" not in sent(request)
        assert named(request) == set()
        foreign = replace(request, tools=(UnknownTool("gemini", {"x": {}}),))
        assert "tool_choice" not in sent(foreign)
    assert '"tool_choice":{"type":"any"}' in sent(replace(ASK, tool_choice=ToolChoice("required")))


def test_thinking_is_off_while_the_model_waits_for_results_of_calls_without_it() -> None:
    config = ReasoningConfig(mode="on", budget_tokens=2048)
    asked = (user("x"), Message("assistant", (Reasoning(text="hm", opaque=OWN), CALL)))
    answered = Message("tool", (ToolResult(id="c1", parts=()),))
    own = replace(ASK, messages=(*asked, answered), reasoning=config)
    foreign = replace(own, messages=(user("x"), Message("assistant", (Reasoning(text="hm"), CALL)), answered))
    over = replace(foreign, messages=(*foreign.messages, assistant("y"), user("z")))
    assert '"budget_tokens":2048' in sent(own)
    assert named(own) == set()
    assert '"thinking":{"type":"disabled"}' in sent(foreign)
    assert set(lost(foreign)) == {LostPart("messages[1].parts[0] (reasoning)"), ChangedField("reasoning")}
    assert '"budget_tokens":2048' in sent(over)


def test_two_ids_of_one_user_are_not_told_as_one() -> None:
    request = replace(ASK, user="a", safety_identifier="b")
    assert '"user_id":"a"' in sent(request)
    assert named(request) == {"safety_identifier"}
    assert named(replace(request, safety_identifier="a")) == set()


def test_a_temperature_above_the_protocol_s_own_is_brought_down() -> None:
    request = replace(ASK, temperature=1.7)
    assert '"temperature":1.0' in sent(request)
    assert lost(request) == (ChangedField("temperature"),)


def test_a_request_of_system_messages_alone_is_asked_by_the_user() -> None:
    request = replace(ASK, messages=(system("a"), system("b")))
    body = json.loads(sent(request))
    assert (body["system"], body["messages"]) == ("a", [{"role": "user", "content": "b"}])
    assert lost(request) == (MovedMessage("messages[1]"),)


@pytest.mark.parametrize(
    "last", [user(""), user(" \n"), Message("user", (Audio(data="aGk="),)), Message("tool", (Unknown("gemini", {}),))]
)
def test_an_answer_is_not_continued_because_what_follows_it_cannot_be_said(last: Message) -> None:
    request = replace(ASK, messages=(user("a"), assistant("b"), last))
    with pytest.raises(InvalidRequestError, match="expected content") as caught:
        sent(request)
    assert caught.value.param == "messages[2]"
    assert sent(replace(request, messages=request.messages[:2]))


@pytest.mark.parametrize(
    "request_",
    [
        replace(ASK, messages=(assistant(""),)),
        replace(ASK, messages=(Message("system", (Text(text="a"),), top_level=True),)),
    ],
)
def test_a_request_in_which_nobody_says_anything_is_refused(request_: ChatRequest) -> None:
    with pytest.raises(InvalidRequestError, match="expected at least one with content"):
        sent(request_)


@pytest.mark.parametrize(
    ("part", "words"),
    [
        (Image(), "an image: expected its url, its data or its file, got none of them"),
        (Image(data="AAAA"), "an image: expected its media type, or data that tells it"),
        (ToolCall(id="c1", name="f", arguments="[1]"), "the arguments of the tool call 'c1': expected a JSON object"),
    ],
)
def test_a_part_that_says_too_little_is_refused(part: Any, words: str) -> None:
    turn = Message("assistant" if isinstance(part, ToolCall) else "user", (part,))
    with pytest.raises(InvalidRequestError, match=words) as caught:
        OLD.encode_request(replace(ASK, messages=(user("x"), turn)), fixed_env())
    assert caught.value.param == "messages[1].parts[0]"


def test_a_lifetime_that_a_cache_does_not_have_is_named() -> None:
    assert named(replace(ASK, cache=CacheBreakpoint(300))) == set()
    assert named(replace(ASK, cache=CacheBreakpoint(7))) == {"cache.ttl"}


def test_a_form_has_one_description() -> None:
    form = ResponseFormat("json_schema", name="n", schema={"description": "a"}, description="a")
    assert "response_format.description" not in named(replace(ASK, response_format=form))
    assert "response_format.description" in named(replace(ASK, response_format=replace(form, description="b")))


def test_results_without_any_turn_of_the_model_need_no_thinking_switched_off() -> None:
    results = (Message("tool", (ToolResult(id="c1", parts=(Text(text="x"),)),)),)
    asked = replace(ASK, messages=results, reasoning=ReasoningConfig(budget_tokens=2048))
    assert '{"type":"enabled","budget_tokens":2048}' in sent(asked)
