"""Secrets that a command prints: run once, side by side, within limits; what fails is told without a secret."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from rich.pretty import pretty_repr

from dragoman.config import Config, from_tables, load
from dragoman.config.commands import STAND_IN, Running, Words, first_line, run_all, run_none
from dragoman.config.load import examine
from dragoman.config.schema import API_KEY, FIELD_VALUE, PASSWORD, PROXY, SECRET
from dragoman.config.secrets import EVERY, Sources
from dragoman.config.value_types import checked
from dragoman.errors import ConfigurationError
from tests.config.test_load import trusted, write

CANARY = "canary-7Q"
ENVIRON = {"PATH": os.environ["PATH"]}


def script(folder: Path, text: str, name: str = "key") -> str:
    """The path of a shell script."""
    path = folder / name
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return str(path)


def configured(folder: Path, text: str) -> Config:
    return load(write(folder, text), ENVIRON)


def printing(*words: str) -> str:
    """A command that prints them, one after another."""
    return f"{{ command = {['printf', *words]!r} }}".replace(r"\\", "\\")


def test_each_secret_may_be_what_a_command_prints(tmp_path: Path) -> None:
    key, lines, text = printing(r"key\n"), printing(r"one\ntwo\n"), printing(r"two\nlines\n\n")
    config = configured(
        tmp_path,
        f"""
        [gateway]
        api_keys = {lines}
        proxy = {printing("http://u:p@127.0.0.1:1")}
        [providers.up]
        api_key = {key}
        secret = {text}
        password = {key}
        proxy = {printing("none")}
        headers = {{ x-key = {key} }}
        [fronts.aibn]
        password = {key}
        """,
    )
    up = config.providers["up"]
    assert config.gateway.api_keys == ("one", "two")
    assert config.gateway.proxy == "http://u:p@127.0.0.1:1"
    assert (up.api_key, up.secret, up.password, up.proxy) == ("key", "two\nlines\n", "key", "none")
    assert (up.headers, config.fronts["aibn"].password) == ({"x-key": "key"}, "key")
    assert configured(tmp_path, f"[gateway]\napi_key = {key}\n").gateway.api_keys == ("key",)
    assert configured(tmp_path, f"[gateway]\napi_keys = [{key}, 'b']\n").gateway.api_keys == ("key", "b")
    assert from_tables({"gateway": {"api_key": {"command": ("printf", "k")}}}).gateway.api_keys == ("k",)


def test_every_says_when_it_is_run_again(tmp_path: Path) -> None:
    config = configured(
        tmp_path,
        """
        [providers.up]
        api_key = { command = ["printf", "a"] }
        secret = { command = ["printf", "b"], every = 30 }
        password = { command = ["printf", "c"], every = inf }
        [fronts.aibn]
        secret = { command = ["printf", "c"], every = 5.5 }
        """,
    )
    assert {each.text: each.every for each in config.secret_commands} == {"a": EVERY, "b": 30.0, "c": 5.5}
    assert config.secret_commands[2].places == (("providers", "up", "password"), ("fronts", "aibn", "secret"))


def test_a_command_that_is_named_twice_is_run_once(tmp_path: Path) -> None:
    counting = script(tmp_path, f"echo x >> {tmp_path}/count; echo key")
    source = f'{{ command = ["{counting}"] }}'
    config = configured(tmp_path, f"[providers.a]\napi_key = {source}\nsecret = {source}\n")
    assert (config.providers["a"].api_key, config.providers["a"].secret) == ("key", "key")
    assert (tmp_path / "count").read_text() == "x\n"


def test_commands_run_at_the_same_time(tmp_path: Path) -> None:
    """Each of them waits for the other."""
    wait = "while ! [ -e {0}/{2} ]; do sleep 0.01; done"
    one = script(tmp_path, f"touch {tmp_path}/1; {wait.format(tmp_path, 0, 2)}; echo a", "one")
    two = script(tmp_path, f"touch {tmp_path}/2; {wait.format(tmp_path, 0, 1)}; echo b", "two")
    found = run_all([(one,), (two,)], ENVIRON, patience=20)
    assert [found[each,].text for each in (one, two)] == ["a", "b"]


def test_a_program_may_stand_beside_the_file_or_in_the_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "bin").mkdir()
    script(tmp_path / "bin", 'echo "$1"')
    folder = tmp_path / "deep"
    text = '[providers.up]\napi_key = { command = ["../bin/key", "~/a"] }\nsecret = { command = ["~/bin/key", "b~"] }\n'
    up = load(write(folder, text), ENVIRON).providers["up"]
    assert (up.api_key, up.secret) == (f"{tmp_path}/a", "b~")
    with monkeypatch.context() as at:
        at.chdir(folder)
        assert load("dragoman.toml", ENVIRON).providers["up"] == up


def test_a_command_is_asked_nothing_and_gets_the_environment(tmp_path: Path) -> None:
    reading = script(tmp_path, 'read line; echo "$NAME[$line]"')
    assert run_all([(reading,)], {**ENVIRON, "NAME": "n"})[reading,].text == "n[]"


def test_a_command_does_not_read_what_is_for_us(tmp_path: Path) -> None:
    reading = script(tmp_path, 'read line; echo "[$line]"')
    text = (
        f"from dragoman.config.commands import run_all; print(run_all([({reading!r},)], {ENVIRON!r}).popitem()[1].text)"
    )
    ran = subprocess.run([sys.executable, "-c", text], input=b"ours\n", stdout=subprocess.PIPE, check=True)
    assert ran.stdout == b"[]\n"


FAILING = {
    f"echo {CANARY}; exit 3": "one that ended with status 3, and said nothing",
    f"echo {CANARY}; echo; echo 'ERROR: log in ({CANARY})' >&2; echo more >&2; exit 1": (
        "one that ended with status 1 and said: ERROR: log in (…)"
    ),
    "echo 'no: api_key=canary-7Q ' >&2; exit 1": "one that ended with status 1 and said: no: api_key=…",
    "echo WARNING: old >&2; echo 'ERROR: log in' >&2; exit 1": "one that ended with status 1 and said: ERROR: log in",
    "kill -9 $$": "one that was ended by SIGKILL, and said nothing",
    "true": "one that printed nothing",
    "echo": "one that printed nothing",
    "printf '\\377'": "one that prints other bytes than UTF-8",
    "yes canary-7Q": "one that prints more than 64 KiB",
    "sleep 50": "one that took more than 0.5 s",
}


@pytest.mark.parametrize(("text", "failure"), FAILING.items(), ids=FAILING)
def test_a_failure_is_told_without_a_secret(tmp_path: Path, text: str, failure: str) -> None:
    failing = script(tmp_path, text)
    found = run_all([(failing,)], ENVIRON, patience=0.5)[failing,]
    assert (found.text, found.failure) == ("", failure)


WRONG = {
    'api_key = { command = "canary-7Q" }': (
        "api_key.command: expected a list of words: a program, and its arguments, got text"
    ),
    "api_key = { command = [] }": (
        "api_key.command: expected a list of words: a program, and its arguments, got an empty list"
    ),
    'api_key = { command = ["canary-7Q", 1] }': (
        "api_key.command: expected a list of words: a program, and its arguments, got one with another value than text"
    ),
    'api_key = { command = ["", "canary-7Q"] }': (
        "api_key.command: expected a list of words: a program, and its arguments, got one with empty text for the "
        "program"
    ),
    'api_key = { command = ["printf", "canary-7Q\\u0000"] }': (
        "api_key.command: expected a list of words: a program, and its arguments, got one with a null character"
    ),
    'api_key = { command = ["printf", "a"], every = 0 }': (
        "api_key.every: expected a number of seconds of at least 1, or inf for never again, got 0"
    ),
    'api_key = { command = ["printf", "a"], every = true }': (
        "api_key.every: expected a number of seconds of at least 1, or inf for never again, got true"
    ),
    'api_key = { command = ["canary-7Q"] }': (
        "api_key: expected a command that prints the secret, got one whose program is not found, or may not be run"
    ),
    'api_key = { command = ["gcloud auth canary-7Q"] }': (
        "api_key: expected a command that prints the secret, got one whose program is not found, or may not be run; "
        "each argument is a text of its own"
    ),
    'api_key = { command = ["printf", "canary-7Q\\nb"] }': (
        "api_key: expected text of visible ASCII characters, got several lines in what its command printed"
    ),
    'api_key = { command = ["printf", "canary-7Q b"] }': (
        "api_key: expected text of visible ASCII characters, got other text in what its command printed"
    ),
    'secret = { command = ["false"] }': (
        "secret: expected a command that prints the secret, got one that ended with status 1, and said nothing"
    ),
}


@pytest.mark.parametrize(("line", "message"), WRONG.items(), ids=WRONG)
def test_a_mistake_is_told_with_its_place_and_no_word_of_the_command(tmp_path: Path, line: str, message: str) -> None:
    path = write(tmp_path, f"[providers.up]\n{line}\n")
    with pytest.raises(ConfigurationError) as caught:
        load(path, ENVIRON)
    assert str(caught.value) == f"{path}:2: providers.up.{message}"
    assert examine(path, ENVIRON)[1] == [str(caught.value)]


LINES = {
    b"": "",
    b"\n  \nERROR: (gcloud.auth.print-access-token) You do not have an active account.\nmore\n": (
        "ERROR: (gcloud.auth.print-access-token) You do not have an active account."
    ),
    b'Traceback (most recent call last):\n  File "x", line 1, in <module>\nexceptions.NoCredentialsError: log in\n': (
        "exceptions.NoCredentialsError: log in"
    ),
    b"Authorization: Bearer abcdefgh": "Authorization: Bearer …",
    b"token ya29.a0AfH6SMBx1234567890abc expired": "token ya29.… expired",
    b"\x1b[31mred\x1b[0m\xff": "[31mred [0m�",
    b"x" * 300: "x" * 199 + "…",
}


@pytest.mark.parametrize(("said", "line"), LINES.items())
def test_the_first_line_of_an_error_is_shown_without_what_may_be_a_key(said: bytes, line: str) -> None:
    assert first_line(said) == line


def gone(pid: int) -> bool:
    status = Path(f"/proc/{pid}/stat")
    return not status.exists() or status.read_text().rpartition(")")[2].split()[0] == "Z"


@pytest.mark.skipif(sys.platform != "linux", reason="it looks at processes in /proc")
def test_what_takes_too_long_is_ended_with_all_that_it_has_started(tmp_path: Path) -> None:
    slow = script(tmp_path, f"sleep 50 & echo $! > {tmp_path}/pid; wait")
    assert run_all([(slow,)], ENVIRON, patience=0.5)[slow,].failure == "one that took more than 0.5 s"
    pid = int((tmp_path / "pid").read_text())
    until = time.monotonic() + 5
    while not gone(pid) and time.monotonic() < until:
        time.sleep(0.01)
    assert gone(pid)


def test_nobody_waits_for_what_a_command_leaves_behind(tmp_path: Path) -> None:
    leaving = script(tmp_path, f"sleep 20 & echo $! > {tmp_path}/pid; echo key")
    begun = time.monotonic()
    assert run_all([(leaving,)], ENVIRON)[leaving,].text == "key"
    assert time.monotonic() - begun < 10
    os.kill(int((tmp_path / "pid").read_text()), 9)


def test_much_that_is_said_on_stderr_holds_nothing_up(tmp_path: Path) -> None:
    loud = script(tmp_path, "yes | head -c 1000000 >&2; echo key")
    assert run_all([(loud,)], ENVIRON)[loud,].text == "key"


NOT_RUN = [
    '[gateway]\nhost = { command = ["WORD"] }\n',
    '[gateway]\napi_kee = { command = ["WORD"] }\n',
    '[providers.up]\napi_key = { comand = ["WORD"] }\n',
    '[providers.up]\napi_key = { command = ["WORD"], shell = true }\n',
    '[providers.up]\nmodels = [{ command = ["WORD"] }]\n',
    '[nobody]\napi_key = { command = ["WORD"] }\n',
]


@pytest.mark.parametrize("text", NOT_RUN)
def test_what_stands_where_no_command_may_be_is_not_run(tmp_path: Path, text: str) -> None:
    ran = script(tmp_path, f"touch {tmp_path}/ran; echo key")
    with pytest.raises(ConfigurationError):
        configured(tmp_path, text.replace("WORD", ran))
    assert not (tmp_path / "ran").exists()


def test_a_file_that_is_not_trusted_runs_nothing(tmp_path: Path) -> None:
    ran = script(tmp_path, f"touch {tmp_path}/ran; echo key")
    write(tmp_path, f'[providers.up]\napi_key = {{ command = ["{ran}"] }}\n')
    environ = {**ENVIRON, "XDG_STATE_HOME": str(tmp_path / "state")}
    assert load(None, environ, tmp_path, warn=lambda _: None).providers == {}
    assert not (tmp_path / "ran").exists()
    assert trusted(tmp_path, ENVIRON).providers["up"].api_key == "key"


def test_a_command_that_something_overrides_is_not_run(tmp_path: Path) -> None:
    ran = script(tmp_path, f"touch {tmp_path}/ran; echo key")
    path = write(tmp_path, f'[gateway]\napi_keys = {{ command = ["{ran}"] }}\n')
    assert load(path, {**ENVIRON, "DRAGOMAN_GATEWAY_API_KEY": "own"}).gateway.api_keys == ("own",)
    assert not (tmp_path / "ran").exists()


def test_without_a_need_for_keys_nothing_is_run(tmp_path: Path) -> None:
    ran = script(tmp_path, f"touch {tmp_path}/ran; echo key")
    path = write(tmp_path, f'[providers.up]\napi_key = {{ command = ["{ran}"] }}\n')
    assert load(path, ENVIRON, run=run_none).providers["up"].api_key == STAND_IN
    assert not (tmp_path / "ran").exists()
    for kind in (API_KEY, FIELD_VALUE, PASSWORD, PROXY, SECRET):
        assert checked(kind, STAND_IN, Sources()) == STAND_IN


@pytest.mark.parametrize("show", [repr, str, pretty_repr])
def test_a_printed_configuration_shows_no_secret_and_no_command(tmp_path: Path, show: object) -> None:
    path = write(tmp_path, f"[providers.up]\napi_key = {printing(CANARY)}\n")
    config = load(path, {**ENVIRON, "OTHER": CANARY})
    assert config.providers["up"].api_key == CANARY
    assert CANARY not in show(config)  # type: ignore[operator]  # a function of one value


def test_a_command_that_is_let_go_of_ends(tmp_path: Path) -> None:
    slow = script(tmp_path, f"echo $$ > {tmp_path}/pid; exec sleep 50")
    words: Words = (slow,)
    running = Running(words, ENVIRON)
    while not (tmp_path / "pid").exists() or not (tmp_path / "pid").read_text():
        assert running.look() is None
        time.sleep(0.01)
    running.kill()
    running.kill()
    assert gone(int((tmp_path / "pid").read_text()))


def test_a_renewed_configuration_has_the_new_keys_and_all_else(tmp_path: Path) -> None:
    config = configured(
        tmp_path,
        f"[gateway]\nport = 1\napi_keys = {printing('a')}\n[providers.up]\napi_key = {printing('b')}\nurl = 'http://h'\n",
    )
    assert config.renew is not None
    words = [each.words for each in config.secret_commands]
    (tmp_path / "dragoman.toml").unlink()
    new = config.renew({words[0]: "c\nd", words[1]: "b"})
    assert (new.gateway.api_keys, new.gateway.port) == (("c", "d"), 1)
    assert (new.providers, new.files, new.origins) == (config.providers, config.files, config.origins)
    assert new.renew is not None
    assert new.renew({words[0]: "e", words[1]: "f"}).providers["up"].api_key == "f"
    with pytest.raises(ConfigurationError, match=r"dragoman.toml:5: providers.up.api_key: .* in what its command"):
        new.renew({words[0]: "e", words[1]: "no key"})
    assert new.renew({words[0]: "e", words[1]: "f"}).providers["up"].api_key == "f"
