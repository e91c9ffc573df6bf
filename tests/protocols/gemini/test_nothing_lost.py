"""Nothing is lost in silence: what a request says is in the bytes, or named."""

from typing import Any

import pytest
from msgspec.structs import fields, replace

from dragoman.protocols.gemini import NAME, GeminiClient
from dragoman.protocols.reasoning import budget_of
from dragoman.types import (
    AnyPart,
    Audio,
    CacheBreakpoint,
    ChatRequest,
    Citation,
    File,
    HostedCall,
    HostedResult,
    HostedTool,
    Image,
    Message,
    ModelProfile,
    OpaqueState,
    Reasoning,
    ReasoningConfig,
    Refusal,
    ResponseFormat,
    Text,
    TokenLogprob,
    Tool,
    ToolCall,
    ToolChoice,
    ToolResult,
    Unknown,
    UnknownTool,
    assistant,
    names,
    user,
)
from tests.support.env import fixed_env

MARK = "marker-7491"
NUMBER = 7491
PLAIN = ChatRequest(model="m", messages=(user("x"),))
TOOL = Tool("f")
CALL = ToolCall(id="c1", name="f", arguments="{}")
STATE = OpaqueState("anthropic", MARK, "elsewhere")
PNG = "iVBORw0KGgo="

SAID: dict[str, tuple[Any, ...]] = {
    "tools": (
        (replace(TOOL, description=MARK),),
        (replace(TOOL, parameters={"title": MARK}),),
        (replace(TOOL, output={"title": MARK}),),
        (replace(TOOL, strict=True),),
        (replace(TOOL, namespace=MARK),),
        (replace(TOOL, defer_loading=True),),
        (replace(TOOL, cache=CacheBreakpoint(NUMBER)),),
        (replace(TOOL, extra={"anthropic": {MARK: 1}}),),
        (replace(TOOL, extra={NAME: {MARK: 1}}),),
        (replace(TOOL, input_format="text", grammar=("lark", MARK)),),
        (HostedTool(tool="web_search", allowed=(MARK,)),),
        (HostedTool(tool="web_search", blocked=(MARK,)),),
        (HostedTool(tool="web_search", location={"city": MARK}),),
        (HostedTool(tool="web_search", max_uses=NUMBER),),
        (HostedTool(tool="web_search", context_size=MARK),),
        (HostedTool(tool="code_execution", cache=CacheBreakpoint()),),
        (HostedTool(tool="file_search", extra={NAME: {"fileSearchStoreNames": [MARK]}}),),
        (HostedTool(tool="mcp", label="l", url=MARK, authorization="a"),),
        (HostedTool(tool="shell"),),
        (UnknownTool(NAME, {MARK: {}}),),
        (UnknownTool("anthropic", {"type": MARK}),),
    ),
    "tool_choice": (
        ToolChoice("required"),
        ToolChoice("none"),
        ToolChoice("auto"),
        ToolChoice("tool", MARK),
        ToolChoice("auto", names=(MARK,)),
        ToolChoice("required", names=(MARK, "f")),
        ToolChoice("tool", hosted="web_search"),
    ),
    "parallel_tool_calls": (False,),  # True is what the service does anyway
    "response_format": (
        ResponseFormat("json_object"),
        ResponseFormat("text"),
        ResponseFormat("json_schema", name=MARK),
        ResponseFormat("json_schema", schema={"description": MARK}),
        ResponseFormat("json_schema", description=MARK),
        ResponseFormat("json_schema", strict=False),
        ResponseFormat("json_object", extra={"anthropic": {MARK: 1}}),
    ),
    "max_output_tokens": (NUMBER,),
    "temperature": (0.7491,),
    "top_p": (0.7491,),
    "top_k": (NUMBER,),
    "frequency_penalty": (0.7491,),
    "presence_penalty": (0.7491,),
    "stop": ((MARK,),),
    "seed": (NUMBER,),
    "reasoning": (
        ReasoningConfig(mode="off"),
        ReasoningConfig(mode="on"),
        ReasoningConfig(mode="adaptive"),
        ReasoningConfig(mode="off", budget_tokens=NUMBER),
        ReasoningConfig(mode="off", effort="high"),
        ReasoningConfig(effort="none"),
        *(ReasoningConfig(effort=effort) for effort in ("minimal", "low", "medium", "high", "xhigh", "max", MARK)),
        ReasoningConfig(budget_tokens=NUMBER),
        ReasoningConfig(effort="low", budget_tokens=NUMBER),
        ReasoningConfig(display="none"),
        ReasoningConfig(display="summary"),
        ReasoningConfig(display="full"),
        ReasoningConfig(effort="low", extra={"anthropic": {MARK: 1}}),
    ),
    "top_logprobs": (0, 7),
    "candidate_count": (2,),
    "verbosity": (MARK,),
    "service_tier": ("flex", "standard", "priority", "fast", MARK),
    "modalities": (("image",),),
    "metadata": ({"k": MARK},),
    "user": (MARK,),
    "safety_identifier": (MARK,),
    "cache": (CacheBreakpoint(),),
    "cache_key": (MARK,),
    "store": (True, False),
    "truncate": (True,),  # False is what the service does anyway
    "extra": ({NAME: {MARK: 1}}, {"anthropic": {MARK: 1}}, {NAME: {f"generationConfig.{MARK}": 1}}),
    "essential": (),
    "silent": (),
    "source": (),
    "trace": (),
    "compact": (),
    "model": (MARK,),
    "stream": (),
    "include_usage": (),
    "messages": (),
}
"""Each field to values that it may have, and that differ from what is not set."""

