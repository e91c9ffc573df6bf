"""Conversations that are kept: by `ask` and `chat`, gone on with, listed, found, shown, exported, deleted."""

import json
import re
import signal
import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path

import pytest

from tests.cli.pty import CTRL_C, Terminal
from tests.cli.shell import COMMAND, DONE, PATIENCE, SSE, Ran, chunk, configure, environment, run, run_beside
from tests.support.server import Exchange, serve

ECHO, SCRIPT = ("-m", "offline/echo"), ("-m", "offline/script")
PLACE = Path(".local/share/dragoman/conversations.db")


def history(home: Path, *arguments: str) -> Ran:
    return run(home, "history", *arguments)


def shown(home: Path, *arguments: str) -> dict[str, object]:
    value: dict[str, object] = json.loads(history(home, "show", "--json", *arguments).out)
    return value


def said(home: Path, *arguments: str) -> list[tuple[str, str]]:
    messages = shown(home, *arguments)["messages"]
    assert isinstance(messages, list)
    return [(message["role"], message["content"]) for message in messages]


async def test_ask_goes_on_with_what_was_said(tmp_path: Path) -> None:
    async def answer(exchange: Exchange) -> None:
        await exchange.head(headers=SSE)
        await exchange.chunk(chunk("an answer") + chunk(finish="stop") + DONE)
        await exchange.end()

    async with serve(answer) as server:
        configure(tmp_path, {"up": server.url})
        await run_beside(tmp_path, "ask", "-m", "up/test", "-s", "Be brief.", "one")
        ran = await run_beside(tmp_path, "ask", "-c", "two")
        assert (ran.code, ran.out, ran.err) == (0, b"an answer\n", "")
        sent = json.loads(server.requests[1].body)
    assert sent["model"] == "test"
    assert [(message["role"], message["content"]) for message in sent["messages"]] == [
        ("system", "Be brief."),
        ("user", "one"),
        ("assistant", "an answer"),
        ("user", "two"),
    ]


def test_chat_and_ask_go_on_with_each_other(tmp_path: Path) -> None:
    assert run(tmp_path, "chat", *ECHO, stdin=b"one\ntwo\n/reset\nthree\n").code == 0
    assert run(tmp_path, "ask", "-c", "four").out == b"four\n"
    assert run(tmp_path, "chat", "--conversation", "1", stdin=b"five\n").out == b"five\n"
    assert [text for role, text in said(tmp_path, "1") if role == "user"] == ["one", "two", "five"]
    assert [text for role, text in said(tmp_path, "2") if role == "user"] == ["three", "four"]


def test_chat_says_what_it_goes_on_with(tmp_path: Path) -> None:
    run(tmp_path, "ask", *ECHO, "one\x1b[2J")
    with Terminal(tmp_path, "chat", "-c") as terminal:
        terminal.expect("goes on with conversation 1, 2 messages: one␛[2J")
        terminal.line("/exit")
        assert terminal.end() == 0


def test_the_number_is_told_to_programs(tmp_path: Path) -> None:
    for wanted, arguments in ((1, ["a"]), (2, ["b"]), (1, ["--conversation", "1", "c"]), (None, ["--no-save", "d"])):
        assert json.loads(run(tmp_path, "ask", *ECHO, "--json", *arguments).out)["conversation"] == wanted


def test_another_model_and_system_message_may_go_on(tmp_path: Path) -> None:
    run(tmp_path, "ask", *ECHO, "-s", "First.", "one")
    run(tmp_path, "ask", "-c", *SCRIPT, "-s", "Second.", "text: scripted")
    assert shown(tmp_path)["model"] == "offline/script"
    assert said(tmp_path)[0] == ("system", "Second.")
    assert said(tmp_path)[-1] == ("assistant", "scripted")


