"""A whole text that comes after its pieces: what of it is new goes out, and nothing if it is another text."""

from json import dumps
from typing import Any

import pytest

from dragoman.protocols.registry import DIALECTS
from dragoman.protocols.streams.whole_text import rest
from dragoman.types import LostEvent, fold
from dragoman.wire.sse import encode
from tests.support.cuts import drive
from tests.support.readings import REQUEST


@pytest.mark.parametrize(
    ("whole", "count", "last", "more"),
    [
        ("Hello, world", 5, "lo", ", world"),
        ("Hello", 5, "lo", ""),
        ("Hell", 5, "lo", ""),
        ("Hello", 0, "", "Hello"),
        ("Hello, world", 9, ", world", None),
    ],
)
def test_what_is_new(whole: str, count: int, last: str, more: str | None) -> None:
    assert rest(whole, count, last) == more


def chat(pieces: list[str], whole: str) -> list[dict[str, Any]]:
    return [
        *({"choices": [{"index": 0, "delta": {"content": piece}}]} for piece in pieces),
        {"choices": [{"index": 0, "message": {"role": "assistant", "content": whole}, "finish_reason": "stop"}]},
    ]


def listed(pieces: list[str], whole: str) -> list[dict[str, Any]]:
    """As `chat`, with the whole text in a list of parts."""
    *events, last = chat(pieces, whole)
    half = len(whole) // 2
    thought = {"type": "thinking", "thinking": [{"type": "text", "text": "so"}]}
    parts = [thought, {"type": "text", "text": whole[:half]}, {"type": "text", "text": whole[half:]}]
    last["choices"][0]["message"]["content"] = parts
    return [*events, last]


def responses(pieces: list[str], whole: str) -> list[dict[str, Any]]:
    at = {"item_id": "i", "output_index": 0, "content_index": 0}
    message = {"type": "message", "id": "i", "role": "assistant", "content": [{"type": "output_text", "text": whole}]}
    return [
        *({"type": "response.output_text.delta", "delta": piece} | at for piece in pieces),
        {"type": "response.output_text.done", "text": whole} | at,
        {"type": "response.completed", "response": {"id": "r", "status": "completed", "output": [message]}},
    ]


def read(dialect: str, events: list[dict[str, Any]]) -> tuple[str, tuple[Any, ...]]:
    client: Any = DIALECTS[dialect].client
    mark = [b"data: [DONE]\n\n"] if dialect == "openai-chat" else []
    body = b"".join([*(encode(dumps(event).encode()) for event in events), *mark])
    found, error = drive(client("http://h").decoder(REQUEST), [body])
    assert error is None
    response = fold(found)
    return response.text, response.losses


@pytest.mark.parametrize(
    ("dialect", "stream", "lost"),
    [
        ("openai-chat", chat, "answer.message"),
        ("openai-chat", listed, "answer.message"),
        ("openai-responses", responses, "answer.response.output_item.done"),
    ],
)
class TestAnswers:
    """Of both dialects that repeat a text."""

    def test_the_rest_of_a_text_goes_out(self, dialect: str, stream: Any, lost: str) -> None:
        assert read(dialect, stream(["Hel", "lo"], "Hello, world")) == ("Hello, world", ())

    def test_of_another_text_nothing_does(self, dialect: str, stream: Any, lost: str) -> None:
        assert read(dialect, stream(["lo", ", world"], "Hello, world")) == ("lo, world", (LostEvent(lost),))

    def test_half_a_character_before_it_is_told_once(self, dialect: str, stream: Any, lost: str) -> None:
        assert read(dialect, stream(["ab\ud83d"], "ab\U0001f600cd")) == ("ab\U0001f600cd", ())

    def test_nor_after_a_row_of_pieces(self, dialect: str, stream: Any, lost: str) -> None:
        pieces = [f"{number} " for number in range(100)]
        assert read(dialect, stream(pieces, "".join(pieces) + "end")) == ("".join(pieces) + "end", ())
        assert read(dialect, stream(pieces[1:], "".join(pieces)))[1] == (LostEvent(lost),)


def test_what_is_no_text_in_a_list_is_named() -> None:
    *events, last = listed(["Hello"], "Hello")
    last["choices"][0]["message"]["content"].append({"type": "image_url", "image_url": {"url": "http://h/i"}})
    assert read("openai-chat", [*events, last]) == ("Hello", (LostEvent("answer.message"),))
