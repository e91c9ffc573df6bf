"""Calls of freeform tools that came as those of functions: nothing of them passes before they are whole."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from dragoman.protocols.base import ClientCodec
from dragoman.protocols.openai_chat import OpenAIChatClient, Variant
from dragoman.protocols.openai_responses import OpenAIResponsesClient
from dragoman.types import ChatRequest, PartDelta, Text, Tool, ToolCall, user
from dragoman.types.response import Fold

TEXT = 'say "hello" to all of the world'
ARGUMENTS = json.dumps({"input": TEXT})
PIECES = [ARGUMENTS[at : at + 6] for at in range(0, len(ARGUMENTS), 6)]

CHAT = OpenAIChatClient("http://up", Variant(custom_tools=False))
RESPONSES = OpenAIResponsesClient("http://up")


def said(**value: Any) -> bytes:
    name = b"event: %b\n" % value["type"].encode() if "type" in value else b""
    return name + b"data: " + json.dumps(value, separators=(",", ":")).encode() + b"\n\n"


def chunk(finish_reason: str | None = None, **delta: Any) -> bytes:
    return said(id="c", choices=[{"index": 0, "delta": delta, "finish_reason": finish_reason}])


def chat(name: str) -> Iterator[bytes]:
    yield chunk(role="assistant", content="Well")
    yield from (chunk(content=word) for word in (", ", "so"))
    called = {"index": 0, "id": "t", "type": "function", "function": {"name": name, "arguments": ""}}
    yield chunk(tool_calls=[called])
    yield from (chunk(tool_calls=[{"index": 0, "function": {"arguments": piece}}]) for piece in PIECES)
    yield chunk("tool_calls")
    yield b"data: [DONE]\n\n"


def responses(name: str) -> Iterator[bytes]:
    message = {"type": "message", "id": "m", "role": "assistant", "content": []}
    whole = message | {"content": [{"type": "output_text", "text": "Well, so"}]}
    call = {"type": "function_call", "id": "fc_1", "call_id": "t", "name": name, "arguments": ""}
    called = call | {"arguments": ARGUMENTS}
    yield said(type="response.created", response={"id": "r", "output": []})
    yield said(type="response.output_item.added", output_index=0, item=message)
    for word in ("Well", ", ", "so"):
        yield said(type="response.output_text.delta", item_id="m", output_index=0, content_index=0, delta=word)
    yield said(type="response.output_item.done", output_index=0, item=whole)
    yield said(type="response.output_item.added", output_index=1, item=call)
    for piece in PIECES:
        yield said(type="response.function_call_arguments.delta", item_id="fc_1", output_index=1, delta=piece)
    yield said(type="response.output_item.done", output_index=1, item=called)
    yield said(type="response.completed", response={"id": "r", "status": "completed", "output": [whole, called]})


@pytest.mark.parametrize("together", [1, 2, 100])
@pytest.mark.parametrize(
    ("codec", "events"), [(CHAT, chat), (OpenAIChatClient("http://up"), chat), (RESPONSES, responses)]
)
def test_the_text_comes_whole_and_no_piece_by_another_way(codec: ClientCodec, events: Any, together: int) -> None:
    decoder = codec.decoder(ChatRequest(model="m", messages=(user("x"),), tools=(Tool("f", input_format="text"),)))
    sent, fold = [*events("f")], Fold()
    texts: list[str] = []
    passing: list[int] = []
    """After how many events more could pass undecoded."""
    for at in range(0, len(sent), together):
        found = decoder.feed(b"".join(sent[at : at + together]))
        fold.feed(found)
        texts += [event.text for event in found if isinstance(event, PartDelta)]
        passing += [at + together] if decoder.open_rows is not None else []
    fold.feed(decoder.finish())
    text, call = fold.result().parts
    assert isinstance(text, Text)
    assert isinstance(call, ToolCall)
    assert (text.text, call.arguments, call.input_format, call.id) == ("Well, so", TEXT, "text", "t")
    assert texts[-1] == TEXT
    assert max(passing, default=0) < len(sent) - len(PIECES)
    assert passing or together > 1


@pytest.mark.parametrize(("codec", "events"), [(CHAT, chat), (RESPONSES, responses)])
def test_a_call_of_a_function_comes_in_pieces(codec: ClientCodec, events: Any) -> None:
    decoder = codec.decoder(ChatRequest(model="m", messages=(user("x"),), tools=(Tool("f", input_format="text"),)))
    found = [event for piece in events("g") for event in decoder.feed(piece)]
    assert [event.text for event in found if isinstance(event, PartDelta)][-len(PIECES) :] == PIECES


def test_a_function_of_another_group_with_the_same_name_is_one() -> None:
    tools = (Tool("f", input_format="text", namespace="a"), Tool("f", namespace="b"))
    decoder = RESPONSES.decoder(ChatRequest(model="m", messages=(user("x"),), tools=tools))
    fold = Fold()
    for piece in responses("f"):
        fold.feed(decoder.feed(piece))
    (call,) = fold.result().tool_calls
    assert (call.arguments, call.input_format) == (ARGUMENTS, "json")
