"""The places in which a request differs from a recorded one."""

import json
from typing import Any

import pytest

from dragoman.transport.replay.cassette import RecordedRequest
from dragoman.transport.replay.matching import MAX_PLACES, differences, shown
from dragoman.types import HttpRequest


def recorded(body: Any, url: str = "http://up/v1") -> RecordedRequest:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return RecordedRequest.of(HttpRequest(url=url, body=data))


@pytest.mark.parametrize(
    ("ours", "theirs", "places"),
    [
        ({"a": 1, "b": 2}, {"b": 2, "a": 1}, []),
        ({"time": 1, "nonce": 2}, {"timestamp": 3}, []),
        ({"x": {"time": 1}}, {"x": {"time": 2}}, ["body.x.time"]),
        ({"content": "a"}, {"content": ["a"]}, ["body.content"]),
        ({"content": ["a"]}, {"content": "a"}, ["body.content"]),
        ({"content": ["a"]}, {"content": {"0": "a"}}, ["body.content"]),
        ({"content": {"a": 1}}, {"content": ["a"]}, ["body.content"]),
        ({"content": ["a", "b"]}, {"content": ["x"]}, ["body.content[0]", "body.content[1]"]),
        ({"n": 1}, {"n": 1.0}, ["body.n"]),
        ({"n": 1}, {"n": True}, ["body.n"]),
        ({"n": None}, {}, ["body.n"]),
        ([1], {"0": 1}, ["body"]),
        (b"text", b"text", []),
        (b"text", {"a": 1}, ["body"]),
    ],
)
def test_bodies(ours: Any, theirs: Any, places: list[str]) -> None:
    assert differences(recorded(ours), recorded(theirs)) == places


@pytest.mark.parametrize(
    ("ours", "theirs", "places"),
    [
        ("http://up", "https://elsewhere:81/", []),
        ("http://up/a", "http://up/b", ["path"]),
        ("http://up/a?x=1&y=2", "http://up/a?y=2&x=1", []),
        ("http://up/a?x=", "http://up/a", ["query.x"]),
        ("http://up/a?x=1&nonce=5", "http://up/a?x=2", ["query.x"]),
    ],
)
def test_urls(ours: str, theirs: str, places: list[str]) -> None:
    assert differences(recorded({}, ours), recorded({}, theirs)) == places


def test_of_many_places_the_first_are_named() -> None:
    places = [f"body.{i}" for i in range(MAX_PLACES)]
    assert shown(places) == ", ".join(places)
    assert shown([*places, "x", "y"]) == f"{', '.join(places)} and 2 more"
