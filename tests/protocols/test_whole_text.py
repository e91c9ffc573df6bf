"""A whole text that comes after its pieces: what of it is new goes out, and nothing if it is another text."""

from json import dumps
from typing import Any

import pytest

from dragoman.protocols.registry import DIALECTS
from dragoman.protocols.whole_text import rest
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


def responses(pieces: list[str], whole: str) -> list[dict[str, Any]]:
    at = {"item_id": "i", "output_index": 0, "content_index": 0}
    message = {"type": "message", "id": "i", "role": "assistant", "content": [{"type": "output_text", "text": whole}]}
    return [
        *({"type": "response.output_text.delta", "delta": piece} | at for piece in pieces),
        {"type": "response.output_text.done", "text": whole} | at,
        {"type": "response.completed", "response": {"id": "r", "status": "completed", "output": [message]}},
    ]


@pytest.mark.parametrize(
    ("dialect", "stream", "lost"),
    [("openai-chat", chat, "answer.message"), ("openai-responses", responses, "answer.response.output_item.done")],
)
class TestAnswers:
    """Of both dialects that repeat a text."""

    def test_the_rest_of_a_text_goes_out(self, dialect: str, stream: Any, lost: str) -> None:
        assert self.read(dialect, stream(["Hel", "lo"], "Hello, world")) == ("Hello, world", ())

    def test_of_another_text_nothing_does(self, dialect: str, stream: Any, lost: str) -> None:
        assert self.read(dialect, stream(["lo", ", world"], "Hello, world")) == ("lo, world", (LostEvent(lost),))

    def test_half_a_character_before_it_is_told_once(self, dialect: str, stream: Any, lost: str) -> None:
        assert self.read(dialect, stream(["ab\ud83d"], "ab\U0001f600cd")) == ("ab\U0001f600cd", ())

    def test_nor_after_a_row_of_pieces(self, dialect: str, stream: Any, lost: str) -> None:
        pieces = [f"{number} " for number in range(100)]
        assert self.read(dialect, stream(pieces, "".join(pieces) + "end")) == ("".join(pieces) + "end", ())
        assert self.read(dialect, stream(pieces[1:], "".join(pieces)))[1] == (LostEvent(lost),)

    def read(self, dialect: str, events: list[dict[str, Any]]) -> tuple[str, tuple[Any, ...]]:
        client: Any = DIALECTS[dialect].client
        mark = [b"data: [DONE]\n\n"] if dialect == "openai-chat" else []
        body = b"".join([*(encode(dumps(event).encode()) for event in events), *mark])
        found, error = drive(client("http://h").decoder(REQUEST), [body])
        assert error is None
        response = fold(found)
        return response.text, response.losses
