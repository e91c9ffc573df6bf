"""`dragoman chat` on a terminal: keys go in, and what is drawn is looked at."""

import asyncio
import json
import re
import signal
import subprocess
from base64 import b64decode
from pathlib import Path

import pytest

from tests.cli.pty import CTRL_C, CTRL_D, Terminal
from tests.cli.shell import DONE, PATIENCE, SSE, chunk, configure, finish, run, start
from tests.support.server import Exchange, serve

SCRIPT = ("chat", "-m", "offline/script")


def test_talks_until_ctrl_d(tmp_path: Path) -> None:
    with Terminal(tmp_path, "chat") as terminal:
        terminal.expect("offline/eliza: /help")
        terminal.line("hello")
        terminal.expect("What is on your mind?")
        terminal.expect("›")
        terminal.press(CTRL_D)
        assert terminal.end() == 0


def test_says_that_there_is_no_model_yet(tmp_path: Path) -> None:
    (tmp_path / "dragoman.toml").write_text('[providers.up]\nprotocol = "openai-chat"\nurl = "http://127.0.0.1:1"\n')
    with Terminal(tmp_path, "chat") as terminal:
        terminal.expect("no model is the default, /model NAME chooses one: /help")
        terminal.line("/model")
        terminal.expect("model: (none)")
        terminal.line("hello")
        terminal.expect("none is the default")
        terminal.line("/model offline/echo")
        terminal.expect("model: offline/echo")
        terminal.line("/retry")
        terminal.expect("hello")
        terminal.expect("›")
        terminal.press(CTRL_D)
        assert terminal.end() == 0
    ran = run(tmp_path, "chat", stdin=b"/save empty.json\n/load empty.json\n")
    assert ran.err == "saved 0 messages to empty.json\nloaded 0 messages from empty.json; model: (none)\n"


def test_ctrl_c_stops_the_answer_and_not_the_program(tmp_path: Path) -> None:
    with Terminal(tmp_path, *SCRIPT) as terminal:
        terminal.line("/load none.json")
        terminal.expect("cannot be read")
        terminal.line("text: whole")
        terminal.expect("whole")
        terminal.line("repeat: 3 so_far")
        terminal.expect("so_farso_farso_far")
        terminal.line("hang")
        terminal.expect("waiting")
        terminal.press(CTRL_C)
        terminal.expect("(stopped)")
        terminal.expect("not kept")
        terminal.line("/save talk.json")
        terminal.expect("saved 4 messages to talk.json")
        terminal.line("/exit")
        assert terminal.end() == 0


async def test_a_stopped_answer_is_kept_and_marked_and_its_upstream_closed(tmp_path: Path) -> None:
    async def answer(exchange: Exchange) -> None:
        await exchange.head(headers=SSE)
        await exchange.chunk(chunk("so far"))
        await exchange.closed()

    async with serve(answer) as server:
        configure(tmp_path, {"up": server.url})
        with Terminal(tmp_path, "chat", "-m", "up/test") as terminal:

            def stop() -> None:
                terminal.line("hello")
                terminal.expect("so far")
                terminal.press(CTRL_C)
                terminal.expect("(stopped)")

            def leave() -> int:
                terminal.line("/save talk.json")
                terminal.expect("saved 2 messages")
                terminal.line("/exit")
                return terminal.end()

            await asyncio.to_thread(stop)
            async with asyncio.timeout(PATIENCE):
                await server.peer_closed()
            assert await asyncio.to_thread(leave) == 0
    assert json.loads((tmp_path / "talk.json").read_bytes()) == {
        "model": "up/test",
        "messages": [
            {"role": "user", "content": "hello"},
            {"role": "assistant", "content": "so far", "partial": True},
        ],
    }


def test_commands_do_what_they_say(tmp_path: Path) -> None:
    with Terminal(tmp_path, "chat") as terminal:
        terminal.line("/modle offline/echo")
        terminal.expect("did you mean /model?")
        terminal.line("/model offlin/echo")
        terminal.expect("did you mean offline/echo?")
        terminal.line("/model offline/echo")
        terminal.expect("model: offline/echo")
        terminal.line("/system Be brief.")
        terminal.expect("system: Be brief.")
        terminal.line("//usr is a path")
        terminal.expect("/usr is a path")
        terminal.line("/save talk.json")
        terminal.expect("saved 2 messages")
        terminal.line("/reset")
        terminal.expect("anew")
        terminal.line("/system -")
        terminal.expect("(none)")
        terminal.line("/model offline/script")
        terminal.expect("model: offline/script")
        terminal.line("/load talk.json")
        terminal.expect("loaded 2 messages from talk.json; model: offline/echo")
        terminal.line("/system")
        terminal.expect("system: Be brief.")
        terminal.line("/help")
        terminal.expect("/reset")
        terminal.line("/exit now")
        terminal.expect("takes no argument")
        terminal.line("/exit")
        assert terminal.end() == 0


