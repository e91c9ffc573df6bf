"""Fields that nobody knows yet: from each object of a golden request or answer they go back to the same dialect."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from msgspec import Struct
from msgspec.structs import replace

from dragoman.protocols.anthropic import AnthropicClient, AnthropicServer
from dragoman.protocols.base import ClientCodec, ServerCodec
from dragoman.protocols.gemini import GeminiClient, GeminiServer
from dragoman.protocols.ollama import OllamaClient, OllamaServer
from dragoman.protocols.openai_chat import OpenAIChatClient, OpenAIChatServer
from dragoman.protocols.openai_responses import OpenAIResponsesClient, OpenAIResponsesServer
from dragoman.protocols.registry import DIALECTS
from dragoman.types import ChatRequest, ChatResponse, HttpRequest, ServerRequest, StreamEvent, fold
from tests.support.cuts import drive
from tests.support.env import fixed_env
from tests.support.golden import Case, cases

URL = "http://127.0.0.1:11434"
MARK = "x_unknown"
Path = tuple[str | int, ...]


class Subject(Struct, frozen=True):
    """Both halves of a dialect. `gone`: objects of answers, or of one case, whose unknown fields are lost, and why."""

    client: ClientCodec
    server: ServerCodec
    gone: Mapping[str, str] = {}


PROBABILITY = "a probability is a canonical value, which has no further fields"
SUBJECTS = {
    subject.client.name: subject
    for subject in (
        Subject(
            OpenAIChatClient(f"{URL}/v1"),
            OpenAIChatServer(),
            {
                "choices.[].message.content.[]": "a list is joined to the one text that OpenAI's callers read",
            },
        ),
        Subject(
            OpenAIResponsesClient(f"{URL}/v1"),
            OpenAIResponsesServer(),
            {
                "incomplete_details": "the reason to stop is a canonical value",
                "output.[].content.[].logprobs.[]": PROBABILITY,
                "output.[].content.[].logprobs.[].top_logprobs.[]": PROBABILITY,
            },
        ),
        Subject(
            AnthropicClient(URL),
            AnthropicServer(),
            {"freeform content.[].input": "the object is ours, around the text of a freeform tool"},
        ),
        Subject(GeminiClient(URL), GeminiServer()),
        Subject(
            OllamaClient(URL),
            OllamaServer(),
            {"logprobs.[]": PROBABILITY, "logprobs.[].top_logprobs.[]": PROBABILITY},
        ),
    )
}
CASES = [
    pytest.param(subject, case, id=f"{name}-{case.path.name}")
    for name, subject in SUBJECTS.items()
    for case in cases(name).values()
]
each_case = pytest.mark.parametrize(("subject", "case"), CASES)


def test_every_dialect_of_objects_is_here() -> None:
    assert {name for name, dialect in DIALECTS.items() if dialect.relay is not None} == SUBJECTS.keys()


def objects(value: Any, path: Path = ()) -> Iterator[Path]:
    """Where the objects in a body are."""
    if isinstance(value, dict):
        yield path
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for step, each in inner:
        yield from objects(each, (*path, step))


def marked(body: Any, path: Path) -> bytes:
    """`body` with an unknown field in one of its objects."""
    copy = json.loads(json.dumps(body))
    at = copy
    for step in path:
        at = at[step]
    at[MARK] = "kept"
    return json.dumps(copy).encode()


def found(body: bytes) -> set[str]:
    """In which kind of object the unknown field is."""
    value = json.loads(body)
    return {shape(path) for path in objects(value) if MARK in _at(value, path)}


def shape(path: Path) -> str:
    return ".".join("[]" if isinstance(step, int) else step for step in path)


def _at(value: Any, path: Path) -> Any:
    for step in path:
        value = value[step]
    return value


@each_case
def test_unknown_fields_of_a_request_are_written_where_they_were(subject: Subject, case: Case) -> None:
    first, _, body = case.path.joinpath("sent.http").read_bytes().partition(b"\n\n")
    url = first.split(b"\n")[0].decode().split(" ")[1]
    path, _, query = ("/" + url.split("/", 3)[3]).partition("?")
    sent = json.loads(body)
    for place in objects(sent):
        call = ServerRequest(method="POST", path=path, query=query, body=marked(sent, place))
        assert found(_written(subject.client, subject.server.decode_request(call))) == {shape(place)}


def _written(client: ClientCodec, request: ChatRequest) -> bytes:
    env = fixed_env()
    message = client.encode_request(client.fit(request, env.profile), env)
    assert isinstance(message, HttpRequest)
    return message.body


@each_case
def test_unknown_fields_of_an_answer_are_written_whole_and_streamed(subject: Subject, case: Case) -> None:
    events, error = drive(subject.client.decoder(case.request), [case.reply])
    if error is not None:
        return  # that it fails is tested elsewhere
    whole = json.loads(_whole(subject.server, fold(events), case.request))
    for place in objects(whole):
        if {shape(place), f"{case.path.name} {shape(place)}"} & subject.gone.keys():
            continue
        again, failed = drive(subject.client.decoder(case.request), [marked(whole, place)])
        assert failed is None
        assert found(_whole(subject.server, fold(again), case.request)) == {shape(place)}
        assert MARK.encode() in _streamed(subject.server, again, case.request), place


def _whole(server: ServerCodec, response: ChatResponse, request: ChatRequest) -> bytes:
    # A service's own state goes back to it as it came.
    own = tuple(
        part if part.opaque is None else replace(part, opaque=replace(part.opaque, origin=None))
        for part in response.parts
    )
    return server.encode_response(replace(response, parts=own), request, fixed_env()).body


def _streamed(server: ServerCodec, events: list[StreamEvent], request: ChatRequest) -> bytes:
    return server.encoder(request, fixed_env()).send(events)
