"""Nothing is dropped in silence: each value that a request or an answer may have is in the bytes, or a loss names it.

A sample of each field has a mark in it that stands nowhere else.
"""

import json
from typing import Any

import pytest
from msgspec.structs import fields

from dragoman.protocols.answer_losses import AnswerLosses
from dragoman.protocols.ollama import OllamaClient, OllamaServer
from dragoman.types import (
    AnyPart,
    AnyTool,
    Audio,
    CacheBreakpoint,
    ChatRequest,
    Citation,
    File,
    HostedCall,
    HostedResult,
    HostedTool,
    HttpRequest,
    Image,
    Message,
    Metadata,
    ModelProfile,
    OpaqueState,
    PartDelta,
    PartEnd,
    PartStart,
    Reasoning,
    ReasoningConfig,
    Refusal,
    ResponseEnd,
    ResponseFormat,
    ResponseStart,
    ServerRequest,
    StreamEvent,
    Text,
    TokenLogprob,
    Tool,
    ToolCall,
    ToolChoice,
    ToolResult,
    Unknown,
    UnknownTool,
    Usage,
    fold,
    user,
)
from tests.support.env import fixed_env

SERVER, CLIENT = OllamaServer(), OllamaClient("http://127.0.0.1:11434")
MARK = "m4rk"
PNG = "iVBORw0KGgo="
CACHE, STATE, EXTRA = CacheBreakpoint(), OpaqueState("other", MARK), {"other": {MARK: 1}}

FIELDS: dict[str, Any] = {
    "model": MARK,
    "messages": (user(MARK),),
    "tools": (Tool(MARK),),
    "tool_choice": ToolChoice("required"),
    "parallel_tool_calls": False,
    "response_format": ResponseFormat("json_schema", schema={MARK: 1}),
    "max_output_tokens": 77,
    "temperature": 0.77,
    "top_p": 0.77,
    "top_k": 77,
    "frequency_penalty": 0.77,
    "presence_penalty": 0.77,
    "stop": (MARK,),
    "seed": 77,
    "reasoning": ReasoningConfig(mode="on"),
    "top_logprobs": 7,
    "candidate_count": 2,
    "verbosity": "low",
    "service_tier": "flex",
    "modalities": ("audio",),
    "metadata": {"a": "b"},
    "user": "u",
    "safety_identifier": "u",
    "cache": CACHE,
    "cache_key": "k",
    "store": True,
    "truncate": True,
    "extra": EXTRA,
}
SPOKEN = {
    "temperature": '"temperature":0.77',
    "top_p": '"top_p":0.77',
    "top_k": '"top_k":77',
    "frequency_penalty": '"frequency_penalty":0.77',
    "presence_penalty": '"presence_penalty":0.77',
    "max_output_tokens": '"num_predict":77',
    "seed": '"seed":77',
    "reasoning": '"think":true',
    "top_logprobs": '"logprobs":true,"top_logprobs":7',
    "truncate": '"truncate":true',
}
"""What the bytes have if a field's own mark is no text."""
UNKNOWN = ModelProfile()
OF_HOUSE = {"stream", "trace", "source", "include_usage", "essential", "silent", "compact"}
"""Fields that are not the service's business."""


def taken(request: ChatRequest, profile: ModelProfile = UNKNOWN) -> tuple[str, set[str]]:
    """The bytes that the service gets, and the names of what it does not."""
    losses = CLIENT.losses(request, profile)
    message = CLIENT.encode_request(CLIENT.fit(request, profile), fixed_env())
    assert isinstance(message, HttpRequest)
    return message.body.decode(), {loss.name for loss in losses}


def test_every_field_of_a_request_has_a_sample() -> None:
    assert FIELDS.keys() | OF_HOUSE == {field.name for field in fields(ChatRequest)}


@pytest.mark.parametrize("name", FIELDS)
def test_a_field_of_a_request_is_said_or_named(name: str) -> None:
    said, lost = taken(ChatRequest(**{"model": "m", "messages": (user("x"),)} | {name: FIELDS[name]}))
    place = MARK if name == "extra" else name
    assert (SPOKEN.get(name, MARK) in said) is not (place in lost)


