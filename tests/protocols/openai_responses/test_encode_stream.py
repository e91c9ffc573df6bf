"""Our answers: the order of their events, what they repeat, and what each SDK needs."""

import json
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from dragoman.errors import OverloadedError
from dragoman.protocols.openai_responses import NAME, OpenAIResponsesClient, OpenAIResponsesServer
from dragoman.protocols.openai_responses.encode_stream import AnswerEncoder
from dragoman.protocols.tools.search import MARK
from dragoman.types import (
    ChatRequest,
    ChatResponse,
    Citation,
    HostedCall,
    Image,
    Metadata,
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
    Unknown,
    Usage,
    fold,
    unfold,
    user,
)
from tests.support.cuts import drive
from tests.support.env import NOW, fixed_env
from tests.support.golden import Case, cases
from tests.support.responses import Stream, check_response, events_of

SERVER, CLIENT = OpenAIResponsesServer(), OpenAIResponsesClient("http://up/v1")
REQUEST = ChatRequest(model="m", messages=(user("x"),))
FREEFORM = ChatRequest(model="m", messages=(user("x"),), tools=(Tool("patch", input_format="text"),))
CASES = cases(NAME)
SOUND = {name: case for name, case in CASES.items() if drive(CLIENT.decoder(REQUEST), [case.reply])[1] is None}

GEMINI = OpaqueState("gemini", "c2ln", "abcdefgh")


def streamed(events: list[StreamEvent], request: ChatRequest = REQUEST, *, each: bool = True) -> Stream:
    """The checked stream of `events`, encoded one by one or all at once."""
    encoder = AnswerEncoder(request, fixed_env())
    return Stream(b"".join(encoder.send([event]) for event in events) if each else encoder.send(events))


def whole(response: ChatResponse, request: ChatRequest = REQUEST) -> dict[str, Any]:
    """The whole answer."""
    found: dict[str, Any] = json.loads(SERVER.encode_response(response, request, fixed_env()).body)
    return found


def answer(*parts: Any, **more: Any) -> list[StreamEvent]:
    """An answer of these parts."""
    return unfold(ChatResponse(id="resp_1", model="m", created=1, parts=parts, **more))


@pytest.mark.parametrize("name", SOUND)
def test_a_service_s_answer_keeps_the_rules_and_comes_back(name: str) -> None:
    events, _ = drive(CLIENT.decoder(REQUEST), [SOUND[name].reply])
    for each in (True, False):
        stream = streamed(events, each=each)
        again, error = drive(CLIENT.decoder(REQUEST), [_bytes(stream)])
        assert error is None
        assert _plain(fold(again)) == _plain(fold(events))


@pytest.mark.parametrize("name", SOUND)
def test_a_whole_answer_is_what_a_stream_of_it_ends_with(name: str) -> None:
    events, _ = drive(CLIENT.decoder(REQUEST), [SOUND[name].reply])
    stream, said = streamed(events), whole(fold(events))
    check_response(said)
    assert _without_ids(stream.response) == _without_ids(said)


def _bytes(stream: Stream) -> bytes:
    return b"".join(f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode() for event in stream.events)


def _plain(response: ChatResponse) -> tuple[Any, ...]:
    """What must come back: opaque state is wrapped on the way, and counts that were not known are 0."""
    usage = response.usage or Usage()
    parts = [json.loads(json.dumps(_built(part))) for part in response.parts]
    return parts, response.finish_reason, usage.input_tokens or 0, usage.output_tokens or 0, usage.details


def _built(part: Any) -> Any:
    said = msgspec.to_builtins(part)
    for name in ("opaque", "item"):
        said.pop(name, None)
    return said


def _without_ids(value: Any) -> Any:
    """A value without what is made up for it."""
    match value:
        case dict():
            return {name: _without_ids(item) for name, item in value.items() if name != "id"}
        case list():
            return [_without_ids(item) for item in value]
        case _:
            return value


