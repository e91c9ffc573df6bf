"""Requests: what is sent, what is lost, and what goes back as it came."""

from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from dragoman.errors import InvalidRequestError
from dragoman.protocols.losses import losses
from dragoman.protocols.openai_chat import (
    NAME,
    OpenAIChatClient,
    Variant,
    decode_body,
    decode_messages,
    encode_messages,
)
from dragoman.protocols.openai_chat.controls import returned_breakpoints
from dragoman.protocols.speech import OURS
from dragoman.types import (
    CacheBreakpoint,
    ChatRequest,
    HttpRequest,
    Image,
    Message,
    ModelProfile,
    OpaqueState,
    Reasoning,
    Refusal,
    ResponseFormat,
    Text,
    Tool,
    ToolCall,
    ToolChoice,
    ToolResult,
    Unknown,
    UnknownTool,
    UntakenField,
    UntakenPart,
    names,
    user,
)
from tests.support.env import fixed_env

HELLO = [{"role": "user", "content": "Hello"}]


UNKNOWN = ModelProfile()


def sent(
    request: ChatRequest, codec: OpenAIChatClient | None = None, profile: ModelProfile = UNKNOWN
) -> dict[str, Any]:
    codec = codec or OpenAIChatClient("http://up")
    message = codec.encode_request(codec.fit(request, profile), fixed_env())
    assert isinstance(message, HttpRequest)
    body: dict[str, Any] = msgspec.json.decode(message.body)
    return body


def test_says_the_url_the_key_and_the_types() -> None:
    request = OpenAIChatClient("http://up/v1/").encode_request(
        ChatRequest(model="m", messages=(user("x"),)), fixed_env("k")
    )
    assert isinstance(request, HttpRequest)
    assert (request.method, request.url) == ("POST", "http://up/v1/chat/completions")
    assert dict(request.headers) == {
        "content-type": "application/json",
        "accept": "text/event-stream",
        "authorization": "Bearer k",
    }


def test_openai_gets_its_newer_name_and_no_top_k() -> None:
    codec = OpenAIChatClient("http://up", Variant(max_tokens_field="max_completion_tokens", refused_fields=("top_k",)))
    request = ChatRequest(model="m", messages=(user("x"),), max_output_tokens=5, top_k=3)
    body = sent(request, codec)
    assert body["max_completion_tokens"] == 5
    assert "max_tokens" not in body
    assert "top_k" not in body
    assert names(losses(request, codec.expresses, OpenAIChatClient.name)) == ("top_k",)


def test_what_is_lost_is_told() -> None:
    request = ChatRequest(
        model="m",
        messages=(
            Message("assistant", (Reasoning(text="hm", opaque=OpaqueState("p", "s")), Text(text="a"))),
            Message("tool", (ToolResult(id="1", parts=(Text(text="no"),), is_error=True),)),
            Message("user", (Unknown(protocol="anthropic", data={}), Unknown(protocol=NAME, data={"type": "x"}))),
        ),
    )
    codec = OpenAIChatClient("http://up")
    assert names(codec.losses(request, ModelProfile())) == (
        "messages[0].parts[0] (reasoning)",
        "messages[1].parts[0].is_error",
        "messages[2].parts[0] (unknown)",
    )
    assert "hm" not in str(sent(request))


def test_reasoning_goes_back_to_families_that_want_it() -> None:
    request = ChatRequest(model="m", messages=(Message("assistant", (Reasoning(text="hm"), Text(text="a"))),))
    wanted, unwanted = ModelProfile(reasoning_returns=True), ModelProfile(reasoning_returns=False)
    codec = OpenAIChatClient("http://up")
    assert codec.losses(request, wanted) == ()
    assert sent(request, profile=wanted)["messages"] == [
        {"role": "assistant", "content": "a", "reasoning_content": "hm"}
    ]
    assert codec.losses(request, unwanted) == (UntakenPart("messages[0].parts[0] (reasoning)"),)
    assert sent(request, profile=unwanted)["messages"] == [{"role": "assistant", "content": "a"}]


def test_what_a_family_refuses_is_left_out_and_named() -> None:
    request = ChatRequest(model="m", messages=(user("x"),), temperature=0.5, top_p=1.0, seed=7)
    profile = ModelProfile(unsupported_fields=("temperature", "top_p"))
    assert OpenAIChatClient("http://up").losses(request, profile) == (
        UntakenField("temperature"),
        UntakenField("top_p"),
    )
    body = sent(request, profile=profile)
    assert body["seed"] == 7
    assert body.keys().isdisjoint({"temperature", "top_p"})
    assert sent(request)["temperature"] == 0.5


