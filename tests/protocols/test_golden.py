"""Golden bodies of every dialect: sent and read as written down, and the same however they are cut or spoilt."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec import Struct

from dragoman.errors import BadEventError, DragomanError, TruncatedStreamError
from dragoman.protocols.anthropic import AnthropicClient
from dragoman.protocols.base import ClientCodec
from dragoman.protocols.gemini import GeminiClient
from dragoman.protocols.ollama import OllamaClient
from dragoman.protocols.openai_chat import OpenAIChatClient
from dragoman.protocols.openai_responses import OpenAIResponsesClient
from dragoman.protocols.registry import DIALECTS
from dragoman.protocols.webchat.aibn import AibnClient
from dragoman.protocols.webchat.aichatfree import AIChatFreeClient
from dragoman.protocols.webchat.aichatonline import AiChatOnlineClient
from dragoman.protocols.webchat.cromicle import CromicleClient
from dragoman.types import ChatRequest, Fold, user
from tests.support.cuts import assert_same_at_every_cut, drive, scattered
from tests.support.golden import Case, cases, check_events, check_sent

URL = "https://api.example.org"
REQUEST = ChatRequest(model="m", messages=(user("x"),))
DEEP = "[" * 50_000
NO_EVENTS = ("1", '"x"', "[]", DEEP)
"""JSON, and what begins like it, that is no event of any dialect."""


class Subject(Struct, frozen=True):
    """A codec, and what spoils its answers. `starts`: beginnings after which junk is still read as JSON."""

    codec: ClientCodec
    starts: tuple[bytes, ...] = (b"",)
    event: str = "{}"
    """One event on the wire; `{}` is its JSON."""
    no_events: tuple[str, ...] = ()
    errors: tuple[type[DragomanError], ...] = (BadEventError,)
    """What one of `no_events` ends in."""
    has_end_mark: bool = True
    """Whether the protocol marks an answer's end; plain text does not."""


SUBJECTS = {
    subject.codec.name: subject
    for subject in (
        Subject(
            OpenAIChatClient(f"{URL}/v1/"),
            (b'{"choices":', b'data: {"choices":'),
            "data: {}\n\ndata: [DONE]\n\n",
            (*NO_EVENTS, f'{{"error":{DEEP}', '{"choices":5}', '{"choices":[5]}', '{"usage":"x"}'),
        ),
        Subject(
            OpenAIResponsesClient(f"{URL}/v1/", breakpoints=True),
            tuple(start + b'{"type":"response.output_text.delta","delta":' for start in (b"", b"data: ")),
            "data: {}\n\ndata: [DONE]\n\n",
            (
                *NO_EVENTS,
                f'{{"error":{DEEP}',
                f'{{"type":"response.output_text.delta","delta":{DEEP}',
                f'{{"type":"response.output_item.done","item":{DEEP}',
            ),
        ),
        Subject(
            AnthropicClient(f"{URL}/"),
            (b'{"delta":', b'event: content_block_delta\ndata: {"delta":'),
            "event: content_block_start\ndata: {0}\n\nevent: message_delta\ndata: {0}\n\n",
            (*NO_EVENTS, '{"index":[]}', '{"content_block":[]}'),
            (BadEventError, TruncatedStreamError),
        ),
        Subject(
            GeminiClient(f"{URL}/"),
            (b'{"candidates":', b'data: {"candidates":'),
            "data: {}\n\ndata: [DONE]\n\n",
            (*NO_EVENTS, f'{{"error":{DEEP}', '{"candidates":5}', '{"candidates":[5]}'),
        ),
        Subject(
            OllamaClient("http://127.0.0.1:11434/"),
            (b'{"message":', b'{"done":true', b""),
            "{}\n",
            (*NO_EVENTS, f'{{"error":{DEEP}{"]" * 50_000}}}', "data: {}"),
        ),
        Subject(AibnClient(url=URL, secret="s3cret", password="hunter2"), has_end_mark=False),
        Subject(AIChatFreeClient(url=URL, secret="s3cret"), has_end_mark=False),
        Subject(AiChatOnlineClient(url=URL), has_end_mark=False),
        Subject(CromicleClient(url=URL), has_end_mark=False),
    )
}
CASES = {name: list(cases(name).values()) for name in SUBJECTS}