def test_each_kind_of_part() -> None:
    tokens = (TokenLogprob("Hi", -0.5, top=(TokenLogprob("Yo", -2.0),)),)
    events = answer(
        Reasoning(text="Hm", form="summary"),
        Reasoning(text="Long"),
        Reasoning(text="", form="redacted"),
        Text(text="Hi", logprobs=tokens, citations=(Citation(kind="url", url="https://a.example"),)),
        Refusal(text="No"),
        ToolCall(id="call_1", name="f", arguments='{"a":1}'),
        ToolCall(id="call_2", name="patch", arguments="text", input_format="text", namespace="n"),
        HostedCall(id="h1", tool="web_search", arguments='{"query":"q"}'),
        HostedCall(id="h2", tool="code_execution", arguments='{"code":"1"}'),
        HostedCall(id="h3", tool="web_fetch", arguments='{"url":"https://a.example"}'),
        HostedCall(id="h4", tool="mcp", name="read", arguments="{}"),
        Image(data="iVBORw0KGgo="),
        Unknown(protocol=NAME, data={"type": "x_new", "id": "x_1"}),
        finish_reason="tool_call",
        usage=Usage(3, 4),
    )
    stream = streamed(events)
    kinds = [item["type"] for item in stream.items]
    assert kinds == [
        "reasoning",
        "reasoning",
        "reasoning",
        "message",
        "function_call",
        "custom_tool_call",
        "web_search_call",
        "code_interpreter_call",
        "web_search_call",
        "mcp_call",
        "image_generation_call",
        "x_new",
    ]
    message = stream.items[3]["content"]
    assert [part["type"] for part in message] == ["output_text", "refusal"]
    assert message[0]["annotations"] == [
        {"type": "url_citation", "start_index": 0, "end_index": 2, "url": "https://a.example", "title": ""}
    ]
    assert message[0]["logprobs"][0]["top_logprobs"][0]["token"] == "Yo"
    assert stream.items[0]["summary"] == [{"type": "summary_text", "text": "Hm"}]
    assert stream.items[1]["content"] == [{"type": "reasoning_text", "text": "Long"}]
    assert stream.items[5]["namespace"] == "n"
    assert stream.items[6]["action"] == {"type": "search", "query": "q"}
    assert stream.response["usage"]["total_tokens"] == 7
    assert _without_ids(whole(fold(events))["output"]) == _without_ids(stream.items)


def test_items_of_a_service_keep_their_ids_and_others_get_new_ones() -> None:
    stream = streamed(answer(Text(text="a", item="msg_7"), Text(text="b", item="msg_7"), Text(text="c")))
    assert [item["id"] for item in stream.items] == ["msg_7", "msg_dr1id0002"]
    assert [part["text"] for part in stream.items[0]["content"]] == ["a", "b"]


def test_an_answer_says_when_it_was_complete() -> None:
    times = iter([NOW + 20])
    encoder = AnswerEncoder(REQUEST, replace(fixed_env(), clock=times.__next__))
    stream = Stream(b"".join(encoder.send([event]) for event in answer(Text("hi"))))
    assert (stream.response["created_at"], stream.response["completed_at"]) == (1, int(NOW + 20))


def test_an_answer_repeats_the_request_and_hides_the_keys_in_it() -> None:
    request = SERVER.decode_request(
        ServerRequest(
            method="POST",
            path="/",
            body=json.dumps(
                {
                    "model": "m",
                    "input": "x",
                    "instructions": "Be kind.",
                    "tools": [
                        {"type": "function", "name": "f", "parameters": {"type": "object"}, "strict": True},
                        {"type": "mcp", "server_label": "d", "server_url": "https://d", "authorization": "secret"},
                    ],
                    "temperature": 0.5,
                    "metadata": {"a": "b"},
                    "reasoning": {"effort": "low"},
                    "text": {"verbosity": "low"},
                    "store": True,
                }
            ).encode(),
        )
    )
    begun = streamed(answer(Text(text="a")), request).events[0]["response"]
    assert begun["instructions"] == "Be kind."
    assert begun["temperature"] == 0.5
    assert begun["metadata"] == {"a": "b"}
    assert begun["reasoning"] == {"effort": "low", "summary": None}
    assert begun["text"] == {"format": {"type": "text"}, "verbosity": "low"}
    assert begun["tools"][0]["strict"] is True
    assert begun["tools"][1] == {"type": "mcp", "server_label": "d", "server_url": "https://d"}
    assert begun["store"] is False
    assert "secret" not in json.dumps(begun)


def test_what_an_answer_repeats_has_the_form_of_an_answer() -> None:
    """A typed reader, such as 64bit/async-openai's, gives up an answer whose tool lacks its format."""
    lark = {"type": "grammar", "syntax": "lark", "definition": "start: A"}
    tools = [
        {"type": "custom", "name": "a"},
        {"type": "custom", "name": "b", "format": {"type": "text"}},
        {"type": "custom", "name": "c", "format": lark},
        {"type": "namespace", "name": "n", "description": "N", "tools": [{"type": "custom", "name": "d"}]},
    ]
    asked = {"model": "m", "input": "x", "tools": tools, "conversation": "conv_1"}
    request = SERVER.decode_request(ServerRequest(method="POST", path="/", body=json.dumps(asked).encode()))
    begun = streamed(answer(Text(text="a")), request).events[0]["response"]
    *plain, group = begun["tools"]
    assert [tool["format"] for tool in (*plain, *group["tools"])] == [
        {"type": "text"},
        {"type": "text"},
        lark,
        {"type": "text"},
    ]
    assert begun["conversation"] == {"id": "conv_1"}


