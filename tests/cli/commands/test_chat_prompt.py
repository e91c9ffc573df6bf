"""The prompt of `dragoman chat`: lines, history, completion, paste, and what a terminal shows of them."""

import asyncio
import re
from pathlib import Path

import pytest

from tests.cli.pty import ALT_ENTER, CTRL_C, CTRL_D, TAB, UP, Terminal
from tests.cli.shell import DONE, PATIENCE, SSE, chunk, configure
from tests.support.server import Exchange, serve

SCRIPT = ("chat", "-m", "offline/script")


def test_ctrl_c_at_the_prompt_clears_the_line(tmp_path: Path) -> None:
    with Terminal(tmp_path, "chat", "-m", "offline/echo") as terminal:
        terminal.expect("›")
        terminal.press("half a line")
        terminal.expect("half a line")
        terminal.press(CTRL_C)
        terminal.expect("leaves)")
        terminal.line("whole")
        terminal.expect("whole")
        terminal.line("/exit")
        assert terminal.end() == 0


def test_tab_completes_commands_and_models(tmp_path: Path) -> None:
    with Terminal(tmp_path, "chat") as terminal:
        terminal.expect("›")
        terminal.press(f"/mo{TAB}offline/ec{TAB}\r")
        terminal.expect("model: offline/echo")
        terminal.expect("›")
        terminal.press(CTRL_D)
        assert terminal.end() == 0


def test_history_outlives_the_program_and_is_nobody_elses(tmp_path: Path) -> None:
    with Terminal(tmp_path, "chat", "-m", "offline/echo") as terminal:
        terminal.line("remember me")
        terminal.line("/exit")
        assert terminal.end() == 0
    history = tmp_path / ".local" / "state" / "dragoman" / "history"
    assert "remember me" in history.read_text()
    assert history.stat().st_mode & 0o077 == 0
    with Terminal(tmp_path, "chat", "-m", "offline/echo") as terminal:
        terminal.expect("›")
        terminal.press("\x1b[A\x1b[A\r")
        terminal.expect("remember me")
        terminal.expect("remember me")
        terminal.line("/exit")
        assert terminal.end() == 0


@pytest.mark.parametrize("how", [("--no-save",), ()])
def test_nothing_is_added_to_the_history_if_nothing_is_to_be_kept(tmp_path: Path, how: tuple[str, ...]) -> None:
    state = tmp_path / ".local" / "state" / "dragoman"
    state.mkdir(parents=True)
    (state / "history").write_text('"typed before"\n')
    if not how:
        (tmp_path / "dragoman.toml").write_text("[cli]\nsave = false\n")
    with Terminal(tmp_path, "chat", *how, "-m", "offline/echo") as terminal:
        terminal.line("keep this off the disk")
        terminal.expect("keep this off the disk")
        terminal.expect("›")
        terminal.press("\x1b[A")
        terminal.expect("keep this off the disk")
        terminal.press("\x1b[A\r")
        terminal.expect("typed before")
        terminal.line("/exit")
        assert terminal.end() == 0
    assert (state / "history").read_text() == '"typed before"\n'


def test_a_history_that_cannot_be_used_is_told_once(tmp_path: Path) -> None:
    (tmp_path / ".local/state/dragoman/history").mkdir(parents=True)
    with Terminal(tmp_path, "chat", "-m", "offline/echo") as terminal:
        terminal.line("one")
        terminal.expect("the history is not readable: Is a directory: ")
        terminal.line("two")
        terminal.line("/exit")
        assert terminal.end() == 0
        assert terminal.text.count("the history is") == 1
        assert "\ntwo\n" in terminal.shown


def test_two_conversations_at_once_both_keep_their_lines(tmp_path: Path) -> None:
    echo = ("chat", "-m", "offline/echo")
    with Terminal(tmp_path, *echo) as one, Terminal(tmp_path, *echo) as two:
        for terminal, words in ((one, "said in one"), (two, "said in two")):
            terminal.line(words)
            terminal.expect(words)
        for terminal in (two, one):
            terminal.line("/exit")
            assert terminal.end() == 0
    history = (tmp_path / ".local" / "state" / "dragoman" / "history").read_text()
    assert "said in one" in history
    assert "said in two" in history


def test_a_closed_window_loses_no_line(tmp_path: Path) -> None:
    with Terminal(tmp_path, "chat", "-m", "offline/echo") as terminal:
        terminal.line("keep me")
        terminal.expect("keep me")
        terminal.close_window()
    state = tmp_path / ".local" / "state" / "dragoman"
    assert (state / "history").read_text() == '"keep me"\n'
    assert [path.name for path in state.iterdir()] == ["history"]