@pytest.mark.parametrize(
    ("config", "told", "lost"),
    [
        (ReasoningConfig(mode="off"), False, set()),
        (ReasoningConfig(mode="on"), True, set()),
        (ReasoningConfig(mode="adaptive"), True, {"reasoning.mode"}),
        (ReasoningConfig(effort="none"), False, set()),
        (ReasoningConfig(effort="low"), "low", set()),
        (ReasoningConfig(effort="minimal"), "low", {"reasoning.effort"}),
        (ReasoningConfig(effort="xhigh"), "high", {"reasoning.effort"}),
        (ReasoningConfig(effort="utmost"), True, {"reasoning.effort"}),
        (ReasoningConfig(mode="on", effort="medium"), "medium", set()),
        (ReasoningConfig(mode="off", effort="high"), False, {"reasoning.effort"}),
        (ReasoningConfig(budget_tokens=0), False, set()),
        (ReasoningConfig(budget_tokens=4096), True, {"reasoning.budget_tokens"}),
        (ReasoningConfig(display="summary"), None, {"reasoning.display"}),
        (ReasoningConfig(extra=EXTRA), None, {f"reasoning.{MARK}"}),
    ],
)
def test_thinking_arrives_as_the_nearest_that_there_is(
    config: ReasoningConfig, told: bool | str | None, lost: set[str]
) -> None:
    said, named = taken(
        ChatRequest(model="m", messages=(user("x"),), reasoning=config), ModelProfile(thinking_levels=True)
    )
    assert json.loads(said).get("think") == told
    assert named == lost


@pytest.mark.parametrize("effort", ["low", "high", "max", "utmost"])
@pytest.mark.parametrize("profile", [ModelProfile(), ModelProfile(thinking_levels=False)])
def test_of_a_model_that_has_no_efforts_only_thinking_is_asked(effort: str, profile: ModelProfile) -> None:
    # "think value "medium" is not supported for this model", ollama/ollama#12561
    for config in (ReasoningConfig(effort=effort), ReasoningConfig("adaptive", effort)):
        said, named = taken(ChatRequest(model="m", messages=(user("x"),), reasoning=config), profile)
        assert json.loads(said)["think"] is True
        assert "reasoning.effort" in named


@pytest.mark.parametrize("effort", ["low", "max"])
def test_an_effort_that_a_caller_of_this_protocol_said_stays(effort: str) -> None:
    body = json.dumps({"model": "m", "messages": [{"role": "user", "content": "x"}], "think": effort}).encode()
    said, named = taken(OllamaServer().decode_request(ServerRequest(method="POST", path="/api/chat", body=body)))
    assert json.loads(said)["think"] == effort
    assert named == set()


@pytest.mark.parametrize(
    ("form", "told", "lost"),
    [
        (ResponseFormat("text"), None, set()),
        (ResponseFormat("json_object"), "json", set()),
        (
            ResponseFormat("json_schema", "n", {"type": "x"}, "d", strict=True),
            {"title": "n", "description": "d", "type": "x"},
            set(),
        ),
        (ResponseFormat("json_schema", "n", {"title": "t"}), {"title": "t"}, set()),
        (ResponseFormat("json_schema", "n"), "json", {"response_format"}),
        (
            ResponseFormat("json_schema", None, {"description": "c"}, "d"),
            {"description": "c"},
            {"response_format.description"},
        ),
        (ResponseFormat("json_schema", schema={}, strict=False), {}, {"response_format.strict"}),
        (ResponseFormat("json_object", extra=EXTRA), "json", {f"response_format.{MARK}"}),
    ],
)
def test_the_form_of_the_answer(form: ResponseFormat, told: Any, lost: set[str]) -> None:
    said, named = taken(ChatRequest(model="m", messages=(user("x"),), response_format=form))
    assert (json.loads(said).get("format"), named) == (told, lost)


