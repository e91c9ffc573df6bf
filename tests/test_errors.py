"""What errors say beside their own words."""

import copy
import pickle

import pytest

from dragoman.error_words import MAX_WORD, nearest, scrub
from dragoman.errors import DragomanError, RateLimitError, TimeoutError, TruncatedStreamError, UpstreamError

NEAR = [
    ("prot", ["host", "port"], "; did you mean port?"),
    ("AIBM", ["aibn", "cromicle"], "; did you mean aibn?"),
    ("ulr", ["url"], "; did you mean url?"),
    ("gpt-3.5", ["GPT-3.5-turbo", "eliza"], "; did you mean GPT-3.5-turbo?"),
    ("temp", ["temperature", "tools"], "; did you mean temperature?"),
    ("max_", ["max_tokens", "max_turns"], ""),
    ("top", ["topology"], ""),
    ("prot", ["fronts"], ""),
    ("", ["a"], ""),
    ("a", [], ""),
    ("x" * MAX_WORD + "y" * 10_000, ["x" * MAX_WORD], f"; did you mean {'x' * MAX_WORD}?"),
]


@pytest.mark.parametrize(("word", "known", "tail"), NEAR)
def test_the_nearest_known_word_is_named_where_one_is_near(word: str, known: list[str], tail: str) -> None:
    assert nearest(word, known) == tail


SECRETS = [
    ("Incorrect API key provided: sk-fake. See the docs.", "Incorrect API key provided: …. See the docs."),
    ("Incorrect API key provided: hunter2.", "Incorrect API key provided: …."),
    ("key sk-proj-Ab_9****wxyz is disabled", "key … is disabled"),
    ("Authorization: Bearer abc.def-123, refused", "Authorization: Bearer …, refused"),
    ("GET https://h/v1?alt=sse&key=AIzaSyCanary000&x=1", "GET https://h/v1?alt=sse&key=…&x=1"),
    ("API key not valid: AIzaSyCanary000", "API key not valid: …"),
    ("{'api_key': 'canary-000'}", "{'api_key': '…'}"),
    ("access_token=canary;secret=canary2", "access_token=…;secret=…"),
    ("jwt eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.abc-def expired", "jwt … expired"),
    ("a token, eyJhbGciOiJIUzI1NiJ9, that was cut, and eyJ9.x", "a token, …, that was cut, and …"),
    (f"{'x-' * 50}key=canary-000, {'y' * 100}key=canary-001", f"{'x-' * 50}key=…, {'y' * 100}key=…"),
    ("eyJhbGciOiJIUzI1NiJ9-Bearer canary-000, refused", "…, refused"),
    ("sk-fake-Bearer canary-000 and AIzaSyFake-bearer  canary-001.", "… and …."),
    ("sk-fake-api_key: canary-000 and eyJhbGciOiJIUzI1NiJ9-key='canary-001'", "… and …'"),
    ("key=Bearer canary-000 and api_key: Bearer Bearer canary-001", "key=… and api_key: …"),
    ("gsk_canary000 and hf_canary000 and xai-canary000", "… and … and …"),
    (
        "the keyboard: a key, a token; sk is short; task-list, risk-free",
        "the keyboard: a key, a token; sk is short; task-list, risk-free",
    ),
    ("as `Authorization: Bearer KEY`, got none", "as `Authorization: Bearer KEY`, got none"),
    ("as `Authorization: Bearer key-1234`, got", "as `Authorization: Bearer …`, got"),
    (
        "using Bearer auth (i.e. Authorization: Bearer YOUR_KEY), or",
        "using Bearer auth (i.e. Authorization: Bearer YOUR_KEY), or",
    ),
    ("Eyjafjallajökull and eyjafjallajoekull-2010", "Eyjafjallajökull and eyjafjallajoekull-2010"),
    ("You can find your API key at https://h/api-keys.", "You can find your API key at https://h/api-keys."),
]


@pytest.mark.parametrize(("said", "shown"), SECRETS)
def test_what_looks_like_a_credential_is_not_shown(said: str, shown: str) -> None:
    assert scrub(said) == shown


@pytest.mark.parametrize(
    "piece", ["eyJ-", "eyJ.", "a-", "key-", "api-key ", "sk-.", "Bearer your-", "sk-Bearer ", "sk-key ) "]
)
def test_no_text_takes_long_to_search_for_credentials(piece: str) -> None:
    """As much as is read of a service's error: each piece could begin a credential, and none ends one."""
    scrub(piece * ((64 << 10) // len(piece)))


CARRIED = [
    UpstreamError("broken", status=599, provider="up"),
    RateLimitError("slower", retry_after=3.5, provider="up"),
    TimeoutError("too long", phase="idle", provider="up"),
]


@pytest.mark.parametrize("error", CARRIED)
def test_an_error_is_whole_after_it_was_copied_or_carried_to_another_process(error: DragomanError) -> None:
    for again in (copy.copy(error), copy.deepcopy(error), pickle.loads(pickle.dumps(error))):  # noqa: S301  # our own
        assert type(again) is type(error)
        assert str(again) == str(error)
        assert vars(again) == vars(error)


@pytest.mark.parametrize(
    ("error", "tail"),
    [
        (TruncatedStreamError("it broke off", provider="up"), "; the stream ended without the rest"),
        (TimeoutError("it broke off", phase="idle", provider="up"), ": timed out"),
    ],
)
def test_a_failure_in_a_stream_is_told_so_that_pi_asks_again_and_once(error: DragomanError, tail: str) -> None:
    assert error.words_for("anthropic") == f"up: it broke off{tail}"
    assert str(error) == "up: it broke off"
    error.told_by = "anthropic"
    assert error.words_for("anthropic") == "it broke off"
    assert error.words_for("gemini") == "up: it broke off"
