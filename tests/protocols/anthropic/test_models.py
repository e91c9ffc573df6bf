"""The service's own list of models."""

from dragoman.protocols.anthropic.models import decode_facts
from dragoman.types import HttpResponse, ModelFacts, ResponseHead


def test_the_sizes_in_a_list_are_read() -> None:
    body = b'{"data":[{"id":"a","max_input_tokens":1048576,"max_tokens":65536},{"id":"b"}]}'
    assert decode_facts(HttpResponse(ResponseHead(200), body)) == {
        "a": ModelFacts(context=1048576, max_output=65536),
        "b": ModelFacts(),
    }