@pytest.mark.parametrize(
    ("tool", "lost"),
    [
        (Tool(MARK, strict=False), set()),
        (Tool("t", description=MARK), set()),
        (Tool("t", parameters={MARK: 1}), set()),
        (Tool("t", strict=True), {"tools[0].strict"}),
        (Tool("t", input_format="text", grammar=("regex", MARK)), {"tools[0].grammar"}),
        (Tool("t", output={MARK: 1}), {"tools[0].output"}),
        (Tool("t", defer_loading=True), {"tools[0].defer_loading"}),
        (Tool("t", namespace=MARK), {"tools[0].namespace"}),
        (Tool("t", cache=CACHE), {"tools[0].cache"}),
        (Tool("t", extra=EXTRA), {f"tools[0].{MARK}"}),
        (HostedTool(tool="web_search"), {"tools[0] (web_search)"}),
        (UnknownTool("other", {"type": MARK}), {f"tools[0] ({MARK})"}),
        (UnknownTool("ollama", {"type": MARK}), set()),
    ],
)
def test_what_a_tool_says_is_said_or_named(tool: AnyTool, lost: set[str]) -> None:
    said, named = taken(ChatRequest(model="m", messages=(user("x"),), tools=(tool,)))
    assert named == lost
    assert lost or MARK in said


def test_what_the_service_does_anyway_is_not_named() -> None:
    request = ChatRequest(
        model="m", messages=(user("x"),), tool_choice=ToolChoice("auto"), parallel_tool_calls=True, store=False
    )
    assert taken(request)[1] == set()


AT = "messages[0].parts[0]"


@pytest.mark.parametrize(
    ("role", "part", "lost"),
    [
        ("user", Text(text=MARK), set()),
        ("user", Text(text=MARK, cache=CACHE), {f"{AT}.cache"}),
        ("user", Text(text=MARK, extra=EXTRA), {f"{AT}.{MARK}"}),
        ("assistant", Text(text=MARK, opaque=STATE), {f"{AT}.opaque"}),
        ("assistant", Text(text=MARK, citations=(Citation(kind="url", url="u"),)), {f"{AT}.citations.url"}),
        ("assistant", Refusal(text=MARK), {f"{AT} (refusal)"}),
        ("assistant", Reasoning(text=MARK), set()),
        ("assistant", Reasoning(text=MARK, form="summary"), {f"{AT}.form"}),
        ("assistant", Reasoning(text="", form="redacted", opaque=STATE), {f"{AT}.form", f"{AT}.opaque"}),
        ("user", Image(data=PNG, media_type="image/png"), set()),
        ("user", Image(data=PNG), set()),
        ("user", Image(data=PNG, media_type="image/avif"), {f"{AT}.media_type"}),
        ("user", Image(data=PNG, detail="high"), {f"{AT}.detail"}),
        ("user", Image(url="https://h/x.png"), {f"{AT} (image.url)"}),
        ("user", Image(file_id="f", service="other"), {f"{AT}.file_id"}),
        ("user", Audio(data=PNG), {f"{AT} (audio)"}),
        ("user", File(data=PNG), {f"{AT} (file)"}),
        ("assistant", ToolCall(id="c", name="f", arguments=f'{{"{MARK}":1}}'), set()),
        ("assistant", ToolCall(id="c", name="f", arguments=MARK, input_format="text"), set()),
        ("assistant", ToolCall(id="c", name="f", namespace="n"), {f"{AT}.namespace"}),
        ("tool", ToolResult(id="c", parts=(Text(text=MARK),), name="f"), set()),
        ("tool", ToolResult(id="c", parts=(Image(data=PNG),)), set()),
        ("tool", ToolResult(id="c", parts=(), is_error=True), {f"{AT}.is_error"}),
        ("tool", ToolResult(id="c", parts=(Audio(data=PNG),)), {f"{AT}.parts[0] (audio)"}),
        ("tool", ToolResult(id="c", parts=(File(data=PNG),)), {f"{AT}.parts[0] (file)"}),
        ("assistant", HostedCall(id="c", tool="web_search"), {f"{AT} (hosted_call)"}),
        ("assistant", HostedResult(id="c", tool="web_search"), {f"{AT} (hosted_result)"}),
        ("user", Unknown(protocol="other", data={}), {f"{AT} (unknown)"}),
        ("user", Unknown(protocol="ollama", data={"x": MARK}), set()),
    ],
)
def test_what_a_part_says_is_said_or_named(role: Any, part: AnyPart, lost: set[str]) -> None:
    said, named = taken(ChatRequest(model="m", messages=(Message(role, (part,)),)))
    assert named == lost
    assert lost or MARK in said or PNG in said


