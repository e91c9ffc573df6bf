"""Tools over protocols that have only text: what the service is sent, and what its answer becomes."""

import json
from typing import Any

import pytest

from dragoman.errors import RateLimitError, TruncatedStreamError
from dragoman.protocols.base import ClientCodec
from dragoman.protocols.losses import refuse
from dragoman.protocols.ollama import OllamaClient
from dragoman.protocols.prompt_tools.blocks import CallReader
from dragoman.protocols.prompt_tools.codec import PromptTools
from dragoman.protocols.prompt_tools.words import in_words
from dragoman.protocols.webchat.aibn import AibnClient
from dragoman.protocols.webchat.aichatfree import AIChatFreeClient
from dragoman.protocols.webchat.aichatonline import AiChatOnlineClient
from dragoman.protocols.webchat.cromicle import CromicleClient
from dragoman.types import (
    ChangedField,
    ChatRequest,
    HttpRequest,
    HttpResponse,
    Image,
    Message,
    ModelProfile,
    PartDelta,
    PromptedTools,
    Reasoning,
    ResponseEnd,
    ResponseHead,
    Text,
    Tool,
    ToolCall,
    ToolChoice,
    ToolResult,
    assistant,
    fold,
    names,
    system,
    user,
)
from tests.support.cuts import assert_same_at_every_cut, drive
from tests.support.env import fixed_env

SCHEMA = {"type": "object", "properties": {"city": {"type": "string", "description": "Город"}}}
WEATHER, TIME = Tool("weather", "Tells the weather", SCHEMA), Tool("time")
SHELL = Tool("shell", input_format="text")
CALLS = (
    ToolCall(id="a", name="weather", arguments='{ "city":"Рим" }'),
    ToolCall(id="b", name="weather", arguments='{"city": 1.50}'),
)
HISTORY = (
    system("Be brief."),
    user("Where is it warm?"),
    Message("assistant", (Text(text="Let me see."), *CALLS)),
    Message("tool", (ToolResult(id="b", parts=(Text(text="no\n```"),), is_error=True),)),
    Message("tool", (ToolResult(id="a", parts=(Text(text="20 °C"), Text(text=", dry"))),)),
)
CLIENTS: tuple[ClientCodec, ...] = (
    AibnClient(url="http://site"),
    AIChatFreeClient(url="http://site"),
    AiChatOnlineClient(url="http://site"),
    CromicleClient(url="http://site"),
)
RAW = PromptTools(CromicleClient(url="http://site"))
KNOWN = ModelProfile()


def ask(messages: tuple[Message, ...] = HISTORY, **fields: Any) -> ChatRequest:
    return ChatRequest(model="m", messages=messages, **({"tools": (WEATHER, TIME)} | fields))


def block(name: str, arguments: str) -> str:
    return f'```tool_call\n{{"name": "{name}", "arguments": {arguments}}}\n```'


def test_the_history_is_told_in_blocks_in_its_own_order() -> None:
    told = in_words(ask()).messages
    assert [message.role for message in told] == ["system", "system", "user", "assistant", "user"]
    assert told[3].text == (
        "Let me see.\n"
        '```tool_call\n{"name":"weather","id":"a","arguments":{ "city":"Рим" }}\n```\n'
        '```tool_call\n{"name":"weather","id":"b","arguments":{"city": 1.50}}\n```'
    )
    assert told[4].text == (
        '```tool_result\n{"name":"weather","id":"b","content":"no\\n```","is_error":true}\n```\n'
        '```tool_result\n{"name":"weather","id":"a","content":"20 °C, dry"}\n```'
    )
    assert told[1:3] == HISTORY[:2]


def test_the_model_is_told_each_tool_with_its_schema() -> None:
    text = in_words(ask(tools=(WEATHER, TIME, SHELL))).messages[0].text
    lines = [json.loads(line) for line in text.partition("one a line:\n")[2].splitlines()]
    assert lines[0] == {"name": "weather", "description": "Tells the weather", "parameters": SCHEMA}
    assert lines[1] == {"name": "time"}
    assert (lines[2]["name"], lines[2]["parameters"]["required"]) == ("shell", ["input"])


def test_the_form_that_the_model_is_told_is_the_form_that_is_read() -> None:
    text = in_words(ask()).messages[0].text.replace("NAME OF THE TOOL", "weather")
    found = CallReader({"weather": WEATHER}).feed(text)
    assert [each.arguments for each in found if isinstance(each, ToolCall)] == ['{"PARAMETER": "VALUE"}']


def test_calls_of_the_history_are_written_as_they_are_read() -> None:
    tools = (WEATHER, SHELL)
    calls = (*CALLS, ToolCall(id="c", name="shell", arguments="ls\n```\n\\", input_format="text"))
    told = in_words(ask((Message("assistant", calls), user("x")), tools=tools)).messages[1]
    found = CallReader({tool.name: tool for tool in tools}).feed(told.text + "\n")
    read = [(each.name, each.arguments) for each in found if isinstance(each, ToolCall)]
    assert read == [(call.name, call.arguments) for call in calls]