def test_state_of_a_call_stands_in_reasoning_before_it_or_behind_it() -> None:
    before = answer(ToolCall(id="c1", name="f", arguments="{}", opaque=GEMINI))
    early: list[StreamEvent] = [
        ResponseStart("resp_1", "m", 1),
        PartStart(ToolCall(id="c1", name="f", opaque=GEMINI)),
        PartDelta("{}"),
        PartEnd(),
        ResponseEnd("tool_call"),
    ]
    state = "dragomanMark.abcdefgh.gemini+{}.c2ln"
    assert [item.get("encrypted_content") for item in streamed(early).items] == [state.format("next"), None]
    assert [item.get("encrypted_content") for item in streamed(before).items] == [None, state.format("last")]
    assert [item.get("encrypted_content") for item in whole(fold(before))["output"]] == [state.format("next"), None]
    for said in (streamed(early).items, streamed(before).items, whole(fold(before))["output"]):
        history = [{"role": "user", "content": "x"}, *said]
        body = json.dumps({"model": "m", "input": history}).encode()
        request = SERVER.decode_request(ServerRequest(method="POST", path="/", body=body))
        (call,) = request.messages[1].parts
        assert isinstance(call, ToolCall)
        assert call.opaque == GEMINI


def test_a_wrapped_call_of_a_freeform_tool_is_given_as_text() -> None:
    for arguments, text in (('{"input":"a\\nb"}', "a\nb"), ("{}", "{}")):
        events = answer(ToolCall(id="c1", name="patch", arguments=arguments), finish_reason="tool_call")
        stream = streamed(events, FREEFORM)
        assert [(item["type"], item["input"]) for item in stream.items] == [("custom_tool_call", text)]
        assert whole(fold(events), FREEFORM)["output"][0]["input"] == text


def test_a_call_is_known_by_the_group_of_its_tool_too() -> None:
    tools = (Tool("patch", input_format="text"), Tool("tool_search", extra=MARK))
    request = ChatRequest(model="m", messages=(user("hi"),), tools=tools)
    events: list[StreamEvent] = [ResponseStart()]
    for group, name in ((None, "patch"), ("g", "patch"), (None, "tool_search"), ("g", "tool_search")):
        events += [PartStart(ToolCall(id=f"{group} {name}", name=name, namespace=group)), PartEnd()]
    items = [
        event["item"]
        for event in events_of(AnswerEncoder(request, fixed_env()).send([*events, ResponseEnd("tool_call")]))
        if event["type"] == "response.output_item.done"
    ]
    kinds = ["custom_tool_call", "function_call", "tool_search_call", "function_call"]
    assert [item["type"] for item in items] == kinds
    assert items[2]["arguments"] == {}


def test_reasons_to_stop() -> None:
    expected = {
        "stop": ("completed", None),
        "length": ("incomplete", {"reason": "max_output_tokens"}),
        "content_filter": ("incomplete", {"reason": "content_filter"}),
        "refusal": ("incomplete", {"reason": "content_filter"}),
        "pause": ("incomplete", {"reason": "pause"}),
        "other": ("completed", None),
    }
    for reason, said in expected.items():
        events = answer(Text(text="a"), finish_reason=reason)
        for response in (streamed(events).response, whole(fold(events))):
            assert (response["status"], response["incomplete_details"]) == said, reason
    odd = streamed(answer(Text(text="a"), finish_reason="other", native_finish_reason="weary")).response
    assert odd["incomplete_details"] == {"reason": "weary"}
    queued = ChatResponse(id="r", finish_reason="other", native_finish_reason="queued")
    assert whole(queued)["status"] == "queued"
    assert streamed(unfold(queued)).response["status"] == "incomplete"


def test_citations_of_a_range_go_out_at_once_and_others_with_the_end_of_the_text() -> None:
    one = Citation(kind="url", url="https://a.example", title="A", text_range=(0, 2))
    other = Citation(kind="document", source=3, title="B")
    events: list[StreamEvent] = [
        ResponseStart("r", "m", 1),
        PartStart(Text(text="")),
        PartDelta("Hi"),
        Metadata(citations=(one, other)),
        PartDelta(" you"),
        PartEnd(),
        ResponseEnd("stop"),
    ]
    stream = streamed(events)
    kinds = [event["type"].removeprefix("response.output_text.") for event in stream.events[4:9]]
    assert kinds == ["delta", "annotation.added", "delta", "annotation.added", "done"]
    assert stream.items[0]["content"][0]["annotations"] == [
        {"type": "url_citation", "start_index": 0, "end_index": 2, "url": "https://a.example", "title": "A"},
        {"type": "file_citation", "file_id": "3", "filename": "B", "index": 6},
    ]


