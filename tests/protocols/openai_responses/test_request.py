"""Requests: read, written again as they were, and refused where they are wrong."""

from typing import Any

import pytest

from dragoman.errors import UnsupportedFeatureError
from dragoman.protocols.losses import refuse
from dragoman.protocols.openai_chat import OpenAIChatClient
from dragoman.protocols.openai_responses import NAME
from dragoman.types import (
    Audio,
    ChatRequest,
    File,
    HostedTool,
    Image,
    Message,
    OpaqueState,
    Reasoning,
    Refusal,
    Text,
    Tool,
    ToolCall,
    ToolChoice,
    ToolResult,
    Unknown,
    UnknownTool,
    names,
)
from tests.protocols.openai_responses.requests import ANSWER, CALL, CLIENT, RESULT, USER, decode, encode
from tests.support.env import fixed_env

REASONING = {
    "type": "reasoning",
    "id": "rs_1",
    "summary": [{"type": "summary_text", "text": "Hm"}, {"type": "summary_text", "text": "So"}],
    "encrypted_content": "gAAA",
}
FUNCTION = {"type": "function", "name": "f", "parameters": {"type": "object"}, "strict": True}

CORPUS: dict[str, dict[str, Any]] = {
    "a string": {"input": "Hello"},
    "instructions": {"input": [USER], "instructions": "Be kind."},
    "roles": {
        "input": [
            {"role": "developer", "content": "a"},
            {"role": "system", "content": [{"type": "input_text", "text": "b"}, {"type": "input_text", "text": "c"}]},
            USER,
            {"role": "assistant", "content": "d"},
            {"role": "assistant", "content": "e"},
            {"type": "message", "role": "user", "content": "f", "x_more": 1},
        ]
    },
    "media": {
        "input": [
            {
                "role": "user",
                "content": [
                    {"type": "input_text", "text": "a", "prompt_cache_breakpoint": {"mode": "explicit", "ttl": "30m"}},
                    {"type": "input_image", "image_url": "https://a/b.png", "detail": "high"},
                    {"type": "input_image", "image_url": "data:image/png;base64,iVBORw0KGgo=", "detail": "auto"},
                    {"type": "input_image", "file_id": "file-1", "detail": "low"},
                    {"type": "input_file", "file_data": "data:application/pdf;base64,JVBERi0=", "filename": "b.pdf"},
                    {"type": "input_file", "file_data": "JVBERi0=", "x_more": 2},
                    {"type": "input_file", "file_url": "https://a/b.pdf", "detail": "high"},
                    {"type": "input_file", "file_id": "file-2"},
                    {"type": "input_audio", "input_audio": {"data": "AAAA", "format": "mp3", "x_more": 3}},
                    {"type": "input_video", "video_url": "https://a/b.mp4"},
                ],
            }
        ]
    },
    "a turn": {"input": [USER, REASONING, ANSWER, CALL, RESULT, USER]},
    "reasoning of others": {
        "input": [
            USER,
            {"type": "reasoning", "id": "rs_2", "summary": [], "encrypted_content": "gAAA"},
            {"type": "reasoning", "id": "u-3", "summary": [], "content": [{"type": "reasoning_text", "text": "Long"}]},
            {"type": "reasoning", "id": "rs_4", "summary": [], "status": "completed"},
            {"type": "message", "id": "msg_2", "role": "assistant", "status": "completed", "phase": "commentary"}
            | {"content": [{"type": "output_text", "text": "a", "annotations": []}]},
        ]
    },
    "calls": {
        "input": [
            USER,
            CALL | {"id": "fc_1", "status": "completed", "namespace": "n", "caller": {"type": "direct"}},
            {"type": "custom_tool_call", "id": "ctc_1", "call_id": "c2", "name": "patch", "input": "*** {"},
            RESULT
            | {
                "output": [
                    {"type": "input_text", "text": "a"},
                    {"type": "input_image", "file_id": "f", "detail": "low"},
                ]
            },
            {"type": "custom_tool_call_output", "call_id": "c2", "output": "ok", "id": "out_1"},
        ]
    },
    "items of the service": {
        "input": [
            USER,
            {
                "type": "web_search_call",
                "id": "ws_1",
                "status": "completed",
                "action": {"type": "search", "query": "q"},
            },
            {"type": "code_interpreter_call", "id": "ci_1", "status": "completed", "code": "1", "container_id": "c"},
            {"type": "mcp_list_tools", "id": "mcpl_1", "server_label": "d", "tools": []},
            {"type": "mcp_call", "id": "mcp_1", "server_label": "d", "name": "r", "arguments": "{}", "output": "x"},
            {"type": "image_generation_call", "id": "ig_1", "status": "completed", "result": "iVBORw0KGgo="},
            {"type": "shell_call", "id": "sh_1", "call_id": "c3", "action": {"commands": ["ls"]}},
            {"type": "shell_call_output", "call_id": "c3", "output": []},
            {"type": "mcp_approval_request", "id": "mcpr_1", "server_label": "d", "name": "r", "arguments": "{}"},
            {"type": "mcp_approval_response", "approval_request_id": "mcpr_1", "approve": True},
            {"type": "item_reference", "id": "msg_9"},
            {"type": "compaction", "id": "cmp_1", "encrypted_content": "gAAA"},
            {"type": "additional_tools", "role": "developer", "tools": [{"type": "custom", "name": "x"}]},
            {"type": "x_new", "y": 1},
        ]
    },
    "tools": {
        "input": "x",
        "tools": [
            FUNCTION | {"description": "d", "defer_loading": True, "output_schema": {"type": "string"}, "x_more": 1},
            {"type": "function", "name": "g", "parameters": None, "strict": None},
            {"type": "custom", "name": "p", "format": {"type": "grammar", "syntax": "regex", "definition": "a+"}},
            {"type": "custom", "name": "q", "description": "d"},
            {
                "type": "web_search",
                "filters": {"allowed_domains": ["a.example"], "x_more": 1},
                "search_context_size": "low",
                "user_location": {"type": "approximate", "city": "Köln"},
                "external_web_access": False,
            },
            {"type": "web_search_preview"},
            {"type": "file_search", "vector_store_ids": ["vs_1"]},
            {"type": "code_interpreter", "container": {"type": "auto", "file_ids": ["f"]}},
            {"type": "image_generation", "size": "auto"},
            {"type": "computer"},
            {"type": "shell", "environment": {"type": "local"}},
            {
                "type": "mcp",
                "server_label": "d",
                "server_url": "https://d",
                "authorization": "k",
                "allowed_tools": ["r"],
            },
            {
                "type": "mcp",
                "server_label": "e",
                "connector_id": "c",
                "require_approval": "never",
                "headers": {"a": "b"},
            },
            {"type": "tool_search"},
            {"type": "namespace", "name": "n", "description": "d", "tools": []},
            {
                "type": "namespace",
                "name": "mcp__files",
                "description": "Files.",
                "x_more": 1,
                "tools": [
                    {"type": "function", "name": "read", "parameters": {}, "strict": True, "x_more": 2},
                    {"type": "custom", "name": "patch", "defer_loading": True},
                ],
            },
            {
                "type": "namespace",
                "name": "mcp__web",
                "description": "Pages.",
                "tools": [{"type": "function", "name": "read", "parameters": {}, "strict": True}],
            },
            {"type": "namespace", "name": "n", "description": "d", "tools": [{"type": "local_shell"}]},
            {"type": "local_shell"},
        ],
        "tool_choice": {
            "type": "allowed_tools",
            "mode": "required",
            "tools": [{"type": "function", "name": "f"}, {"type": "custom", "name": "p"}],
        },
        "parallel_tool_calls": False,
        "max_tool_calls": 3,
    },
    "settings": {
        "input": "x",
        "max_output_tokens": 16,
        "temperature": 0.5,
        "top_p": 0.9,
        "frequency_penalty": 0.1,
        "presence_penalty": 0.2,
        "reasoning": {"effort": "high", "summary": "concise", "context": "auto", "mode": "pro"},
        "text": {"format": {"type": "json_object"}, "verbosity": "low", "x_more": 1},
        "include": ["reasoning.encrypted_content", "message.output_text.logprobs", "file_search_call.results"],
        "top_logprobs": 3,
        "service_tier": "default",
        "metadata": {"a": "b"},
        "user": "u",
        "safety_identifier": "s",
        "prompt_cache_key": "k",
        "prompt_cache_options": {"mode": "explicit"},
        "truncation": "auto",
        "store": False,
        "stream_options": {"include_obfuscation": False},
        "x_more": {"y": [1.5]},
    },
    "a schema": {
        "input": "x",
        "text": {"format": {"type": "json_schema", "name": "n", "schema": {"type": "object"}, "strict": True}},
    },
    "state elsewhere": {
        "input": [RESULT],
        "previous_response_id": "resp_1",
        "background": True,
        "store": True,
        "truncation": "disabled",
    },
    "a search for tools": {
        "input": [
            {
                "type": "tool_search_call",
                "id": "tsc_1",
                "call_id": "c1",
                "execution": "client",
                "arguments": {"query": "files", "limit": 3},
                "status": "completed",
            },
            {
                "type": "tool_search_output",
                "id": "tso_1",
                "call_id": "c1",
                "execution": "client",
                "status": "completed",
                "tools": [
                    {
                        "type": "namespace",
                        "name": "mcp__files",
                        "description": "Files.",
                        "tools": [{"type": "function", "name": "read", "parameters": {}, "strict": False}],
                    },
                    {"type": "function", "name": "f", "parameters": {}, "strict": True, "defer_loading": True},
                ],
            },
            {"type": "function_call", "call_id": "c2", "name": "read", "namespace": "mcp__files", "arguments": "{}"},
            {"type": "function_call_output", "call_id": "c2", "output": "x"},
            {"type": "tool_search_call", "call_id": "c3", "execution": "client", "arguments": {}},
            {"type": "tool_search_output", "call_id": "c3", "execution": "client", "tools": []},
            {"type": "tool_search_call", "call_id": None, "execution": "server", "arguments": {"paths": ["f"]}},
            {"type": "tool_search_output", "call_id": None, "execution": "server", "tools": []},
        ],
        "tools": [
            {"type": "function", "name": "g", "parameters": {}, "strict": True},
            {"type": "tool_search", "execution": "client", "description": "Finds.", "parameters": {"type": "object"}},
        ],
    },
    "a conversation": {"input": "x", "conversation": {"id": "conv_1"}},
    "a prompt": {"prompt": {"id": "pmpt_1", "variables": {"a": "b"}}},
    **{
        f"choice {i}": {"input": "x", "tools": [FUNCTION], "tool_choice": choice}
        for i, choice in enumerate(
            [
                "none",
                "auto",
                "required",
                {"type": "function", "name": "f"},
                {"type": "web_search"},
                {"type": "web_search_preview"},
                {"type": "mcp", "server_label": "d", "name": "r"},
                {"type": "apply_patch"},
                {"type": "allowed_tools", "mode": "auto", "tools": [{"type": "mcp", "server_label": "d"}]},
            ]
        )
    },
}


