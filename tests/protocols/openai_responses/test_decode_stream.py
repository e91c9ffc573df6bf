"""Answers as services really give them: what comes out, and why one fails."""

import json
from typing import Any

import pytest

from dragoman.errors import DragomanError
from dragoman.protocols.openai_responses import NAME, OpenAIResponsesClient
from dragoman.protocols.openai_responses.piece_form import form_of
from dragoman.types import ChatRequest, ChatResponse, Citation, Fold, Reasoning, Text, TokenLogprob, user

CLIENT = OpenAIResponsesClient("http://up/v1")
REQUEST = ChatRequest(model="m", messages=(user("x"),))
HIGH, LOW = "\ud83d", "\ude00"


def stream(*events: Any) -> bytes:
    return "".join(
        f"event: {each['type']}\ndata: {json.dumps(each)}\n\n" if isinstance(each, dict) else f"data: {each}\n\n"
        for each in events
    ).encode()


def answer(*events: Any) -> ChatResponse:
    decoder, folding = CLIENT.decoder(REQUEST), Fold()
    folding.feed([*decoder.feed(stream(*events)), *decoder.finish()])
    assert decoder.error is None
    return folding.result()


def failure(body: bytes) -> DragomanError:
    decoder = CLIENT.decoder(REQUEST)
    decoder.feed(body)
    decoder.finish()
    assert decoder.error is not None
    return decoder.error


def end(*items: Any) -> dict[str, Any]:
    return {"type": "response.completed", "response": {"id": "r", "status": "completed", "output": list(items)}}


def message(*parts: Any, item: str = "msg_1") -> dict[str, Any]:
    return {"id": item, "type": "message", "role": "assistant", "content": list(parts)}


def words(text: str, **more: Any) -> dict[str, Any]:
    return {"type": "output_text", "text": text, "annotations": [], **more}


def added(item: Any, **more: Any) -> dict[str, Any]:
    return {"type": "response.output_item.added", "output_index": 0, "item": item, **more}


def done(item: Any, index: Any = 0) -> dict[str, Any]:
    return {"type": "response.output_item.done", "output_index": index, "item": item}


def piece(text: Any, **more: Any) -> dict[str, Any]:
    place = {"item_id": "msg_1", "output_index": 0, "content_index": 0}
    return {"type": "response.output_text.delta", **place, "delta": text, **more}


def cited(annotation: Any, **more: Any) -> dict[str, Any]:
    place = {"item_id": "msg_1", "output_index": 0, "content_index": 0}
    return {"type": "response.output_text.annotation.added", **place, "annotation": annotation, **more}


def part_done(part: Any) -> dict[str, Any]:
    return {"type": "response.content_part.done", "output_index": 0, "content_index": 0, "part": part}


URL = {"type": "url_citation", "url": "https://a", "title": "A", "start_index": 0, "end_index": 1}
SOURCE = Citation(kind="url", url="https://a", title="A", text_range=(0, 1))
TOKEN = {"token": "a", "logprob": -0.5, "bytes": [97], "top_logprobs": []}


@pytest.mark.parametrize("named", [True, False])
def test_halves_of_a_character_are_joined_and_one_alone_is_replaced(named: bool) -> None:
    def text(*events: dict[str, Any]) -> str:
        """The text of an answer whose events have their names in lines of their own, or inside alone."""
        return answer(*(each if named else json.dumps(each) for each in events)).text

    assert text(added(message()), piece("a" + HIGH), piece(LOW), end()) == "a\U0001f600"
    assert text(added(message()), piece("a" + HIGH), end(message())) == "a\ufffd"
    whole = message(words("a\U0001f600"))
    assert text(added(message()), piece("a" + HIGH), done(whole), end(whole)) == "a\U0001f600"
    assert text(added(message()), end(message(words("a" + HIGH)))) == "a\ufffd"


def test_sources_come_with_their_text_or_before_it_and_never_after_it() -> None:
    text = message(words("ab"))
    for events in (
        (added(message()), cited(URL), piece("ab"), cited(5), done(text)),
        (added(message()), piece("ab"), cited(URL), done(text)),
        (added(message()), piece("ab"), part_done(words("ab", annotations=[URL])), done(text)),
    ):
        (part,) = answer(*events, end(text)).parts
        assert part == Text(text="ab", item="msg_1", citations=(SOURCE,))
    late = (added(message()), piece("ab"), added(message(words("c")), output_index=1), done(text), cited(URL))
    assert answer(*late, end(text)).text == "ab"


def test_log_probabilities_may_come_with_the_end_of_their_text() -> None:
    said = words("a", logprobs=[TOKEN, 5, {"token": 5}, {"token": "x", "logprob": True}])
    (part,) = answer(added(message()), piece("a"), part_done(said), end(message(said))).parts
    assert isinstance(part, Text)
    assert part.logprobs == (TokenLogprob("a", -0.5, (97,)),)


ODD_ANNOTATIONS: list[tuple[Any, tuple[Citation, ...]]] = [
    (5, ()),
    ({"type": "url_citation", "url": 5}, (Citation(kind="place", extra={NAME: {"type": "url_citation", "url": 5}}),)),
    (
        URL | {"title": 5},
        (Citation(kind="place", extra={NAME: URL | {"title": 5}}),),
    ),
]


