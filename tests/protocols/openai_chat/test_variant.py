"""Each switch of a variant: what it changes in a request, and what is named as lost for it."""

from typing import Any

import msgspec
import pytest
from msgspec import Struct
from msgspec.structs import fields, replace

from dragoman.protocols.env import Env
from dragoman.protocols.openai_chat import OpenAIChatClient, Variant
from dragoman.protocols.openai_shared.cache import BreakpointField
from dragoman.types import (
    CacheBreakpoint,
    ChatRequest,
    File,
    HostedTool,
    HttpRequest,
    Image,
    Message,
    ModelProfile,
    Reasoning,
    ReasoningConfig,
    ResponseFormat,
    Text,
    Tool,
    ToolCall,
    ToolChoice,
    ToolResult,
    assistant,
    fold,
    system,
    user,
)
from tests.support.cuts import bytewise, drive, two_way
from tests.support.env import fixed_env

THINKS = ModelProfile(reasoning_returns=True)

NOTHING: Any = "nothing"
"""The field is not sent."""

ONE, TWO = Tool("f"), Tool("g")
UNFORCED = Variant(thinking_choices=("auto", "none"))
WORDS = Variant(tool_choices=("auto", "none", "required"))
AUTO = Variant(tool_choices=("auto",))
FORMS_ALONE, FORM = Variant(form_with_tools=False), ("response_format",)


class Case(Struct, frozen=True):
    """`request` sent to a service of `variant`: the value of the field at `path`, and the names of what is lost."""

    switch: str
    variant: Variant
    request: ChatRequest
    path: tuple[str | int, ...]
    value: Any
    lost: tuple[str, ...] = ()


def asked(*messages: Message, **settings: Any) -> ChatRequest:
    return ChatRequest(model="m", messages=messages or (user("x"),), **settings)


def chosen(choice: ToolChoice, tools: tuple[Tool, ...] = (ONE, TWO), **settings: Any) -> ChatRequest:
    return asked(tools=tools, tool_choice=choice, **settings)


def called(arguments: str) -> dict[str, Any]:
    return {"id": "1", "type": "function", "function": {"name": "f", "arguments": arguments}}


def thinking(field: Any, value: Any, path: str, sent: Any, lost: tuple[str, ...] = ()) -> Case:
    request = asked(reasoning=ReasoningConfig(**value))
    return Case("thinking_field", Variant(thinking_field=field), request, (path,), sent, lost)


SCHEMA = ResponseFormat("json_schema", name="n", schema={"type": "object", "properties": {}})
SESSION = "0b7c1d2e-0000-4000-8000-0123456789ab"
LINK = asked(Message("user", (File(url="https://a.example/a.pdf"),)))
SHOWN = asked(Message("tool", (ToolResult(id="1", parts=(Text(text="a"), Image(url="https://a.example/a.png"))),)))
THOUGHT = asked(user("x"), Message("assistant", (Reasoning(text="hm"), Text(text="a"))), user("y"))
CALLED = asked(
    Message("user", (Text(text="x"),), name="ann"),
    Message("assistant", (ToolCall(id="1", name="f", arguments="{}"),)),
    Message("tool", (ToolResult(id="1", parts=(Text(text="2"),), name="f"),)),
)
PARTIAL, JSON_FORM = Variant(partial=True), ResponseFormat("json_object")
BEGUN = asked(user("x"), assistant("a"))
NAMED, ANY, NONE = ToolChoice("tool", "f"), ToolChoice("required"), ToolChoice("none")
SOME = ToolChoice("auto", names=("f",))
OFF, OFF_BY_WORD = ReasoningConfig(mode="off"), ReasoningConfig(effort="none")
FUNCTION = {"type": "function", "function": {"name": "f"}}
PLAIN = Variant(custom_tools=False)
OWN = {"openai-chat": {"custom": {"x": 1}}}
FREEFORM = asked(
    user("x"),
    Message("assistant", (ToolCall(id="1", name="f", arguments='a"b', input_format="text", extra=OWN),)),
    Message("tool", (ToolResult(id="1", parts=(Text(text="2"),), name="f"),)),
    tools=(Tool("f", input_format="text", grammar=("regex", "a.*"), extra=OWN),),
    tool_choice=NAMED,
)

CUT = asked(
    user("x"),
    Message("assistant", (ToolCall(id="1", name="f", arguments='{"path":"a", "text": "onc'),)),
    Message("tool", (ToolResult(id="1", parts=(Text(text="no JSON"),)),)),
)
MARKED = asked(Message("user", (Text(text="x", cache=CacheBreakpoint()),)))
LONG = asked(Message("user", (Text(text="x", cache=CacheBreakpoint(3600)),)))
TTL = ("messages[0].parts[0].cache.ttl",)
X, TWELVE = {"type": "text", "text": "x"}, {"mode": "explicit", "ttl": "12h"}