async def test_a_question_is_asked_again(tmp_path: Path) -> None:
    answers = iter(["first", "second", None, "third"])

    async def answer(exchange: Exchange) -> None:
        text = next(answers)
        if text is None:
            await exchange.reply(500, body=b"broken")
            return
        await exchange.head(headers=SSE)
        await exchange.chunk(chunk(f"the {text}") + chunk(finish="stop") + DONE)
        await exchange.end()

    async with serve(answer) as server:
        configure(tmp_path, {"up": server.url})
        with Terminal(tmp_path, "chat", "-m", "up/test") as terminal:

            def talk() -> int:
                terminal.line("/retry")
                terminal.expect("there is no question to ask again")
                terminal.line("question")
                terminal.expect("the first")
                for wanted in ("the second", "up: 500", "the third"):
                    terminal.line("/retry")
                    terminal.expect(wanted)
                    if wanted == "up: 500":
                        terminal.line("/save talk.json")
                        terminal.expect("saved 2 messages")
                terminal.line("/exit")
                return terminal.end()

            assert await asyncio.to_thread(talk) == 0
    assert json.loads((tmp_path / "talk.json").read_bytes())["messages"][1]["content"] == "the second"
    kept = json.loads(run(tmp_path, "history", "show", "--json").out)["messages"]
    assert [message["content"] for message in kept] == ["question", "the third"]
    assert len(json.loads(server.requests[-1].body)["messages"]) == 1


NOT_OURS = [
    b"my notes\n",
    b"[1]",
    b'{"model": "a/b", "provider": {}}',
    b'{"model": "a/b", "messages": [], "stream": true}',
    b'{"model": "a/b", "messages": []}\n{"model": "a/b", "messages": []}\n',
    b"\xff\xfe",
]


@pytest.mark.parametrize("content", NOT_OURS)
def test_only_an_empty_file_or_a_saved_conversation_is_replaced(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "notes").write_bytes(content)
    ran = run(tmp_path, "chat", "-m", "offline/echo", stdin=b"one\n/save notes\n")
    assert (ran.code, ran.err) == (4, "dragoman: notes is there already, and not from /save: choose another name\n")
    assert (tmp_path / "notes").read_bytes() == content
    (tmp_path / "notes").write_bytes(b"")
    for count in (2, 4):
        lines = b"/load talk\n" if count == 4 else b""
        ran = run(
            tmp_path, "chat", "-m", "offline/echo", stdin=lines + b"one\n/save talk\n/save notes\n/save /dev/null"
        )
        assert (ran.code, ran.err.count(f"saved {count} messages")) == (0, 3)


def test_the_last_question_of_another_conversation_is_not_asked_in_this_one(tmp_path: Path) -> None:
    run(tmp_path, "chat", "-m", "offline/echo", stdin=b"first\nsecond\n/save talk.json\n")
    ran = run(
        tmp_path, "chat", "--no-save", "-m", "offline/echo", stdin=b"mine\n/load talk.json\n/retry\n/save talk.json"
    )
    assert (ran.code, ran.out) == (0, b"mine\nsecond\n")
    said = [message["content"] for message in json.loads((tmp_path / "talk.json").read_bytes())["messages"]]
    assert said == ["first", "first", "second", "second"]
    (tmp_path / "empty.json").write_text('{"model": "offline/echo", "messages": []}')
    ran = run(tmp_path, "chat", "--no-save", "-m", "offline/echo", stdin=b"mine\n/load empty.json\n/retry\n")
    assert (ran.code, ran.err.splitlines()[-1]) == (4, "dragoman: there is no question to ask again")


def test_the_last_question_of_a_kept_conversation_is_asked_again(tmp_path: Path) -> None:
    run(tmp_path, "chat", "-m", "offline/echo", stdin=b"first\nsecond\n")
    ran = run(tmp_path, "chat", "-c", "-m", "offline/eliza", stdin=b"/retry\n")
    assert ran.code == 0
    kept = json.loads(run(tmp_path, "history", "show", "--json").out)["messages"]
    assert [message["content"] for message in kept[:3]] == ["first", "first", "second"]
    assert (len(kept), kept[3]["content"]) == (4, ran.out.decode().strip())


