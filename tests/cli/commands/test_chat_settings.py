"""What `dragoman chat` has in common with `ask`: a question, attached files, settings and templates."""

import asyncio
import json
from pathlib import Path

import pytest

from tests.cli.pty import ALT_ENTER, CTRL_D, TAB, Terminal
from tests.cli.shell import DONE, SSE, chunk, configure, run
from tests.support.server import Exchange, serve

ECHO = ("chat", "-m", "offline/echo")
TEMPLATE = """\
system = "Speak $lang."
prompt = "Say: $input"
model = "offline/echo"
[options]
temperature = 0.2
[defaults]
lang = "French"
"""


def keep_template(home: Path, text: str = TEMPLATE) -> None:
    folder = home / ".config" / "dragoman" / "templates"
    folder.mkdir(parents=True)
    (folder / "say.toml").write_text(text)


async def answer(exchange: Exchange) -> None:
    await exchange.head(headers=SSE)
    await exchange.chunk(chunk("well") + chunk(finish="stop") + DONE)
    await exchange.end()


def test_the_first_question_is_asked_and_then_the_prompt_comes(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("remember the milk")
    with Terminal(tmp_path, *ECHO, "-a", "notes.txt", "What is", "in it?") as terminal:
        terminal.expect("remember the milk")
        terminal.expect("What is in it?")
        terminal.line("/attach")
        terminal.expect("goes with the next message: nothing")
        terminal.line("/save talk.json")
        terminal.expect("saved 2 messages")
        terminal.expect("›")
        terminal.press("\x1b[A\x1b[A\x1b[A\r")
        terminal.expect("What is in it?")
        terminal.expect("›")
        terminal.press(CTRL_D)
        assert terminal.end() == 0


def test_settings_are_shown_changed_completed_and_taken_back(tmp_path: Path) -> None:
    with Terminal(tmp_path, *ECHO, "-o", "temperature", "0.2") as terminal:
        terminal.line("/set")
        terminal.expect("settings: temperature 0.2")
        terminal.expect("›")
        terminal.press(f"/set see{TAB}7\r")
        terminal.expect("settings: temperature 0.2, seed 7")
        terminal.line("/set temprature 1")
        terminal.expect("did you mean temperature?")
        terminal.line("/set temperature hot")
        terminal.expect("temperature: expected a finite number, got a string")
        terminal.line("/set temperature")
        terminal.expect("settings: seed 7")
        terminal.line("/set seed")
        terminal.expect("settings: (none)")
        terminal.line("/exit")
        assert terminal.end() == 0


def test_what_a_command_takes_may_begin_in_the_next_line_or_after_a_tab(tmp_path: Path) -> None:
    with Terminal(tmp_path, *ECHO) as terminal:
        terminal.expect("›")
        terminal.press(f"/system{ALT_ENTER}Be brief.{ALT_ENTER}Be kind.\r")
        terminal.expect("system: Be brief.\nBe kind.")
        terminal.expect("›")
        terminal.press(f'/set extra_body{ALT_ENTER}{{"a":{ALT_ENTER}1}}\r')
        terminal.expect('settings: extra_body {"a":1}')
        terminal.line("/exit")
        assert terminal.end() == 0
    assert run(tmp_path, *ECHO, stdin=b"/set\tseed\t7\n").err == "settings: seed 7\n"


@pytest.mark.parametrize("tools", [(), ("--tool", "sums")])
async def test_they_go_with_each_request(tmp_path: Path, tools: tuple[str, ...]) -> None:
    (tmp_path / "sums.py").write_text('def double(x: int) -> int:\n    "Twice as much."\n    return 2 * x\n')
    lines = b"two\n/set temperature\n/set seed 7\n/reset\nthree\n"
    async with serve(answer) as server:
        configure(tmp_path, {"up": server.url})
        ran = await asyncio.to_thread(
            run, tmp_path, "chat", "-m", "up/test", *tools, "-o", "temperature", "0.2", "one", stdin=lines
        )
        assert (ran.code, ran.out) == (0, b"well\n" * 3)
        asked = [json.loads(request.body) for request in server.requests]
    assert [(body.get("temperature"), body.get("seed")) for body in asked] == [(0.2, None), (0.2, None), (None, 7)]
    assert [message["content"] for body in asked for message in body["messages"][-1:]] == ["one", "two", "three"]


def test_they_hold_for_a_conversation_that_goes_on(tmp_path: Path) -> None:
    assert run(tmp_path, *ECHO, stdin=b"before\n").code == 0
    ran = run(tmp_path, "chat", "-c", "-o", "seed", "7", "and now", stdin=b"/set\n/save talk.json\n")
    assert (ran.code, ran.out) == (0, b"and now\n")
    assert ran.err == "settings: seed 7\nsaved 4 messages to talk.json\n"


def test_each_message_stands_in_the_prompt_of_a_template(tmp_path: Path) -> None:
    keep_template(tmp_path)
    lines = b"two\n/retry\n/system\n/model\n/set\n"
    ran = run(tmp_path, "chat", "-t", "say", "-p", "lang", "Dutch", "one", stdin=lines)
    assert (ran.code, ran.out) == (0, b"Say: one\nSay: two\nSay: two\n")
    assert ran.err == "system: Speak Dutch.\nmodel: offline/echo\nsettings: temperature 0.2\n"


def test_what_is_given_replaces_what_the_template_has(tmp_path: Path) -> None:
    keep_template(tmp_path, TEMPLATE.replace("$lang", "$input").replace("offline/echo", "none"))
    given = ("-m", "offline/eliza", "-s", "Be brief.", "-o", "temperature", "1")
    ran = run(tmp_path, "chat", "-t", "say", *given, stdin=b"/system\n/model\n/set\n")
    assert ran.err == "system: Be brief.\nmodel: offline/eliza\nsettings: temperature 1\n"


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (["-p", "x", "1"], 2, "-p is for a template: name one with -t"),
        (["-t", "say"], 4, "the template has $input in its system message"),
        (["-t", "say", "-p", "x", "1"], 4, "the template has no variable $x"),
        (["-t", "sya"], 4, "there is no template 'sya'; did you mean say?"),
        (["-o", "temprature", "1"], 4, "there is no option 'temprature'; did you mean temperature?"),
        (["-o", "max_turns", "3"], 4, "there is no option 'max_turns'; `--max-turns` is for that"),
        (["-o", "system", "x"], 4, "there is no option 'system'; `-s` and /system are for that"),
        (["-o", "temperature", "hot"], 4, "temperature: expected a finite number"),
        (["-a", "none.png"], 4, "none.png"),
        (["-a", "-"], 2, "stdin is what is typed"),
        (["-"], 2, "stdin is what is typed"),
    ],
)
def test_what_cannot_be_used_is_told_before_anything_is_asked(
    tmp_path: Path, arguments: list[str], code: int, told: str
) -> None:
    keep_template(tmp_path, 'system = "Of $input."\n')
    ran = run(tmp_path, *ECHO, *arguments, stdin=b"hello\n")
    assert (ran.code, ran.out) == (code, b"")
    assert ran.err.startswith(f"dragoman: {told}")


@pytest.mark.parametrize(
    ("arguments", "line"), [(["--tool", "sums"], "/set tools []"), (["-o", "tools", "[]"], "/tools sums")]
)
def test_tools_are_of_one_kind(tmp_path: Path, arguments: list[str], line: str) -> None:
    (tmp_path / "sums.py").write_text('def double(x: int) -> int:\n    "Twice as much."\n    return 2 * x\n')
    ran = run(tmp_path, *ECHO, *arguments, stdin=f"{line}\nhello\n".encode())
    assert (ran.code, ran.out) == (4, b"")
    assert ran.err == "dragoman: tools are either those of --tool or those of the option `tools`\n"


def test_a_first_question_is_never_a_command_and_its_error_ends_a_pipe(tmp_path: Path) -> None:
    ran = run(tmp_path, *ECHO, "/exit", stdin=b"exit\n")
    assert (ran.code, ran.out) == (0, b"/exit\nexit\n")
    ran = run(tmp_path, "chat", "-m", "offline/script", "error: 500 x", stdin=b"text: more\n")
    assert (ran.code, ran.out) == (5, b"")