def test_a_message_of_several_lines_comes_back_whole(tmp_path: Path) -> None:
    with Terminal(tmp_path, "chat", "-m", "offline/echo") as terminal:
        terminal.paste("one\ntwo\nthree")
        terminal.expect("waiting")
        terminal.expect("›")
        terminal.press(CTRL_D)
        assert terminal.end() == 0
        assert "› one\n… two\n… three\none\ntwo\nthree\n\n›" in terminal.shown
    with Terminal(tmp_path, "chat", "-m", "offline/echo") as terminal:
        terminal.expect("›")
        terminal.press(UP + "\r")
        terminal.expect("waiting")
        terminal.line("/exit")
        assert terminal.end() == 0
        assert "› one\n… two\n… three\none\ntwo\nthree\n\n› /exit" in terminal.shown


def test_a_backslash_at_the_end_and_alt_enter_go_on_in_the_next_line(tmp_path: Path) -> None:
    with Terminal(tmp_path, *SCRIPT) as terminal:
        terminal.expect("›")
        terminal.press("text: one\\\\ \\\r")
        terminal.expect_row("…")
        terminal.press(f"text: two{ALT_ENTER}text: three\r")
        terminal.expect("waiting")
        terminal.line("text: meant \\\\")
        terminal.expect("waiting")
        terminal.line("/exit")
        assert terminal.end() == 0
        assert "one\\ twothree\n" in terminal.shown
        assert "\nmeant \\\n" in terminal.shown


def test_a_message_is_written_in_the_users_editor(tmp_path: Path) -> None:
    editor = """sh -c 'printf " by hand\\n\\n" >> "$1"' sh"""
    env = {"VISUAL": editor, "EDITOR": "false"}
    with Terminal(tmp_path, "chat", "-m", "offline/echo", env=env) as terminal:
        terminal.line("/edit written")
        terminal.expect("waiting")
        terminal.expect("›")
        terminal.press(UP + "\r")
        terminal.expect("waiting")
        terminal.line("/exit")
        assert terminal.end() == 0
        talk = "› /edit written\nwritten by hand\nwritten by hand\n\n› written by hand\nwritten by hand\n\n› /exit"
        assert talk in terminal.shown


CTRL_R, ESCAPE = "\x12", "\x1b"


def test_ctrl_r_searches_what_was_typed_in_earlier_runs(tmp_path: Path) -> None:
    with Terminal(tmp_path, "chat", "-m", "offline/echo") as terminal:
        terminal.line("first needle")
        terminal.line("second thread")
        terminal.line("/exit")
        assert terminal.end() == 0
    with Terminal(tmp_path, "chat", "-m", "offline/echo") as terminal:
        terminal.expect("›")
        terminal.press(CTRL_R)
        terminal.expect("I-search backward")
        terminal.press("need")
        terminal.expect("first needle")
        terminal.press("\r")
        terminal.expect_row("› first needle")
        terminal.press("!\r")
        terminal.line("/exit")
        assert terminal.end() == 0
        assert "\nfirst needle!\n" in terminal.shown or "\nfirst !needle\n" in terminal.shown


def test_wide_characters_and_long_lines_fit_a_narrow_window(tmp_path: Path) -> None:
    with Terminal(tmp_path, "chat", "-m", "offline/echo", columns=20) as terminal:
        terminal.expect("›")
        terminal.press("今天天气怎么样今天天气怎么样🙂e\u0301")
        terminal.expect("🙂")
        assert "› 今天天气怎么样今天\n  天气怎么样🙂é" in terminal.shown
        terminal.press("\x7f" * 3 + "!\r")
        terminal.expect("waiting")
        terminal.line("/exit")
        assert terminal.end() == 0
        typed, _, answer = terminal.shown.partition("  天气怎么样!\n")
        assert typed.endswith("› 今天天气怎么样今天\n")
        assert "今天天气怎么样今天天" in answer.replace("\n", "")


def test_pasted_text_is_shown_as_text(tmp_path: Path) -> None:
    with Terminal(tmp_path, "chat", "-m", "offline/echo") as terminal:
        terminal.paste("a\x1b]0;owned\x07\tb\r\nc")
        terminal.expect("waiting")
        terminal.line("/exit")
        assert terminal.end() == 0
        assert "\x1b]0;owned" not in terminal.drawn
        assert "owned" in terminal.shown


@pytest.mark.parametrize("end", ["/exit\r", CTRL_D])
def test_without_colours_the_prompt_has_none(tmp_path: Path, end: str) -> None:
    with Terminal(tmp_path, "chat", "-m", "offline/echo", env={"NO_COLOR": "1"}) as terminal:
        terminal.line("hello")
        terminal.expect("waiting")
        terminal.expect("›")
        terminal.press(end)
        assert terminal.end() == 0
        assert set(re.findall(r"\x1b\[([\d;]*)m", terminal.drawn)) <= {"", "0"}


def test_without_prompt_toolkit_lines_are_read_plainly(tmp_path: Path) -> None:
    (tmp_path / "prompt_toolkit").mkdir()
    (tmp_path / "prompt_toolkit" / "__init__.py").write_text("raise ImportError('there is none here')")
    with Terminal(tmp_path, *SCRIPT, env={"PYTHONPATH": str(tmp_path)}) as terminal:
        terminal.line("text: Some words.")
        terminal.expect("Some words.")
        terminal.expect("›")
        terminal.press(CTRL_D)
        assert terminal.end() == 0


