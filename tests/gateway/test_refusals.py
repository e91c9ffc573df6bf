"""What is written once for all whom a gateway refuses says the same as if it were written for each."""

import pytest
from msgspec.structs import replace

from dragoman.errors import DragomanError, OverloadedError, RateLimitError
from dragoman.gateway.http.heads import fields
from dragoman.gateway.refusals import Refusals
from dragoman.protocols.registry import DIALECTS
from dragoman.types import ServerRequest

CALL = ServerRequest(method="POST", path="/v1beta/models/m:streamGenerateContent", query="alt=sse")


def full() -> DragomanError:
    return OverloadedError("too much to do", provider="dragoman", retry_after=1)


def too_many() -> DragomanError:
    return RateLimitError("too many", provider="dragoman", retry_after=1)


@pytest.mark.parametrize("name", DIALECTS)
def test_each_protocol_says_what_it_says_otherwise_with_the_id_of_the_request(name: str) -> None:
    codec = DIALECTS[name].server()
    refusals = Refusals()
    for number in range(3):
        for error, fresh in ((full(), full()), (too_many(), too_many())):
            fresh.request_id = f"id-{number}"
            expected = replace(codec.encode_error(fresh), error=fresh.code)
            got = refusals.refusal(codec, CALL, error, f"id-{number}")
            assert got.response == expected
            assert got.lines == fields(expected.headers)


def test_only_a_protocol_with_the_id_in_its_body_is_written_anew() -> None:
    refusals = Refusals()
    kept = {
        name: refusals.refusal(codec, CALL, full(), "a") is refusals.refusal(codec, CALL, full(), "b")
        for name, codec in ((name, DIALECTS[name].server()) for name in DIALECTS)
    }
    assert kept["openai-chat"]
    assert not kept["anthropic"]


def test_a_caller_who_would_get_a_list_is_refused_in_a_list() -> None:
    codec, refusals = DIALECTS["gemini"].server(), Refusals()
    for query, lists in (("alt=sse", False), ("", True), ("%24alt=json%3Benum-encoding%3Dint", False)):
        body = refusals.refusal(codec, replace(CALL, query=query), full(), "a").response.body
        assert body.startswith(b"[{" if lists else b"{")
