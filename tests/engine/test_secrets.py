"""A service's credentials in what it says: found however they are spelt, in whole or in part, and nothing else."""

import json
from base64 import b64encode
from urllib.parse import quote

import pytest

from dragoman.engine.ordinary import ORDINARY
from dragoman.engine.secrets import RUN, secrets, signed
from dragoman.errors import DragomanError, UpstreamError

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