async def test_models_of_services_are_completed(tmp_path: Path) -> None:
    async def answer(exchange: Exchange) -> None:
        await exchange.reply(
            headers={"content-type": "application/json"}, body=b'{"data": [{"id": "brand-new"}, {"id": "other"}]}'
        )

    async with serve(answer) as server:
        (tmp_path / "dragoman.toml").write_text(f'[providers.up]\nprotocol = "openai-chat"\nurl = "{server.url}/v1"\n')
        with Terminal(tmp_path, "chat", "-m", "offline/echo") as terminal:

            def complete() -> int:
                terminal.expect("›")
                terminal.press("/model up/br")
                for _ in range(PATIENCE):  # the first Tab asks the service
                    terminal.press(TAB)
                    if terminal.soon("up/brand-new"):
                        break
                terminal.press("\r")
                terminal.expect("model: up/brand-new")
                terminal.line("/exit")
                return terminal.end()

            assert await asyncio.to_thread(complete) == 0


def test_files_go_with_the_next_message_and_their_names_are_completed(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("remember the milk")
    with Terminal(tmp_path, "chat", "-m", "offline/echo") as terminal:
        terminal.expect("›")
        terminal.press(f"/attach no{TAB}\r")
        terminal.expect("goes with the next message: text")
        terminal.line("/attach none.png")
        terminal.expect("cannot be read: No such file")
        terminal.line("What is in it?")
        terminal.expect("remember the milk")
        terminal.line("/attach")
        terminal.expect("goes with the next message: nothing")
        terminal.line("/attach notes.txt")
        terminal.expect("message: text")
        terminal.line("/attach -")
        terminal.expect("message: nothing")
        terminal.line("/exit")
        assert terminal.end() == 0


def test_an_editor_that_fails_sends_nothing(tmp_path: Path) -> None:
    env = {"EDITOR": "false"}
    with Terminal(tmp_path, "chat", "-m", "offline/echo", env=env) as terminal:
        terminal.line("/edit written")
        terminal.expect("the editor 'false' ended with 1; its text is not used")
        terminal.line("/save talk.json")
        terminal.expect("saved 0 messages")
        terminal.line("/exit")
        assert terminal.end() == 0


async def test_what_is_typed_while_an_answer_comes_appears_at_the_next_prompt(tmp_path: Path) -> None:
    typed = asyncio.Event()

    async def answer(exchange: Exchange) -> None:
        await exchange.head(headers=SSE)
        await exchange.chunk(chunk("alpha "))
        await typed.wait()
        await exchange.chunk(chunk("gamma") + chunk(finish="stop") + DONE)
        await exchange.end()

    async with serve(answer) as server:
        configure(tmp_path, {"up": server.url})
        with Terminal(tmp_path, "chat", "-m", "up/test") as terminal:

            def type_ahead(loop: asyncio.AbstractEventLoop) -> int:
                terminal.line("hello")
                terminal.expect("alpha")
                terminal.type_ahead("/system\r/ex")
                loop.call_soon_threadsafe(typed.set)
                terminal.expect("gamma")
                terminal.expect("system: (none)")
                terminal.expect("› /ex")
                terminal.press("it\r")
                return terminal.end()

            assert await asyncio.to_thread(type_ahead, asyncio.get_running_loop()) == 0
            assert terminal.shown.endswith("› hello\nalpha gamma\n\n› /system\nsystem: (none)\n› /exit\n")


def test_the_prompt_is_drawn_again_with_what_was_typed_when_the_program_comes_back(tmp_path: Path) -> None:
    with Terminal(tmp_path, "chat", "-m", "offline/echo") as terminal:
        terminal.expect("›")
        terminal.press("half")
        terminal.expect("half")
        terminal.leave_and_come_back("› half")
        terminal.press(" and half\r")
        terminal.expect("waiting")
        terminal.line("/exit")
        assert terminal.end() == 0
        assert "› half and half\nhalf and half\n\n› /exit" in terminal.shown


def test_a_locale_without_the_sign_has_a_plain_prompt(tmp_path: Path) -> None:
    with Terminal(tmp_path, "chat", "-m", "offline/echo", env={"LC_ALL": "C"}) as terminal:
        terminal.expect_row(">")
        terminal.press(CTRL_D)
        assert terminal.end() == 0


def test_what_is_typed_in_another_encoding_is_refused(tmp_path: Path) -> None:
    with Terminal(tmp_path, "chat", "-m", "offline/echo") as terminal:
        for begin in ("", "/system ", "/edit "):
            terminal.expect("›")
            terminal.press(f"{begin}caf\udce9\r")
            terminal.expect("expected UTF-8 from the terminal, got other bytes; nothing is sent")
        terminal.line("after")
        terminal.line("/save talk.json")
        terminal.expect("saved 2 messages")
        terminal.line("/exit")
        assert terminal.end() == 0
    assert b"caf" not in (tmp_path / "talk.json").read_bytes()