def plain(value: Any) -> Any:
    """A request in the one form of those that mean the same: nothing is null or empty, and a text is a string."""
    match value:
        case dict():
            said = {name: new for name, item in value.items() if (new := plain(item)) not in (None, [], {})}
            if "include" in said:
                said["include"] = sorted(said["include"])
            if said.get("type") == "message":
                del said["type"]
            match said.get("content"):
                case [{"type": "input_text" | "output_text", "text": str(text), **rest}] if not rest:
                    said["content"] = text
            return said
        case list():
            return [plain(item) for item in value]
        case _:
            return value


@pytest.mark.parametrize("name", CORPUS)
def test_a_request_goes_out_as_it_came(name: str) -> None:
    body = {"model": "m"} | CORPUS[name]
    if isinstance(body.get("input"), str):
        body["input"] = [{"role": "user", "content": body["input"]}]
    request = decode(CORPUS[name])
    assert plain(encode(request)) == plain(body | {"stream": True})
    assert CLIENT.losses(request, fixed_env().profile) == ()


def test_what_a_conversation_becomes() -> None:
    request = decode({"instructions": "Be kind.", "input": [USER, REASONING, ANSWER, CALL, RESULT]})
    top, asked, said, result = request.messages
    assert (top.role, top.top_level, top.text) == ("system", True, "Be kind.")
    assert asked.text == "Hello"
    assert [(type(part), part.item) for part in said.parts] == [
        (Reasoning, "rs_1"),
        (Reasoning, "rs_1"),
        (Text, "msg_1"),
        (Refusal, "msg_1"),
        (ToolCall, None),
    ]
    assert [part.opaque for part in said.parts] == [None, OpaqueState(NAME, "gAAA"), None, None, None]
    assert result.parts == (ToolResult(id="c1", parts=(Text(text="20"),)),)
    call = said.parts[-1]
    assert isinstance(call, ToolCall)
    assert call.arguments == CALL["arguments"]


