"""`dragoman trust`, and what the commands do with a file that nobody has trusted."""

from pathlib import Path

import pytest

from tests.cli.shell import run

HERE = {"DRAGOMAN_CONFIG": ""}
"""The file of the working directory is found there, not named."""
FOREIGN = """
[providers.x]
protocol = "openai-chat"
url = "http://127.0.0.1:9/v1"
api_key = { env = "AWS_SECRET_ACCESS_KEY" }

[gateway]
default_model = "x/y"
"""
UNUSED = "dragoman: dragoman.toml of this folder is not used, since it {}: read it, then run `dragoman trust`, "


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home and working directory with a file of somebody else's."""
    (tmp_path / "dragoman.toml").write_text(FOREIGN)
    return tmp_path


def test_a_question_goes_nowhere_that_a_found_file_names(home: Path) -> None:
    ran = run(home, "ask", "Hello", env=HERE)
    assert (ran.code, ran.out.startswith(b"Hello.")) == (0, True)
    assert ran.err.startswith(UNUSED.format("was never trusted"))
    assert ran.err.count("\n") == 1


@pytest.mark.parametrize("words", [["dragoman.toml"], ["."], []])
def test_a_trusted_file_is_used_until_it_changes(home: Path, words: list[str]) -> None:
    ran = run(home, "trust", *words, env=HERE)
    assert (ran.code, ran.out) == (0, b"dragoman.toml: trusted, as long as it stays as it is\n")
    ran = run(home, "models", "--json", env=HERE)
    assert ran.code == 3
    assert "AWS_SECRET_ACCESS_KEY" in ran.err
    (home / "dragoman.toml").write_text(f"{FOREIGN}\n")
    ran = run(home, "models", "--json", env=HERE)
    assert ran.code == 0
    assert ran.err.startswith(UNUSED.format("has changed since it was trusted"))


def test_trust_is_taken_back(home: Path) -> None:
    run(home, "trust", env=HERE)
    assert run(home, "trust", "--revoke", env=HERE).out == b"dragoman.toml: trusted no more\n"
    assert run(home, "trust", "--revoke", env=HERE).out == b"dragoman.toml: was not trusted\n"
    assert run(home, "models", env=HERE).err.startswith(UNUSED.format("was never trusted"))


def test_what_others_may_write_is_told(home: Path) -> None:
    (home / "dragoman.toml").chmod(0o666)
    ran = run(home, "trust", env=HERE)
    assert ran.code == 0
    assert (
        ran.err == "Others may write this file or its folder; what they change is not used until you trust it again.\n"
    )


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("other.toml", "other.toml: expected a file of the name dragoman.toml; any other is named with --config"),
        ("nowhere/dragoman.toml", "nowhere/dragoman.toml: expected a configuration file, got none"),
    ],
)
def test_what_is_no_configuration_is_not_trusted(home: Path, path: str, message: str) -> None:
    ran = run(home, "trust", path, env=HERE)
    assert (ran.code, ran.err) == (3, f"dragoman: {message}\n")


@pytest.mark.parametrize("words", [["models"], ["ask", "hi"], ["ask", "--json", "hi"], ["chat"]])
def test_every_mistake_is_told_in_a_line_of_its_own(home: Path, words: list[str]) -> None:
    (home / "dragoman.toml").write_text("[gateway]\nprot = 1\nhots = 2\n")
    ran = run(home, *words)
    assert ran.code == 3
    assert ran.err == (
        "dragoman: dragoman.toml:2: gateway.prot: unknown key; did you mean port?\n"
        "dragoman: dragoman.toml:3: gateway.hots: unknown key; did you mean host?\n"
    )


def test_completion_says_nothing_of_a_file_that_is_not_used(home: Path) -> None:
    words = {"COMP_WORDS": "dragoman ask -m offline/ec", "COMP_CWORD": "3", "_DRAGOMAN_COMPLETE": "bash_complete"}
    ran = run(home, env=HERE | words)
    assert (ran.out, ran.err) == (b"plain,offline/echo\n", "")
