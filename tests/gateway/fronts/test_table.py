"""Paths: what is found there, and in whose words nothing is."""

import pytest

from dragoman.gateway.fronts.endpoints import Endpoint, ImmediateEndpoint
from dragoman.gateway.fronts.table import Front, PathTable, Row
from dragoman.protocols.openai_chat import OpenAIChatServer
from dragoman.types import ServerRequest, ServerResponse

CODEC = OpenAIChatServer()
LIST, ONE, SEND, COUNT, BELOW = (ImmediateEndpoint(lambda call: ServerResponse()) for _ in range(5))
REST = Front(CODEC, (Row("GET", "/v1/models", LIST), Row("GET", "/v1/models/{model}", ONE)), rest=True)
SITE = Front(CODEC, (Row("POST", "/site/send", SEND), Row("PUT", "/site/send", SEND)), prefix="/site")
INNER = Front(
    CODEC, (Row("POST", "/v1/models/{model}:count", COUNT), Row("GET", "/site/in/x", BELOW)), prefix="/site/in"
)
TABLE = PathTable((REST, SITE, INNER))


def call(method: str, path: str, *names: bytes) -> ServerRequest:
    """A call with header fields of these names."""
    return ServerRequest(method=method, path=path, headers=tuple((name, b"1") for name in names))


@pytest.mark.parametrize(
    ("method", "path", "front", "endpoint"),
    [
        ("GET", "/v1/models", REST, LIST),
        ("HEAD", "/v1/models", REST, LIST),
        ("GET", "/v1/models/a", REST, ONE),
        ("HEAD", "/v1/models/up/a\nb", REST, ONE),
        ("POST", "/v1/models/up/a:count", INNER, COUNT),
        ("GET", "/v1/models/up/a:count", REST, ONE),
        ("PUT", "/site/send", SITE, SEND),
        ("GET", "/site/in/x", INNER, BELOW),
    ],
)
def test_a_path_of_a_front_is_found(method: str, path: str, front: Front, endpoint: Endpoint) -> None:
    found = TABLE.find(call(method, path))
    assert (found.front, found.endpoint) == (front, endpoint)


@pytest.mark.parametrize(
    ("method", "path", "front", "methods"),
    [
        ("POST", "/v1/models", REST, ("GET",)),
        ("HEAD", "/site/send", SITE, ("POST", "PUT")),
        ("DELETE", "/v1/models/a:count", REST, ("GET", "POST")),
        ("POST", "/site/in/x", INNER, ("GET",)),
    ],
)
def test_another_method_is_told_which_there_are(method: str, path: str, front: Front, methods: tuple[str, ...]) -> None:
    found = TABLE.find(call(method, path))
    assert (found.front, found.endpoint, found.methods) == (front, None, methods)


def test_no_path_takes_long_to_find() -> None:
    """As long as a path may be, with all the places at which a name could begin, and none at which it may end."""
    both = Front(CODEC, (Row("POST", "/v1/models/{model}:{method}", COUNT),), rest=True)
    path = f"/v1/models/{':' * 200_000}/"
    assert PathTable((both,)).find(call("POST", path)).endpoint is None


@pytest.mark.parametrize(
    ("path", "front"),
    [
        ("/", REST),
        ("*", REST),
        ("", REST),
        ("/v1/models/", REST),
        ("/v1/models/a/", REST),
        ("/v1/models:count", REST),
        ("/v1x", REST),
        ("/sites", REST),
        ("//site/send", REST),
        ("/SITE/send", REST),
        ("/site", SITE),
        ("/site/", SITE),
        ("/site/send/", SITE),
        ("/site/inner", SITE),
        ("/site/in", INNER),
        ("/site/in/y", INNER),
    ],
)
def test_the_longest_prefix_says_that_nothing_is_there(path: str, front: Front) -> None:
    found = TABLE.find(call("GET", path))
    assert (found.front, found.endpoint, found.methods) == (front, None, ())


def test_an_exact_path_comes_before_a_pattern() -> None:
    table = PathTable((REST, Front(CODEC, (Row("GET", "/v1/models/search", BELOW),), prefix="/v1/models/search")))
    assert table.find(call("GET", "/v1/models/search")).endpoint is BELOW


def test_what_is_served_are_paths_and_no_patterns() -> None:
    assert TABLE.served() == {"/v1/models": "GET", "/site/send": "POST", "/site/in/x": "GET"}


def test_of_several_fronts_with_a_path_the_one_that_claims_the_call_answers() -> None:
    rows = (Row("GET", "/v1/models", BELOW), Row("GET", "/v1/models/{model}", COUNT))
    other = Front(CODEC, rows, claims=lambda call: call.header(b"x-version") is not None)
    table = PathTable((other, REST))
    for path, theirs, ours in (("/v1/models", BELOW, LIST), ("/v1/models/a", COUNT, ONE)):
        assert table.find(call("GET", path)).endpoint is ours
        assert table.find(call("GET", path, b"x-version")).endpoint is theirs
    assert table.find(call("GET", "/v1/nothing", b"x-version")).front is other
    assert table.find(call("GET", "/v1/nothing")).front is REST