PARTS: tuple[AnyPart, ...] = (
    Text(text=MARK),
    Text(text="x", citations=(Citation(kind="url", url=MARK),)),
    Text(text="x", logprobs=(TokenLogprob("x", -1.0),)),
    Text(text="x", cache=CacheBreakpoint()),
    Text(text="x", extra={"anthropic": {MARK: 1}}),
    Text(text="x", opaque=STATE),
    Text(text="x", opaque=OpaqueState(NAME, MARK)),
    Refusal(text=MARK),
    Reasoning(text=MARK),
    Reasoning(text="x", opaque=STATE),
    Reasoning(text="", form="redacted", opaque=STATE),
    Reasoning(text="", form="redacted", opaque=OpaqueState(NAME, MARK)),
    Image(url=f"https://{MARK}/a.png"),
    Image(data=PNG),
    Image(data=PNG, detail="high"),
    Image(data=PNG, detail="auto"),
    Image(data=PNG, detail=MARK),
    Image(file_id=MARK, service="anthropic"),
    Image(file_id=MARK, service=NAME),
    Audio(data="AAAA", media_type="audio/wav", transcript=MARK),
    Audio(url=f"https://{MARK}/a.mp3"),
    File(url=f"https://{MARK}/a.pdf"),
    File(data="AAAA", media_type="application/pdf", name=MARK),
    HostedCall(id=MARK, tool="web_search", arguments="{}"),
    HostedResult(id=MARK, tool="web_search"),
    Unknown(protocol=NAME, data={MARK: 1}),
    Unknown(protocol="anthropic", data={"type": MARK}),
    replace(CALL, id=MARK),
    replace(CALL, name=MARK),
    replace(CALL, namespace=MARK),
    replace(CALL, arguments=f'{{"a":"{MARK}"}}'),
    replace(CALL, arguments=MARK, input_format="text"),
    replace(CALL, opaque=STATE),
)

RESULTS = (
    ToolResult(id="c1", parts=(Text(text=MARK),)),
    ToolResult(id="c1", parts=(Text(text=f'{{"a":"{MARK}"}}'),)),
    ToolResult(id="c1", parts=(Text(text="x"),), is_error=True),
    ToolResult(id="c1", parts=(Text(text="x"), Text(text=MARK))),
    ToolResult(id="c1", parts=(Image(url=f"https://{MARK}/a.png"),)),
    ToolResult(id="c1", parts=(File(data="AAAA", media_type="application/pdf", name=MARK),)),
    ToolResult(id="c1", parts=(Audio(data="AAAA", media_type=f"audio/{MARK}"),)),
    ToolResult(id="c1", parts=(Unknown(protocol="anthropic", data={MARK: 1}),)),
    ToolResult(id="c1", parts=(Text(text="x"),), extra={"anthropic": {MARK: 1}}),
    ToolResult(id="c1", parts=(Text(text="x"),), name=MARK),
    ToolResult(id="c1", parts=(Text(text="x", cache=CacheBreakpoint()),)),
)

PROFILES = (ModelProfile(), ModelProfile(thinking_levels=False))
SERVICES = (GeminiClient("https://h", enterprise=True), GeminiClient("https://h", enterprise=False))


def differs(request: ChatRequest, plain: ChatRequest, codec: GeminiClient, profile: ModelProfile) -> bool:
    """Whether the two are sent in different ways."""
    return sent(request, codec, profile) != sent(plain, codec, profile)


def sent(request: ChatRequest, codec: GeminiClient, profile: ModelProfile) -> tuple[str, bytes]:
    """The URL and the body."""
    env = fixed_env()
    message = codec.encode_request(codec.fit(request, profile), replace(env, profile=profile))
    return message.url, message.body


