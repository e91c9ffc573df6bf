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
SILENT = (
    "data: ",
    "data",
    "data: null",
    "data: {}",
    "event: keepalive\ndata: {}",
    "event: heartbeat\ndata: heartbeat",
    "event: ping",
    "event: ping\ndata: ",
)

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


@pytest.mark.parametrize("name", TAPS)
def test_it_changes_nothing_as_the_last_of_an_answer_either(name: str) -> None:
    """No blank line ends it, and after it the answer has no end mark."""
    reply = cases(name)["text"].reply
    end = b"\r\n\r\n" if b"\r\n\r\n" in reply else b"\n\n"
    body = reply if name == "gemini" else b"".join(reply.rpartition(b"data: [DONE]")[:1]) or reply
    unmarked = body.rpartition(b"event: message_stop")[0] or body
    assert unmarked.endswith(end)
    assert understood(name, unmarked + b"data: null") == understood(name, unmarked)
    assert relayed(name, unmarked + b"data: null") == relayed(name, unmarked)


@pytest.mark.parametrize("name", TAPS)
@pytest.mark.parametrize("event", ["event: keepalive\ndata: 1764", 'event: heartbeat\ndata: {"at": 1764}'])
def test_an_event_of_such_a_name_is_no_failure_whatever_its_data_is(name: str, event: str) -> None:
    reply = cases(name)["text"].reply
    end = b"\r\n\r\n" if b"\r\n\r\n" in reply else b"\n\n"
    first, found, rest = reply.partition(end)
    assert understood(name, first + found + event.encode() + end + rest) == understood(name, reply)


@pytest.mark.parametrize("name", ["openai-chat", "gemini"])
def test_nor_is_it_relayed_if_no_blank_line_parts_it_from_others(name: str) -> None:
    reply = cases(name)["text"].reply
    end = b"\r\n\r\n" if b"\r\n\r\n" in reply else b"\n\n"
    first, found, rest = reply.partition(end)
    assert b"data: null" not in relayed(name, first + found[: len(end) // 2] + b"data: null" + found + rest)


@pytest.mark.parametrize(
    "event", [": ping", "event: message_stop\ndata: {}", "event: x\ndata: ", 'data: {"a":1}', "id: 7", "data: [DONE]"]
)
def test_other_events_say_something(event: str) -> None:
    assert not says_nothing(f"{event}\n\n".encode())
