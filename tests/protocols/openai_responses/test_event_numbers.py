"""What of an event a stream is resumed by: the id of its answer, and its own number."""

import pytest

from dragoman.protocols.openai_responses import OpenAIResponsesServer

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
