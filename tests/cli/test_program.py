"""The program: its table of commands, its help, what a shell completes, and how little it loads."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from shutil import which
from typing import IO

import click
import pytest

from dragoman import __version__
from dragoman.cli.program import COMMANDS, program
from tests.cli.shell import COMMAND, PATIENCE, REPOSITORY, environment, run


def test_tells_its_version(tmp_path: Path) -> None:
    assert run(tmp_path, "--version").out == f"dragoman {__version__}\n".encode()


@pytest.mark.parametrize("name", COMMANDS)
def test_the_list_of_commands_says_what_each_says_itself(name: str) -> None:
    command = program.get_command(click.Context(program), name)
    assert command is not None
    assert (command.help or "").split("\n")[0] == COMMANDS[name].help


def test_the_help_lists_every_command(tmp_path: Path) -> None:
    shown = run(tmp_path, "--help").out.decode()
    for name, entry in COMMANDS.items():
        assert name in shown
        assert entry.help in shown


@pytest.mark.parametrize("argument", ["--version", "--help"])
def test_version_and_help_load_no_client_and_no_rich(tmp_path: Path, argument: str) -> None:
    code = (
        "import sys; from dragoman.cli.program import run; run(sys.argv[1:]);"
        "print([name for name in ('asyncio', 'rich', 'dragoman.client', 'dragoman.config') if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, argument],
        capture_output=True,
        cwd=tmp_path,
        env=environment(tmp_path),
        timeout=PATIENCE,
        check=True,
    )
    assert done.stdout.endswith(b"\n[]\n")


HEAVY = ("prompt_toolkit", "rich", "sqlite3", "markdown_it")
"""What takes long to load, and is needed for some runs only."""

PRINT_LOADED = f"""
import sys
# What measures the coverage of a process has loaded modules of its own by now.
for name in [name for name in sys.modules if name.partition(".")[0] in {HEAVY}]:
    del sys.modules[name]
