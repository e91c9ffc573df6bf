"""Answers as services really give them: what comes out, and why one fails."""

import json
from typing import Any

import pytest
from msgspec.structs import replace

from dragoman.errors import DragomanError
from dragoman.protocols.anthropic import AnthropicServer
from dragoman.protocols.base import ServerCodec
from dragoman.protocols.gemini import NAME, GeminiClient, GeminiServer
from dragoman.protocols.openai_responses import OpenAIResponsesServer
from dragoman.types import (
    ChatRequest,
    ChatResponse,
    Fold,
    HostedCall,
    HostedResult,
    Message,
    OpaqueState,
    Reasoning,
    ResponseStart,
    Text,
    TokenLogprob,
    ToolCall,
    Usage,
    user,
)
from tests.support.env import fixed_env

CODEC = GeminiClient("http://up")
REQUEST = ChatRequest(model="m", messages=(user("x"),))


def body(*chunks: Any) -> bytes:
    return "".join(f"data: {json.dumps(chunk)}\r\n\r\n" for chunk in chunks).encode()


def answer(*chunks: Any) -> ChatResponse:
    decoder, folding = CODEC.decoder(REQUEST), Fold()
    folding.feed([*decoder.feed(body(*chunks)), *decoder.finish()])
    assert decoder.error is None
    return folding.result()


def failure(*chunks: Any) -> DragomanError:
    decoder = CODEC.decoder(REQUEST)
    decoder.feed(body(*chunks))
    decoder.finish()
    assert decoder.error is not None
    return decoder.error


def chunk(*parts: Any, **more: Any) -> dict[str, Any]:
    return {"candidates": [{"content": {"role": "model", "parts": list(parts)}, **more}]}


A, B, END = chunk({"text": "a"}), chunk({"text": "b"}), chunk(finishReason="STOP")


def test_empty_objects_and_further_candidates_are_passed_over() -> None:
    both = {"candidates": [A["candidates"][0], {"content": {"parts": [{"text": "no"}]}}]}
    found = answer(A, {}, both, END)
    assert (found.text, [loss.name for loss in found.losses]) == ("aa", ["candidates[1]"])
    other = {"candidates": [{"content": {"parts": [{"text": "no"}]}, "index": 1}]}
    found = answer(A, other, B, END)
    assert (found.text, [loss.name for loss in found.losses]) == ("ab", ["candidates[1]"])


@pytest.mark.parametrize("odd", [{"x": 1}, {"candidates": 5}, {"candidates": [5]}])
def test_what_is_no_reply_ends_no_answer_well(odd: Any) -> None:
    assert "expected" in str(failure(A, odd, END))


CALLED = {"name": "f", "args": {"a": 1}}
CALL = ToolCall(id="call_1_0", name="f", arguments='{"a": 1}')
STATE = OpaqueState(NAME, "?!", CODEC.origin("m"))

ODD: list[tuple[Any, Any]] = [
    ({"text": "a", "thought": "yes"}, Text(text="a")),
    ({"text": "a", "thought": True, "thoughtSignature": "?!"}, Reasoning(text="a", form="summary", opaque=STATE)),
    ({"text": "", "thoughtSignature": "?!"}, Text(text="", opaque=STATE)),
    ({"text": "", "functionCall": CALLED}, CALL),
    ({"functionCall": CALLED | {"id": 5}}, replace(CALL, extra={NAME: {"functionCall": {"id": 5}}})),
    ({"functionCall": CALLED, "thoughtSignature": "?!"}, replace(CALL, opaque=STATE)),
    ({"functionCall": CALLED, "thoughtSignature": 5}, replace(CALL, extra={NAME: {"thoughtSignature": 5}})),
    ({"functionCall": CALLED, "thought": "yes"}, replace(CALL, extra={NAME: {"thought": "yes"}})),
    ({"functionCall": {"name": "f", "args": '{"a": 1}'}}, CALL),
    ({"functionCall": {"name": "f", "args": [1]}}, replace(CALL, arguments="[1]")),
]


@pytest.mark.parametrize(("part", "expected"), ODD)
def test_a_part_of_an_odd_form_is_taken_as_far_as_it_can_be_read(part: Any, expected: Any) -> None:
    assert answer(chunk(part), END).parts == (expected,)


def test_a_part_of_two_kinds_is_two_parts() -> None:
    part = {"text": "a", "functionCall": CALLED, "thoughtSignature": "c2ln"}
    found = answer(chunk(part), END)
    state = OpaqueState(NAME, "c2ln", CODEC.origin("m"))
    assert (found.parts, found.finish_reason) == ((Text(text="a"), replace(CALL, opaque=state)), "tool_call")


def test_the_only_part_may_be_written_without_a_list() -> None:
    alone = {"candidates": [{"content": {"parts": {"text": "a"}}, "finishReason": "STOP"}]}
    assert answer(alone).text == "a"


def test_a_prompt_of_which_nobody_says_that_it_is_blocked_is_answered() -> None:
    found = answer({"promptFeedback": {"blockReason": "BLOCK_REASON_UNSPECIFIED"}} | A, END)
    assert (found.text, found.finish_reason) == ("a", "stop")
    told = json.loads(GeminiServer().encode_response(found, REQUEST, fixed_env()).body)
    assert told["candidates"][0]["content"]["parts"] == [{"text": "a"}]