def test_parts_have_their_values() -> None:
    image, data, known, pdf, bare, linked, stored, sound, odd = decode(CORPUS["media"]).messages[0].parts[1:]
    assert isinstance(image, Image)
    assert (image.url, image.detail) == ("https://a/b.png", "high")
    assert isinstance(data, Image)
    assert (data.data, data.media_type) == ("iVBORw0KGgo=", "image/png")
    assert isinstance(known, Image)
    assert (known.file_id, known.service) == ("file-1", NAME)
    assert isinstance(pdf, File)
    assert (pdf.data, pdf.media_type, pdf.name) == ("JVBERi0=", "application/pdf", "b.pdf")
    assert isinstance(bare, File)
    assert bare.media_type is None
    assert isinstance(linked, File)
    assert linked.url == "https://a/b.pdf"
    assert isinstance(stored, File)
    assert (stored.file_id, stored.service) == ("file-2", NAME)
    assert isinstance(sound, Audio)
    assert (sound.data, sound.media_type) == ("AAAA", "audio/mp3")
    assert isinstance(odd, Unknown)


def test_tools_have_their_values() -> None:
    request = decode(CORPUS["tools"])
    first, second, grammar, *_ = request.tools
    assert isinstance(first, Tool)
    assert (first.strict, first.defer_loading, first.output) == (True, True, {"type": "string"})
    assert isinstance(second, Tool)
    assert (second.strict, second.parameters) == (None, None)
    assert isinstance(grammar, Tool)
    assert (grammar.input_format, grammar.grammar) == ("text", ("regex", "a+"))
    hosted = [tool for tool in request.tools if isinstance(tool, HostedTool)]
    assert [tool.tool for tool in hosted] == [
        "web_search",
        "web_search",
        "file_search",
        "code_execution",
        "image_generation",
        "computer",
        "shell",
        "mcp",
        "mcp",
        "tool_search",
    ]
    assert (hosted[0].allowed, hosted[0].location, hosted[0].context_size) == (("a.example",), {"city": "Köln"}, "low")
    assert (hosted[7].label, hosted[7].url, hosted[7].authorization) == ("d", "https://d", "k")
    assert [type(tool) for tool in request.tools[-2:]] == [UnknownTool, UnknownTool]
    assert request.tool_choice == ToolChoice("required", names=("f", "p"))