BREAKPOINTS: list[tuple[BreakpointField | None, ChatRequest, Any, tuple[str, ...]]] = [
    (None, MARKED, "x", ("messages[0].parts[0].cache",)),
    ("prompt_cache_breakpoint", MARKED, [{**X, "prompt_cache_breakpoint": {"mode": "explicit"}}], ()),
    (
        "prompt_cache_breakpoint",
        LONG,
        [{**X, "prompt_cache_breakpoint": TWELVE}],
        ("messages[0].parts[0].cache.ttl",),
    ),
    ("cache_control", MARKED, [{**X, "cache_control": {"type": "ephemeral"}}], ()),
    (
        "cache_control",
        LONG,
        [{**X, "cache_control": {"type": "ephemeral"}}],
        ("messages[0].parts[0].cache.ttl",),
    ),
]

SWITCHED = Variant(efforts=(("m*", ("none", "default")), ("other", ("low",))))
CASES = [
    Case(
        "efforts",
        SWITCHED,
        asked(reasoning=ReasoningConfig(effort="high")),
        ("reasoning_effort",),
        "default",
        ("reasoning.effort",),
    ),
    Case("efforts", SWITCHED, asked(reasoning=ReasoningConfig(effort="none")), ("reasoning_effort",), "none"),
    Case(
        "max_tokens_field",
        Variant(max_tokens_field="max_completion_tokens"),
        asked(max_output_tokens=5),
        ("max_completion_tokens",),
        5,
    ),
    *(
        Case("limits", Variant(limits=(("m*", 9),)), asked(max_output_tokens=said), ("max_tokens",), sent, lost)
        for said, sent, lost in ((10, 9, ("max_output_tokens",)), (9, 9, ()))
    ),
    Case("most_stops", Variant(most_stops=2), asked(stop=("a", "b", "c")), ("stop",), ["a", "b"], ("stop",)),
    Case("most_stops", Variant(most_stops=2), asked(stop=("a", "b")), ("stop",), ["a", "b"]),
    *(
        Case("form_with_tools", FORMS_ALONE, asked(response_format=form, tools=tools), FORM, value, lost)
        for form, tools, value, lost in (
            (ResponseFormat("json_object"), (ONE,), NOTHING, FORM),
            (ResponseFormat("text"), (ONE,), {"type": "text"}, ()),
            (ResponseFormat("json_object"), (), {"type": "json_object"}, ()),
        )
    ),
    *(
        Case("json_word", Variant(json_word=True), asked(*said, response_format=form), ("messages", 1, "role"), role)
        for said, form, role in (
            ((system("s"), user("x")), ResponseFormat("json_object"), "developer"),
            ((system("In JSON."), user("x")), ResponseFormat("json_object"), "user"),
            ((system("s"), user("x")), ResponseFormat("json_schema", schema={}), "user"),
        )
    ),
    Case("seed_field", Variant(seed_field="random_seed"), asked(seed=7), ("random_seed",), 7),
    *(
        Case(
            "service_tiers",
            Variant(service_tiers=(("auto", "auto"), ("standard", "standard_only"))),
            asked(service_tier=tier),
            ("service_tier",),
            sent,
            lost,
        )
        for tier, sent, lost in (
            ("auto", "auto", ()),
            ("standard", "standard_only", ()),
            ("flex", NOTHING, ("service_tier",)),
        )
    ),
    Case(
        "thinking_parts",
        Variant(thinking_parts=True),
        THOUGHT,
        ("messages", 1, "content"),
        [
            {"type": "thinking", "thinking": [{"type": "text", "text": "hm"}], "closed": True},
            {"type": "text", "text": "a"},
        ],
    ),
    Case("reasoning_field", Variant(reasoning_field="reasoning"), THOUGHT, ("messages", 1, "reasoning"), "hm"),
    Case(
        "web_search",
        Variant(web_search=False),
        asked(tools=(HostedTool(tool="web_search", context_size="low"),)),
        ("web_search_options",),
        NOTHING,
        ("tools[0] (web_search)",),
    ),
    Case("effort_with_tools", Variant(effort_with_tools=False), asked(tools=(ONE,)), ("reasoning_effort",), NOTHING),
    *(
        Case("cut_calls", Variant(cut_calls=taken), CUT, ("messages", 1, "tool_calls"), [called(said)], lost)
        for taken, said, lost in (
            (False, '{"path":"a"}', ("messages[1].parts[0].arguments",)),
            (True, '{"path":"a", "text": "onc', ()),
        )
    ),
    *(
        Case("breakpoints", Variant(breakpoints=field), request, ("messages", 0, "content"), content, lost)
        for field, request, content, lost in BREAKPOINTS
    ),
    Case("whole_answers", Variant(whole_answers=False), asked(stream=False), ("stream",), True),
    *(
        Case("missing_reasoning", Variant(missing_reasoning=""), replace(request, reasoning=config), place, value)
        for request, place, value in (
            (CALLED, ("messages", 1, "reasoning_content"), ""),
            (CALLED, ("messages", 0, "reasoning_content"), NOTHING),
            (CALLED, ("messages", 2, "reasoning_content"), NOTHING),
            (THOUGHT, ("messages", 1, "reasoning_content"), "hm"),
        )
        for config in (None, ReasoningConfig(effort="high"))
    ),
    Case(
        "missing_reasoning",
        Variant(missing_reasoning=""),
        replace(CALLED, reasoning=OFF_BY_WORD),
        ("messages", 1, "reasoning_content"),
        NOTHING,
    ),
    Case("stream_usage", Variant(stream_usage=False), asked(), ("stream_options",), NOTHING),
    Case(
        "developer_role",
        Variant(developer_role=False),
        asked(Message("developer", (Text(text="x"),))),
        ("messages", 0, "role"),
        "system",
    ),
    Case(
        "message_names", Variant(message_names=False), CALLED, ("messages", 0, "name"), NOTHING, ("messages[0].name",)
    ),
    Case(
        "message_names", Variant(message_names=False), CALLED, ("messages", 2, "name"), NOTHING, ("messages[0].name",)
    ),
    Case(
        "strict_tools",
        Variant(strict_tools=False),
        asked(tools=(Tool("f", strict=True),)),
        ("tools", 0, "function", "strict"),
        NOTHING,
        ("tools[0].strict",),
    ),
    Case("custom_tools", PLAIN, FREEFORM, ("tools", 0, "type"), "function", ("tools[0].grammar",)),
    Case("custom_tools", PLAIN, FREEFORM, ("tools", 0, "custom"), NOTHING, ("tools[0].grammar",)),
    Case("custom_tools", PLAIN, FREEFORM, ("tool_choice",), FUNCTION, ("tools[0].grammar",)),
    Case(
        "custom_tools",
        PLAIN,
        FREEFORM,
        ("messages", 1, "tool_calls", 0, "function"),
        {"name": "f", "arguments": '{"input":"a\\"b"}'},
        ("tools[0].grammar",),
    ),
    Case("custom_tools", Variant(), FREEFORM, ("tools", 0, "type"), "custom"),
    Case(
        "json_schema",
        Variant(json_schema=False),
        asked(response_format=SCHEMA),
        ("response_format",),
        {"type": "json_object"},
        ("response_format",),
    ),
    Case(
        "json_object",
        Variant(json_object=False),
        asked(response_format=ResponseFormat("json_object")),
        ("response_format",),
        {"type": "json_schema", "json_schema": {"name": "answer", "schema": {"type": "object"}}},
    ),
    Case("result_media", Variant(result_media=False), SHOWN, ("messages", 0, "content"), "a"),
    Case("file_urls", Variant(), LINK, ("messages", 0, "content", 0, "type"), "file"),
    Case(
        "cache_keys",
        Variant(cache_keys=True),
        asked(user='{"device_id":"d","account_uuid":"","session_id":"s"}'),
        ("prompt_cache_key",),
        "s",
        ("user",),
    ),
    Case(
        "cache_keys",
        Variant(cache_keys=True),
        asked(user=f"user_{'0a' * 32}_account__session_{SESSION}"),
        ("prompt_cache_key",),
        SESSION,
        ("user",),
    ),
    Case(
        "cache_keys",
        Variant(),
        asked(user=f"user_{'0a' * 32}_account__session_{SESSION}"),
        ("user",),
        "0a" * 32,
        ("user",),
    ),
    Case(
        "cache_keys",
        Variant(),
        asked(user='{"device_id":"d","account_uuid":"","session_id":"s"}'),
        ("prompt_cache_key",),
        NOTHING,
        ("user",),
    ),
    Case(
        "refused_fields",
        Variant(refused_fields=("seed", "reasoning.effort")),
        asked(seed=1, reasoning=ReasoningConfig(effort="low")),
        ("seed",),
        NOTHING,
        ("seed", "reasoning.effort"),
    ),
    Case(
        "refused_fields",
        Variant(refused_fields=("reasoning.effort",)),
        asked(reasoning=ReasoningConfig(effort="low")),
        ("reasoning_effort",),
        NOTHING,
        ("reasoning.effort",),
    ),
    Case(
        "refused_fields",
        Variant(refused_fields=("reasoning",)),
        THOUGHT,
        ("messages", 1, "reasoning_content"),
        NOTHING,
        ("messages[1].parts[0] (reasoning)",),
    ),
    Case("tool_choices", WORDS, chosen(NAMED), ("tool_choice",), "required", ("tool_choice",)),
    Case("tool_choices", WORDS, chosen(NAMED, (ONE,)), ("tool_choice",), "required"),
    Case("tool_choices", WORDS, chosen(ANY), ("tool_choice",), "required"),
    Case("tool_choices", WORDS, chosen(SOME), ("tool_choice",), "auto", ("tool_choice.names",)),
    Case("partial", PARTIAL, BEGUN, ("messages", 1, "partial"), True),
    Case("partial", PARTIAL, replace(BEGUN, response_format=JSON_FORM), ("messages", 1, "partial"), NOTHING),
    Case("partial", PARTIAL, THOUGHT, ("messages", 1, "partial"), NOTHING),
    Case("partial", PARTIAL, replace(CALLED, messages=CALLED.messages[:2]), ("messages", 1, "partial"), NOTHING),
    Case("tool_choices", WORDS, chosen(NONE), ("tool_choice",), "none"),
    Case("tool_choices", AUTO, chosen(ANY), ("tool_choice",), "auto", ("tool_choice",)),
    Case("tool_choices", AUTO, chosen(NONE), ("tool_choice",), NOTHING),
    Case("tool_choices", AUTO, chosen(NONE, parallel_tool_calls=True), ("tools",), NOTHING),
    Case("tool_choices", AUTO, chosen(NONE, parallel_tool_calls=True), ("parallel_tool_calls",), NOTHING),
    Case("thinking_choices", UNFORCED, chosen(NAMED), ("tool_choice",), "auto", ("tool_choice",)),
    Case("thinking_choices", UNFORCED, chosen(SOME), ("tool_choice",), "auto", ("tool_choice",)),
    Case("thinking_choices", UNFORCED, chosen(NONE), ("tool_choice",), "none"),
    Case("thinking_choices", UNFORCED, chosen(ANY, reasoning=OFF_BY_WORD), ("tool_choice",), "required"),
    Case("thinking_choices", UNFORCED, chosen(NAMED, reasoning=OFF), ("tool_choice",), FUNCTION, ("reasoning.mode",)),
    thinking("reasoning_effort", {"mode": "off"}, "reasoning_effort", "none", ("reasoning.mode",)),
    thinking("thinking", {"mode": "off"}, "thinking", {"type": "disabled"}),
    thinking("thinking", {"mode": "off", "effort": "high"}, "reasoning_effort", NOTHING, ("reasoning.effort",)),
    thinking("thinking", {"effort": "none"}, "thinking", {"type": "disabled"}),
    thinking("thinking", {"mode": "on"}, "thinking", {"type": "enabled"}),
    thinking("thinking", {"effort": "high"}, "reasoning_effort", "high"),
    thinking("thinking", {"effort": "high"}, "thinking", NOTHING),
    thinking("thinking", {"budget_tokens": 9}, "thinking", {"type": "enabled"}, ("reasoning.budget_tokens",)),
    thinking("thinking_or_effort", {"mode": "off"}, "thinking", {"type": "disabled"}),
    thinking("thinking_or_effort", {"mode": "on"}, "thinking", {"type": "enabled"}),
    thinking("thinking_or_effort", {"mode": "on", "effort": "high"}, "thinking", NOTHING),
    thinking("thinking_or_effort", {"mode": "on", "effort": "high"}, "reasoning_effort", "high"),
    thinking("thinking_or_effort", {"effort": "default"}, "thinking", {"type": "enabled"}),
    thinking("enable_thinking", {"mode": "off"}, "enable_thinking", False),
    thinking("enable_thinking", {"budget_tokens": 9}, "enable_thinking", True),
    thinking("enable_thinking", {"budget_tokens": 9}, "thinking_budget", 9),
    thinking("enable_thinking", {"effort": "low"}, "enable_thinking", True, ("reasoning.effort",)),
    thinking("enable_thinking", {"display": "full"}, "enable_thinking", NOTHING, ("reasoning.display",)),
    thinking("reasoning", {"mode": "off"}, "reasoning", {"effort": "none"}),
    thinking("reasoning", {"mode": "off", "effort": "low"}, "reasoning", {"effort": "none"}, ("reasoning.effort",)),
    thinking("reasoning", {"mode": "on"}, "reasoning", {"enabled": True}),
    thinking("reasoning", {"effort": "low", "budget_tokens": 9}, "reasoning", {"effort": "low"}),
    thinking("reasoning", {"budget_tokens": 9}, "reasoning", {"max_tokens": 9}),
    thinking("reasoning", {"display": "full"}, "reasoning", NOTHING, ("reasoning.display",)),
]