@pytest.mark.parametrize("part", [{"text": "", "thought": "no"}, {"thought": "no", "text": None}])
def test_a_part_that_says_nothing_is_nothing(part: Any) -> None:
    found = answer(A, chunk(part), END)
    assert found.text == "a"


def grounded(*sources: tuple[str, str]) -> dict[str, Any]:
    """The sources so far, each with the words that it is about."""
    supports = [{"segment": {"text": words}, "groundingChunkIndices": [i]} for i, (_, words) in enumerate(sources)]
    chunks = [{"web": {"uri": uri}} for uri, _ in sources]
    return {"groundingMetadata": {"groundingChunks": chunks, "groundingSupports": supports}}


SIGNED = {"text": "a", "thoughtSignature": "c2ln"}


@pytest.mark.parametrize("later", [{}, grounded(("u", "a"), ("v", "b"))])
def test_a_source_of_one_text_is_not_told_of_the_next(later: dict[str, Any]) -> None:
    found = answer(chunk(SIGNED, **grounded(("u", "a"))), chunk({"text": "b"}, **later), END)
    told = [[(each.url, each.text_range) for each in part.citations] for part in found.parts if isinstance(part, Text)]
    assert told == [[("u", (0, 1))], [("v", (0, 1))] if later else []]


def test_the_sources_of_a_text_may_come_after_its_signature() -> None:
    last = chunk({"text": ""}, finishReason="STOP", **grounded(("u", "a")))
    (text,) = answer(chunk(SIGNED), last).parts
    assert isinstance(text, Text)
    assert ([each.url for each in text.citations], text.opaque is not None) == (["u"], True)


def test_log_probabilities_may_come_after_their_text() -> None:
    token = {"token": "a", "logProbability": -0.5}
    late = chunk(logprobsResult={"chosenCandidates": [token], "topCandidates": [{"candidates": []}]})
    (text,) = answer(A, late, END).parts
    assert isinstance(text, Text)
    assert text.logprobs == (TokenLogprob("a", -0.5),)


def call(**fields: Any) -> dict[str, Any]:
    return chunk({"functionCall": fields})


def piece(path: str, more: bool = False, **value: Any) -> dict[str, Any]:
    return {"jsonPath": path, **value} | ({"willContinue": True} if more else {})


def test_a_call_that_comes_value_by_value_ends_where_the_next_begins() -> None:
    first = call(name="f", willContinue=True, partialArgs=[piece("$.a", numberValue=1)])
    second = call(name="g", partialArgs=[piece("$.b", numberValue=2)])
    calls = answer(first, second, END).tool_calls
    assert [(each.name, json.loads(each.arguments)) for each in calls] == [("f", {"a": 1}), ("g", {"b": 2})]


MORE = piece("$.a.b", stringValue="y")
PIECES: list[tuple[list[dict[str, Any]], Any]] = [
    ([piece("$.a[0]", True, stringValue="x"), piece("$.a[0]", stringValue="y")], {"a": ["xy"]}),
    ([piece("$.a[1].b", stringValue="x")], {"a": [None, {"b": "x"}]}),
    ([piece("$.a", stringValue="x"), piece("$.a.b", numberValue=1)], {"a": {"b": 1}}),
    ([piece("$.a", True, stringValue="x"), piece("$.a", numberValue=1)], {"a": 1}),
    ([piece("$.a.b", True, stringValue="x"), piece("$.a", numberValue=1), MORE], {"a": {"b": "y"}}),
    ([piece("$.a.b", True, stringValue="x"), piece("$.a", nullValue=None), MORE], {"a": {"b": "y"}}),
    ([piece("$.a.b", True, stringValue="x"), piece("$.a[0]", numberValue=1), MORE], {"a": {"b": "y"}}),
    ([piece("$.a[0]", numberValue=1), piece("$.a[2]", numberValue=2)], {"a": [1, None, 2]}),
    ([piece("$.a[600]", numberValue=1), piece("$.b[600]", numberValue=2)], {"a": [*[None] * 600, 1], "b": []}),
    ([piece("$.a", numberValue=1), piece("$.b[5000]", numberValue=2)], {"a": 1, "b": []}),
    ([piece("$.a", numberValue=1), piece("$.b" + "[0]" * 5000, numberValue=2)], {"a": 1}),
    ([piece("$.a", numberValue=1), piece("$[0]", numberValue=2), piece("a b", numberValue=2), piece("$.c")], {"a": 1}),
]  # fmt: skip


@pytest.mark.parametrize(("pieces", "arguments"), PIECES)
def test_each_value_is_put_in_its_place(pieces: list[dict[str, Any]], arguments: Any) -> None:
    chunks = [call(name="f", willContinue=True), *(call(willContinue=True, partialArgs=[each]) for each in pieces)]
    (found,) = answer(*chunks, call(), END).tool_calls
    assert json.loads(found.arguments) == arguments