@pytest.mark.parametrize(("annotation", "citations"), ODD_ANNOTATIONS)
def test_an_annotation_of_an_odd_form_is_kept_as_it_came(annotation: Any, citations: tuple[Citation, ...]) -> None:
    (part,) = answer(end(message(words("ab", annotations=[annotation])))).parts
    assert isinstance(part, Text)
    assert part.citations == citations


def test_what_is_said_twice_counts_once() -> None:
    text = message(words("ab"))
    assert answer(added(message()), piece("ab"), done(text), done(text), piece("c"), end(text)).text == "ab"


def test_numbers_that_are_missing_are_found_by_the_id() -> None:
    first, second = message(words("a")), message(words("b"), item="msg_2")
    found = answer(
        added(message(), output_index=None),
        added(message(item="msg_2"), output_index=None),
        piece("b", item_id="msg_2", output_index=None),
        piece("a", item_id="msg_1", output_index=None),
        done(first, None),
        done(second, None),
        end(first, second),
    )
    assert [part.text for part in found.parts if isinstance(part, Text)] == ["a", "b"]
    assert answer(added(message()), piece("a", item_id="x", output_index=None), end()).text == "a"


@pytest.mark.parametrize("odd", [5, None, "x", []])
def test_an_item_that_is_none_is_passed_over(odd: Any) -> None:
    found = answer(added(odd), done(odd), added(message()), piece("a"), end(message(words("a"))))
    assert found.text == "a"


@pytest.mark.parametrize("delta", [5, None, {"a": 1}])
def test_a_piece_that_is_no_text_says_nothing(delta: Any) -> None:
    assert answer(added(message()), piece("a"), piece(delta), piece("b"), end()).text == "ab"


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"event: response.output_text.delta\ndata: [1]\n\n", "expected an object"),
        (b"event: response.completed\ndata: [1]\n\n", "expected an event of an answer"),
        (b'{"output": 5}', "expected an answer, got other JSON"),
        (b"[1]", "expected an answer, got other JSON"),
    ],
)
def test_what_is_no_event_is_an_error(body: bytes, words: str) -> None:
    assert words in str(failure(body))


def test_an_end_that_says_nothing_ends_what_came() -> None:
    assert answer(added(message()), piece("a"), {"type": "response.completed", "response": None}).text == "a"


@pytest.mark.parametrize("odd", [5, None, "x", []])
def test_an_end_whose_items_are_none_ends_what_came(odd: Any) -> None:
    assert answer(added(message()), piece("a"), end(odd)).text == "a"
    assert answer(added(message(), output_index=1), piece("a", output_index=1), end(odd, odd)).text == "a"


def test_reasoning_whose_words_come_late_has_them_once() -> None:
    item = {"type": "reasoning", "id": "rs", "summary": [{"type": "summary_text", "text": "hm"}]}
    late = {"type": "response.reasoning_summary_part.done", "output_index": 0, "summary_index": 0}
    found = answer(added(item | {"summary": []}), late | {"part": item["summary"][0]}, done(item), end(item))
    assert [part.text for part in found.parts if isinstance(part, Reasoning)] == ["hm"]
    assert answer(added(item | {"summary": []}), late | {"part": 5}, done(item), end(item)).parts == found.parts


USUAL = b'event: response.output_text.delta\ndata: {"type": "response.output_text.delta", "delta": "a"}\n\n'


@pytest.mark.parametrize(
    "event",
    [
        USUAL.replace(b'"delta": "a"', b'"delta": "a", "delta": "b"'),
        USUAL.replace(b'"delta": "a"', b'"sequence_number": 1'),
        USUAL.replace(b"output_text", b"refusal"),
        b"data: {}\n\n",
    ],
)
def test_other_events_have_no_form(event: bytes) -> None:
    assert form_of(USUAL) is not None
    assert form_of(event) is None


@pytest.mark.parametrize(("code", "status"), [("cyber_policy", 400), ("bio_policy", 400), ("server_error", 500)])
def test_what_a_policy_forbids_is_the_callers_fault_and_is_not_asked_again(code: str, status: int) -> None:
    failed = {"type": "response.failed", "response": {"status": "failed", "error": {"code": code, "message": "no"}}}
    error = failure(stream(failed))
    assert (error.status, error.retryable) == (status, status == 500)


def test_the_state_of_reasoning_whose_parts_were_said_to_be_done_is_kept() -> None:
    item = {"id": "rs_1", "type": "reasoning", "summary": [], "content": [{"type": "reasoning_text", "text": ""}]}
    part = {"type": "response.content_part.done", "output_index": 0, "item_id": "rs_1", "content_index": 0}
    summary = {"type": "response.reasoning_summary_part.done", "output_index": 0, "item_id": "rs_1", "summary_index": 0}
    worded = item | {"content": [], "summary": [{"type": "summary_text", "text": "Hm"}]}
    for event, whole in (
        (part | {"part": item["content"][0]}, item),
        (summary | {"part": worded["summary"][0]}, worded),
    ):
        done_item = whole | {"encrypted_content": "c2ln"}
        found = answer(added(item | {"content": []}), event, done(done_item), end(done_item))
        (thought,) = found.parts
        assert isinstance(thought, Reasoning)
        assert thought.opaque is not None
        assert thought.opaque.data == "c2ln"


def test_sources_of_a_text_without_words_are_told() -> None:
    note = {"type": "url_citation", "url": "https://a", "title": "A", "start_index": 0, "end_index": 0}
    (text,) = answer(end(message(words("", annotations=[note])))).parts
    assert isinstance(text, Text)
    assert [each.url for each in text.citations] == ["https://a"]
