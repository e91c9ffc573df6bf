"""Answers with thousands of entries or choices in one chunk: what was found before is not gone through for each."""

from collections.abc import Iterator
from typing import Any

from dragoman.protocols.openai_chat.decode_stream import ReplyDecoder
from dragoman.protocols.openai_chat.reasoning_details import gather_details
from dragoman.wire import json


class Unread(list[Any]):
    """A list that may grow, and is not gone through."""

    def __iter__(self) -> Iterator[Any]:
        raise AssertionError

    __reversed__ = __iter__


def test_the_entry_with_an_index_is_found_without_a_search() -> None:
    found = Unread()
    latest: dict[Any, dict[str, Any]] = {}
    gather_details(found, latest, [{"index": 0, "text": "a"}, {"index": 1, "text": "b"}, {"text": "c"}])
    gather_details(found, latest, [{"index": 0, "text": "d"}, {"index": [0], "text": "e"}, {"index": 1, "type": "z"}])
    assert [found[i] for i in range(len(found))] == [
        {"index": 0, "text": "ad"},
        {"index": 1, "text": "b"},
        {"text": "c"},
        {"index": [0], "text": "e"},
        {"index": 1, "type": "z"},
    ]


def test_other_choices_are_added_to_those_that_were_seen() -> None:
    decoder = ReplyDecoder()
    seen: list[Any] = []
    for index in (1, 2):
        choices = [{"index": 0, "delta": {"content": "a"}}, {"index": index, "delta": {"content": "b"}}]
        decoder.feed(b"data: %b\n\n" % json.encode({"choices": choices}))
        seen.append(decoder._other_choices)
    assert seen[0] is seen[1]
    assert seen[0] == {"choices[1]", "choices[2]"}
