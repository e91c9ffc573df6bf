"""Answers as services really give them: oddities that must not lose an answer, and those that must not pass for one."""

import json
from typing import Any

import pytest

from dragoman.errors import BadEventError, DragomanError, TruncatedStreamError, UpstreamError
from dragoman.protocols.openai_chat import OpenAIChatClient
from dragoman.types import (
    ChatRequest,
    ChatResponse,
    Fold,
    PartDelta,
    Reasoning,
    ResponseStart,
    Text,
    Usage,
    fold,
    user,
)
from dragoman.wire.sse import MAX_EVENT
from tests.support.cuts import drive

CODEC = OpenAIChatClient("http://up")
REQUEST = ChatRequest(model="m", messages=(user("x"),))


def chunk(delta: dict[str, Any] | None = None, finish: str | None = None, **more: Any) -> dict[str, Any]:
    return {
        "id": "c",
        "model": "m",
        "created": 1,
        "choices": [{"index": 0, "delta": delta, "finish_reason": finish}],
        **more,
    }


def stream(*items: Any) -> bytes:
    return "".join(f"data: {item if isinstance(item, str) else json.dumps(item)}\n\n" for item in items).encode()


def answer(*items: Any) -> ChatResponse:
    decoder = CODEC.decoder(REQUEST)
    folding = Fold()
    folding.feed(decoder.feed(stream(*items)))
    folding.feed(decoder.finish())
    assert decoder.error is None
    return folding.result()


def failure(body: bytes) -> DragomanError:
    decoder = CODEC.decoder(REQUEST)
    decoder.feed(body)
    decoder.finish()
    assert decoder.error is not None
    return decoder.error


@pytest.mark.parametrize(
    ("native", "ours", "kept"),
    [
        ("stop", "stop", None),
        ("length", "length", None),
        ("content_filter", "content_filter", None),
        ("tool_calls", "tool_call", None),
        ("function_call", "tool_call", "function_call"),
        ("eos", "stop", "eos"),
        ("max_tokens", "length", "max_tokens"),
        ("model_length", "length", "model_length"),
        ("x_new", "other", "x_new"),
    ],
)
def test_a_reason_is_ours_and_the_services_word_is_kept(native: str, ours: str, kept: str | None) -> None:
    response = answer(chunk({"content": "x"}, native), "[DONE]")
    assert (response.finish_reason, response.native_finish_reason) == (ours, kept)


@pytest.mark.parametrize(
    ("native", "ours"), [("stop", "tool_call"), ("length", "length"), ("content_filter", "content_filter")]
)
def test_a_tool_call_makes_a_stop_a_tool_call_and_no_other_reason(native: str, ours: str) -> None:
    call = {"tool_calls": [{"index": 0, "id": "1", "function": {"name": "f", "arguments": "{}"}}]}
    assert answer(chunk(call, native), "[DONE]").finish_reason == ours


def test_the_end_mark_alone_is_a_stop() -> None:
    assert answer(chunk({"content": "x"}), "[DONE]").finish_reason == "stop"
    error = failure(stream("[DONE]"))
    assert error.code == "empty_answer"


def test_what_follows_the_end_mark_is_not_read() -> None:
    decoder = CODEC.decoder(REQUEST)
    events = decoder.feed(stream(chunk({"content": "x"}, "stop"), "[DONE]", "{bad"))
    assert decoder.done
    assert decoder.feed(b"data: {bad\n\n") == []
    assert decoder.finish() == []
    assert decoder.error is None
    assert PartDelta("x") in events


def test_numbers_written_as_strings_are_numbers() -> None:
    usage = {"prompt_tokens": "3", "completion_tokens": 4}
    assert answer(chunk({"content": "x"}, "stop", usage=usage), "[DONE]").usage == Usage(3, 4)


def test_bytes_that_are_no_text_are_replaced_in_a_lenient_event_too() -> None:
    body = b'data: {"usage":{"prompt_tokens":"3"},"choices":[{"delta":{"content":"a\xff"},"finish_reason":"stop"}]}\n\n'
    events, error = drive(CODEC.decoder(REQUEST), [body])
    assert error is None
    assert PartDelta("a\ufffd") in events


