"""A service's credentials in what it says: found however they are spelt, in whole or in part, and nothing else."""

import json
from base64 import b64encode
from collections.abc import Callable
from urllib.parse import quote

import pytest

from dragoman.engine.ordinary import ORDINARY
from dragoman.engine.repeated import relayed_words, words_of
from dragoman.engine.secrets import RUN, Secrets, secrets, signed
from dragoman.errors import DragomanError, UpstreamError
from dragoman.protocols.openai_chat.relay import ChatRelayRequest
from dragoman.types import ChatRequest, user

KEY = 'k3y-of/mine+"ünïcode"=='

SPELT = [
    KEY,
    KEY.upper().replace("Ü", "ü").replace("Ï", "ï"),
    quote(KEY, safe=""),
    quote(KEY, safe="").lower(),
    json.dumps(KEY)[1:-1],
    json.dumps(KEY, ensure_ascii=False)[1:-1],
    json.dumps(KEY)[1:-1].replace("/", r"\/"),
]


@pytest.mark.parametrize("spelt", SPELT)
def test_a_secret_is_taken_out_however_it_is_spelt(spelt: str) -> None:
    assert secrets(KEY).clean(f"bad {spelt} here") == "bad … here"


@pytest.mark.parametrize("before", ["", "u", "us", "user:"])
def test_a_secret_within_base64_is_taken_out_wherever_it_begins(before: str) -> None:
    told = secrets("hunter2-hunter3").clean(f"Basic {b64encode(f'{before}hunter2-hunter3!'.encode()).decode()}")
    assert told.startswith("Basic ")
    assert len(told) <= len("Basic ") + 12


@pytest.mark.parametrize("size", range(RUN, len(KEY)))
def test_no_run_of_a_secret_is_shown(size: int) -> None:
    for start in range(len(KEY) - size + 1):
        assert secrets(KEY).clean(f"ending <{KEY[start : start + size]}>") == "ending <…>"


def test_the_last_characters_by_which_its_owner_knows_a_key_stay() -> None:
    assert secrets("sk-abcdefghwxyz").clean("sk-...wxyz is disabled") == "sk-...wxyz is disabled"


@pytest.mark.parametrize(
    ("secret", "said", "shown"),
    [
        ("my-password-1234", "Wrong password: passwords expire.", "Wrong password: …s expire."),
        ("my-password-1234", "my-password is wrong", "… is wrong"),
        ("canary-of-the-service", "the service has a code invalid_service", "the service has a code invalid_service"),
        ("the-correct-horse", "incorrect key, correct-horse", "incorrect key, …"),
        ("password", "password is no password", "… is no …"),
        ("it", "it is bitter; it's it", "… is bitter; …'s …"),
        ("abc", "abc, abcd, ab", "…, abcd, ab"),
        ("", "nothing is hidden", "nothing is hidden"),
    ],
)
def test_ordinary_words_stay_unless_they_are_the_whole_secret(secret: str, said: str, shown: str) -> None:
    assert secrets(secret).clean(said) == shown


def test_ordinary_words_are_such_as_would_be_found() -> None:
    assert {word for word in ORDINARY if len(word) < RUN or not word.islower()} == set()


def test_a_url_tells_its_credentials_as_they_stand_and_as_they_are_sent() -> None:
    urls = (
        "http://proxy-user:p%40ss-w0rd@proxy:3128",
        None,
        "http://plain:80",
        "http://[no-address@x",
        "http://t0ken-1@x",
    )
    hidden = secrets(urls=urls)
    basic = b64encode(b"proxy-user:p@ss-w0rd").decode()
    for spelt in ("p%40ss-w0rd", "p@ss-w0rd", basic, "[no-address", "t0ken-1"):
        assert "…" in hidden.clean(f"no: {spelt}")
        assert spelt not in hidden.clean(f"no: {spelt}")
    assert hidden.clean("http://plain:80 refused") == "http://plain:80 refused"


def test_what_everybody_knows_is_no_secret() -> None:
    assert secrets("undefined", public=frozenset({"undefined"})).clean("x is undefined") == "x is undefined"


def test_an_error_holds_no_secret_in_any_place() -> None:
    first = KeyError(KEY)
    error = UpstreamError(f"bad {KEY}", code=KEY)
    error.add_note(f"sent {KEY}")
    error.__dict__["raw"] = {"words": [KEY, {KEY: (KEY.encode(), 5)}]}
    error.__cause__ = first
    cleaned = signed(error, "up", secrets(KEY))
    assert (str(cleaned), cleaned.args, cleaned.code, first.args) == ("up: bad …", ("bad …",), "…", ("…",))
    assert KEY not in repr(vars(cleaned))
    assert cleaned.__notes__ == ["sent …"]


def test_a_wheel_of_errors_ends() -> None:
    one, other = DragomanError(KEY), DragomanError(KEY)
    one.__cause__, other.__cause__ = other, one
    assert str(signed(one, "up", secrets(KEY))) == "up: …"


def test_what_is_secret_is_not_printed() -> None:
    assert KEY not in repr(secrets(KEY))