def test_an_answer_or_its_code_is_copied(tmp_path: Path) -> None:
    with Terminal(tmp_path, *SCRIPT, env={"PATH": str(tmp_path)}) as terminal:
        terminal.line("/copy")
        terminal.expect("there is no answer to copy")
        terminal.line(r"text: See:\n```python\nimport os\nprint()\n```\nlast")
        terminal.expect("last")
        terminal.line("/copy 1")
        terminal.expect("copied 18 characters by the terminal (OSC 52)")
        terminal.line("/copy 2")
        terminal.expect("the answer has 1 block of code, got '2'")
        terminal.line("/copy")
        terminal.expect("copied 41 characters")
        terminal.line("/exit")
        assert terminal.end() == 0
        copied = re.findall(r"\x1b]52;c;([^\x07]*)\x07", terminal.drawn)
    whole = "See:\n```python\nimport os\nprint()\n```\nlast"
    assert [b64decode(each).decode() for each in copied] == ["import os\nprint()\n", whole]


@pytest.mark.parametrize("way", ["--plain", "/raw"])
def test_markdown_can_be_shown_as_it_is_written(tmp_path: Path, way: str) -> None:
    with Terminal(tmp_path, *SCRIPT, *(["--plain"] if way == "--plain" else [])) as terminal:
        if way == "/raw":
            terminal.line("/raw")
            terminal.expect("as they are written")
        terminal.line("text: Some **bold** words.")
        terminal.expect("Some **bold** words.\n")
        terminal.line("/raw")
        terminal.expect("drawn as Markdown")
        terminal.line("text: More **bold** words.")
        terminal.expect("More bold words.\n")
        terminal.line("/exit")
        assert terminal.end() == 0


def test_markdown_is_drawn(tmp_path: Path) -> None:
    with Terminal(tmp_path, *SCRIPT) as terminal:
        terminal.line(r"text: Some **bold** words.\n\n- one\n- two\n\n```python\nprint(1)\n```\nlast")
        terminal.expect("last")
        terminal.line("/exit")
        assert terminal.end() == 0
        assert "\x1b[1mbold\x1b[0m" in terminal.drawn
        assert " • one" in terminal.text
        assert "print(1)\n" in terminal.shown.partition("Some bold words.")[2]
        assert "```" not in terminal.shown.partition("Some bold words.")[2]


def test_a_hostile_answer_cannot_reach_the_terminal(tmp_path: Path) -> None:
    spellings = r"\u001b]0;owned\u0007 &#27;]0;owned&#7; <http://x/%1b]0;owned%07> [a](http://x/%1b]0;owned%07)"
    with Terminal(tmp_path, *SCRIPT) as terminal:
        terminal.line(rf"text: {spellings} \u202e &#x202e;\n\n    \u001b]0;owned\u0007\u202e\n\nlast")
        terminal.expect("last")
        terminal.line("/exit")
        assert terminal.end() == 0
        assert "\x1b]" not in terminal.drawn
        assert "\x07" not in terminal.drawn
        assert "owned" in terminal.text
        assert "\u202e" not in terminal.drawn
        assert "owned␇<U+202E>\n" in terminal.shown


def test_an_unknown_model_is_refused_at_once(tmp_path: Path) -> None:
    with Terminal(tmp_path, "chat", "-m", "offlin/echo") as terminal:
        assert terminal.end() == 4
        assert "did you mean offline/echo?" in terminal.text


def test_a_terminal_that_can_only_print_lines_gets_plain_text(tmp_path: Path) -> None:
    with Terminal(tmp_path, *SCRIPT, env={"TERM": "dumb"}) as terminal:
        terminal.line("text: Some **bold** words.")
        terminal.expect("Some **bold** words.")
        terminal.line("/exit")
        assert terminal.end() == 0


def test_without_rich_it_still_works(tmp_path: Path) -> None:
    (tmp_path / "rich").mkdir()
    (tmp_path / "rich" / "__init__.py").write_text("raise ImportError('there is no rich here')")
    with Terminal(tmp_path, *SCRIPT, env={"PYTHONPATH": str(tmp_path)}) as terminal:
        terminal.line("text: Some **bold** words.")
        terminal.expect("Some **bold** words.")
        terminal.line("/exit")
        assert terminal.end() == 0


def test_an_error_does_not_end_it_and_its_question_is_not_kept(tmp_path: Path) -> None:
    with Terminal(tmp_path, *SCRIPT) as terminal:
        terminal.line("error: 500 It is broken")
        terminal.expect("dragoman: 500, failed: It is broken")
        terminal.expect("the question is not kept; /retry asks it again")
        terminal.line("/save talk.json")
        terminal.expect("saved 0 messages")
        terminal.line("/exit")
        assert terminal.end() == 0


