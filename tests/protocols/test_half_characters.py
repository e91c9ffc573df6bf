"""Halves of characters anywhere in an answer: what is read of it can be written for the callers of each protocol.

JSON can write one half of a character, and UTF-8 cannot. Models that are cut within a character send such, and programs
that cut texts at a length.
"""

import random
import re
from contextlib import suppress

import pytest

from dragoman.errors import DragomanError
from dragoman.types import HttpResponse, ResponseHead, fold
from tests.support.env import fixed_env
from tests.support.golden import cases
from tests.support.translating import FRONTS, REQUEST, client_of, server_of

TRIED, ALL = 6, 60
"""Turns of each golden answer, in the default tier and behind `--faults`. A turn is a seed."""
HALVES = (b"\\ud83d", b"\\udc00")
FIELDS = (b'"z\\ud83dz":1,', b'"zz":["\\ud83d"],', b'"zz":{"\\udc00":{"a":"\\ud83d"}},')
LETTER, OPENING = re.compile(rb"[A-Za-z]"), re.compile(rb'\{(?=")')


def halved(body: bytes, chance: random.Random) -> bytes:
    """`body` with halves of characters in its texts, its words and the names of its fields."""
    for _ in range(chance.randint(1, 3)):
        places, words = chance.choice([(LETTER, HALVES), (OPENING, FIELDS)])
        found = [match.end() for match in places.finditer(body)]
        if found:
            at = chance.choice(found)
            body = body[:at] + chance.choice(words) + body[at:]
    return body


def told(name: str, body: bytes) -> None:
    """Reads an answer, and writes it for the callers of each protocol."""
    decoder = client_of(name).decoder(REQUEST)
    events = [*decoder.feed(body), *decoder.finish()]
    failed = client_of(name).decode_error(HttpResponse(ResponseHead(400, ()), body))
    for front in FRONTS:
        server = server_of(front)
        for error in filter(None, (failed, decoder.error)):
            server.encode_error(error)
        encoder = server.encoder(REQUEST, fixed_env())
        with suppress(DragomanError):  # what a caller's protocol cannot say is an error of ours
            encoder.send(events)
        if decoder.error is not None:
            encoder.fail(decoder.error)
        elif events:
            with suppress(DragomanError):
                server.encode_response(fold(events), REQUEST, fixed_env())


@pytest.mark.parametrize("name", FRONTS)
def test_what_is_read_of_an_answer_with_halves_of_characters_can_be_written(
    name: str, pytestconfig: pytest.Config
) -> None:
    turns = ALL if pytestconfig.getoption("--faults") else TRIED
    for case in cases(name).values():
        for turn in range(turns):
            told(name, halved(case.reply, random.Random(f"{case.path.name} {turn}")))


ERROR = (
    b'data: {"error":{"message":"busy \\ud83d","type":"t\\ud83d","code":"c\\ud83d",'
    b'"metadata":{"\\udc00":"\\ud83d"}}}\n\n'
)
CALL = (
    b'data: {"choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"id":"c\\ud83d","x":"\\ud83d",'
    b'"function":{"name":"f","arguments":"{}"}}]},"finish_reason":"t\\ud83d"}],"usage":{"p\\ud83d":{"a":"\\ud83d"}}}\n\n'
    b"data: [DONE]\n\n"
)
TOKENS = (
    b'data: {"choices":[{"index":0,"delta":{"content":"Hi"},"logprobs":{"content":[{"token":"\\ud83d","logprob":-1,'
    b'"top_logprobs":[]}]},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n'
)
PIECE = (
    b'data: {"type":"response.created","response":{"id":"r"}}\n\n'
    b'data: {"type":"response.output_text.delta","delta":"Hi","logprobs":[{"token":"\\ud83d","logprob":-1}]}\n\n'
    b'data: {"type":"response.completed","response":{"id":"r","status":"completed","output":[]}}\n\n'
)


@pytest.mark.parametrize(
    ("name", "body"),
    [("openai-chat", ERROR), ("openai-chat", CALL), ("openai-chat", TOKENS), ("openai-responses", PIECE)],
    ids=["error", "call", "tokens", "piece"],
)
def test_halves_beside_the_text_are_replaced(name: str, body: bytes) -> None:
    told(name, body)
