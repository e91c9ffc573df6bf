"""`dragoman init`: what is found is written and tried."""

import asyncio
import re
import signal
from pathlib import Path

from tests.cli.pty import CTRL_C, CTRL_D, Terminal
from tests.cli.shell import DONE, SSE, chunk, run, run_beside
from tests.support.server import Exchange, serve

PLACE = Path(".config/dragoman/dragoman.toml")


async def answer(exchange: Exchange) -> None:
    """A service with two models, of which one chats."""
    if exchange.request.path.endswith("/models"):
        body = b'{"data": [{"id": "text-embedding-9"}, {"id": "gpt-9"}]}'
        await exchange.reply(headers={"content-type": "application/json"}, body=body)
        return
    await exchange.head(headers=SSE)
    await exchange.chunk(chunk("OK") + chunk(finish="stop") + DONE)
    await exchange.end()


def keys(url: str) -> dict[str, str]:
    return {"OPENAI_API_KEY": "sk-very-secret", "OPENAI_BASE_URL": url}


async def test_a_service_with_a_key_is_written_and_tried_and_then_answers(tmp_path: Path) -> None:
    async with serve(answer) as server:
        ran = await run_beside(tmp_path, "init", "--yes", env=keys(server.url))
        text = (tmp_path / PLACE).read_text()
        assert ran.out.decode() == text
        assert 'default_model = "openai/gpt-9"' in text
        assert '# The key is read from OPENAI_API_KEY.\n[providers.openai]\ndefault_model = "gpt-9"\n' in text
        assert f"{tmp_path / PLACE} is written" in ran.err
        assert re.search(r"^ok    openai +gpt-9 ", ran.err, re.MULTILINE)
        assert "sk-very-secret" not in ran.out.decode() + ran.err
        assert (tmp_path / PLACE).stat().st_mode & 0o077 == 0
        asked = await run_beside(tmp_path, "ask", "hello", env=keys(server.url))
        assert (asked.code, asked.out) == (0, b"OK\n")


async def test_nothing_is_written_that_is_not_wanted(tmp_path: Path) -> None:
    async with serve(answer) as server:
        env = keys(server.url)
        for arguments, said in ((["--print"], ""), ([], "nothing is written: --yes writes it to ")):
            ran = await run_beside(tmp_path, "init", *arguments, env=env)
            assert ran.code == 0
            assert b"[providers.openai]" in ran.out
            assert said in ran.err
        assert not (tmp_path / PLACE).exists()

        def talk(answered: str) -> int:
            with Terminal(tmp_path, "init", env=env) as terminal:
                terminal.expect("Write this to ")
                terminal.press(answered)
                code = terminal.end()
                assert terminal.drawn.endswith("\n")
                return code

        assert await asyncio.to_thread(talk, "n\r") == 0
        assert not (tmp_path / PLACE).exists()
        assert await asyncio.to_thread(talk, CTRL_D) == 130
        assert await asyncio.to_thread(talk, CTRL_C) == -signal.SIGINT
        assert not (tmp_path / PLACE).exists()
        await asyncio.to_thread(talk, "\r")
        assert (tmp_path / PLACE).exists()


async def test_a_file_is_replaced_only_if_that_is_wanted(tmp_path: Path) -> None:
    (tmp_path / PLACE).parent.mkdir(parents=True)
    (tmp_path / PLACE).write_text("[gateway]\nport = 1\n")
    ran = run(tmp_path, "init", "--yes")
    assert (ran.code, ran.out) == (3, b"")
    assert f"{tmp_path / PLACE} is there already" in ran.err
    async with serve(answer) as server:
        await run_beside(tmp_path, "init", "--yes", "-o", "other.toml", env=keys(server.url))
        assert "[providers.openai]" in (tmp_path / "other.toml").read_text()
        assert (tmp_path / PLACE).read_text() == "[gateway]\nport = 1\n"
        await run_beside(tmp_path, "init", "--yes", "--force", env=keys(server.url))
        assert "[providers.openai]" in (tmp_path / PLACE).read_text()


async def test_a_service_that_fails_is_told(tmp_path: Path) -> None:
    async def refuse(exchange: Exchange) -> None:
        await exchange.reply(401, {"content-type": "application/json"}, b'{"error": {"message": "no such key"}}')

    async with serve(refuse) as server:
        ran = await run_beside(tmp_path, "init", "--yes", env=keys(server.url))
    assert ran.code == 1
    assert re.search(r"^FAIL  openai ", ran.err, re.MULTILINE)
    assert "Check `api_key`" in ran.err


def test_a_first_run_says_how_to_go_on(tmp_path: Path) -> None:
    for words in (["ask", "hello"], ["chat"]):
        with Terminal(tmp_path, *words) as terminal:
            terminal.expect("a small offline model answers: see `dragoman init`")
    assert "dragoman init" not in run(tmp_path, "ask", "hello").err
    with Terminal(tmp_path, "ask", "-m", "offline/eliza", "hello") as terminal:
        assert terminal.end() == 0
        assert "dragoman init" not in terminal.text