def test_what_refers_to_state_elsewhere_is_refused_by_others_and_allowed_to_come_without_its_call() -> None:
    chat = OpenAIChatClient("http://up/v1")
    references = {"previous_response_id": "x", "conversation": {"id": "x"}, "prompt": {"id": "x"}, "background": True}
    for name, value in references.items():
        request = decode({"input": "x", name: value})
        assert request.essential == (name,)
        lost = chat.losses(request, fixed_env().profile)
        with pytest.raises(UnsupportedFeatureError, match=name):
            refuse(lost, "up", strict=False)
    for kind in ("item_reference", "compaction", "mcp_approval_response"):
        lost = chat.losses(decode({"input": [USER, {"type": kind, "id": "x"}]}), fixed_env().profile)
        with pytest.raises(UnsupportedFeatureError, match=r"messages\[1\]"):
            refuse(lost, "up", strict=False)
    assert decode({"input": "x", "background": False}).essential == ()


@pytest.mark.parametrize(("field", "value"), [("conversation", ""), ("conversation", {}), ("prompt", {})])
def test_an_empty_reference_is_one(field: str, value: Any) -> None:
    assert decode({"input": "x", field: value}).essential == (field,)


def test_what_another_protocol_loses_of_an_agent_s_request_is_short() -> None:
    request = decode(
        {
            "instructions": "Be kind.",
            "input": [USER, REASONING | {"status": "completed"}, ANSWER | {"phase": "commentary"}, CALL, RESULT],
            "tools": [FUNCTION, {"type": "web_search"}],
            "store": False,
            "background": False,
            "include": ["reasoning.encrypted_content"],
            "stream_options": {"include_obfuscation": False},
            "prompt_cache_key": "k",
        }
    )
    lost = names(OpenAIChatClient("http://up/v1").losses(request, fixed_env().profile))
    assert not {"include", "stream_options", "background", "store"} & set(lost)
    assert not [name for name in lost if "status" in name]
    assert "messages[2].parts[2].message.phase" in lost


def test_a_request_of_another_protocol_stores_nothing_and_asks_for_the_reasoning() -> None:
    asked = ChatRequest(model="m", messages=(Message("user", (Text(text="x"),)),), tools=(Tool("f"),))
    body = encode(asked)
    assert body["store"] is False
    assert body["tools"] == [{"type": "function", "name": "f", "parameters": None, "strict": False}]
    assert "include" not in body
    assert "store" not in encode(decode({"input": "x"}))


def test_results_take_the_form_of_their_calls() -> None:
    call = ToolCall(id="c1", name="patch", arguments="x", input_format="text")
    result = Message("tool", (ToolResult(id="c1", parts=(Text(text="ok"),), is_error=True),))
    request = ChatRequest(model="m", messages=(Message("assistant", (call,)), result))
    assert [item["type"] for item in encode(request)["input"]] == ["custom_tool_call", "custom_tool_call_output"]
    assert names(CLIENT.losses(request, fixed_env().profile)) == ("messages[1].parts[0].is_error",)


def test_a_form_and_a_truncation_that_are_not_known_go_back_as_they_came() -> None:
    for more in ({"text": {"format": {"type": "grammar", "x": 1}}}, {"truncation": "middle"}):
        request = decode({"model": "m", "input": "x"} | more)
        assert request.response_format is None
        assert encode(request).items() >= more.items()