steady = settings(derandomize=True, database=None, deadline=None, suppress_health_check=[HealthCheck.too_slow])
each_codec = pytest.mark.parametrize("subject", SUBJECTS.values(), ids=SUBJECTS)
each_case = pytest.mark.parametrize(
    ("codec", "case"),
    [(SUBJECTS[name].codec, case) for name, found in CASES.items() for case in found],
    ids=[f"{name}-{case.path.name}" for name, found in CASES.items() for case in found],
)


def test_every_dialect_is_here() -> None:
    assert SUBJECTS.keys() == DIALECTS.keys()


@each_case
def test_a_request_is_sent_as_written_down(codec: ClientCodec, case: Case, rewrite_golden: bool) -> None:
    check_sent(codec, case, rewrite=rewrite_golden)


@each_case
def test_a_reply_is_read_as_written_down(codec: ClientCodec, case: Case, rewrite_golden: bool) -> None:
    check_events(codec, case, rewrite=rewrite_golden)


@each_case
def test_a_reply_is_the_same_at_every_cut(codec: ClientCodec, case: Case, pytestconfig: pytest.Config) -> None:
    request, every = case.request, pytestconfig.getoption("--faults")
    assert_same_at_every_cut(lambda: codec.decoder(request), case.reply, sampled=not every)


@each_codec
@steady
@given(data=st.data())
def test_a_reply_is_the_same_at_random_cuts(subject: Subject, data: st.DataObject) -> None:
    body = data.draw(st.sampled_from(CASES[subject.codec.name])).reply
    seed, pieces = data.draw(st.integers(0, 1 << 30)), data.draw(st.integers(2, 60))
    cut, whole = subject.codec.decoder(REQUEST), subject.codec.decoder(REQUEST)
    assert drive(cut, scattered(body, seed, pieces)) == drive(whole, [body])


@each_case
def test_a_reply_keeps_the_grammar(codec: ClientCodec, case: Case) -> None:
    events, error = drive(codec.decoder(case.request), [case.reply])
    folding = Fold()
    folding.feed(events)
    if error is None:
        folding.result()


@each_codec
@steady
@given(body=st.binary(max_size=400))
def test_junk_ends_in_an_error_of_the_tree(subject: Subject, body: bytes) -> None:
    assert_tame(subject, body)


@each_codec
@steady
@given(data=st.data(), junk=st.lists(st.sampled_from([*b'{}[]":,\\ud800\n\r 0e', *b"data"]), max_size=60))
def test_junk_that_looks_like_json_ends_in_an_error_of_the_tree(
    subject: Subject, data: st.DataObject, junk: list[int]
) -> None:
    assert_tame(subject, data.draw(st.sampled_from(subject.starts)) + bytes(junk))


@each_codec
@settings(steady, max_examples=150)
@given(data=st.data())
def test_a_spoilt_reply_ends_in_an_error_of_the_tree(subject: Subject, data: st.DataObject) -> None:
    body = bytearray(data.draw(st.sampled_from(CASES[subject.codec.name])).reply)
    for _ in range(data.draw(st.integers(1, 6))):
        if not body:
            break
        at = data.draw(st.integers(0, len(body) - 1))
        body[at : at + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=3))
    assert_tame(subject, bytes(body))


@pytest.mark.parametrize(
    ("subject", "value"),
    [pytest.param(subject, value, id=name) for name, subject in SUBJECTS.items() for value in subject.no_events],
)
def test_an_event_of_another_shape_is_a_bad_event(subject: Subject, value: str) -> None:
    _, error = drive(subject.codec.decoder(REQUEST), [subject.event.format(value).encode()])
    assert error is not None
    assert error[0] in subject.errors


@pytest.mark.parametrize("said", ["", "null", "{}"])
@pytest.mark.parametrize("name", ["openai-chat", "openai-responses", "anthropic", "gemini"])
def test_an_event_that_says_nothing_is_no_answer(name: str, said: str) -> None:
    _, error = drive(SUBJECTS[name].codec.decoder(REQUEST), [f"data: {said}\n\n".encode()])
    assert error is not None
    assert error[0] in {TruncatedStreamError, BadEventError}


def assert_tame(subject: Subject, body: bytes) -> None:
    """Whether a body is read to its end or ends in an error of the tree, and keeps the grammar so far."""
    decoder = subject.codec.decoder(REQUEST)
    events, error = drive(decoder, [body])
    folding = Fold()
    folding.feed(events)
    assert decoder.done is (error is None and subject.has_end_mark)
    assert decoder.error is None or isinstance(decoder.error, DragomanError)
    assert decoder.error is None or len(decoder.error.message) <= 300