@pytest.mark.parametrize("way", ["option", "variable", "file"])
def test_nothing_is_kept_if_that_is_not_wanted(tmp_path: Path, way: str) -> None:
    if way == "file":
        (tmp_path / "dragoman.toml").write_text("[cli]\nsave = false\n")
    env = {"DRAGOMAN_CLI_SAVE": "false"} if way == "variable" else {}
    run(tmp_path, "ask", *ECHO, *(["--no-save"] if way == "option" else []), "one", env=env)
    assert not (tmp_path / PLACE).exists()
    run(tmp_path, "ask", *ECHO, "--save", "two", env=env)
    assert (tmp_path / PLACE).exists()


def test_the_file_may_be_elsewhere(tmp_path: Path) -> None:
    env = {"DRAGOMAN_CLI_CONVERSATIONS": str(tmp_path / "x" / "talks.db")}
    run(tmp_path, "ask", *ECHO, "one", env=env)
    assert run(tmp_path, "ask", "-c", "two", env=env).out == b"two\n"
    assert not (tmp_path / PLACE).exists()
    other = {"XDG_DATA_HOME": str(tmp_path / "data")}
    run(tmp_path, "ask", *ECHO, "one", env=other)
    assert (tmp_path / "data" / "dragoman" / "conversations.db").stat().st_mode & 0o077 == 0


def test_what_has_come_of_an_answer_is_kept(tmp_path: Path) -> None:
    assert run(tmp_path, "ask", *SCRIPT, "text: so far\ncut").code == 7
    assert shown(tmp_path)["messages"][-1] == {"role": "assistant", "content": "so far", "partial": True}  # type: ignore[index]  # a list
    assert "(the answer is not complete)" in history(tmp_path, "show").out.decode()
    with Terminal(tmp_path, "ask", *SCRIPT, "text: until here\nhang") as terminal:
        terminal.expect("until here")
        terminal.press(CTRL_C)
        assert terminal.end() == -signal.SIGINT
    assert said(tmp_path)[-1] == ("assistant", "until here")


def test_a_question_without_an_answer_is_not_kept(tmp_path: Path) -> None:
    assert run(tmp_path, "ask", *SCRIPT, "error: 500 x").code == 5
    assert not (tmp_path / PLACE).exists()


@pytest.mark.parametrize("arguments", [["ask", "-c", "x"], ["chat", "-c"], ["history", "show"]])
def test_without_any_conversation_that_is_said(tmp_path: Path, arguments: list[str]) -> None:
    ran = run(tmp_path, *arguments)
    assert (ran.code, ran.out, ran.err) == (4, b"", "dragoman: no conversation is kept yet\n")


def test_an_unknown_number_is_said(tmp_path: Path) -> None:
    run(tmp_path, "ask", *ECHO, "one")
    for arguments in (["ask", "--conversation", "7", "x"], ["history", "show", "7"], ["history", "delete", "7"]):
        ran = run(tmp_path, *arguments)
        assert (ran.code, ran.out) == (4, b"")
        assert "there is no conversation 7; `dragoman history` lists" in ran.err


def test_lists_the_newest_first(tmp_path: Path) -> None:
    assert history(tmp_path) == Ran(0, b"", "")
    for question in ("one", "今天天气怎么样", "three\nlines\x1b[2J"):
        run(tmp_path, "ask", *ECHO, question)
    lines = history(tmp_path).out.decode().splitlines()
    row = r"{} +\d\d\d\d-\d\d-\d\d \d\d:\d\d  offline/echo  2 +{}"
    for line, wanted in zip(
        lines[1:], [row.format(3, "three lines␛\\[2J"), row.format(2, "今.*"), row.format(1, "one")], strict=True
    ):
        assert re.fullmatch(wanted, line), line
    assert len(history(tmp_path, "list", "-n", "2").out.splitlines()) == 3
    assert history(tmp_path, "--json").out == history(tmp_path, "list", "--json").out
    assert history(tmp_path, "-n", "1").out == history(tmp_path, "list", "-n", "1").out
    listed = json.loads(history(tmp_path, "list", "--json").out)["conversations"]
    assert [(each["id"], each["count"], each["excerpt"]) for each in listed] == [
        (3, 2, None),
        (2, 2, None),
        (1, 2, None),
    ]