@pytest.mark.parametrize("arguments", ["", "no JSON", "[1]", '{"a": "\ud83d"}', "```\n"])
def test_arguments_of_the_history_that_are_no_object_are_told_as_text(arguments: str) -> None:
    told = in_words(ask((Message("assistant", (ToolCall(id="a", name="x", arguments=arguments),)),))).messages[1].text
    assert json.loads(told.splitlines()[1])["arguments"] == arguments.replace("\ud83d", "�")


def test_text_behind_a_block_begins_a_line() -> None:
    told = in_words(ask((Message("assistant", (CALLS[0], Text(text="So?"), Text(text=" Yes"))),))).messages[1].text
    assert told.endswith("\n```\nSo? Yes")


def test_without_tools_nothing_is_added() -> None:
    plain = ask((user("hi"), assistant("ho"), user("hm")), tools=())
    assert in_words(plain) == plain
    assert RAW.losses(plain, KNOWN) == ()
    assert drive(RAW.decoder(plain), [block("weather", "{}").encode()])[0][-1] == ResponseEnd("stop")


@pytest.mark.parametrize(
    ("choice", "parallel", "rule", "lost"),
    [
        (ToolChoice("auto"), None, "", ()),
        (ToolChoice("none"), None, "Do not call any tool in this answer.", ()),
        (ToolChoice("required"), None, "at least one tool in this answer, of these: time, weather.", ("tool_choice",)),
        (ToolChoice("tool", "time"), None, "at least one tool in this answer, of these: time.", ("tool_choice",)),
        (ToolChoice("auto", names=("weather",)), None, "you may call only: weather.", ()),
        (None, False, "Call at most one tool in this answer.", ("parallel_tool_calls",)),
        (None, True, "", ()),
    ],
)
def test_what_is_demanded_of_the_choice_is_told_and_what_a_model_may_break_is_listed(
    choice: ToolChoice | None, parallel: bool | None, rule: str, lost: tuple[str, ...]
) -> None:
    request = ask(tool_choice=choice, parallel_tool_calls=parallel)
    text = in_words(request).messages[0].text
    assert rule in text
    assert text.endswith(rule or "}")
    assert names(RAW.losses(request, KNOWN)) == lost
    assert [loss for loss in RAW.losses(request, KNOWN) if isinstance(loss, ChangedField)] == [
        ChangedField(name) for name in lost
    ]


@pytest.mark.parametrize(
    ("choice", "called"),
    [(ToolChoice("none"), []), (ToolChoice("tool", "time"), ["time"]), (ToolChoice("auto", names=("time",)), ["time"])],
)
def test_a_call_that_the_caller_forbade_is_text(choice: ToolChoice, called: list[str]) -> None:
    said = f"{block('weather', '{}')}\n{block('time', '{}')}".encode()
    answer = fold(drive(RAW.decoder(ask(tool_choice=choice)), [said])[0])
    assert [call.name for call in answer.tool_calls] == called
    assert block("weather", "{}") in answer.text


def test_tools_are_noted_and_what_cannot_be_told_is_listed() -> None:
    picture = Message("tool", (ToolResult(id="a", parts=(Image(url="http://x/y.png"),)),))
    request = ask((*HISTORY, picture), tools=(Tool("t", strict=True),), seed=1)
    losses = RAW.losses(request, ModelProfile(tools=False))
    assert names(losses) == ("tools[0].strict", "seed", "messages[5].parts[0].parts[0] (image)")
    noted = [loss.name for loss in losses if isinstance(loss, PromptedTools)]
    assert noted == ["tools", "messages[2]", "messages[3]", "messages[4]", "messages[5]"]


@pytest.mark.parametrize("client", CLIENTS, ids=lambda client: client.name)
def test_a_strict_service_takes_tools_in_words(client: ClientCodec) -> None:
    wrapped = PromptTools(client)
    refuse(wrapped.losses(ask(), KNOWN), "up", strict=True)
    message = wrapped.encode_request(wrapped.fit(ask(), KNOWN), fixed_env())
    if not isinstance(message, HttpRequest):
        next(message)
        return
    body = json.loads(message.body)
    assert "Tells the weather" in json.dumps(body)
    if isinstance(body.get("messages"), list):
        assert {each["role"] for each in body["messages"]} <= {"system", "user", "assistant", "model"}
        assert body["messages"][-1]["role"] == "user"


