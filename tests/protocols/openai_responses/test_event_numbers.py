"""The numbers of an event: its own and the id of its answer, by which a stream is resumed, and that of its item."""

import pytest

from dragoman.protocols.openai_responses import OpenAIResponsesServer
from dragoman.protocols.openai_responses.events import index_of

SERVER = OpenAIResponsesServer()


def written(data: bytes) -> bytes:
    return b"event: x\ndata: %b\n\n" % data


@pytest.mark.parametrize(
    ("event", "number"),
    [
        (b'{"type":"response.created","sequence_number":0}', 0),
        (b'{"sequence_number":17,"type":"x"}', 17),
        (b'{"sequence_number":"17"}', None),
        (b'{"sequence_number":null}', None),
        (b'{"type":"keepalive"}', None),
        (b"[17]", None),
        (b"[DONE]", None),
    ],
)
def test_the_number_of_an_event(event: bytes, number: int | None) -> None:
    assert SERVER.position(written(event)) == number


@pytest.mark.parametrize(
    ("event", "name"),
    [
        (b'{"type":"response.created","response":{"id":"resp_1"}}', "resp_1"),
        (b'{"type":"response.created","response":{"id":5}}', ""),
        (b'{"type":"response.created","response":"resp_1"}', ""),
        (b'{"type":"response.output_text.delta"}', ""),
        (b"not JSON", ""),
    ],
)
def test_the_id_of_its_answer(event: bytes, name: str) -> None:
    assert SERVER.public_id(written(event)) == name


LARGEST = (1 << 20) - 1


@pytest.mark.parametrize("value", [0, 1, LARGEST])
def test_the_number_of_an_item(value: int) -> None:
    assert index_of(value) == value


@pytest.mark.parametrize("value", [-1, LARGEST + 1, True, False, 1.0, "1", None, [1]])
def test_what_is_no_number_of_an_item(value: object) -> None:
    assert index_of(value) is None