@pytest.mark.parametrize("created", ["1e999", "1e99", '"x"', "null", "0"])
def test_a_head_that_makes_no_sense_loses_no_answer(created: str) -> None:
    body = b'data: {"created":%s,"choices":[{"delta":{"content":"a"},"finish_reason":"stop"}]}\n\n' % created.encode()
    events, error = drive(CODEC.decoder(REQUEST), [body])
    assert error is None
    assert events[0] == ResponseStart()


def test_a_name_may_stand_in_a_message_instead_of_a_delta() -> None:
    body = {"choices": [{"message": {"content": "x"}, "finish_reason": "stop"}]}
    assert answer(body).text == "x"


@pytest.mark.parametrize(
    "fragments",
    [
        [
            {"index": 0, "id": "a", "function": {"name": "f", "arguments": '{"x"'}},
            {"index": 0, "function": {"arguments": ":1}"}},
        ],
        [{"id": "a", "function": {"name": "f", "arguments": '{"x"'}}, {"id": "a", "function": {"arguments": ":1}"}}],
        [{"id": "a", "function": {"name": "f", "arguments": '{"x"'}}, {"function": {"arguments": ":1}"}}],
        [
            {"index": 5, "id": "a", "function": {"name": "f"}},
            {"index": 5, "id": "a", "function": {"arguments": '{"x":1}'}},
        ],
        [{"index": 0, "id": "a", "function": {"name": "f", "arguments": {"x": 1}}}, {"index": 0, "function": None}],
        [
            {"index": 0, "id": "a", "function": {"name": "f"}},
            {"index": 0, "id": "b", "function": {"arguments": '{"x":1}'}},
        ],
        [
            {"index": 0, "id": "a", "function": {"name": "f"}},
            {"index": 0, "id": "a", "function": {"name": "f", "arguments": '{"x":1}'}},
        ],
    ],
)
def test_a_call_is_put_together_however_it_is_counted(fragments: list[dict[str, Any]]) -> None:
    (call,) = answer(*(chunk({"tool_calls": [fragment]}) for fragment in fragments), "[DONE]").tool_calls
    assert (call.id, call.name, call.arguments) == ("a", "f", '{"x":1}')


def test_calls_without_ids_get_some() -> None:
    named = [{"function": {"name": name, "arguments": "{}"}} for name in "fg"]
    calls = answer(chunk({"tool_calls": named}, "tool_calls")).tool_calls
    assert [(call.id, call.name) for call in calls] == [("call_1_0", "f"), ("call_1_1", "g")]


def test_each_call_of_a_conversation_has_an_id_of_its_own() -> None:
    """Some services give none, all the same one, or count the calls of each answer anew: NVIDIA-NeMo/Switchyard#502."""
    counted = [
        {"index": i, "id": "call_0", "function": {"name": name, "arguments": '{"x"'}} for i, name in enumerate("fg")
    ]
    more = [{"index": i, "id": "call_0", "function": {"arguments": ":1}"}} for i in (0, 1)]
    messages, seen = [user("x")], list[str]()
    for _ in range(3):
        asked = ChatRequest(model="m", messages=tuple(messages))
        decoder, folding = CODEC.decoder(asked), Fold()
        folding.feed(decoder.feed(stream(chunk({"tool_calls": counted}), chunk({"tool_calls": more}, "tool_calls"))))
        folding.feed(decoder.finish())
        reply = folding.result()
        assert [(call.name, call.arguments) for call in reply.tool_calls] == [("f", '{"x":1}'), ("g", '{"x":1}')]
        seen += [call.id for call in reply.tool_calls]
        messages = [reply.message] if len(messages) > 2 else [*messages, reply.message]  # the caller may shorten it
    assert seen[0] == "call_0"
    assert len({*seen}) == 6


def test_a_call_without_a_name_is_an_error() -> None:
    error = failure(stream(chunk({"tool_calls": [{"index": 0, "id": "a"}]}), "[DONE]"))
    assert isinstance(error, BadEventError)