def test_extra_fields_are_given_back_over_the_defaults() -> None:
    request = ChatRequest(
        model="m",
        messages=(user("x"),),
        extra={NAME: {"stream_options": {"include_obfuscation": False}, "store": True}},
    )
    body = sent(request)
    assert body["stream_options"] == {"include_usage": True, "include_obfuscation": False}
    assert body["store"] is True
    assert body["stream"] is True


def test_no_stream_options_where_there_is_no_stream() -> None:
    body = sent(ChatRequest(model="m", messages=(user("x"),), extra={NAME: {"stream": False}}))
    assert body["stream"] is False
    assert "stream_options" not in body


def test_foreign_tools_and_choices_go_back_as_they_came() -> None:
    odd = {"type": "odd", "odd": {"name": "sql"}}
    function = {"type": "function", "function": {"name": "f"}}
    choice = {"type": "allowed_tools", "allowed_tools": {"mode": "auto", "tools": []}}
    grammar = {"type": "grammar", "grammar": "x"}
    more = {"tools": [odd, function], "tool_choice": choice, "response_format": grammar}
    request = decode_body({"model": "m", "messages": HELLO, **more})
    assert request.tools == (UnknownTool("openai-chat", odd), Tool("f"))
    assert request.tool_choice is None
    body = sent(request)
    assert body["tools"] == [odd, function]
    assert body["tool_choice"] == choice
    assert body["response_format"] == grammar


def test_more_than_a_response_format_can_hold_is_kept() -> None:
    schema = {"type": "json_schema", "json_schema": {"name": "a", "schema": {}, "x_more": 1}, "x_most": 2}
    request = decode_body({"model": "m", "messages": HELLO, "response_format": schema})
    assert request.response_format == ResponseFormat(
        "json_schema", name="a", schema={}, extra={"openai-chat": {"json_schema": {"x_more": 1}, "x_most": 2}}
    )
    assert sent(request)["response_format"] == schema


def test_a_schema_without_a_name_gets_one_since_it_must_have_one() -> None:
    form = ResponseFormat("json_schema", schema={"type": "object"})
    body = sent(ChatRequest(model="m", messages=(user("x"),), response_format=form))
    assert body["response_format"]["json_schema"]["name"] == "answer"


@pytest.mark.parametrize(
    ("body", "stream", "usage"),
    [
        ({}, False, True),
        ({"stream": True}, True, False),
        ({"stream": True, "stream_options": {"include_usage": True}}, True, True),
        ({"stream": True, "stream_options": {"include_usage": False}}, True, False),
        ({"stream": True, "stream_options": None}, True, False),
    ],
)
def test_usage_is_streamed_only_to_those_who_ask(body: dict[str, Any], stream: bool, usage: bool) -> None:
    request = decode_body({"model": "m", "messages": HELLO, **body})
    assert (request.stream, request.include_usage, request.extra) == (stream, usage, {})


def test_options_of_a_stream_that_are_the_services_are_kept() -> None:
    options = {"include_usage": True, "include_obfuscation": False}
    request = decode_body({"model": "m", "messages": HELLO, "stream": True, "stream_options": options})
    assert request.include_usage
    assert request.extra == {NAME: {"stream_options": {"include_obfuscation": False}}}
    assert sent(request)["stream_options"] == options


def test_a_stop_may_be_a_string_or_a_list() -> None:
    assert decode_body({"model": "m", "messages": HELLO, "stop": "END"}).stop == ("END",)
    assert decode_body({"model": "m", "messages": HELLO, "stop": ["a", "b"]}).stop == ("a", "b")


def test_a_refusal_of_before_goes_back_as_it_came() -> None:
    before = [{"role": "assistant", "content": None, "refusal": "No."}]
    assert decode_messages(before) == (Message("assistant", (Refusal(text="No."),)),)
    assert encode_messages(decode_messages(before)) == before


def test_null_is_not_said() -> None:
    known = (
        "tools tool_choice functions parallel_tool_calls response_format max_tokens max_completion_tokens temperature "
        "top_p top_k frequency_penalty presence_penalty stop seed n reasoning_effort logprobs top_logprobs verbosity "
        "service_tier modalities metadata user safety_identifier prompt_cache_key store stream stream_options"
    )
    fields = dict.fromkeys(known.split())
    assert decode_body({**fields, "model": "m", "messages": HELLO}) == ChatRequest(
        model="m", messages=(user("Hello"),), stream=False
    )


def test_the_developer_has_a_role() -> None:
    given_messages = [{"role": "developer", "content": "Be brief."}]
    (message,) = decode_messages(given_messages)
    assert message.role == "developer"
    assert encode_messages((message,)) == given_messages


