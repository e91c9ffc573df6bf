"""`dragoman ask`, as it is called."""

import asyncio
import json
import os
import signal
import subprocess
from pathlib import Path

import pytest

from tests.cli.pty import CTRL_C, Terminal
from tests.cli.shell import COMMAND, DONE, PATIENCE, SSE, chunk, configure, environment, finish, run, start
from tests.support.server import Exchange, serve

ECHO, SCRIPT = ("-m", "offline/echo"), ("-m", "offline/script")


def test_answers_without_any_configuration(tmp_path: Path) -> None:
    ran = run(tmp_path, "ask", "hello")
    assert ran.code == 0
    assert ran.err == ""
    assert ran.out.endswith(b"?\n")
    assert ran.out.count(b"\n") == 1


@pytest.mark.parametrize(
    ("arguments", "stdin", "asked"),
    [
        (["one"], b"", b"one\n"),
        ([], b"two\n", b"two\n"),
        (["one"], b"two\nthree\n\n", b"one\n\ntwo\nthree\n"),
        ([], "  Привет ".encode(), "  Привет \n".encode()),
        (["hello", "new  world"], b"", b"hello new  world\n"),
        (["-"], b"two\n", b"two\n"),
        (["5", "-", "3"], b"", b"5 - 3\n"),
    ],
)
def test_asks_what_the_argument_and_stdin_say(tmp_path: Path, arguments: list[str], stdin: bytes, asked: bytes) -> None:
    assert run(tmp_path, "ask", *ECHO, *arguments, stdin=stdin).out == asked


def asked_in_bytes(tmp_path: Path, question: bytes, env: dict[str, str]) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [*map(os.fsencode, COMMAND), b"ask", *map(os.fsencode, ECHO), question],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        cwd=tmp_path,
        env=environment(tmp_path, env),
        timeout=PATIENCE,
        check=False,
    )


ASCII = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}


@pytest.mark.parametrize("env", [{}, ASCII])
def test_the_question_is_utf_8_in_every_locale(tmp_path: Path, env: dict[str, str]) -> None:
    done = asked_in_bytes(tmp_path, "Привет".encode(), env)
    assert (done.stdout, done.stderr) == ("Привет\n".encode(), b"")
    done = asked_in_bytes(tmp_path, b"caf\xe9", env)
    assert (done.returncode, done.stdout) == (2, b"")
    assert done.stderr == b"dragoman: expected UTF-8 in the question, got other bytes (see dragoman ask --help)\n"


@pytest.mark.parametrize(
    ("command", "named"),
    [
        ("ask -s", "--system"),
        ("ask -o stop", "--option"),
        ("ask -t x -p name", "--param"),
        ("chat -s", "--system"),
        ("explain", "the question"),
        ("history search", "the terms"),
    ],
)
def test_no_text_is_sent_with_other_letters_than_were_given(tmp_path: Path, command: str, named: str) -> None:
    ran = run(tmp_path, *command.split(), os.fsdecode(b"caf\xe9"))
    assert (ran.code, ran.out) == (2, b"")
    assert ran.err.startswith(f"dragoman: expected UTF-8 in {named}, got other bytes")


@pytest.mark.parametrize(
    "words",
    [["-a", "none"], ["-t", "none"], ["--tool", "none"], ["--schema", "{"], ["-o", "none", "1"], ["-m", "none"]],
)
def test_an_object_is_printed_for_every_question_that_fails(tmp_path: Path, words: list[str]) -> None:
    ran = run(tmp_path, "ask", "--json", *words, "hello")
    assert ran.code == 4
    printed = json.loads(ran.out)
    assert ran.err == f"dragoman: {printed['error']['message']}\n"
    assert (printed["text"], printed["finish_reason"]) == ("", None)


def test_a_pipe_gets_exactly_the_answers_bytes(tmp_path: Path) -> None:
    hostile = b"\x1b]0;owned\x07\x1b[2J\x00\x9f\r\n\ta\x85\xc2\x9b31m".decode("utf-8", "ignore").encode()
    ran = run(tmp_path, "ask", *ECHO, stdin=hostile + b"end\n")
    assert ran.out == hostile + b"end\n"


@pytest.mark.parametrize(
    ("script", "printed"),
    [(r"text: a", b"a\n"), (r"text: a\n", b"a\n"), (r"text: a\n\n", b"a\n\n"), ("usage: none", b"")],
)
def test_only_a_missing_line_feed_is_added(tmp_path: Path, script: str, printed: bytes) -> None:
    assert run(tmp_path, "ask", *SCRIPT, script).out == printed