def test_an_answer_that_is_asked_for_again_in_vain_stays(tmp_path: Path) -> None:
    said = [{"role": "user", "content": "error: 400 It is broken"}, {"role": "assistant", "content": "fine"}]
    (tmp_path / "talk.json").write_text(json.dumps({"model": "offline/script", "messages": said}))
    with Terminal(tmp_path, *SCRIPT) as terminal:
        terminal.line("/load talk.json")
        terminal.expect("loaded 2 messages")
        terminal.line("/retry")
        terminal.expect("dragoman: It is broken")
        terminal.expect("(the answer that was there stays)")
        terminal.line("/save again.json")
        terminal.expect("saved 2 messages")
        terminal.line("/exit")
        assert terminal.end() == 0


def test_pasted_lines_are_one_message_and_notes_stand_around_its_answer(tmp_path: Path) -> None:
    with Terminal(tmp_path, *SCRIPT) as terminal:
        terminal.paste('reasoning: let \\u001b[2J me\ntext: **so**\ntool: f {"x": 1}')
        terminal.expect("tool call: f({")
        terminal.line("/exit")
        assert terminal.end() == 0
        assert "\x1b[2mlet \x1b[22m" in terminal.drawn
        assert "\x1b[2J" not in terminal.drawn
        assert '\nlet ␛[2J me\n\nso\ntool call: f({"x": 1})\n' in terminal.shown


def test_answers_may_go_to_a_file_while_somebody_types(tmp_path: Path) -> None:
    out = tmp_path / "out.txt"
    with Terminal(tmp_path, "chat", "-m", "offline/echo", out=out) as terminal:
        terminal.line("one **two**")
        terminal.line("/exit")
        assert terminal.end() == 0
    assert out.read_bytes() == b"one **two**\n"


async def test_an_interrupt_ends_a_conversation_from_a_pipe(tmp_path: Path) -> None:
    process = await start(tmp_path, *SCRIPT, stdin=subprocess.PIPE)
    assert process.stdin
    assert process.stdout
    process.stdin.write(b"text: so far\nhang\n")
    async with asyncio.timeout(PATIENCE):
        assert await process.stdout.readexactly(6) == b"so far"
        process.stdin.write(b"hang\n")
        await process.stdin.drain()
        process.send_signal(signal.SIGINT)
    ran = await finish(process)
    assert ran.code == -signal.SIGINT
    assert "Traceback" not in ran.err


@pytest.mark.parametrize(
    ("other", "ours"), [("/bye", "/exit"), ("/quit", "/exit"), ("/clear", "/reset"), ("/?", "/help")]
)
def test_other_programs_words_lead_to_ours(tmp_path: Path, other: str, ours: str) -> None:
    ran = run(tmp_path, "chat", "-m", "offline/echo", stdin=f"{other}\n".encode())
    assert ran.err.startswith(f"dragoman: there is no command {other}; did you mean {ours}?")


def test_lines_from_a_pipe_are_answered_plainly(tmp_path: Path) -> None:
    ran = run(tmp_path, "chat", "-m", "offline/echo", stdin=b"\xef\xbb\xbfone **two**\n\n/save talk.json\nthree")
    assert (ran.code, ran.out) == (0, b"one **two**\nthree\n")
    assert ran.err == "saved 2 messages to talk.json\n"


@pytest.mark.parametrize("locale", ["utf-8:strict", "utf-8:surrogateescape", "koi8-r"])
def test_lines_from_a_pipe_are_utf_8_in_each_locale(tmp_path: Path, locale: str) -> None:
    spoken, garbled = "Привет".encode(), b"a\xffb"
    ran = run(
        tmp_path,
        "chat",
        "-m",
        "offline/echo",
        stdin=spoken + b"\r\n" + garbled + b"\nmore",
        env={"PYTHONIOENCODING": locale},
    )
    assert (ran.code, ran.out) == (4, spoken + b"\n")
    assert ran.err == "dragoman: stdin is not UTF-8: the byte 0xff at 1 of a line\n"


@pytest.mark.parametrize(("line", "code"), [(b"error: 500 x", 5), (b"/bogus", 4), (b"text: a\\u0020\ncut", 0)])
def test_the_first_error_ends_a_conversation_from_a_pipe(tmp_path: Path, line: bytes, code: int) -> None:
    ran = run(tmp_path, *SCRIPT, stdin=line + b"\ntext: more\n")
    assert ran.code == (code or 7)
    assert b"more" not in ran.out
