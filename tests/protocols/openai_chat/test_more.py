"""What a completion says beside its text: gathered over a stream as by hand, and put in its place."""

from copy import deepcopy
from typing import Any

import pytest

from dragoman.protocols.openai_chat.more import add_fields, placed


@pytest.mark.parametrize(
    ("chunks", "whole"),
    [
        ([{"a": 1}, {"b": 2}], {"a": 1, "b": 2}),
        ([{"provider": "up"}, {"provider": "up"}], {"provider": "up"}),
        ([{"message.images": [1]}, {"message.images": [1, 3]}], {"message.images": [1, 1, 3]}),
        ([{"citations": ["x"]}, {"citations": ["x"]}, {"citations": ["x", "y"]}], {"citations": ["x", "y"]}),
        (
            [
                {"message.audio": {"id": "a", "data": "AA", "transcript": "a"}},
                {"message.audio": {"id": "a", "data": "AAB", "transcript": "a"}},
                {"message.audio": {"expires_at": 5}},
            ],
            {"message.audio": {"id": "a", "data": "AAAAB", "transcript": "aa", "expires_at": 5}},
        ),
        (
            [{"choice.logprobs": {"content": [1]}}, {"choice.logprobs": {"content": [2]}}],
            {"choice.logprobs": {"content": [1, 2]}},
        ),
        ([{"count": 1}, {"count": 2}], {"count": 2}),
        ([{"odd": "text"}, {"odd": [1]}], {"odd": [1]}),
    ],
)
def test_pieces_of_a_message_grow_and_what_stands_beside_it_is_said_anew(
    chunks: list[dict[str, Any]], whole: dict[str, Any]
) -> None:
    found: dict[str, Any] = {}
    for chunk in chunks:
        add_fields(found, deepcopy(chunk))
    assert found == whole


def test_each_field_goes_back_to_its_place() -> None:
    fields = {"citations": [1], "choice.logprobs": {"content": []}, "message.images": [2]}
    there = placed(fields)
    assert (there.body, there.choice, there.message) == (
        {"citations": [1]},
        {"logprobs": {"content": []}},
        {"images": [2]},
    )
