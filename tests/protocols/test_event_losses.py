"""What only one event of a stream says: it comes out, or it is named."""

import json
from typing import Any

import pytest

from dragoman.protocols.base import ClientCodec
from dragoman.protocols.registry import DIALECTS
from dragoman.protocols.streams.sse_decoder import MAX_UNREAD
from dragoman.types import ChatRequest, ChatResponse, LostEvent, ToolCall, Usage, fold, user
from tests.support.cuts import drive

REQUEST = ChatRequest(model="m", messages=(user("hi"),))


def answered(dialect: str, *events: dict[str, Any]) -> ChatResponse:
    """What is read of a stream of these events."""
    made: Any = DIALECTS[dialect].client
    codec: ClientCodec = made("http://service.example")
    lines = [json.dumps(each).encode() for each in events]
    found, error = drive(
        codec.decoder(REQUEST),
        [b"".join(b"%b\n" % line if dialect == "ollama" else b"data: %b\n\n" % line for line in lines)],
    )
    assert error is None
    return fold(found)


def of_responses(*events: dict[str, Any], output: Any = ()) -> ChatResponse:
    end = {"type": "response.completed", "response": {"id": "r", "status": "completed", "output": list(output)}}
    return answered("openai-responses", {"type": "response.created", "response": {"id": "r"}}, *events, end)


def added(**item: Any) -> dict[str, Any]:
    return {"type": "response.output_item.added", "output_index": 0, "item": item}


def of_item(kind: str, **fields: Any) -> dict[str, Any]:
    return {"type": f"response.{kind}", "output_index": 0, "content_index": 0} | fields


MESSAGE = added(type="message", id="msg_1", content=[])
CALL = added(type="function_call", id="fc_1", call_id="c", name="f", arguments="")


def test_events_of_new_kinds_are_named_once() -> None:
    new = {"type": "response.new_thing", "text": "?"}
    assert of_responses(new, new).losses == (LostEvent("answer.response.new_thing"),)


def test_no_more_than_some_kinds_are_named() -> None:
    events = [{"type": f"response.new_{i}"} for i in range(100)]
    assert len(of_responses(*events).losses) == MAX_UNREAD


@pytest.mark.parametrize("name", ["web_search_call.searching", "code_interpreter_call_code.delta", "mcp_call.failed"])
def test_events_that_the_item_repeats_are_no_loss(name: str) -> None:
    assert of_responses(of_item(name, delta="a")).losses == ()


def test_a_text_that_comes_only_with_its_end_comes_out() -> None:
    token = {"token": "Hi", "logprob": -0.5}
    response = of_responses(
        MESSAGE,
        of_item("output_text.done", text="Hi", logprobs=[token]),
        of_item("content_part.done", part={"type": "output_text", "text": "Hi", "annotations": [NOTE]}),
    )
    assert response.text == "Hi"
    [part] = response.parts
    assert (part.logprobs[0].token, part.citations[0].url) == ("Hi", "https://a.example")  # type: ignore[union-attr]  # a text


NOTE = {"type": "url_citation", "url": "https://a.example", "title": "A", "start_index": 0, "end_index": 2}


def test_of_a_text_that_has_come_only_the_rest_comes_with_its_end() -> None:
    done = of_item("output_text.done", text="Hi you")
    assert of_responses(MESSAGE, of_item("output_text.delta", delta="Hi"), done, done).text == "Hi you"


def test_arguments_that_come_only_with_their_end_come_out() -> None:
    response = of_responses(CALL, of_item("function_call_arguments.done", arguments='{"a":1}'))
    assert response.tool_calls == (ToolCall(id="c", name="f", arguments='{"a":1}', item="fc_1"),)


def test_an_item_that_never_ends_is_what_it_was_when_it_began() -> None:
    search = added(type="web_search_call", id="ws_1", status="in_progress", action={"type": "search", "query": "q"})
    assert [type(part).__name__ for part in of_responses(search).parts] == ["HostedCall"]
    assert of_responses(search, output=[{"type": "message", "id": "m", "content": []}]).parts == ()


def test_log_probabilities_of_a_piece_with_something_odd_come_out() -> None:
    token = {"token": "Hi", "logprob": -0.5, "top_logprobs": [{"token": "Hi"}]}
    [part] = of_responses(MESSAGE, of_item("output_text.delta", delta="Hi", logprobs=[token])).parts
    assert part.logprobs[0].token == "Hi"  # type: ignore[union-attr]  # a text


START = {"type": "message_start", "message": {"id": "m", "content": []}}
BLOCK = {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": "a"}}
END = ({"type": "message_delta", "delta": {"stop_reason": "end_turn"}}, {"type": "message_stop"})


def test_anthropics_events_and_deltas_of_new_kinds_are_named() -> None:
    delta = {"type": "content_block_delta", "index": 0, "delta": {"type": "new_delta", "shape": "round"}}
    response = answered("anthropic", START, BLOCK, delta, {"type": "new_event"}, *END)
    assert response.losses == (LostEvent("answer.content_block_delta.new_delta"), LostEvent("answer.new_event"))
    assert response.text == "a"


def chunk(*choices: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"id": "c", "model": "m", "choices": list(choices)} | more


def said(text: str, **more: Any) -> dict[str, Any]:
    return {"index": 0, "delta": {"content": text}} | more


def test_a_chunk_without_a_choice_says_what_it_says() -> None:
    found = [{"prompt_index": 0, "content_filter_results": {}}]
    response = answered(
        "openai-chat", chunk(prompt_filter_results=found), chunk(said("a")), chunk(said("", finish_reason="stop"))
    )
    assert response.extra["openai-chat"] == {"prompt_filter_results": found}


@pytest.mark.parametrize("first", [{}, {"service_tier": "flex"}])
def test_how_a_request_was_served_may_be_said_late(first: dict[str, Any]) -> None:
    end = chunk(said("", finish_reason="stop"), service_tier="priority")
    response = answered("openai-chat", chunk(said("a"), **first), end)
    assert response.extra["openai"]["service_tier"] == first.get("service_tier", "priority")


def test_moderation_may_come_with_a_piece_of_the_text() -> None:
    found = {"output": {"type": "error", "code": "x"}}
    response = answered(
        "openai-chat", chunk(said("a")), chunk(said("b"), moderation=found), chunk(said("", finish_reason="stop"))
    )
    assert (response.text, response.extra["openai-chat"]) == ("ab", {"moderation": found})


def test_geminis_explanation_may_come_without_the_reason() -> None:
    part = {"content": {"parts": [{"text": "a"}]}, "index": 0}
    response = answered(
        "gemini",
        {"candidates": [part | {"finishMessage": "because"}]},
        {"candidates": [part | {"finishReason": "STOP"}]},
    )
    assert response.detail == "because"


def test_ollamas_counts_may_come_before_the_last_line() -> None:
    line = {"model": "m", "message": {"role": "assistant", "content": "a"}, "done": False}
    response = answered("ollama", line | {"eval_count": 3}, line, line | {"done": True, "done_reason": "stop"})
    assert response.usage == Usage(None, 3)