@pytest.mark.parametrize(
    ("body", "kind", "code"),
    [
        (b"", TruncatedStreamError, "truncated"),
        (b" \r\n", TruncatedStreamError, "truncated"),
        (b"\xef\xbb", TruncatedStreamError, "truncated"),
        (b": ping\n\n", TruncatedStreamError, "truncated"),
        (b"Internal Server Error", UpstreamError, "upstream_error"),
        (stream(chunk({"content": "x"})), TruncatedStreamError, "truncated"),
        (stream(chunk({"content": "x"}, "stop")) + b"data: {", TruncatedStreamError, "truncated"),
        (b'{"choices":[{"message":{"content":"x"', TruncatedStreamError, "truncated"),
        (b'{"choices":[{"message":{"content":"x}', BadEventError, "upstream_bad_event"),
        (b'{"choices":[]}', BadEventError, "upstream_bad_event"),
        (b'{"hello":"world"}', BadEventError, "upstream_bad_event"),
        (b"[1,2]", BadEventError, "upstream_bad_event"),
        (b'{"choices":"x"}', BadEventError, "upstream_bad_event"),
        (stream("{bad"), BadEventError, "upstream_bad_event"),
        (stream("bad"), BadEventError, "upstream_bad_event"),
        (stream({"choices": "x"}), BadEventError, "upstream_bad_event"),
        (b"<html>", BadEventError, "upstream_html"),
        (b"\xef\xbb\xbf<html>", BadEventError, "upstream_html"),
        (b"data: " + b"x" * MAX_EVENT, BadEventError, "upstream_too_large"),
        (stream(chunk({"content": "x"}, "error")), UpstreamError, "upstream_error"),
    ],
    ids=range(20),
)
def test_what_is_no_whole_answer_is_an_error(body: bytes, kind: type[DragomanError], code: str) -> None:
    error = failure(body)
    assert type(error) is kind
    assert error.code == code


def test_an_answer_of_more_than_64_mib_is_refused() -> None:
    decoder = CODEC.decoder(REQUEST)
    piece = b": " + b"x" * 1022 * 1024 + b"\n"
    for _ in range(70):
        decoder.feed(piece)
    assert decoder.error is not None
    assert decoder.error.code == "upstream_too_large"


def test_a_transfer_that_breaks_off_gives_nothing_more() -> None:
    decoder = CODEC.decoder(REQUEST)
    decoder.feed(stream(chunk({"content": "x"}))[:-1])
    assert decoder.salvage() == []


def raw(*items: str) -> ChatResponse:
    decoder = CODEC.decoder(REQUEST)
    folding = Fold()
    for item in items:
        folding.feed(decoder.feed(f"data: {item}\n\n".encode()))
    folding.feed(decoder.finish())
    assert decoder.error is None
    return folding.result()


def delta(text: str) -> str:
    return f'{{"choices":[{{"index":0,"delta":{text}}}]}}'


def test_a_character_whose_halves_come_apart_is_one() -> None:
    call = '{"tool_calls":[{"index":0,%s"function":{%s"arguments":"%s"}}]}'
    found = raw(
        delta(r'{"reasoning_content":"\ud83d"}'),
        delta(r'{"reasoning_content":"\ude00!"}'),
        delta(r'{"content":"a\ud83d"}'),
        delta(r'{"content":"\ude00b"}'),
        delta(call % ('"id":"c",', '"name":"f",', r"{\"x\":\"\ud83d")),
        delta(call % ("", "", r"\ude00\"}")),
        "[DONE]",
    )
    assert (found.text, found.tool_calls[0].arguments) == ("a😀b", '{"x":"😀"}')
    assert [part.text for part in found.parts if isinstance(part, Reasoning)] == ["😀!"]


def test_half_a_character_whose_other_half_never_comes_is_a_sign_of_its_own() -> None:
    assert (
        raw(delta(r'{"content":"a\ud83d"}'), delta(r'{"content":"b\udc00c\ud83d"}'), "[DONE]").text
        == "a\ufffdb\ufffdc\ufffd"
    )


def test_what_a_call_says_beside_goes_back_with_it() -> None:
    signed = {"extra_content": {"google": {"thought_signature": "xyz"}}}
    call = {"index": 0, "id": "a", "type": "function", "function": {"name": "f", "arguments": "{}"}} | signed
    (found,) = answer(chunk({"tool_calls": [call]}), "[DONE]").tool_calls
    assert found.extra == {"openai-chat": signed}