@pytest.mark.parametrize(
    ("said", "text", "calls", "reason"),
    [
        ("Just text.\n", "Just text.\n", [], "stop"),
        (" \n", " \n", [], "stop"),
        (block("weather", '{"city": "Рим"}'), "", [("weather", '{"city": "Рим"}')], "tool_call"),
        (
            f"\nSo:\n\n{block('weather', '{ }')}\n\n{block('time', '{}')}\n",
            "\nSo:\n\n",
            [("weather", "{ }"), ("time", "{}")],
            "tool_call",
        ),
        (f"{block('time', '{}')}\nDone", "Done", [("time", "{}")], "tool_call"),
        (f" \n{block('time', '{}')}\n\n{block('time', '{}')}\nDone", "Done", [("time", "{}")] * 2, "tool_call"),
        (block("unknown", "{}"), block("unknown", "{}"), [], "stop"),
        (block("time", "{}")[:-2], block("time", "{}")[:-2], [], "stop"),
    ],
)
def test_an_answer_is_the_same_at_every_cut(said: str, text: str, calls: list[tuple[str, str]], reason: str) -> None:
    events, error = assert_same_at_every_cut(lambda: RAW.decoder(ask()), said.encode())
    answer = fold(events)
    assert error is None
    assert answer.text == text
    assert [(call.name, call.arguments) for call in answer.tool_calls] == calls
    assert answer.finish_reason == reason


def test_ids_are_new_to_the_conversation() -> None:
    taken = (ToolCall(id="call_1", name="time"), ToolCall(id="x", name="time"))
    request = ask((Message("assistant", taken), user("again")))
    said = "\n".join([block("time", "{}")] * 3)
    assert [call.id for call in fold(drive(RAW.decoder(request), [said.encode()])[0]).tool_calls] == [
        "call_2",
        "call_3",
        "call_4",
    ]


def test_a_freeform_tool_is_given_its_text() -> None:
    said = block("shell", '{"input": "ls\\n-l"}')
    (call,) = fold(drive(RAW.decoder(ask(tools=(SHELL,))), [said.encode()])[0]).tool_calls
    assert (call.input_format, call.arguments) == ("text", "ls\n-l")


def test_what_was_held_comes_out_if_the_answer_breaks_off() -> None:
    half = block("time", "{}")[:20]
    events, error = drive(RAW.decoder(ask()), [f"So:\n{half}".encode()], whole=False)
    assert (events[-1], error) == (PartDelta(f"So:\n{half}"), None)
    marked = PromptTools(AibnClient(url="http://site"))
    events, error = drive(marked.decoder(ask()), [half.encode(), b"", b"Internal server error", b""])
    assert events[-1] == PartDelta(half)
    assert error is not None
    assert error[0] is TruncatedStreamError


def test_lines_of_json_are_read_as_well() -> None:
    lines = [{"data": {"message": piece}} for piece in block("time", '{"a": "é"}')]
    body = b"".join(json.dumps(line).encode() + b"\n" for line in lines)
    answer = fold(drive(PromptTools(AiChatOnlineClient(url="http://site")).decoder(ask()), [body])[0])
    assert [(call.name, call.arguments) for call in answer.tool_calls] == [("time", '{"a": "é"}')]
    assert answer.finish_reason == "tool_call"


def test_what_a_service_says_beside_text_passes() -> None:
    marked = PromptTools(OllamaClient("http://up"))
    line = {"model": "m", "message": {"role": "assistant", "thinking": "hm", "content": ""}, "done": False}
    said = {"model": "m", "message": {"role": "assistant", "content": "Yes"}, "done": True, "done_reason": "stop"}
    body = "".join(json.dumps(each) + "\n" for each in (line, said)).encode()
    answer = fold(drive(marked.decoder(ask()), [body])[0])
    assert answer.parts == (Reasoning(text="hm"), Text(text="Yes"))


def test_a_refusal_is_read_as_the_service_s_protocol_says_it() -> None:
    reply = HttpResponse(ResponseHead(429), b'{"error": "busy"}')
    error = PromptTools(OllamaClient("http://up")).decode_error(reply)
    assert isinstance(error, RateLimitError)
    assert "busy" in str(error)


def test_an_answer_whose_end_alone_is_missing_is_whole() -> None:
    decoder = PromptTools(OllamaClient("http://up")).decoder(ask())
    end = {"model": "m", "message": {"role": "assistant", "content": "Yes"}, "done": True, "done_reason": "stop"}
    events = [*decoder.feed(json.dumps(end).encode()), *decoder.salvage()]
    assert decoder.done
    assert fold(events).text == "Yes"


def test_ids_that_are_taken_are_passed_over() -> None:
    taken = (ToolCall(id="call_2", name="time"), ToolCall(id="x", name="time"))
    request = ask((Message("assistant", taken), user("again")))
    (call,) = fold(drive(RAW.decoder(request), [block("time", "{}").encode()])[0]).tool_calls
    assert call.id == "call_3"
