"""Answers of thousands of lines: what was gathered before is not copied for each."""

import json

from dragoman.protocols.ollama.decode_stream import ReplyDecoder
from dragoman.types import PartDelta


def line(content: str, **more: object) -> bytes:
    return (
        json.dumps({"model": "m", "message": {"role": "assistant", "content": content}, "done": False} | more).encode()
        + b"\n"
    )


def test_log_probabilities_wait_for_a_text_in_one_list() -> None:
    decoder, lists = ReplyDecoder(), []
    for _ in range(3):
        decoder.feed(line("", logprobs=[{"token": "a", "logprob": -1.0}]))
        lists.append(decoder._logprobs)
    assert all(each is lists[0] for each in lists)
    (delta,) = [event for event in decoder.feed(line("a")) if isinstance(event, PartDelta)]
    assert len(delta.logprobs or ()) == 3


def test_lists_that_nobody_knows_grow_in_place() -> None:
    decoder, lists = ReplyDecoder(), []
    for number in range(3):
        decoder.feed(line("a", odd=[number]))
        lists.append(decoder._more["odd"])
    assert all(each is lists[0] for each in lists)
    assert lists[0] == [0, 1, 2]