def env_of(profile: ModelProfile) -> Env:
    return replace(fixed_env(), profile=profile)


def sent(variant: Variant, request: ChatRequest) -> dict[str, Any]:
    codec = OpenAIChatClient("http://up", variant)
    message = codec.encode_request(codec.fit(request, THINKS), env_of(THINKS))
    assert isinstance(message, HttpRequest)
    body: dict[str, Any] = msgspec.json.decode(message.body)
    return body


@pytest.mark.parametrize("case", CASES, ids=[f"{case.switch}-{i}" for i, case in enumerate(CASES)])
def test_a_switch_changes_a_request_and_names_what_is_lost(case: Case) -> None:
    value: Any = sent(case.variant, case.request)
    for key in case.path[:-1]:
        value = value[key]
    assert value.get(case.path[-1], NOTHING) == case.value
    codec = OpenAIChatClient("http://up", case.variant)
    lost = codec.losses(case.request, THINKS)
    assert tuple(loss.name for loss in lost if loss.severity > 1) == case.lost


def test_each_switch_has_a_case() -> None:
    assert {case.switch for case in CASES} == {field.name for field in fields(Variant)}


def test_a_file_by_its_url_is_lost_where_services_take_none() -> None:
    variant = Variant(file_urls=False)
    (lost,) = OpenAIChatClient("http://up", variant).losses(LINK, THINKS)
    assert lost.name == "messages[0].parts[0] (file.url)"


