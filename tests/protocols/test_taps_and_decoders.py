"""What a relay reads of an answer is what the decoder reads of it, whatever stands in its fields.

Golden answers are spoilt field by field: a field gets another value, is left out, or is joined by another one.
"""

import random
from collections.abc import Sequence
from typing import Any

import msgspec
import pytest

from dragoman.protocols.base import Decoder
from dragoman.protocols.registry import DIALECTS
from dragoman.protocols.relay import Tap
from dragoman.types import ChatRequest, PartStart, ResponseEnd, ResponseStart, ServerRequest, user
from tests.support.cuts import scattered
from tests.support.golden import cases

RELAYED = [name for name, dialect in DIALECTS.items() if dialect.relay is not None]
REQUEST = ChatRequest(model="m", messages=(user("x"),))
VALUES: tuple[Any, ...] = (
    None,
    "",
    "x",
    "stop",
    0,
    1,
    7,
    -1,
    1.5,
    True,
    [],
    {},
    ["x"],
    [{}],
    [{"type": "x"}],
    {"x": None},
    {"text": "x"},
)
NAMES = ("error", "index", "x", "text", "delta", "usage", "content", "status", "refusal", "done", "message", "detail")
CALLS: dict[str, tuple[str, str, dict[str, Any]]] = {
    "openai-chat": ("/v1/chat/completions", "", {"messages": [{"role": "user", "content": "hi"}]}),
    "openai-responses": ("/v1/responses", "", {"input": "hi"}),
    "anthropic": ("/v1/messages", "", {"max_tokens": 9, "messages": [{"role": "user", "content": "hi"}]}),
    "gemini": ("/v1beta/models/m:streamGenerateContent", "alt=sse", {"contents": [{"parts": [{"text": "hi"}]}]}),
    "ollama": ("/api/chat", "", {"messages": [{"role": "user", "content": "hi"}]}),
}
TRIED = 150
"""Spoilt answers of each golden one."""

Read = tuple[object, ...]


def tap_of(name: str) -> Tap:
    """The tap of an answer of this dialect."""
    path, query, body = CALLS[name]
    sent = body if name == "gemini" else {"model": "m", "stream": True} | body
    server: Any = DIALECTS[name].server
    tap: Tap = (
        server()
        .reader.at_once(ServerRequest(method="POST", path=path, query=query, body=msgspec.json.encode(sent)))
        .tap()
    )
    return tap


def decoded(name: str, body: bytes) -> Read:
    client: Any = DIALECTS[name].client
    decoder: Decoder = client("http://h").decoder(REQUEST)
    events = [*decoder.feed(body), *decoder.finish()]
    error = decoder.error
    end = next((event for event in events if isinstance(event, ResponseEnd)), None)
    empty = end is not None and not (decoder.more_content or any(isinstance(each, PartStart) for each in events))
    named = next((event.id for event in events if isinstance(event, ResponseStart)), None)
    if end is None or error is not None:
        return type(error), error and error.code, None, None, False, ""
    return None, None, end.usage, end.finish_reason, empty, named or ""


def tapped(name: str, pieces: Sequence[bytes]) -> Read:
    tap = tap_of(name)
    for number, piece in enumerate(pieces):
        tap.feed(piece)
        if tap.needs_decoding:
            return decoded(name, b"".join([tap.unread(), *pieces[number + 1 :]]))
    tap.finish()
    if tap.needs_decoding:
        return decoded(name, tap.unread())
    if tap.error is not None:
        return type(tap.error), tap.error.code, None, None, False, ""
    return None, None, tap.usage, tap.finish_reason, tap.empty, tap.answer_id


def read_whole(name: str, body: bytes) -> Read:
    relay: Any = DIALECTS[name].relay
    said = relay("http://h").read(body)
    if said.error is not None:
        return type(said.error), said.error.code, None, None, False, ""
    if said.needs_decoding:
        return decoded(name, body)
    return None, None, said.usage, said.finish_reason, said.empty, said.answer_id


def spoilt(value: Any, rng: random.Random) -> Any:
    """`value` with one of its fields changed."""
    places: list[tuple[Any, Any]] = []
    find_places(value, places)
    if not places:
        return value
    inside, key = rng.choice(places)
    match rng.randrange(4):
        case 0:
            del inside[key]
        case 1 if isinstance(inside, dict):
            inside[rng.choice(NAMES)] = rng.choice(VALUES)
        case 2 if isinstance(inside, list):
            inside.append(inside[key])
        case _:
            inside[key] = rng.choice(VALUES)
    return value


def find_places(value: Any, places: list[tuple[Any, Any]]) -> None:
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        places.append((value, key))
        find_places(inner, places)


def spoilt_lines(reply: bytes, rng: random.Random) -> bytes:
    """A stream, of which some lines with JSON are spoilt, left out or doubled."""
    lines = reply.splitlines(keepends=True)
    for _ in range(rng.randint(1, 2)):
        at = rng.randrange(len(lines))
        begin = lines[at].find(b"{")
        if begin < 0:
            continue
        head, data = lines[at][:begin], lines[at][begin:]
        try:
            value = msgspec.json.decode(data)
        except (msgspec.MsgspecError, UnicodeDecodeError):
            continue
        end = data[len(data.rstrip()) :]
        lines[at] = head + msgspec.json.encode(spoilt(value, rng)) + end
    return b"".join(lines)


def last_line(body: bytes) -> bytes:
    return body.rstrip().rpartition(b"\n")[2]


@pytest.mark.parametrize("name", RELAYED)
def test_a_tap_reads_what_the_decoder_reads(name: str) -> None:
    rng = random.Random(7)
    for case in cases(name).values():
        reply = case.reply
        if not reply.strip() or reply.lstrip()[:1] in b"[<":
            continue
        for turn in range(TRIED):
            body = reply if turn == 0 else spoilt_lines(reply, rng)
            expected = decoded(name, body)
            for pieces in ([body], scattered(body, turn)):
                found = tapped(name, pieces)
                if name == "gemini" and last_line(body) != last_line(reply):
                    # The last report of tokens is spoilt, and those before it were not read.
                    found, expected = (*found[:2], None, *found[3:]), (*expected[:2], None, *expected[3:])
                assert found[:5] == expected[:5], (case.path.name, turn, body)
                assert found[5] in {"", expected[5]}


@pytest.mark.parametrize("name", RELAYED)
def test_a_whole_answer_is_read_as_the_decoder_reads_it(name: str) -> None:
    rng = random.Random(7)
    for case in cases(name).values():
        try:
            value = msgspec.json.decode(case.reply)
        except (msgspec.MsgspecError, UnicodeDecodeError):
            continue
        for turn in range(TRIED * 4):
            if turn:
                value = msgspec.json.decode(case.reply)
                spoilt(value, rng)
            body = msgspec.json.encode(value)
            expected, found = decoded(name, body), read_whole(name, body)
            assert found[:5] == expected[:5], (case.path.name, turn, body)
            assert found[5] in {"", expected[5]}