def test_a_narrow_terminal_gets_a_paragraph_for_each(tmp_path: Path) -> None:
    run(tmp_path, "ask", *ECHO, "今天天气怎么样")
    with Terminal(tmp_path, "history", columns=40) as terminal:
        assert terminal.end() == 0
    assert re.fullmatch(
        r"1\n  changed      .*\n  model        offline/echo\n  messages     2\n  begins with  今天天气怎么样\n",
        terminal.text,
    )


def test_finds_what_was_said(tmp_path: Path) -> None:
    run(tmp_path, "ask", *SCRIPT, "text: The capital of France is Paris.")
    run(tmp_path, "ask", *ECHO, "other")
    found = history(tmp_path, "search", "PARIS", "of France").out.decode()
    assert "is Paris." in found
    assert len(found.splitlines()) == 2
    assert history(tmp_path, "search", "Lyon").out == b""
    assert json.loads(history(tmp_path, "search", "--json", "paris").out)["conversations"][0]["id"] == 1


def test_shows_a_conversation_as_markdown(tmp_path: Path) -> None:
    run(tmp_path, "ask", *ECHO, "-s", "Be brief.", "one **two**")
    assert re.fullmatch(
        r"# one \*\*two\*\*\n\nNumber 1, offline/echo, [-\d]+ [:\d]+\n\n## System\n\nBe brief\.\n\n"
        r"## Question\n\none \*\*two\*\*\n\n## Answer\n\none \*\*two\*\*\n",
        history(tmp_path, "show").out.decode(),
    )


def test_a_terminal_gets_no_control_characters_of_a_conversation(tmp_path: Path) -> None:
    run(tmp_path, "ask", *SCRIPT, r"text: \u001b]0;owned\u0007")
    for words in (["show"], ["search", "owned"], ["list"]):
        with Terminal(tmp_path, "history", *words) as terminal:
            assert terminal.end() == 0
            assert "\x1b" not in terminal.drawn


def test_exports_what_chat_loads(tmp_path: Path) -> None:
    for question in ("one", "two"):
        run(tmp_path, "ask", *ECHO, question)
    ran = history(tmp_path, "export", "--all", "--format", "json", "-o", "all.jsonl")
    assert (ran.code, ran.err) == (0, "2 conversations written to all.jsonl\n")
    lines = (tmp_path / "all.jsonl").read_text().splitlines()
    assert [json.loads(line)["id"] for line in lines] == [1, 2]
    history(tmp_path, "export", "2", "--format", "json", "-o", "two.json")
    loaded = run(tmp_path, "chat", stdin=b"/load two.json\n")
    assert loaded.err == "loaded 2 messages from two.json; model: offline/echo\n"
    pages = history(tmp_path, "export", "2", "1").out.decode()
    assert pages.index("# two") < pages.index("# one")
    assert history(tmp_path, "export").code == history(tmp_path, "export", "--all", "1").code == 2


def test_an_export_of_nothing_has_no_lines(tmp_path: Path) -> None:
    ran = history(tmp_path, "export", "--all", "--format", "json", "-o", "none.jsonl")
    assert (ran.code, ran.err) == (0, "0 conversations written to none.jsonl\n")
    assert (tmp_path / "none.jsonl").read_bytes() == b""


def test_an_export_replaces_no_file_without_being_told_so(tmp_path: Path) -> None:
    run(tmp_path, "ask", *ECHO, "one")
    notes = tmp_path / "notes.md"
    notes.write_text("mine")
    export = ("export", "1", "-o", "notes.md")
    refused = history(tmp_path, *export)
    assert refused.code
    assert refused.err == "dragoman: notes.md is there already: name another file, or replace it with --force\n"
    assert notes.read_text() == "mine"
    assert history(tmp_path, *export, "--force").code == 0
    assert "# one" in notes.read_text()
    notes.write_text("")
    assert history(tmp_path, *export).code == 0
    assert history(tmp_path, "export", "1", "-o", "/dev/null").code == 0