def test_what_stands_beside_the_text_is_kept_under_the_name_of_its_place() -> None:
    found = answer(
        chunk({"content": "x", "images": [{"url": "u"}]}, provider="up"),
        chunk({"annotations": [{"n": 1}]}, citations=["c"]),
        chunk({}, "stop"),
        "[DONE]",
    )
    assert found.extra["openai-chat"] == {
        "provider": "up",
        "message.images": [{"url": "u"}],
        "message.annotations": [{"n": 1}],
        "citations": ["c"],
    }


@pytest.mark.parametrize(
    "fragments",
    [
        [("a", "f", '{"x":1}'), ("a", "f", '{"x":1}')],
        [("a", "f", '{"x":'), ("a", "", "1}"), ("a", "f", '{"x":1}')],
    ],
)
def test_a_call_that_is_said_again_as_a_whole_is_one(fragments: list[tuple[str, str, str]]) -> None:
    calls = [
        {"index": 0, "id": call_id, "function": {"name": name, "arguments": text}} for call_id, name, text in fragments
    ]
    (found,) = answer(*(chunk({"tool_calls": [call]}) for call in calls), "[DONE]").tool_calls
    assert found.arguments == '{"x":1}'


HIGH, LOW = "\ud83d", "\ude00"


def called(**function: Any) -> dict[str, Any]:
    return chunk({"tool_calls": [{"index": 0, "id": "c", "type": "function", "function": function}]})


def test_halves_of_a_character_are_joined_in_calls_of_every_form() -> None:
    first, second = '{"a":"' + HIGH, LOW + '"}'
    wanted = '{"a":"\U0001f600"}'
    more = chunk({"tool_calls": [{"index": 0, "function": {"arguments": second}}]}, "tool_calls")
    assert answer(called(name="f", arguments=first), more, "[DONE]").tool_calls[0].arguments == wanted
    old = (
        chunk({"function_call": {"name": "f", "arguments": first}}),
        chunk({"function_call": {"arguments": second}}, "function_call"),
    )
    assert answer(*old, "[DONE]").tool_calls[0].arguments == wanted
    custom = (
        chunk({"tool_calls": [{"index": 0, "id": "c", "type": "custom", "custom": {"name": "f", "input": HIGH}}]}),
        chunk({"tool_calls": [{"index": 0, "custom": {"input": LOW}}]}, "tool_calls"),
    )
    (call,) = answer(*custom, "[DONE]").tool_calls
    assert (call.arguments, call.input_format) == ("\U0001f600", "text")


def test_a_call_of_the_old_form_after_half_a_character_is_whole() -> None:
    old = chunk({"function_call": {"name": "f", "arguments": "{}"}}, "function_call")
    assert answer(chunk({"content": "a" + HIGH}), old, "[DONE]").tool_calls[0].arguments == "{}"


def test_a_half_that_stays_alone_is_replaced_and_in_arguments_left_out() -> None:
    assert answer(chunk({"content": "a" + HIGH}, "stop"), "[DONE]").text == "a\ufffd"
    assert (
        answer(called(name="f", arguments="{}" + HIGH), chunk({}, "tool_calls"), "[DONE]").tool_calls[0].arguments
        == "{}"
    )


def test_a_custom_call_of_an_odd_form_is_read() -> None:
    odd = {"index": "0", "id": "c", "type": "custom", "custom": {"name": "f", "input": "x", "new": 1}}
    (call,) = answer(chunk({"tool_calls": [odd]}, "tool_calls"), "[DONE]").tool_calls
    assert (call.name, call.arguments, call.input_format) == ("f", "x", "text")
    assert call.extra["openai-chat"]["custom"] == {"new": 1}


@pytest.mark.parametrize("index", ["7", "x", -1, True, 1.5])
def test_an_index_may_be_a_text(index: Any) -> None:
    odd = {"index": index, "id": "c", "function": {"name": "f", "arguments": "{}", "new": 1}}
    assert answer(chunk({"tool_calls": [odd]}, "tool_calls"), "[DONE]").tool_calls[0].name == "f"


