"""What an open stream holds in memory."""

from typing import Any

import pytest
from bench.dialects import PATHS, stream

from dragoman.protocols.decoder import Decoder
from dragoman.protocols.openai_responses.tap import ResponsesTap
from dragoman.protocols.registry import DIALECTS
from dragoman.types import ChatRequest, user

INLINE = 29
"""Attributes of an object that Python 3.11 keeps in its own memory; with one more they move to a dict of 1.3 KiB."""


def begun(dialect: str) -> Decoder:
    """A decoder in the middle of a stream, whose owner takes rows."""
    client: Any = DIALECTS[dialect].client
    decoder: Decoder = client("http://service").decoder(ChatRequest(model="m", messages=(user("hi"),)))
    decoder.in_rows = True
    data = stream(dialect)
    decoder.feed(data[: len(data) // 2])
    return decoder


@pytest.mark.parametrize("dialect", PATHS)
def test_a_decoder_has_few_attributes(dialect: str) -> None:
    decoder = begun(dialect)
    decoder.done = True
    assert len(vars(decoder)) <= INLINE


def test_a_relayed_stream_holds_its_large_beginning_once() -> None:
    tools = b"t" * 100_000
    data = stream("openai-responses").replace(b'"metadata":{}', b'"metadata":{"tools":"%b"}' % tools)
    tap = ResponsesTap()
    assert tap.feed(data[: data.index(b'" word20"')])
    slots = [name for each in type(tap).__mro__ for name in getattr(each, "__slots__", ())]
    held = [value for name in slots if isinstance(value := getattr(tap, name), bytes)]
    assert sum(map(len, held)) < len(tools) + 2000