from dragoman.cli.program import run
run(sys.argv[1:])
print([name for name in {HEAVY} if name in sys.modules])
"""


@pytest.mark.parametrize(
    ("arguments", "loaded"),
    [
        (["ask", "--no-save", "-m", "offline/echo", "x"], []),
        (["ask", "-m", "offline/echo", "x"], ["sqlite3"]),
        (["chat", "--no-save", "-m", "offline/echo"], []),
        (["history", "--help"], []),
    ],
)
def test_what_takes_long_is_loaded_when_it_is_needed(tmp_path: Path, arguments: list[str], loaded: list[str]) -> None:
    done = subprocess.run(
        [sys.executable, "-c", PRINT_LOADED, *arguments],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        cwd=tmp_path,
        env=environment(tmp_path),
        timeout=PATIENCE,
        check=True,
    )
    assert done.stdout.decode().endswith(f"{loaded}\n")


def written_to(stdout: IO[bytes] | int, place: Path, words: list[str]) -> subprocess.CompletedProcess[bytes]:
    """The command, run in the folder `place` with this stdout."""
    return subprocess.run(
        [*COMMAND, *words],
        stdout=stdout,
        stderr=subprocess.PIPE,
        cwd=place,
        env=environment(place),
        timeout=PATIENCE,
        check=False,
    )


@pytest.mark.skipif(
    not Path("/dev/full").exists(), reason="this system has no /dev/full, a file to which nothing can be written"
)
@pytest.mark.parametrize("words", [["--help"], ["--version"], ["ask", "hello"], ["models"], ["completion", "bash"]])
def test_output_for_which_there_is_no_room_is_no_fault_of_ours(tmp_path: Path, words: list[str]) -> None:
    with open("/dev/full", "wb") as full:
        done = written_to(full, tmp_path, words)
    assert done.stderr == b"dragoman: the output cannot be written: No space left on device\n"
    assert done.returncode == 1


@pytest.mark.parametrize("closed", [">&-", "1</dev/null"])
@pytest.mark.parametrize("words", ["--help", "--version", "ask hello", "ask --json hello", "models", "serve --check"])
def test_output_that_has_no_place_is_told_and_not_lost_in_silence(tmp_path: Path, words: str, closed: str) -> None:
    done = subprocess.run(
        ["sh", "-c", f'"$0" -m dragoman {words} {closed}', COMMAND[0]],
        stdin=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        cwd=tmp_path,
        env=environment(tmp_path),
        timeout=PATIENCE,
        check=False,
    )
    assert done.stderr == b"dragoman: the output cannot be written: Bad file descriptor\n"
    assert done.returncode == 1


@pytest.mark.parametrize("words", [["init", "--yes"], ["templates", "edit", "t"]])
def test_a_folder_that_cannot_be_used_is_no_fault_of_ours(tmp_path: Path, words: list[str]) -> None:
    file = tmp_path / "file"
    file.touch()
    env = {
        "XDG_CONFIG_HOME": str(file),
        "OPENAI_API_KEY": "sk-1",
        "OPENAI_BASE_URL": "http://127.0.0.1:9",
        "EDITOR": "false",  # is not run: what was written in it would be lost
    }
    done = run(tmp_path, *words, env=env)
    assert done.err.startswith(f"dragoman: {file / 'dragoman'}")
    assert done.err.endswith(" cannot be used: Not a directory\n")
    assert done.code == 1


def test_ctrl_c_while_the_command_loads_ends_it_in_silence(tmp_path: Path) -> None:
    (tmp_path / "click.py").write_text("import os, signal\nos.kill(os.getpid(), signal.SIGINT)\n")
    done = subprocess.run(
        [*COMMAND, "ask", "hello"],
        capture_output=True,
        cwd=tmp_path,
        env=environment(tmp_path, {"PYTHONPATH": str(tmp_path)}),
        timeout=PATIENCE,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (-signal.SIGINT, b"", b"")


@pytest.mark.parametrize(("words", "code"), [("explain --json -m", 4), ("ask --json hi -m", 4), ("check --json", 3)])
def test_what_is_named_by_other_bytes_than_utf_8_is_told_in_json_too(tmp_path: Path, words: str, code: int) -> None:
    ran = run(tmp_path, *words.split(), os.fsdecode(b"caf\xe9"), *(["hi"] if "explain" in words else []))
    assert ran.code == code
    assert json.loads(ran.out)


TAKEN = (
    "init --yes --output=~/taken",
    "import ccr config.json --output=~/taken",
    "history export 1 --output=~/taken",
)


@pytest.mark.parametrize("words", TAKEN)
def test_a_file_in_the_user_s_home_is_not_replaced_unasked(tmp_path: Path, words: str) -> None:
    home = tmp_path / "home"
    home.mkdir()
    (home / "taken").write_text("precious")
    (tmp_path / "config.json").write_text("{}")
    ran = run(tmp_path, *words.split(), env={"HOME": str(home), "OPENAI_API_KEY": "sk-x"})
    assert ran.code in {3, 4}
    assert f"{home / 'taken'} is there already" in ran.err
    assert (home / "taken").read_text() == "precious"


@pytest.mark.parametrize(
    ("words", "kind"),
    [
        ("serve --port x", "whole number"),
        ("ask --conversation x hi", "whole number"),
        ("history show x", "whole number"),
        ("history delete x", "whole number"),
        ("doctor --timeout x", "number of seconds"),
    ],
)
def test_what_is_no_number_is_told_so(tmp_path: Path, words: str, kind: str) -> None:
    ran = run(tmp_path, *words.split())
    assert (ran.code, f"'x' is not a valid {kind}." in ran.err) == (2, True)


@pytest.mark.parametrize("words", [("--config", "", "models"), ("models", "--config="), ("check", "")])
def test_a_path_of_no_letters_is_not_the_working_directory(tmp_path: Path, words: tuple[str, ...]) -> None:
    ran = run(tmp_path, *words)
    assert (ran.code, "expected a path, got empty text" in ran.err) == (2, True)


@pytest.mark.parametrize("words", ["--config=~/own.toml models", "models --config=~/own.toml", "check ~/own.toml"])
def test_a_file_in_the_user_s_home_is_read(tmp_path: Path, words: str) -> None:
    home = tmp_path / "home"
    home.mkdir()
    (home / "own.toml").write_text('[models.mine]\ntargets = ["offline/echo"]\n')
    ran = run(tmp_path, *words.split(), env={"HOME": str(home)})
    assert ran.code == 0
    assert b"mine" in ran.out or b"routes: 1" in ran.out
    assert run(tmp_path, *words.split(), env={"HOME": str(tmp_path)}).code == 3


def test_a_file_in_the_user_s_home_may_be_named_by_the_variable(tmp_path: Path) -> None:
    (tmp_path / "own.toml").write_text('[models.mine]\ntargets = ["offline/echo"]\n')
    assert b"mine" in run(tmp_path, "models", env={"DRAGOMAN_CONFIG": "~/own.toml"}).out


def test_nobody_s_home_is_told(tmp_path: Path) -> None:
    ran = run(tmp_path, "init", "--output=~nobody-of-that-name/x")
    assert ran.code == 2
    assert "~nobody-of-that-name/x: whose home is that?" in ran.err


@pytest.mark.skipif(not which("bash"), reason="this system has no bash, which asks how a program has ended")
def test_ctrl_c_ends_the_loop_of_a_shell_too(tmp_path: Path) -> None:
    ask = f'"{COMMAND[0]}" -m dragoman ask -m offline/script "text: $each\nhang"'
    loop = f"for each in one two; do {ask}; done; echo after"
    with subprocess.Popen(
        ["bash", "-c", loop],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        cwd=tmp_path,
        env=environment(tmp_path),
        process_group=0,
    ) as shell:
        assert shell.stdout is not None
        assert shell.stdout.read(3) == b"one"
        os.killpg(shell.pid, signal.SIGINT)
        assert shell.communicate(timeout=PATIENCE)[0] == b"\n"
        assert shell.returncode == -signal.SIGINT


def test_output_that_is_set_not_to_wait_for_its_reader_comes_whole(tmp_path: Path) -> None:
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    words = ["ask", "--no-stream", "-m", "offline/echo", "-"]
    with (
        open(reader, "rb") as out,
        subprocess.Popen(
            [*COMMAND, *words],
            stdin=subprocess.PIPE,
            stdout=writer,
            stderr=subprocess.PIPE,
            cwd=tmp_path,
            env=environment(tmp_path),
        ) as process,
    ):
        os.close(writer)
        assert process.stdin is not None
        process.stdin.write(b"long " * 100_000)
        process.stdin.close()
        assert len(out.read()) == 500_001
        assert process.wait(PATIENCE) == 0


@pytest.mark.parametrize("words", [["explain", "-f", "-"], ["ask", "-a", "-", "-m", "offline/echo"], ["chat"]])
def test_input_that_is_set_not_to_wait_for_its_writer_is_waited_for(tmp_path: Path, words: list[str]) -> None:
    reader, writer = os.pipe()
    os.set_blocking(reader, False)
    started = subprocess.Popen(
        [*COMMAND, *words], stdin=reader, stdout=subprocess.PIPE, cwd=tmp_path, env=environment(tmp_path)
    )
    with started as process:
        while not os.get_blocking(reader) and process.poll() is None:
            continue
        os.close(reader)
        os.write(writer, b'{"model": "offline/echo", "messages": [{"role": "user", "content": "hello"}]}')
        os.close(writer)
        assert process.stdout is not None
        assert process.stdout.read() != b""
        assert process.wait(PATIENCE) == 0


@pytest.mark.parametrize("buffered", ["", "1"])
@pytest.mark.parametrize("form", ["", "--no-stream", "--json", "--extract"])
def test_half_of_an_output_is_told_and_not_lost_in_silence(tmp_path: Path, form: str, buffered: str) -> None:
    # A limit of the file's size takes the beginning of a write, as a disk does that gets full.
    done = subprocess.run(
        ["sh", "-c", f'ulimit -f 64; exec "$0" -m dragoman ask --no-save -m offline/echo {form} - >out', COMMAND[0]],
        input=b"```\n" + b"long " * 20_000 + b"\n```\n",
        stderr=subprocess.PIPE,
        cwd=tmp_path,
        env=environment(tmp_path, {"PYTHONUNBUFFERED": buffered}),
        timeout=PATIENCE,
        check=False,
    )
    assert done.stderr == b"dragoman: the output cannot be written: File too large\n"
    assert done.returncode == 1


@pytest.mark.parametrize("words", [["--help"], ["--version"], ["ask", "--help"], ["models"]])
def test_a_reader_who_left_is_no_fault_of_ours(tmp_path: Path, words: list[str]) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    try:
        done = written_to(writer, tmp_path, words)
    finally:
        os.close(writer)
    assert (done.returncode, done.stderr) == (141, b"")


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_prints_the_completion_script_of_a_shell(tmp_path: Path, shell: str) -> None:
    ran = run(tmp_path, "completion", shell)
    assert ran.code == 0
    assert f"_DRAGOMAN_COMPLETE={shell}_complete".encode() in ran.out


def test_the_script_for_fish_keeps_commas(tmp_path: Path) -> None:
    assert b'string split --max 1 "," $completion' in run(tmp_path, "completion", "fish").out


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("dragoman ser", {"serve"}),
        ("dragoman ask -m offline/e", {"offline/eliza", "offline/echo"}),
        ("dragoman ask -m mi", {"mine"}),
        ("dragoman ask --no", {"--no-stream", "--no-save"}),
        ("dragoman completion z", {"zsh"}),
        ("dragoman doctor u", {"up"}),
        ("dragoman templates show tr", {"translate"}),
        ("dragoman templates edit tr", {"translate"}),
        ("dragoman ask -t tr", {"translate"}),
        ("dragoman history s", {"search", "show"}),
        ("dragoman templates ", {"edit", "list", "show"}),
        ("dragoman history --l", {"--limit"}),
        ("dragoman history list --l", {"--limit"}),
        ("dragoman history -n 3 --js", {"--json"}),
    ],
)
def test_completes_words(tmp_path: Path, words: str, expected: set[str]) -> None:
    service = '[providers.up]\nprotocol = "openai-chat"\nurl = "http://127.0.0.1:1/v1"\n'
    (tmp_path / "dragoman.toml").write_text(f'[models.mine]\ntargets = ["offline/echo"]\n{service}')
    template = tmp_path / ".config" / "dragoman" / "templates" / "translate.toml"
    template.parent.mkdir(parents=True)
    template.touch()
    place = {"COMP_WORDS": words, "COMP_CWORD": str(words.count(" ")), "_DRAGOMAN_COMPLETE": "bash_complete"}
    lines = run(tmp_path, env=place).out.decode().splitlines()
    assert {line.partition(",")[2] for line in lines} == expected


@pytest.mark.parametrize(
    "words",
    [
        "ask -a",
        "ask --attach",
        "ask --schema",
        "serve --request-log",
        "explain -f",
        "history export -o",
        "run aider --",
    ],
)
def test_leaves_the_names_of_files_to_the_shell(tmp_path: Path, words: str) -> None:
    line = f"dragoman {words} ph"
    place = {"COMP_WORDS": line, "COMP_CWORD": str(line.count(" ")), "_DRAGOMAN_COMPLETE": "bash_complete"}
    assert run(tmp_path, env=place).out == b"file,ph\n"


def test_completion_is_silent_about_a_wrong_configuration(tmp_path: Path) -> None:
    (tmp_path / "dragoman.toml").write_text("nonsense")
    place = {"COMP_WORDS": "dragoman ask -m o", "COMP_CWORD": "3", "_DRAGOMAN_COMPLETE": "bash_complete"}
    ran = run(tmp_path, env=place)
    assert (ran.out.strip(), ran.err) == (b"", "")


def test_the_page_in_the_documentation_is_the_help() -> None:
    done = subprocess.run(
        [sys.executable, REPOSITORY / "scripts" / "cli-help", "--check"],
        capture_output=True,
        timeout=PATIENCE,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, b"")