def test_a_file_that_is_cited_for_a_range_has_an_index_as_callers_types_require() -> None:
    """`FileCitation` of openai/openai-java cannot be read without one, nor can an answer be validated."""
    cited = Citation(kind="file", title="B", text_range=(0, 2))
    known = {"file_id": "", "filename": "B", "index": 2}
    (found,) = whole(ChatResponse(parts=(Text(text="Hi you", citations=(cited,)),)))["output"][0]["content"]
    assert found["annotations"] == [{"type": "file_citation", "start_index": 0, "end_index": 2} | known]


def test_a_failure_has_the_answer_s_id_and_the_next_numbers() -> None:
    encoder = AnswerEncoder(REQUEST, fixed_env())
    said = encoder.send([ResponseStart("resp_1", "m", 1), PartStart(Text(text="")), PartDelta("a")])
    stream = Stream(said + encoder.fail(OverloadedError("busy")))
    error, failed = stream.events[-2:]
    assert (error["code"], error["message"], error["error"]["message"]) == ("overloaded", "busy", "busy")
    assert failed["response"]["error"] == {"code": "overloaded", "message": "busy"}
    alone = events_of(AnswerEncoder(REQUEST, fixed_env()).fail(OverloadedError("busy")))
    assert [event["sequence_number"] for event in alone] == [0, 1]
    check_response(alone[1]["response"])


@pytest.mark.parametrize("field", ["temperature", "top_p", "store", "user", "tools", "metadata", "more"])
@pytest.mark.parametrize("value", [None, 1, 1.0, 0, False, True, "", [], {}, {"effort": None, "summary": None}])
def test_a_field_is_the_same_when_an_answer_begins_and_ends(field: str, value: object) -> None:
    start = ResponseStart("resp_1", extra={NAME: {field: value}})
    events = events_of(AnswerEncoder(REQUEST, fixed_env()).send([start, ResponseEnd("stop")]))
    found = [json.dumps(event["response"][field]) for event in events]
    assert found == [json.dumps(value)] * 3


def test_the_end_mark_is_sent_if_it_is_asked_for() -> None:
    events = answer(Text(text="a"))
    env = fixed_env()
    plain = SERVER.encoder(REQUEST, env).send(events)
    marked = OpenAIResponsesServer(end_mark=True).encoder(REQUEST, fixed_env()).send(events)
    assert marked == plain + b"data: [DONE]\n\n"


def test_a_request_of_another_protocol_is_repeated_as_far_as_this_one_says_it() -> None:
    request = ChatRequest(
        model="m",
        messages=(user("x"),),
        response_format=ResponseFormat("json_schema", name="n", schema={"type": "object"}),
        reasoning=ReasoningConfig(mode="off"),
    )
    begun = streamed(answer(Text(text="{}")), request).events[0]["response"]
    assert begun["text"]["format"]["name"] == "n"
    assert begun["reasoning"] == {"effort": "none", "summary": None}


def test_golden_cases_are_there() -> None:
    assert isinstance(next(iter(SOUND.values())), Case)
    assert len(SOUND) > 20


def test_what_says_nothing_about_a_text_is_no_event() -> None:
    source = Metadata(citations=(Citation(kind="url", url="https://a"),))
    said: list[StreamEvent] = [
        ResponseStart(),
        PartStart(Reasoning(text="hm")),
        source,
        PartEnd(),
        PartStart(Text(text="a")),
        Metadata(usage=Usage(1, 1)),
        PartDelta(""),
        PartEnd(),
        ResponseEnd("stop"),
    ]
    plain: list[StreamEvent] = [event for event in said if not isinstance(event, Metadata) and event != PartDelta("")]
    seen, wanted = streamed(said), streamed(plain)
    assert [event["type"] for event in seen.events] == [event["type"] for event in wanted.events]


def test_parts_that_only_this_protocol_has_stand_in_the_message() -> None:
    data = {"type": "output_audio", "data": "AAAA"}
    own, odd = (
        Unknown(protocol=NAME, data=each, extra={"dragoman": {"content": True}}) for each in (data, "no object")
    )
    (item,) = whole(ChatResponse(parts=(Text(text="a"), own, odd), finish_reason="stop"))["output"]
    assert [part["type"] for part in item["content"]] == ["output_text", "output_audio"]


def test_a_refusal_before_other_words_is_one() -> None:
    parts = (Refusal(text="No."), Reasoning(text="Hm"), Text(text="But"))
    answer = ChatResponse(parts=parts, finish_reason="refusal")
    body = json.loads(SERVER.encode_response(answer, REQUEST, fixed_env()).body)
    assert (body["status"], streamed(unfold(answer)).response["status"]) == ("completed", "completed")
