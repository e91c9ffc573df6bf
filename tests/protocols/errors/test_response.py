"""The response with an error: its status, and what callers should do next."""

import json

import pytest

from dragoman.errors import DragomanError, InvalidRequestError, OverloadedError, RateLimitError, UpstreamError
from dragoman.protocols.errors.response import error_response, usual_status
from dragoman.types.http import JSON


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (OverloadedError("busy", status=529), 503),
        (OverloadedError("busy", status=503), 503),
        (UpstreamError("broken", status=599), 599),
        (InvalidRequestError("wrong"), 400),
    ],
)
def test_529_is_known_to_callers_of_one_protocol_alone(error: DragomanError, status: int) -> None:
    assert usual_status(error) == status


def test_what_is_told_around_the_words_of_a_protocol() -> None:
    response = error_response(RateLimitError("slower", retry_after=1.5), 429, {"error": "slower"})
    assert (response.status, json.loads(response.body)) == (429, {"error": "slower"})
    assert response.headers == (*JSON, ("retry-after", "2"), ("retry-after-ms", "1500"))


def test_what_a_protocol_says_of_json_is_its_own() -> None:
    own = (("content-type", "application/json; charset=utf-8"),)
    assert error_response(InvalidRequestError("wrong"), 400, {}, own).headers == own