def test_deletes_for_good(tmp_path: Path) -> None:
    for question in ("secret one", "two"):
        run(tmp_path, "ask", *ECHO, question)
    assert history(tmp_path, "delete", "1").err == "conversation 1 is deleted\n"
    assert history(tmp_path, "search", "secret").out == b""
    assert run(tmp_path, "ask", *ECHO, "--json", "three").out
    assert [each["id"] for each in json.loads(history(tmp_path, "list", "--json").out)["conversations"]] == [3, 2]


def damage(home: Path, how: str) -> None:
    path = home / PLACE
    path.parent.mkdir(parents=True)
    if how == "damaged":
        path.write_bytes(b"SQLite format 3\x00" + b"\xff" * 8000)
    elif how == "no database":
        path.write_text("what is this? " * 100)
    elif how == "folder":
        path.mkdir()


@pytest.mark.parametrize("how", ["damaged", "no database", "folder"])
def test_a_bad_file_costs_no_answer(tmp_path: Path, how: str) -> None:
    damage(tmp_path, how)
    ran = run(tmp_path, "ask", *ECHO, "hello")
    assert (ran.code, ran.out) == (0, b"hello\n")
    assert ran.err.startswith("dragoman: the conversation is not kept: ")
    assert ran.err.count("\n") == 1
    ran = run(tmp_path, "chat", *ECHO, stdin=b"one\ntwo\n")
    assert (ran.code, ran.out) == (0, b"one\ntwo\n")
    assert ran.err.count("is not kept") == 1
    for arguments in (["history"], ["ask", "-c", "x"]):
        ran = run(tmp_path, *arguments)
        assert (ran.code, ran.out) == (1, b"")
        assert str(PLACE) in ran.err


@pytest.mark.parametrize("seconds", [1e18, -1e14, float("inf")])
def test_a_time_that_is_in_no_calendar_hides_no_conversation(tmp_path: Path, seconds: float) -> None:
    run(tmp_path, "ask", *ECHO, "one")
    with closing(sqlite3.connect(tmp_path / PLACE, isolation_level=None)) as other:
        other.execute("UPDATE conversations SET changed = ?", (seconds,))
    for arguments in (["list"], ["search", "one"]):
        assert history(tmp_path, *arguments).out.split()[-5:] == [b"1", b"-", b"offline/echo", b"2", b"one"]
    assert json.loads(history(tmp_path, "--json").out)["conversations"][0]["changed"] is None
    assert said(tmp_path) == [("user", "one"), ("assistant", "one")]
    assert shown(tmp_path)["changed"] is None
    assert b"Number 1, offline/echo, -\n" in history(tmp_path, "show").out


def test_a_locked_file_costs_no_answer(tmp_path: Path) -> None:
    run(tmp_path, "ask", *ECHO, "one")
    with closing(sqlite3.connect(tmp_path / PLACE, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        ran = run(tmp_path, "ask", *ECHO, "two")
        assert (ran.code, ran.out) == (0, b"two\n")
        assert "another program holds it; try again" in ran.err
        assert [text for _, text in said(tmp_path)] == ["one", "one"]
        other.execute("ROLLBACK")


def test_a_full_disk_costs_no_answer(tmp_path: Path) -> None:
    run(tmp_path, "ask", *ECHO, "one")
    # A limit of the file's size is what a full disk looks like to the command.
    done = subprocess.run(
        ["sh", "-c", 'ulimit -f 64; exec "$0" -m dragoman ask -m offline/echo -', COMMAND[0]],
        input=b"long " * 20_000,
        capture_output=True,
        cwd=tmp_path,
        env=environment(tmp_path),
        timeout=PATIENCE,
        check=False,
    )
    assert (done.returncode, len(done.stdout)) == (0, 100_001)
    assert b"the conversation is not kept: " in done.stderr
    assert [text for _, text in said(tmp_path)] == ["one", "one"]