def test_a_long_text_and_a_long_secret_cost_little() -> None:
    hidden = secrets("ab" * 2000)
    assert hidden.clean("ab" * 50_000 + "!") == "…!"
    assert hidden.clean("xabababx" * 50_000) == "x…x" * 50_000


TOKEN = "sk-Zq7rT4wK9xP2"
LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_"


def beside(model: str = "m", text: str = "hi", key: str = TOKEN) -> Secrets:
    """The secrets of a service whose key is `key`, for a request of these words."""
    return secrets(key).beside(words_of(ChatRequest(model=model, messages=(user(text),))))


def refusal(model: str, key: str = TOKEN) -> str:
    """What a caller is told who asks for `model`, which the service does not have."""
    return beside(model, key=key).clean(f"The model `{model}` does not exist")


@pytest.mark.parametrize("size", range(RUN, len(TOKEN)))
def test_a_repeated_model_is_shown_whether_or_not_it_is_part_of_the_key(size: int) -> None:
    for start in range(len(TOKEN) - size + 1):
        guess = TOKEN[start : start + size]
        assert refusal(guess) == refusal(guess, key="another-Key-99") == f"The model `{guess}` does not exist"


def test_a_key_cannot_be_found_one_character_at_a_time() -> None:
    known = TOKEN[:RUN]
    answers = {guess: refusal(known + guess).replace(known + guess, "X") for guess in LETTERS}
    assert set(answers.values()) == {"The model `X` does not exist"}


@pytest.mark.parametrize("guessed", range(RUN, 10))
def test_a_guess_of_what_the_service_shows_of_a_key_is_not_confirmed(guessed: int) -> None:
    shown = f"bad key {TOKEN[:10]}****"
    assert beside(text=TOKEN[:guessed]).clean(shown) == beside(text="no guess").clean(shown) == "bad key …****"


@pytest.mark.parametrize(
    "spelt", [TOKEN, f"my {TOKEN} and more", TOKEN.upper(), TOKEN + TOKEN[:RUN], b64encode(TOKEN.encode()).decode()]
)
def test_a_whole_key_is_hidden_even_from_a_caller_who_wrote_it(spelt: str) -> None:
    shown = beside(text=spelt).clean(f"cannot read {spelt!r}")
    assert "…" in shown
    assert spelt not in shown


@pytest.mark.parametrize(
    "spell", [str, str.upper, lambda text: quote(text, safe=""), lambda text: json.dumps(text)[1:-1]]
)
def test_what_is_repeated_in_another_spelling_is_shown_as_well(spell: Callable[[str], str]) -> None:
    part = KEY[4:-2]
    said = f"no model {spell(part)}"
    assert beside(part, key=KEY).clean(said) == said
    assert "…" in beside("other", key=KEY).clean(said)


@pytest.mark.parametrize(
    "asked",
    [
        ChatRelayRequest(TOKEN[2:9], stream=False, fields={}),
        ChatRelayRequest("m", stream=False, fields={"x": [{TOKEN[2:9]: 1}]}),
        ChatRelayRequest("m", stream=False, fields={"x": "\\".join(("", TOKEN[2:9]))}),
    ],
)
def test_what_a_relayed_request_says_is_shown(asked: ChatRelayRequest) -> None:
    hidden = secrets(TOKEN)
    said = f"bad: {TOKEN[2:9]}"
    assert hidden.beside(relayed_words(asked)).clean(said) == said
    assert hidden.beside(relayed_words(ChatRelayRequest("m", stream=False, fields={}))).clean(said) == "bad: …"


@pytest.mark.parametrize(
    "asked",
    [
        ChatRequest(model=TOKEN[2:9], messages=(), source=b"{}"),
        ChatRequest(model=TOKEN[2:9], messages=(), source=b"no JSON"),
        ChatRequest(model="m", messages=(), trace=(("traceparent", TOKEN[2:9]),), source=b"{}"),
        ChatRequest(model="m", messages=(), source=json.dumps({"x": [{TOKEN[2:9]: 1}]}).encode()),
        ChatRequest(model="m", messages=(), source=json.dumps({"x": "\\" + TOKEN[2:9]}).encode()),
    ],
)
def test_what_a_caller_s_bytes_say_is_shown(asked: ChatRequest) -> None:
    hidden = secrets(TOKEN)
    said = f"bad: {TOKEN[2:9]}"
    assert hidden.beside(words_of(asked)).clean(said) == said
    assert hidden.beside(words_of(ChatRequest(model="m", messages=(), source=b"{}"))).clean(said) == "bad: …"


def test_numbers_that_a_caller_wrote_are_shown() -> None:
    hidden = secrets("key-1234567-x").beside(words_of(ChatRequest(model="m", messages=(), seed=1234567)))
    assert hidden.clean("seed 1234567 is too large") == "seed 1234567 is too large"
    assert hidden.clean("seed 123456 is too large") == "seed 123456 is too large"


def test_words_that_only_stand_side_by_side_are_not_what_the_caller_wrote() -> None:
    assert beside(TOKEN[:5], TOKEN[5:10]).clean(f"bad: {TOKEN[:10]}") == "bad: …"