def test_choices_that_are_nested_too_deeply_are_an_error() -> None:
    deep = '{"choices": ' + "[" * 900 + "]" * 900 + "}"
    error = failure(stream(chunk({"content": "x"}), deep))
    assert isinstance(error, BadEventError)


def test_a_picture_alone_is_an_answer_and_a_role_alone_is_none() -> None:
    image = {"type": "image_url", "image_url": {"url": "https://a"}}
    (part,) = answer(chunk({"images": [image]}, "stop"), "[DONE]").parts
    assert getattr(part, "url", None) == "https://a"


def test_a_message_at_the_end_says_no_more_than_was_streamed() -> None:
    late = {"choices": [{"index": 0, "message": {"role": "assistant", "refusal": "no"}, "finish_reason": "stop"}]}
    assert (
        answer(chunk({"refusal": "no"}), late, "[DONE]").parts[0] == answer(chunk({"refusal": "no"}, "stop")).parts[0]
    )
    more = {"choices": [{"index": 0, "message": {"role": "assistant", "content": "ab"}, "finish_reason": "stop"}]}
    assert answer(chunk({"content": "a"}), more, "[DONE]").text == "ab"
    first = {"choices": [{"index": 0, "message": {"role": "assistant", "content": "ab"}, "finish_reason": "stop"}]}
    assert answer(chunk({"reasoning_content": "hm"}), first, "[DONE]").text == "ab"


def test_several_lines_in_one_event_are_read_one_by_one() -> None:
    two = json.dumps(chunk({"content": "a"})) + "\ndata: " + json.dumps(chunk({"content": "b"}, "stop"))
    assert answer(two, "[DONE]").text == "ab"


@pytest.mark.parametrize(
    ("report", "usage"),
    [
        ({"prompt_tokens": "3", "completion_tokens": 2.0}, Usage(3, 2)),
        ({"prompt_tokens": 3.5, "completion_tokens": True}, Usage()),
        (
            {
                "prompt_tokens": 3,
                "completion_tokens": 2,
                "total_tokens": 9,
                "completion_tokens_details": {"reasoning_tokens": 4},
            },
            Usage(3, 6, reasoning_tokens=4),
        ),
    ],
)
def test_counts_of_odd_forms_are_understood(report: dict[str, Any], usage: Usage) -> None:
    found = answer(chunk({"content": "x"}, "stop"), chunk(usage=report), "[DONE]").usage
    assert found is not None
    assert (found.input_tokens, found.output_tokens) == (usage.input_tokens, usage.output_tokens)


def test_details_of_reasoning_that_are_no_objects_are_passed_over() -> None:
    entry = {"type": "reasoning.text", "text": "hm", "signature": "s", "index": 0}
    found = answer(chunk({"reasoning_details": [5, entry]}), chunk({"content": "x"}, "stop"), "[DONE]")
    assert [part.text for part in found.parts if isinstance(part, Reasoning)] == ["hm"]


THOUGHT = {"type": "reasoning.text", "text": "so be it", "signature": "s", "index": 0}


@pytest.mark.parametrize("pieces", [["so ", "be it"], ["so be", " it"], ["so be it"], []])
def test_reasoning_that_comes_again_beside_its_signature_is_told_once(pieces: list[str]) -> None:
    said = [chunk({"reasoning_content": piece}) for piece in pieces]
    twice = [*said, chunk({"reasoning_details": [THOUGHT]}), chunk({"content": "x"})]
    found = answer(*twice, *twice, chunk({}, "stop"), "[DONE]")
    assert [part.text for part in found.parts if isinstance(part, Reasoning)] == ["so be it", "so be it"]


def test_further_words_of_details_are_told() -> None:
    more = {"type": "reasoning.text", "text": "and more", "index": 0}
    thoughts = [chunk({"reasoning_content": "so"}), chunk({"reasoning_details": [more]})]
    found = answer(*thoughts, chunk({"content": "x"}, "stop"), "[DONE]")
    assert [part.text for part in found.parts if isinstance(part, Reasoning)] == ["soand more"]


