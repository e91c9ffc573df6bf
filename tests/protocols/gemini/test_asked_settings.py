"""Settings that are looked for in the text of a body to be relayed."""

import json

import pytest

from dragoman.protocols.gemini.asked_settings import takes_settings
from dragoman.types import ModelProfile


@pytest.mark.parametrize(
    ("limit", "expected"), [(8, True), ("8", True), (9, False), (10**30, False), ("1" * 5000, False), (None, True)]
)
@pytest.mark.parametrize("name", ["maxOutputTokens", "max_output_tokens"])
def test_a_limit_is_compared_with_that_of_the_model(name: str, limit: object, *, expected: bool) -> None:
    body = json.dumps({"generationConfig": {name: limit}}).encode()
    assert takes_settings(body, ModelProfile(most_output=8)) is expected
