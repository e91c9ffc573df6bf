"""What an error tells of another try where no header field can: in its words, and in each protocol's stream."""

import pytest

from dragoman.errors import ContextLengthError, DragomanError, OverloadedError, RateLimitError
from dragoman.protocols.errors.retry import name_wait
from dragoman.protocols.errors.waits import wait_in
from dragoman.protocols.registry import DIALECTS


@pytest.mark.parametrize(
    ("message", "wait", "told"),
    [
        ("Slow down", 7.0, "Slow down. Please try again in 7s."),
        ("Slow down!", 0.25, "Slow down! Please try again in 0.25s."),
        ("Slow down.", 1e7, "Slow down. Please try again in 10000000s."),
        ("Please try again in 20ms.", 7.0, "Please try again in 20ms."),
        ("Slow down.", None, "Slow down."),
    ],
)
def test_the_wait_is_said_once(message: str, wait: float | None, told: str) -> None:
    error = RateLimitError(message, retry_after=wait)
    for _ in range(2):
        name_wait(error)
        assert (error.message, str(error)) == (told, told)


def test_it_is_not_said_where_no_wait_helps() -> None:
    error = ContextLengthError("too long", retry_after=7)
    name_wait(error)
    assert error.message == "too long"


@pytest.mark.parametrize("name", ["openai-chat", "openai-responses", "anthropic", "gemini", "ollama"])
@pytest.mark.parametrize("error", [RateLimitError("full", retry_after=7), OverloadedError("full", retry_after=7)])
def test_each_protocol_carries_it(name: str, error: DragomanError) -> None:
    name_wait(error)
    assert wait_in(DIALECTS[name].server().encode_stream_error(error).decode()) == 7