def test_an_answer_that_is_not_streamed_has_no_options_of_a_stream() -> None:
    own = {"openai-chat": {"stream": False}}
    assert "stream_options" not in sent(Variant(stream_usage=False), asked(extra=own))
    assert "stream_options" not in sent(Variant(), asked(extra=own))


def answer(arguments: str) -> bytes:
    """A text, a call of the tool and a call of another one, in fragments."""
    deltas: list[dict[str, Any]] = [{"content": "Well,"}]
    for index, (name, said) in enumerate((("f", arguments), ("g", '{"input":"b"}'))):
        call: dict[str, Any] = {"index": index, "id": f"c{index}", "type": "function"}
        deltas.append({"tool_calls": [call | {"function": {"name": name, "arguments": ""}}]})
        deltas += [{"tool_calls": [{"index": index, "function": {"arguments": piece}}]} for piece in said]
    chunks = [{"choices": [{"index": 0, "delta": delta}]} for delta in deltas]
    chunks.append({"choices": [{"index": 0, "delta": {}, "finish_reason": "tool_calls"}]})
    return b"".join(b"data: %b\n\n" % msgspec.json.encode(chunk) for chunk in chunks) + b"data: [DONE]\n\n"


@pytest.mark.parametrize(
    ("arguments", "text"), [('{"input":"a\\"b"}', 'a"b'), ('{"input":""}', ""), ('{"patch":"x"}', '{"patch":"x"}')]
)
def test_a_call_of_a_freeform_tool_that_came_as_a_function_has_its_text_again(arguments: str, text: str) -> None:
    codec, body = OpenAIChatClient("http://up", PLAIN), answer(arguments)
    for pieces in ([body], bytewise(body), *two_way(body)):
        events, error = drive(codec.decoder(FREEFORM), pieces)
        assert error is None
        _, call, other = fold(events).parts
        assert isinstance(call, ToolCall)
        assert (call.name, call.arguments, call.input_format) == ("f", text, "text")
        assert isinstance(other, ToolCall)
        assert (other.name, other.arguments, other.input_format) == ("g", '{"input":"b"}', "json")


def test_an_answer_without_freeform_tools_is_read_as_it_is() -> None:
    decoder = OpenAIChatClient("http://up", PLAIN).decoder(asked(tools=(ONE,)))
    (_, call, _) = fold(drive(decoder, [answer('{"input":"a"}')])[0]).parts
    assert isinstance(call, ToolCall)
    assert call.arguments == '{"input":"a"}'