def test_calls_and_results_of_before_there_were_tools_are_understood() -> None:
    old: list[dict[str, Any]] = [
        {"role": "assistant", "content": None, "function_call": {"name": "f", "arguments": "{}"}},
        {"role": "function", "name": "f", "content": "1"},
    ]
    assert decode_messages(old) == (
        Message("assistant", (ToolCall(id="call_f", name="f", arguments="{}"),)),
        Message("tool", (ToolResult(id="call_f", name="f", parts=(Text(text="1"),)),)),
    )


def test_results_in_a_users_turn_become_turns_of_their_own() -> None:
    message = Message(
        "user", (ToolResult(id="a", parts=()), ToolResult(id="b", parts=(Text(text="2"),)), Text(text="so?"))
    )
    assert encode_messages((message,)) == [
        {"role": "tool", "tool_call_id": "a", "content": ""},
        {"role": "tool", "tool_call_id": "b", "content": "2"},
        {"role": "user", "content": "so?"},
    ]


def test_fields_that_a_clients_helper_leaves_in_a_message_are_taken_off() -> None:
    function = {"name": "f", "arguments": "{}"}
    call = {"id": "c1", "type": "function", "function": function}
    left = {"index": 0, "function": function | {"parsed_arguments": {"a": 1}}}
    turn = {"role": "assistant", "content": None, "tool_calls": [call]}
    given = turn | {"parsed": {"b": 1}, "tool_calls": [call | left]}
    assert encode_messages(decode_messages([given])) == [turn]


def test_reasoning_of_both_spellings_is_read_once() -> None:
    both = [{"role": "assistant", "content": "a", "reasoning": "r", "reasoning_content": "r"}]
    assert decode_messages(both) == (Message("assistant", (Reasoning(text="r"), Text(text="a"))),)


@pytest.mark.parametrize(
    ("media", "data"),
    [("png", "iVBORw0KGgoA"), ("jpeg", "/9j/4A"), ("gif", "R0lGODlh"), ("webp", "UklGRg"), ("bmp", "Qk0")],
)
def test_a_picture_without_a_media_type_tells_its_own(media: str, data: str) -> None:
    (message,) = encode_messages((Message("user", (Image(data=data),)),))
    assert message["content"] == [{"type": "image_url", "image_url": {"url": f"data:image/{media};base64,{data}"}}]


@pytest.mark.parametrize(
    ("message", "words"),
    [
        (Message("user", (Image(data="AAAA"),)), "an image: expected its media type"),
        (Message("user", (Image(),)), "an image: expected its url or its data"),
        (
            Message("user", (ToolCall(id="1", name="f"),)),
            "messages[0]: expected tool calls only in an assistant's turn",
        ),
        (Message("tool", (Text(text="x"),)), "messages[0]: expected only results in a tool's turn"),
        (user("half \ud83d"), "half a character"),
    ],
)
def test_what_cannot_be_said_at_all_is_refused(message: Message, words: str) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        sent(ChatRequest(model="m", messages=(message,)))
    assert words in caught.value.message


def test_a_text_alone_is_read_as_one_with_fields_beside_it() -> None:
    beside = {"type": "text", "text": "b", "x_more": {"type": "ephemeral"}}
    (message,) = decode_messages([{"role": "user", "content": [{"type": "text", "text": "a"}, beside]}])
    assert message.parts == (
        Text(text="a"),
        Text(text="b", extra={NAME: {"x_more": {"type": "ephemeral"}}}),
    )


@pytest.mark.parametrize(
    ("control", "ttl"),
    [
        ({"type": "ephemeral"}, None),
        ({"type": "ephemeral", "ttl": "5m"}, 300),
        ({"type": "ephemeral", "ttl": "1h"}, 3600),
    ],
)
def test_a_breakpoint_in_anthropics_words_is_one_and_goes_back_as_it_came(control: Any, ttl: int | None) -> None:
    turn = {"role": "user", "content": [{"type": "text", "text": "b", "cache_control": control}]}
    (message,) = decode_messages([turn])
    (part,) = message.parts
    assert part.cache == CacheBreakpoint(ttl)
    assert set(part.extra) == {OURS}
    assert encode_messages([message]) == [turn]
    assert [*returned_breakpoints(ChatRequest(model="m", messages=(message,)))] == ["messages[0].parts[0].cache"]
    assert encode_messages([Message("user", (replace(part, cache=None),))]) == [turn]


@pytest.mark.parametrize(
    "control",
    [None, 7, {}, {"type": "x"}, {"type": "ephemeral", "ttl": "1d"}, {"type": "ephemeral", "x_more": 1}],
)
def test_a_breakpoint_of_another_form_is_a_further_field(control: Any) -> None:
    turn = {"role": "user", "content": [{"type": "text", "text": "b", "cache_control": control}]}
    (message,) = decode_messages([turn])
    assert message.parts[0].cache is None
    assert encode_messages([message]) == [turn]


