"""Events that say nothing: they change no answer, and are not relayed, because callers fail at them."""

from collections.abc import Callable
from typing import Any

import pytest

from dragoman.protocols.anthropic.tap import MessageTap
from dragoman.protocols.gemini.tap import GeminiTap
from dragoman.protocols.openai_chat.tap import ChatTap
from dragoman.protocols.openai_responses.tap import ResponsesTap
from dragoman.protocols.registry import DIALECTS
from dragoman.protocols.relay import Tap
from dragoman.protocols.streams.silent_events import says_nothing
from dragoman.types import ChatRequest, user
from tests.support.cuts import drive
from tests.support.golden import cases

REQUEST = ChatRequest(model="m", messages=(user("x"),))
TAPS: dict[str, Callable[[], Tap]] = {
    "openai-chat": ChatTap,
    "openai-responses": ResponsesTap,
    "anthropic": MessageTap,
    "gemini": GeminiTap,
}
SILENT = ("data: ", "data", "data: null", "data: {}", "event: keepalive\ndata: {}", "event: ping\ndata: ")

OWN = ("anthropic", SILENT[-1])
"""An event of this name is the protocol's own, whatever its data is."""


def relayed(name: str, body: bytes) -> bytes:
    tap = TAPS[name]()
    return tap.feed(body) + tap.finish()


def understood(name: str, body: bytes) -> Any:
    made: Any = DIALECTS[name].client
    return drive(made("http://up").decoder(REQUEST), [body])


@pytest.mark.parametrize(
    ("name", "silent"), [(name, silent) for name in TAPS for silent in SILENT if (name, silent) != OWN]
)
def test_an_event_that_says_nothing_changes_nothing_and_is_not_relayed(name: str, silent: str) -> None:
    """Clients fail at it: openai 3.57 (Python) and 7.59 (Node), google-genai 3.6 (Python), ai 7 (Node)."""
    reply = cases(name)["text"].reply
    end = b"\r\n\r\n" if b"\r\n\r\n" in reply else b"\n\n"
    first, found, rest = reply.partition(end)
    body = first + found + silent.encode() + end + rest
    assert understood(name, body) == understood(name, reply)
    assert relayed(name, body) == relayed(name, reply)


@pytest.mark.parametrize(
    "event", [": ping", "event: message_stop\ndata: {}", "event: x\ndata: ", 'data: {"a":1}', "id: 7", "data: [DONE]"]
)
def test_other_events_say_something(event: str) -> None:
    assert not says_nothing(f"{event}\n\n".encode())
