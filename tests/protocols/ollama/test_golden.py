"""Golden bodies: sent and read as written down, and the same however they are cut or spoilt."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dragoman.errors import BadEventError, DragomanError
from dragoman.protocols.ollama import NAME, OllamaClient
from dragoman.types import ChatRequest, Fold, user
from tests.support.cuts import assert_same_at_every_cut, drive, scattered
from tests.support.golden import Case, cases, check_events, check_sent

CASES = cases(NAME)
CODEC = OllamaClient("http://127.0.0.1:11434/")
REQUEST = ChatRequest(model="m", messages=(user("x"),))

steady = settings(derandomize=True, database=None, deadline=None, suppress_health_check=[HealthCheck.too_slow])
each = pytest.mark.parametrize("case", CASES.values(), ids=CASES)


@each
def test_a_request_is_sent_as_written_down(case: Case, rewrite_golden: bool) -> None:
    check_sent(CODEC, case, rewrite=rewrite_golden)


@each
def test_a_reply_is_read_as_written_down(case: Case, rewrite_golden: bool) -> None:
    check_events(CODEC, case, rewrite=rewrite_golden)


@each
def test_a_reply_is_the_same_at_every_cut(case: Case) -> None:
    assert_same_at_every_cut(lambda: CODEC.decoder(REQUEST), case.reply)


@steady
@given(data=st.data())
def test_a_reply_is_the_same_at_random_cuts(data: st.DataObject) -> None:
    body = data.draw(st.sampled_from(list(CASES.values()))).reply
    seed, pieces = data.draw(st.integers(0, 1 << 30)), data.draw(st.integers(2, 60))
    assert drive(CODEC.decoder(REQUEST), scattered(body, seed, pieces)) == drive(CODEC.decoder(REQUEST), [body])


@each
def test_a_reply_keeps_the_grammar(case: Case) -> None:
    events, error = drive(CODEC.decoder(REQUEST), [case.reply])
    folding = Fold()
    folding.feed(events)
    if error is None:
        folding.result()


@steady
@given(st.binary(max_size=400))
def test_junk_ends_in_an_error_of_the_tree(body: bytes) -> None:
    assert_tame(body)


@steady
@given(
    st.lists(st.sampled_from([*b'{}[]":,\\ud800\n\r 0e']), max_size=60),
    st.sampled_from([b'{"message":', b'{"done":true', b""]),
)
def test_junk_that_looks_like_json_ends_in_an_error_of_the_tree(junk: list[int], start: bytes) -> None:
    assert_tame(start + bytes(junk))


@settings(steady, max_examples=400)
@given(data=st.data())
def test_a_spoilt_reply_ends_in_an_error_of_the_tree(data: st.DataObject) -> None:
    body = bytearray(data.draw(st.sampled_from(list(CASES.values()))).reply)
    for _ in range(data.draw(st.integers(1, 6))):
        at = data.draw(st.integers(0, len(body) - 1))
        body[at : at + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=3))
        if not body:
            break
    assert_tame(bytes(body))


@pytest.mark.parametrize(
    "value", ["1", '"x"', "null", "[]", "[" * 5000, '{"error":' + "[" * 5000 + "]" * 5000 + "}", "data: {}"]
)
def test_a_line_of_another_shape_is_a_bad_event(value: str) -> None:
    _, error = drive(CODEC.decoder(REQUEST), [f"{value}\n".encode()])
    assert error is not None
    assert error[0] is BadEventError


def assert_tame(body: bytes) -> None:
    decoder = CODEC.decoder(REQUEST)
    events, error = drive(decoder, [body])
    folding = Fold()
    folding.feed(events)
    assert decoder.done is (error is None)
    assert decoder.error is None or isinstance(decoder.error, DragomanError)
    assert decoder.error is None or len(decoder.error.message) <= 300