LAST = {"type": "reasoning.text", "text": "so be it", "signature": "s", "index": 0}


@pytest.mark.parametrize("pieces", [["First. ", "so be it"], ["First. so ", "be it"], ["First. so be it"]])
def test_the_end_of_reasoning_that_comes_again_beside_its_signature_is_told_once(pieces: list[str]) -> None:
    said = [chunk({"reasoning_content": piece}) for piece in pieces]
    found = answer(*said, chunk({"reasoning_details": [LAST]}), chunk({"content": "x"}, "stop"), "[DONE]")
    assert [part.text for part in found.parts if isinstance(part, Reasoning)] == ["First. so be it"]


def test_calls_of_a_whole_answer_are_told_apart_whatever_their_ids() -> None:
    calls = [{"id": "c", "function": {"name": "f", "arguments": f'{{"a":{number}}}'}} for number in (1, 2)]
    body = {"choices": [{"index": 0, "message": {"content": None, "tool_calls": calls}, "finish_reason": "tool_calls"}]}
    events, error = drive(CODEC.decoder(REQUEST), [json.dumps(body).encode()])
    assert error is None
    assert [call.arguments for call in fold(events).tool_calls] == ['{"a":1}', '{"a":2}']


def cited(begin: int, end: int) -> dict[str, Any]:
    return {"type": "url_citation", "url_citation": {"url": "https://a", "start_index": begin, "end_index": end}}


CALL = {"index": 0, "id": "c", "function": {"name": "f", "arguments": "{}"}}


def sources(found: ChatResponse) -> list[tuple[str, tuple[int, int] | None]]:
    return [(part.text, each.text_range) for part in found.parts if isinstance(part, Text) for each in part.citations]


def test_sources_beside_a_text_and_calls_are_the_text_s() -> None:
    message = {"content": "Hello", "tool_calls": [CALL], "annotations": [cited(0, 4)]}
    body = {"choices": [{"index": 0, "message": message, "finish_reason": "tool_calls"}]}
    events, error = drive(CODEC.decoder(REQUEST), [json.dumps(body).encode()])
    assert error is None
    assert sources(fold(events)) == [("Hello", (0, 4))]
    assert len(fold(events).parts) == 2


@pytest.mark.parametrize("between", [{"tool_calls": [CALL]}, {"reasoning_content": "Hm"}])
def test_sources_in_a_stream_are_those_of_the_text_that_they_came_with(between: dict[str, Any]) -> None:
    first = [chunk({"content": "Hello"}), chunk({"annotations": [cited(0, 4)]})]
    later = [chunk(between), chunk({"content": "World"}), chunk({"annotations": [cited(6, 9)]})]
    found = answer(*first, *later, chunk({}, "stop"), "[DONE]")
    assert sources(found) == [("Hello", (0, 4)), ("World", (1, 4))]


SIGNED = {"type": "reasoning.encrypted", "data": "c2ln", "index": 0}


@pytest.mark.parametrize(
    "between", [{"reasoning_content": "Hm"}, {"reasoning_details": [SIGNED]}, {"reasoning_details": [LAST]}]
)
def test_a_source_of_a_text_that_has_ended_has_no_place_in_the_next(between: dict[str, Any]) -> None:
    said = [chunk({"content": "Hello"}), chunk(between), chunk({"content": "World"})]
    found = answer(*said, chunk({"annotations": [cited(0, 4)]}), chunk({}, "stop"), "[DONE]")
    assert sources(found) == [("World", None)]


PAGES = [{"index": 0, "type": "search", "search_results": {"results": [{"title": "T", "content": "a page"}]}}]


@pytest.mark.parametrize(
    "further",
    [{"executed_tools": PAGES}, {"found": {"content": "a page", "url": "u"}}, {"found": [{"content": "a page"}]}],
)
def test_what_stands_in_a_further_field_is_no_text(further: dict[str, Any]) -> None:
    found = answer(chunk({"content": "Hi"}), chunk(further), chunk({}, "stop"), "[DONE]")
    assert found.text == "Hi"
    assert found.extra["openai-chat"] == {f"message.{name}": value for name, value in further.items()}