def test_a_call_whose_name_never_came_is_an_error() -> None:
    assert "expected the name of a tool call" in str(failure(call(partialArgs=[piece("$.a", numberValue=1)]), END))


@pytest.mark.parametrize(
    ("time", "seconds"),
    [
        ("2026-11-25T10:00:00Z", 1795600800),
        ("2026-11-25T10:00:00", None),
        ("yesterday", None),
        ("0001-01-01T00:00:00+14:00", None),
        (5, None),
    ],
)
def test_when_it_was_made_is_taken_if_it_is_a_time(time: Any, seconds: int | None) -> None:
    assert answer(A | {"createTime": time}, END).created == seconds


@pytest.mark.parametrize(
    ("report", "usage"),
    [
        ({"promptTokenCount": "3", "candidatesTokenCount": 2}, Usage(3, 2)),
        ({"promptTokenCount": "x", "candidatesTokenCount": 2}, Usage(None, 2)),
        ({"promptTokenCount": True, "candidatesTokenCount": 2}, Usage(None, 2)),
        ({"promptTokenCount": 3, "candidatesTokenCount": "x", "thoughtsTokenCount": 5}, Usage(3, None)),
        ({"promptTokenCount": -3, "toolUsePromptTokenCount": 5, "candidatesTokenCount": 2}, Usage(None, 2)),
    ],
)
def test_a_count_may_be_written_as_a_text(report: dict[str, Any], usage: Usage) -> None:
    found = answer(A, END | {"usageMetadata": report}).usage
    assert found is not None
    assert (found.input_tokens, found.output_tokens) == (usage.input_tokens, usage.output_tokens)


def test_the_total_of_an_earlier_chunk_is_not_that_of_the_whole_answer() -> None:
    early = {"promptTokenCount": 3, "totalTokenCount": 3}
    late = {"promptTokenCount": 3, "candidatesTokenCount": 2, "totalTokenCount": 5}
    assert answer(A | {"usageMetadata": early}, END | {"usageMetadata": late}).usage == Usage(3, 2)


def test_the_first_report_is_known_at_the_start() -> None:
    """Some callers of Messages read what the prompt cost there, and nowhere else."""
    first = {"promptTokenCount": 3, "cachedContentTokenCount": 1}
    start, *_ = CODEC.decoder(REQUEST).feed(body(A | {"usageMetadata": first}))
    assert start == ResponseStart(usage=Usage(3, cache_read_tokens=1))
    told = AnthropicServer().encoder(REQUEST, fixed_env()).send((start,))
    assert b'"usage":{"input_tokens":2,"cache_read_input_tokens":1,"output_tokens":0}' in told


SIGNED_CALL = chunk({"functionCall": {"name": "f", "args": {"a": 1}}, "thoughtSignature": "QUJD"}, finishReason="STOP")


@pytest.mark.parametrize(
    ("caller", "told"),
    [(AnthropicServer(), ["redacted_thinking", "tool_use"]), (OpenAIResponsesServer(), ["reasoning", "function_call"])],
)
def test_the_state_of_a_call_stands_before_it(caller: ServerCodec, told: list[str]) -> None:
    """Some callers send what was thought before the calls, wherever it stood."""
    decoder = CODEC.decoder(REQUEST)
    events = [*decoder.feed(body(SIGNED_CALL)), *decoder.finish()]
    stream = caller.encoder(REQUEST, fixed_env()).send(events).decode()
    began = [json.loads(line[6:]) for line in stream.splitlines() if line.startswith("data: ")]
    blocks = [
        each.get("content_block") or each.get("item")
        for each in began
        if "_start" in each["type"] or "added" in each["type"]
    ]
    assert [block["type"] for block in blocks if block] == told


def test_what_another_protocol_cannot_have_said_of_a_hosted_tool_is_not_sent() -> None:
    parts = (
        HostedCall(id="c", tool="other", extra={NAME: {"toolResponse": {"x": 1}}}),
        HostedResult(id="c", tool="other", extra={NAME: {"toolCall": {"x": 1}}}),
        ToolCall(id="t", name="f", arguments="{}"),
    )
    request = ChatRequest(model="m", messages=(user("x"), Message("assistant", parts), user("y")))
    sent = json.loads(CODEC.encode_request(request, fixed_env()).body or b"")
    assert [next(iter(part)) for part in sent["contents"][1]["parts"]] == ["functionCall"]


@pytest.mark.parametrize(("signature", "parts"), [("dragomanMarkMGExYjJjM2Q0ZTVmLmEuYg==", 1), ("c2ln", 2)])
def test_a_mark_that_follows_a_thought_is_its_state(signature: str, parts: int) -> None:
    """A gateway gives the state of a thought once its words have gone out; of a service it is a part of its own."""
    thought, last = chunk({"text": "hm", "thought": True}), {"text": "", "thought": True, "thoughtSignature": signature}
    found = answer(thought, chunk(last), A, END).parts[:-1]
    assert len(found) == parts
    assert [part.opaque for part in found] == [None] * (parts - 1) + [OpaqueState(NAME, signature, CODEC.origin("m"))]