@pytest.mark.parametrize("part", [{"type": "text", "text": 1}, {"type": "text", "x": "a"}])
def test_a_text_that_is_none_is_named_among_many(part: dict[str, Any]) -> None:
    parts = [{"type": "text", "text": "a"}] * 3
    with pytest.raises(InvalidRequestError, match=r"messages\[0\]\.content\[3\]\.text: expected a string"):
        decode_messages([{"role": "user", "content": [*parts, part]}])


def test_a_choice_without_tools_is_left_out_unless_it_forces_one() -> None:
    request = ChatRequest(
        model="m", messages=(user("x"),), tool_choice=ToolChoice("auto"), parallel_tool_calls=True, stream=True
    )
    for tools in ((), (UnknownTool("gemini", {"x": {}}),)):
        assert {"tool_choice", "parallel_tool_calls"}.isdisjoint(sent(replace(request, tools=tools)))
    assert sent(replace(request, tools=(Tool("f"),)))["tool_choice"] == "auto"
    assert sent(replace(request, tool_choice=ToolChoice("required")))["tool_choice"] == "required"


def test_no_log_probabilities_of_other_tokens_are_none() -> None:
    body = {"model": "m", "messages": HELLO, "logprobs": False, "top_logprobs": 0}
    assert decode_body(body).top_logprobs is None


CONTROLLED: list[tuple[dict[str, Any], list[str]]] = [
    ({"cache_control": {"type": "ephemeral"}}, ["cache"]),
    (
        {"messages": [{"role": "user", "content": "a", "cache_control": {"type": "ephemeral", "ttl": "1h"}}]},
        ["messages[0].parts[0].cache"],
    ),
    (
        {
            "messages": [
                {
                    "role": "user",
                    "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}],
                    "cache_control": {"type": "ephemeral"},
                }
            ]
        },
        ["messages[0].parts[1].cache"],
    ),
    (
        {
            "messages": [
                {"role": "user", "content": "a"},
                {
                    "role": "assistant",
                    "content": None,
                    "tool_calls": [
                        {
                            "id": "c",
                            "type": "function",
                            "function": {"name": "f", "arguments": "{}"},
                            "cache_control": {"type": "ephemeral"},
                        },
                        {
                            "id": "d",
                            "type": "custom",
                            "custom": {"name": "g", "input": "x"},
                            "cache_control": {"type": "ephemeral"},
                        },
                    ],
                },
                {"role": "tool", "tool_call_id": "c", "content": "b", "cache_control": {"type": "ephemeral"}},
                {"role": "tool", "tool_call_id": "d", "content": "b"},
            ]
        },
        ["messages[1].parts[0].cache", "messages[1].parts[1].cache", "messages[2].parts[0].cache"],
    ),
    (
        {
            "tools": [
                {"type": "function", "function": {"name": "f"}, "cache_control": {"type": "ephemeral"}},
                {"type": "function", "function": {"name": "g", "cache_control": {"type": "ephemeral"}}},
                {"type": "custom", "custom": {"name": "h"}, "cache_control": {"type": "ephemeral"}},
            ]
        },
        ["tools[0].cache", "tools[1].cache", "tools[2].cache"],
    ),
]


@pytest.mark.parametrize(("more", "places"), CONTROLLED)
def test_breakpoints_beside_parts_go_back_as_they_came(more: dict[str, Any], places: list[str]) -> None:
    body = {"model": "m", "messages": [{"role": "user", "content": "a"}], **more}
    request = decode_body(body)
    assert [*returned_breakpoints(request)] == places
    written = sent(request)
    assert {name: written.get(name) for name in body} == body
    assert OpenAIChatClient("http://up").losses(request, UNKNOWN) == ()


def test_a_breakpoint_of_a_message_without_a_part_for_it_is_a_further_field() -> None:
    turn = {"role": "assistant", "content": None, "reasoning_content": "b", "cache_control": {"type": "ephemeral"}}
    (message,) = decode_messages([turn])
    assert message.extra == {NAME: {"cache_control": {"type": "ephemeral"}}}
    (written,) = encode_messages([message])
    assert written["cache_control"] == turn["cache_control"]


def test_a_breakpoint_of_a_message_does_not_replace_that_of_its_part() -> None:
    part = {"type": "text", "text": "a", "prompt_cache_breakpoint": {"mode": "explicit"}}
    turn = {"role": "user", "content": [part], "cache_control": {"type": "ephemeral"}}
    assert encode_messages(decode_messages([turn]), Variant(breakpoints="prompt_cache_breakpoint")) == [turn]