@pytest.mark.parametrize("way", [[], ["--no-stream"]])
def test_stdout_holds_the_answer_and_stderr_the_rest(tmp_path: Path, way: list[str]) -> None:
    script = 'reasoning: thinking\ntext: Hi.\ntool: get_weather {"city": "X"}\nlength'
    ran = run(tmp_path, "ask", *SCRIPT, *way, script)
    assert ran.out == b"Hi.\n"
    assert ran.err == 'tool call: get_weather({"city": "X"})\nthe answer was cut at its length limit\n'


def test_what_is_said_of_an_answer_does_not_stand_in_its_line(tmp_path: Path) -> None:
    done = subprocess.run(
        [*COMMAND, "ask", *SCRIPT, "text: Hi.\ntool: f\ntext: More.\nlength"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        cwd=tmp_path,
        env=environment(tmp_path),
        timeout=PATIENCE,
        check=False,
    )
    assert done.stdout == b"Hi.More.\ntool call: f({})\nthe answer was cut at its length limit\n"


def test_a_refusal_is_the_answer(tmp_path: Path) -> None:
    assert run(tmp_path, "ask", *SCRIPT, "refusal: I will not").out == b"I will not\n"


def test_json_is_one_object_with_everything(tmp_path: Path) -> None:
    script = 'reasoning: hm\ntext: a\\nb\ntool: f {"x": 1}\nusage: 3 4'
    ran = run(tmp_path, "ask", *SCRIPT, "--json", script)
    assert ran.out.count(b"\n") == 1
    answer = json.loads(ran.out)
    assert answer["text"] == "a\nb"
    assert answer["model"] == "offline/script"
    assert answer["reasoning"] == "hm"
    assert answer["finish_reason"] == "tool_call"
    assert answer["tool_calls"] == [{"id": "call_1", "name": "f", "arguments": '{"x": 1}'}]
    assert (answer["usage"]["input_tokens"], answer["usage"]["output_tokens"]) == (3, 4)
    assert answer["usage"]["cache_read_tokens"] is None
    assert answer["losses"] == []
    assert answer["error"] is None


@pytest.mark.parametrize("way", [[], ["--no-stream"]])
def test_a_broken_answer_keeps_its_text_and_says_so(tmp_path: Path, way: list[str]) -> None:
    ran = run(tmp_path, "ask", *SCRIPT, *way, "text: so far\ncut")
    assert ran.out == b"so far\n"
    assert ran.err == "dragoman: the script breaks the answer off\n"
    assert ran.code == 7


def test_a_broken_answer_in_json_has_no_finish_reason(tmp_path: Path) -> None:
    ran = run(tmp_path, "ask", *SCRIPT, "--json", "text: so far\nerror: 429 retry_after=3 Slow!")
    answer = json.loads(ran.out)
    assert answer["text"] == "so far"
    assert answer["finish_reason"] is None
    assert answer["error"]["kind"] == "RateLimitError"
    assert answer["error"]["retryable"] is True
    assert answer["error"]["retry_after"] == 3
    assert ran.code == 5


def test_a_refused_question_in_json_is_an_object_too(tmp_path: Path) -> None:
    ran = run(tmp_path, "ask", "--json", "-m", "offline/elisa", "hello")
    answer = json.loads(ran.out)
    assert (answer["text"], answer["model"], answer["usage"]) == ("", "offline/elisa", None)
    assert "did you mean" in answer["error"]["message"]
    assert ran.code == 4


def test_the_first_block_of_code_is_printed_alone(tmp_path: Path) -> None:
    script = r"text: See:\n```python\nimport os\n\tprint()\n```\nor\n~~~\nelse\n~~~"
    ran = run(tmp_path, "ask", *SCRIPT, "--extract", script)
    assert (ran.code, ran.out, ran.err) == (0, b"import os\n\tprint()\n", "")
    assert run(tmp_path, "ask", *SCRIPT, "-x", r"text: ```\nopen").out == b"open\n"


def test_without_a_block_of_code_nothing_is_printed(tmp_path: Path) -> None:
    ran = run(tmp_path, "ask", *SCRIPT, "--extract", "text: rm -rf")
    assert (ran.code, ran.out, ran.err) == (8, b"", "dragoman: there is no block of code in the answer\n")


def test_code_of_an_answer_that_broke_off_is_not_printed(tmp_path: Path) -> None:
    ran = run(tmp_path, "ask", *SCRIPT, "--extract", r"text: ```\nrm -rf /tmp/x\n```\nBut" + "\ncut")
    assert (ran.code, ran.out) == (7, b"")


def test_json_and_code_cannot_both_be_printed(tmp_path: Path) -> None:
    ran = run(tmp_path, "ask", "--json", "--extract", "hello")
    assert (ran.code, ran.out) == (2, b"")


def test_a_pipe_that_says_nothing_is_spoken_of(tmp_path: Path) -> None:
    process = subprocess.Popen(
        [*COMMAND, "ask", *ECHO, "hello"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=tmp_path,
        env=environment(tmp_path),
    )
    with process:
        assert process.stderr
        assert process.stderr.readline() == "reading stdin …; Ctrl-D ends it, </dev/null leaves it out\n".encode()
        out, err = process.communicate(b"more", PATIENCE)
    assert (process.returncode, out, err) == (0, b"hello\n\nmore\n", b"")


@pytest.mark.parametrize("words", [["ask", *ECHO, "-a", "-", "hello"], ["explain"], ["explain", "-f", "-"]])
def test_so_is_one_of_an_attachment_and_of_a_request(tmp_path: Path, words: list[str]) -> None:
    with subprocess.Popen(
        [*COMMAND, *words],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=tmp_path,
        env=environment(tmp_path),
    ) as process:
        assert process.stderr
        assert process.stderr.readline().startswith(b"reading stdin")
        process.communicate(b"more", PATIENCE)


def test_a_lone_dash_reads_what_is_typed(tmp_path: Path) -> None:
    with Terminal(tmp_path, "ask", *ECHO, "-") as terminal:
        terminal.expect("reading stdin")
        terminal.press("typed\n\x04")
        assert terminal.end() == 0
        assert terminal.shown.endswith("typed\ntyped\n")


def test_stdin_that_is_no_text_is_refused(tmp_path: Path) -> None:
    ran = run(tmp_path, "ask", stdin=b"ab\xff")
    assert (ran.code, ran.out) == (2, b"")
    assert "0xff at 2; -a - attaches what is no text" in ran.err


def test_a_byte_order_mark_on_stdin_is_no_part_of_the_question(tmp_path: Path) -> None:
    assert run(tmp_path, "ask", *ECHO, stdin=b"\xef\xbb\xbfhi").out == b"hi\n"


def test_without_a_question_it_says_how_to_ask(tmp_path: Path) -> None:
    ran = run(tmp_path, "ask", stdin=b" \n")
    assert ran.code == 2
    assert ran.err.startswith("dragoman: there is no question")
    with Terminal(tmp_path, "ask") as terminal:
        assert terminal.end() == 2
        assert "there is no question" in terminal.text


async def test_text_is_printed_as_it_comes(tmp_path: Path) -> None:
    seen = asyncio.Event()

    async def answer(exchange: Exchange) -> None:
        await exchange.head(headers=SSE)
        await exchange.chunk(chunk("first "))
        await seen.wait()
        await exchange.chunk(chunk("last") + chunk(finish="stop") + DONE)
        await exchange.end()

    async with serve(answer) as server:
        configure(tmp_path, {"up": server.url})
        process = await start(tmp_path, "ask", "-m", "up/test", "-s", "Be brief.", "hello")
        assert process.stdout
        async with asyncio.timeout(PATIENCE):
            assert await process.stdout.readexactly(6) == b"first "
        seen.set()
        ran = await finish(process)
        assert (ran.code, ran.out, ran.err) == (0, b"last\n", "")
        sent = json.loads(server.requests[0].body)
        assert sent["stream"] is True
        assert [message["role"] for message in sent["messages"]] == ["system", "user"]
        assert "Be brief." in str(sent["messages"][0])


async def test_no_stream_prints_nothing_before_the_end(tmp_path: Path) -> None:
    process = await start(tmp_path, "ask", *SCRIPT, "--no-stream", "text: a\ndelay: 0.2\ntext: b")
    assert process.stdout
    async with asyncio.timeout(PATIENCE):
        assert (await process.stdout.read(100)).startswith(b"ab")
    assert (await finish(process)).code == 0


async def test_an_interrupt_ends_the_upstream_too(tmp_path: Path) -> None:
    async def answer(exchange: Exchange) -> None:
        await exchange.head(headers=SSE)
        await exchange.chunk(chunk("first"))
        await exchange.closed()

    async with serve(answer) as server:
        configure(tmp_path, {"up": server.url})
        process = await start(tmp_path, "ask", "-m", "up/test", "hello")
        assert process.stdout
        async with asyncio.timeout(PATIENCE):
            assert await process.stdout.readexactly(5) == b"first"
            process.send_signal(signal.SIGINT)
            await server.peer_closed()
        ran = await finish(process)
        assert (ran.code, ran.out) == (-signal.SIGINT, b"\n")
        assert "Traceback" not in ran.err


def test_a_reader_who_leaves_is_no_fault(tmp_path: Path) -> None:
    process = subprocess.Popen(
        [*COMMAND, "ask", *SCRIPT, r"repeat: 300000 a line\n"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=tmp_path,
        env=environment(tmp_path),
    )
    assert process.stdout
    assert process.stderr
    assert process.stdout.readline() == b"a line\n"
    process.stdout.close()
    assert process.stderr.read() == b""
    process.stderr.close()
    assert process.wait(PATIENCE) == 141


def test_a_terminal_is_never_told_what_the_model_orders(tmp_path: Path) -> None:
    script = r"text: \u001b]0;owned\u0007\u001b[2Jred\u009b31m\u0008\u007f\r\nnext\tline \u202eti\u2066\u200b"
    with Terminal(tmp_path, "ask", *SCRIPT, script) as terminal:
        assert terminal.end() == 0
        assert "␛]0;owned␇␛[2Jred\ufffd31m␈␡" in terminal.drawn
        assert "next\tline <U+202E>ti<U+2066><U+200B>" in terminal.drawn
        assert "\x1b]0" not in terminal.drawn
        assert "\x1b[2J" not in terminal.drawn


def test_a_terminal_shows_thinking_dimmed_and_a_spinner_before(tmp_path: Path) -> None:
    script = "delay: 0.2\nreasoning: let me see\ntext: It is so."
    with Terminal(tmp_path, "ask", *SCRIPT, script) as terminal:
        assert terminal.end() == 0
        assert "waiting for an answer" in terminal.text
        assert "\x1b[2mlet \x1b[22m" in terminal.drawn
        assert terminal.text.endswith("let me see\n\nIt is so.\n")


def test_notes_stand_on_lines_of_their_own(tmp_path: Path) -> None:
    with Terminal(tmp_path, "ask", *SCRIPT, 'text: so\ntool: f {"x": "\u001b[2J"}\nlength') as terminal:
        assert terminal.end() == 0
        assert terminal.text.endswith('so\ntool call: f({"x": "␛[2J"})\nthe answer was cut at its length limit\n')
        assert "\x1b[2mtool call" in terminal.drawn


def test_without_colours_nothing_is_dimmed(tmp_path: Path) -> None:
    with Terminal(tmp_path, "ask", *SCRIPT, "reasoning: hm\ntext: so", env={"NO_COLOR": "1"}) as terminal:
        assert terminal.end() == 0
        assert terminal.text.endswith("hm\n\nso\n")
        assert "\x1b[2m" not in terminal.drawn


def test_a_terminal_that_can_only_print_lines_gets_lines(tmp_path: Path) -> None:
    with Terminal(tmp_path, "ask", *SCRIPT, "delay: 0.2\nreasoning: hm\ntext: so", env={"TERM": "dumb"}) as terminal:
        assert terminal.end() == 0
        assert terminal.drawn == "hm\r\n\r\nso\r\n"


def test_without_rich_it_is_as_plain(tmp_path: Path) -> None:
    (tmp_path / "rich").mkdir()
    (tmp_path / "rich" / "__init__.py").write_text("raise ImportError('there is no rich here')")
    with Terminal(tmp_path, "ask", *SCRIPT, "delay: 0.2\ntext: so", env={"PYTHONPATH": str(tmp_path)}) as terminal:
        assert terminal.end() == 0
        assert terminal.drawn == "so\r\n"


def test_ctrl_c_on_a_terminal_ends_it(tmp_path: Path) -> None:
    with Terminal(tmp_path, "ask", *SCRIPT, "text: so far\nhang") as terminal:
        terminal.expect("so far")
        terminal.press(CTRL_C)
        assert terminal.end() == -signal.SIGINT
        assert "Traceback" not in terminal.text


def test_ctrl_c_while_nothing_has_come_ends_it_too(tmp_path: Path) -> None:
    with Terminal(tmp_path, "ask", *SCRIPT, "hang") as terminal:
        terminal.expect("waiting for an answer")
        terminal.press(CTRL_C)
        assert terminal.end() == -signal.SIGINT
        assert "Traceback" not in terminal.text
        assert not terminal.shown.strip()


def test_the_configuration_may_be_named_before_or_behind_the_command(tmp_path: Path) -> None:
    named = tmp_path / "other.toml"
    named.write_text('[models.mine]\ntargets = ["offline/echo"]\n')
    for arguments in (["--config", str(named), "ask"], ["ask", "--config", str(named)]):
        assert run(tmp_path, *arguments, "--no-save", "-m", "mine", "hello").out == b"hello\n"
    assert os.listdir(tmp_path) == ["other.toml"]