def test_what_a_message_says_is_said_or_named() -> None:
    messages = (Message("developer", (Text(text="a"),), name="n", extra=EXTRA), user("b"), Message("system", (), None))
    said, named = taken(ChatRequest(model="m", messages=messages))
    assert [each["role"] for each in json.loads(said)["messages"]] == ["system", "user", "system"]
    assert named == {"messages[0].name", "messages[0].role", f"messages[0].{MARK}"}


@pytest.mark.parametrize("path", ["/api/chat", "/api/generate"])
@pytest.mark.parametrize("stream", [True, False])
def test_what_an_answer_says_is_said_or_named(path: str, stream: bool) -> None:
    probability = TokenLogprob("tok", -0.5, bytes=(116,), top=(TokenLogprob("alt", -1.5),))
    events: list[StreamEvent] = [
        ResponseStart("id", "model-name", 1_795_230_435, extra={"other": {"start_field": 1}}),
        PartStart(Reasoning(text="")),
        PartDelta("thinking-words"),
        PartEnd(STATE),
        PartStart(Text(text="")),
        PartDelta("text-words", (probability,)),
        Metadata(citations=(Citation(kind="url", url="u"),)),
        PartEnd(extra={"other": {"part_field": 1}}),
        PartStart(Refusal(text="")),
        PartDelta("refusal-words"),
        PartEnd(),
        PartStart(Image(data=PNG)),
        PartEnd(),
        PartStart(HostedCall(id="h", tool="web_search")),
        PartEnd(),
        ResponseEnd(
            "content_filter",
            Usage(7, 8, details={"input.audio": 1}),
            "SAFETY",
            "stop-words",
            extra={"other": {"end_field": 1}, "ollama": {"total_duration": 99, "message.x": 5}},
            detail="why",
        ),
    ]
    body = {"model": "m", "messages": [{"role": "user", "content": "x"}], "prompt": "x"}
    request = SERVER.decode_request(_call(body, path))
    if stream:
        data = SERVER.encoder(request, fixed_env()).send(events)
    else:
        data = SERVER.encode_response(fold(events), request, fixed_env()).body
    told = AnswerLosses(SERVER.expresses, SERVER.name)
    told.read(events)
    assert {loss.name for loss in told.found} == {
        "answer.start_field",
        "answer.reasoning.opaque",
        "answer.text.citations.url",
        "answer.part_field",
        "answer.image",
        "answer.hosted_call",
        "answer.usage.details",
        "answer.stop_sequence",
        "answer.end_field",
        "answer.detail",
    }
    lines = [json.loads(line) for line in data.decode().split("\n") if line]
    said = [line["message"] if path == "/api/chat" else line for line in lines]
    assert "".join(each.get("thinking", "") for each in said) == "thinking-words"
    assert "".join(each["content" if path == "/api/chat" else "response"] for each in said) == "text-wordsrefusal-words"
    assert [each for line in lines for each in line.get("logprobs", ())] == [
        {"token": "tok", "logprob": -0.5, "bytes": [116], "top_logprobs": [{"token": "alt", "logprob": -1.5}]}
    ]
    assert {line["model"] for line in lines} == {"model-name"}
    assert {line["created_at"] for line in lines} == {"2026-11-21T03:07:15.000000Z"}
    last = lines[-1]
    assert (last["done_reason"], last["prompt_eval_count"], last["eval_count"], last["total_duration"]) == (
        "content_filter",
        7,
        8,
        99,
    )
    assert said[-1].get("x") == 5 or path == "/api/generate"


def _call(body: dict[str, Any], path: str) -> ServerRequest:
    return ServerRequest(method="POST", path=path, body=json.dumps(body).encode())


@pytest.mark.parametrize("function", [{"name": "f"}, {"name": "f", "arguments": None}, {"name": "f", "arguments": {}}])
def test_a_call_without_arguments_has_an_empty_object(function: dict[str, Any]) -> None:
    messages = [{"role": "user", "content": "x"}, {"role": "assistant", "tool_calls": [{"function": function}]}]
    body = json.dumps({"model": "m", "messages": [*messages, {"role": "tool", "content": "y"}]}).encode()
    request = OllamaServer().decode_request(ServerRequest(method="POST", path="/api/chat", body=body))
    (call,) = request.messages[1].parts
    assert isinstance(call, ToolCall)
    assert call.arguments == "{}"
    assert json.loads(taken(request)[0])["messages"][1]["tool_calls"][0]["function"]["arguments"] == {}
