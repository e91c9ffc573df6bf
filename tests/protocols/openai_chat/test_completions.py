"""A text to be completed: requests, and both forms of the answer."""

import json
from typing import Any

import pytest

from dragoman.errors import InvalidRequestError
from dragoman.protocols.openai_chat.completions import OpenAICompletionsServer
from dragoman.types import (
    ChatResponse,
    PartDelta,
    PartEnd,
    PartStart,
    Reasoning,
    Refusal,
    ResponseEnd,
    ResponseStart,
    ServerRequest,
    StreamEvent,
    Text,
    Usage,
)
from tests.support.env import fixed_env

SERVER = OpenAICompletionsServer()


def call(**fields: Any) -> ServerRequest:
    return ServerRequest(method="POST", path="/v1/completions", body=json.dumps({"model": "m", **fields}).encode())


@pytest.mark.parametrize(
    ("prompt", "words"),
    [
        (["a", "b"], "prompt: expected one text, not several, nor tokens"),
        ([[1, 2]], "prompt: expected one text, not several, nor tokens"),
        ([1, 2], "prompt: expected one text, not several, nor tokens"),
        (5, "prompt: expected a string, got an integer"),
        (None, "prompt: expected a string, got nothing"),
    ],
)
def test_a_prompt_is_one_text(prompt: Any, words: str) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        SERVER.decode_request(call(prompt=prompt))
    assert str(caught.value).startswith(words)
    assert SERVER.decode_request(call(prompt=["a"])).messages == SERVER.decode_request(call(prompt="a")).messages


@pytest.mark.parametrize(("usage", "report"), [(Usage(1, 2), {"total_tokens": 3}), (None, None)])
def test_a_whole_answer_has_the_text_and_what_is_known_of_usage(usage: Usage | None, report: Any) -> None:
    response = ChatResponse(parts=(Text(text="a"), Refusal(text="b")), usage=usage)
    body = json.loads(SERVER.encode_response(response, SERVER.decode_request(call(prompt="x")), fixed_env()).body)
    assert body["choices"][0]["text"] == "ab"
    assert body.get("usage", {}).get("total_tokens") == (None if report is None else 3)


@pytest.mark.parametrize(
    ("options", "usage", "reports"), [(True, Usage(1, 2), 1), (True, None, 0), (False, Usage(1, 2), 0)]
)
def test_a_stream_has_the_text_alone(options: bool, usage: Usage | None, reports: int) -> None:
    request = SERVER.decode_request(call(prompt="x", stream=True, stream_options={"include_usage": options}))
    events: list[StreamEvent] = [
        ResponseStart(),
        PartStart(Reasoning(text="hm")),
        PartDelta("hm"),
        PartEnd(),
        PartStart(Text(text="a")),
        PartDelta("b"),
        PartDelta(""),
        PartEnd(),
        ResponseEnd("stop", usage),
    ]
    *data, mark = SERVER.encoder(request, fixed_env()).send(events).decode().split("\n\n")[:-1]
    chunks = [json.loads(each.removeprefix("data: ")) for each in data]
    assert "".join(choice["text"] for each in chunks for choice in each["choices"]) == "ab"
    assert (sum(bool(each.get("usage")) for each in chunks), mark) == (reports, "data: [DONE]")
    # Where usage was asked for, all other chunks say that it is not known yet.
    assert {"usage" in each for each in chunks} == {options}
