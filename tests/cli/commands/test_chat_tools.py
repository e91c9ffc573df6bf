"""Tools in `dragoman chat`: named at its start or on the way, and taken away again."""

import json
from pathlib import Path

from tests.cli.pty import Terminal
from tests.cli.shell import Ran, run

MODULE = '''
def double(x: int) -> int:
    """Twice as much."""
    return 2 * x


def half(x: int) -> int:
    """Half as much."""
    return x // 2
'''

SCRIPT = ("chat", "-m", "offline/script")


def talk(home: Path, lines: str, *arguments: str) -> Ran:
    (home / "sums.py").write_text(MODULE)
    return run(home, *SCRIPT, *arguments, stdin=lines.encode())


def test_tools_are_listed_added_and_removed(tmp_path: Path) -> None:
    ran = talk(tmp_path, "/tools\n/tools sums:half\n/tools sums\n/tools off\n")
    assert ran.err == "tools: (none)\ntools: half\ntools: half, double\ntools: (none)\n"
    assert ran.code == 0


def test_the_model_calls_them_as_long_as_they_are_there(tmp_path: Path) -> None:
    lines = 'tool: double {"x": 4}\n/tools off\ntool: double {"x": 4}\n/save talk.json\n'
    ran = talk(tmp_path, lines, "--tool", "sums:double")
    assert ran.out == b"8\n"
    assert ran.err.splitlines() == [
        "calls double(x=4)",
        "tools: (none)",
        'tool call: double({"x": 4})',
        "(without an answer in words, the question is not kept; /retry asks it again)",
        "saved 4 messages to talk.json",
    ]
    saved = json.loads((tmp_path / "talk.json").read_bytes())["messages"]
    assert [message["role"] for message in saved] == ["user", "assistant", "tool", "assistant"]
    assert [message["content"] for message in saved] == ['tool: double {"x": 4}', None, "8", "8"]


def test_an_answer_asked_again_takes_the_place_of_its_whole_turn(tmp_path: Path) -> None:
    lines = 'text: first\ntool: double {"x": 4}\n/retry\n/save talk.json\n'
    ran = talk(tmp_path, lines, "--tool", "sums")
    assert ran.out == b"first\n8\n8\n"
    assert ran.err.endswith("saved 6 messages to talk.json\n")


def test_a_shorter_answer_may_take_the_place_of_one_with_calls(tmp_path: Path) -> None:
    lines = "Please call double with x 4.\n/tools off\n/model offline/echo\n/retry\n/save talk.json\n"
    ran = talk(tmp_path, lines, "--tool", "sums:double", "-m", "offline/eliza")
    assert "calls double(" in ran.err
    assert ran.err.endswith("saved 2 messages to talk.json\n")


def test_a_run_ends_after_so_many_turns(tmp_path: Path) -> None:
    ran = talk(tmp_path, 'tool: double {"x": 4}\n', "--tool", "sums", "--max-turns", "1")
    assert (ran.code, ran.out) == (4, b"")
    assert "dragoman: expected an end within 1 answers, got more calls of tools\n" in ran.err


def test_a_wrong_name_changes_nothing(tmp_path: Path) -> None:
    with Terminal(tmp_path, *SCRIPT) as terminal:
        (tmp_path / "sums.py").write_text(MODULE)
        terminal.line("/tools sums:double")
        terminal.expect("tools: double")
        terminal.line("/tools sums:hafl")
        terminal.expect("did you mean half?")
        terminal.line("/tools")
        terminal.expect("tools: double")
        terminal.line('tool: double {"x": 21}')
        terminal.expect("calls double(x=21)")
        terminal.expect("42")
        terminal.line("/exit")
        assert terminal.end() == 0
