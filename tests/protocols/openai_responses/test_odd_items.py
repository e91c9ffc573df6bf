"""Items of services in an odd form: no call and no text is lost for one odd field, and no call comes without a name."""

import json
from typing import Any

import pytest

from dragoman.protocols.openai_responses import OpenAIResponsesClient
from dragoman.types import Reasoning, Text, fold
from tests.support.cuts import drive
from tests.support.readings import REQUEST

CLIENT = OpenAIResponsesClient("http://h")
CALL = {"type": "function_call", "id": "fc_1", "call_id": "call_1", "name": "f", "arguments": '{"a":1}'}
MESSAGE = {"type": "message", "id": "msg_1", "content": [{"type": "output_text", "text": "hello"}]}
REASONING = {"type": "reasoning", "id": "rs_1", "summary": [{"type": "summary_text", "text": "hmm"}]}
ABSENT = ...


def changed(item: dict[str, Any], field: str, value: object) -> dict[str, Any]:
    kept = {name: inner for name, inner in item.items() if name != field}
    return kept if value is ABSENT else kept | {field: value}


def replies(*items: dict[str, Any]) -> list[bytes]:
    """An answer of these items: whole, as the end of a stream, and as a stream of them."""
    whole = {"id": "resp_1", "object": "response", "status": "completed", "model": "m", "output": list(items)}
    end = sse({"type": "response.completed", "response": whole})
    stream = [
        sse({"type": f"response.output_item.{what}", "output_index": index, "item": item})
        for index, item in enumerate(items)
        for what in ("added", "done")
    ]
    return [json.dumps(whole).encode(), end, b"".join([*stream, end])]


def sse(event: dict[str, Any]) -> bytes:
    return f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode()


@pytest.mark.parametrize("value", [ABSENT, None, "", 7, True, [1], {"a": 1}], ids=repr)
@pytest.mark.parametrize("field", ["id", "call_id", "status", "namespace"])
def test_a_call_with_an_odd_field_is_a_call(field: str, value: object) -> None:
    for reply in replies(changed(CALL, field, value)):
        events, error = drive(CLIENT.decoder(REQUEST), [reply])
        assert error is None
        answer = fold(events)
        (call,) = answer.tool_calls
        assert (call.name, call.arguments, answer.finish_reason) == ("f", '{"a":1}', "tool_call")
        assert call.id == "call_1" if field != "call_id" else call.id in {"fc_1", "7"}


@pytest.mark.parametrize(("value", "text"), [({"a": [1.5]}, '{"a":[1.5]}'), (7, "7"), (None, ""), (ABSENT, "")])
@pytest.mark.parametrize(("kind", "field"), [("function_call", "arguments"), ("custom_tool_call", "input")])
def test_arguments_that_are_no_text_are_its_json(kind: str, field: str, value: object, text: str) -> None:
    item = changed({"type": kind, "call_id": "call_1", "name": "f"}, field, value)
    for reply in replies(item):
        answer = fold(drive(CLIENT.decoder(REQUEST), [reply])[0])
        assert [(call.id, call.arguments) for call in answer.tool_calls] == [("call_1", text)]


def test_calls_without_ids_have_ids_of_their_own() -> None:
    items = [{"type": "function_call", "name": "f", "arguments": text} for text in ("1", "2")]
    for reply in replies(*items):
        answer = fold(drive(CLIENT.decoder(REQUEST), [reply])[0])
        assert [(call.id, call.arguments) for call in answer.tool_calls] == [("call_0", "1"), ("call_1", "2")]


@pytest.mark.parametrize("value", [ABSENT, None, "", 7, ["f"]], ids=repr)
def test_a_call_without_a_name_is_an_error(value: object) -> None:
    for reply in replies(MESSAGE, changed(CALL, "name", value)):
        _, error = drive(CLIENT.decoder(REQUEST), [reply])
        assert error is not None
        assert error[1] == "expected the name of a tool call, got none"


@pytest.mark.parametrize(
    ("item", "field", "value"),
    [
        (MESSAGE, "content", "hello"),
        (MESSAGE, "content", ["hello"]),
        (MESSAGE, "content", [{"text": "hello"}]),
        (MESSAGE, "content", [{"type": None, "text": "hello"}]),
        (MESSAGE, "content", {"type": "output_text", "text": "hello"}),
        (MESSAGE, "id", 7),
        (REASONING, "summary", "hmm"),
        (REASONING, "summary", ["hmm"]),
        (REASONING, "summary", [{"text": "hmm"}]),
        (REASONING, "encrypted_content", 7),
        (REASONING, "id", {}),
    ],
)
def test_texts_in_an_odd_form_are_read(item: dict[str, Any], field: str, value: object) -> None:
    for reply in replies(changed(item, field, value)):
        events, error = drive(CLIENT.decoder(REQUEST), [reply])
        assert error is None
        (part,) = fold(events).parts
        assert isinstance(part, Text | Reasoning)
        assert part.text == ("hello" if item is MESSAGE else "hmm")


def test_what_is_added_without_a_name_may_get_it_later() -> None:
    added = {"type": "response.output_item.added", "output_index": 0, "item": changed(CALL, "name", "")}
    done = {"type": "response.output_item.done", "output_index": 0, "item": CALL}
    end = {"type": "response.completed", "response": {"id": "r", "status": "completed", "output": [CALL]}}
    answer = fold(drive(CLIENT.decoder(REQUEST), [sse(added) + sse(done) + sse(end)])[0])
    assert [call.name for call in answer.tool_calls] == ["f"]