def named(request: ChatRequest, codec: GeminiClient, profile: ModelProfile) -> tuple[str, ...]:
    """The losses that count, and those that only change the form."""
    return tuple(loss.name for loss in codec.losses(request, profile))


def test_every_field_of_a_request_is_tried() -> None:
    assert set(SAID) == {field.name for field in fields(ChatRequest)}


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize("codec", SERVICES, ids=["enterprise", "plain"])
@pytest.mark.parametrize("name", [name for name, values in SAID.items() if values])
def test_a_field_is_sent_or_named(name: str, codec: GeminiClient, profile: ModelProfile) -> None:
    plain = replace(PLAIN, tools=(TOOL,)) if name.startswith("tool") else PLAIN
    for value in SAID[name]:
        request = replace(plain, **{name: value})
        body = b"".join(map(str.encode, [sent(request, codec, profile)[0]])) + sent(request, codec, profile)[1]
        found = named(request, codec, profile)
        marked = MARK.encode() in body or str(NUMBER).encode() in body
        assert found or marked or differs(request, plain, codec, profile), value
        if MARK in repr(value) or str(NUMBER) in repr(value):
            assert found or marked, value


@pytest.mark.parametrize("codec", SERVICES, ids=["enterprise", "plain"])
@pytest.mark.parametrize("part", PARTS, ids=repr)
def test_a_part_is_sent_or_named(part: AnyPart, codec: GeminiClient) -> None:
    turn = Message("assistant", (Text(text="before"), part))
    request = replace(PLAIN, messages=(user("x"), turn))
    plain = replace(PLAIN, messages=(user("x"), assistant("before")))
    found, body = named(request, codec, ModelProfile()), sent(request, codec, ModelProfile())[1]
    place = [name for name in found if name.startswith("messages[1].parts[1]")]
    assert place or differs(request, plain, codec, ModelProfile())
    if MARK in repr(part):
        assert place or MARK.encode() in body


@pytest.mark.parametrize("codec", SERVICES, ids=["enterprise", "plain"])
@pytest.mark.parametrize("result", RESULTS, ids=repr)
def test_a_result_is_sent_or_named(result: ToolResult, codec: GeminiClient) -> None:
    def asked(result: ToolResult) -> ChatRequest:
        turns = (user("x"), Message("assistant", (CALL,)), Message("tool", (result,)))
        return replace(PLAIN, messages=turns)

    request, plain = asked(result), asked(ToolResult(id="c1", parts=(Text(text="x"),)))
    found, body = named(request, codec, ModelProfile()), sent(request, codec, ModelProfile())[1]
    assert found or differs(request, plain, codec, ModelProfile())
    if MARK in repr(result):
        assert found or MARK.encode() in body


def test_who_speaks_is_sent_or_named() -> None:
    codec, profile = SERVICES[0], ModelProfile()
    for message in (
        Message("user", (Text(text="x"),), name=MARK),
        Message("developer", (Text(text=MARK),)),
        Message("user", (Text(text="x"),), extra={"anthropic": {MARK: 1}}),
        Message("user", (Text(text="x"),), extra={NAME: {MARK: 1}}),
        Message("system", (Text(text=MARK),)),
    ):
        request = replace(PLAIN, messages=(user("y"), message))
        assert named(request, codec, profile) or MARK.encode() in sent(request, codec, profile)[1]


def test_thinking_is_sent_as_a_level_or_as_a_budget() -> None:
    codec = SERVICES[0]
    request = replace(PLAIN, reasoning=ReasoningConfig(effort="low"))
    assert b'"thinkingConfig":{"thinkingLevel":"LOW"}' in sent(request, codec, ModelProfile())[1]
    assert names(codec.losses(request, ModelProfile())) == ()
    older = ModelProfile(thinking_levels=False)
    assert b'"thinkingConfig":{"thinkingBudget":%d}' % (budget_of("low") or 0) in sent(request, codec, older)[1]
    assert names(codec.losses(request, older)) == ("reasoning.effort",)


def test_names_that_only_a_schema_has_and_names_of_a_choice_are_named() -> None:
    form = replace(PLAIN, response_format=ResponseFormat("json_object", name="n"))
    assert "response_format.name" in named(form, SERVICES[0], PROFILES[0])
    choice = replace(PLAIN, tools=(TOOL, Tool("g")), tool_choice=ToolChoice("tool", names=("f", "g"), name="f"))
    assert "tool_choice.names" in named(choice, SERVICES[0], PROFILES[0])
