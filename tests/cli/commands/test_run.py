"""`dragoman run`, with programs in place of the agents that find the gateway as the real ones do."""

import asyncio
import json
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from dragoman.cli.agent_proxies import NO_PROXY, without_proxy
from dragoman.cli.agents.catalogue import agents
from tests.cli import fake_agent
from tests.cli.commands.test_serve import ADDRESS, first_lines
from tests.cli.pty import CTRL_C, Terminal
from tests.cli.shell import PATIENCE, Ran, environment, finish, run, start
from tests.support.ports import free_port

GREETING = "Hello. I am eliza. What is on your mind?"


def surroundings(home: Path, more: Mapping[str, str] | None = None) -> dict[str, str]:
    """An environment with every agent on its PATH; nothing listens at the configured address."""
    programs = home / "programs"
    programs.mkdir(exist_ok=True)
    for name in agents():
        program = programs / name
        program.write_text(f"#!{sys.executable}\n{Path(fake_agent.__file__).read_text()}")
        program.chmod(0o755)
    temporary = home / "temporary"
    temporary.mkdir(exist_ok=True)
    own = {
        "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}",
        "FAKE_RECORD": str(home / "record.json"),
        "TMPDIR": str(temporary),
        "DRAGOMAN_GATEWAY_PORT": str(free_port()),
    }
    return own | dict(more or {})


def recorded(home: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((home / "record.json").read_text())
    return found


def listens(url: str) -> bool:
    parts = urlsplit(url)
    with socket.socket() as probe:
        return probe.connect_ex((parts.hostname, parts.port)) == 0


@pytest.mark.parametrize("name", agents())
def test_an_agent_reaches_a_gateway_that_lives_as_long_as_it(tmp_path: Path, name: str) -> None:
    own_keys = dict.fromkeys(("ANTHROPIC_API_KEY", "GOOGLE_API_KEY", "COPILOT_PROVIDER_BEARER_TOKEN"), "sk-own")
    env = surroundings(tmp_path, own_keys)
    ran = run(tmp_path, "run", name, "--", "--do", "this now", env=env)
    assert ran.code == 0, ran.err
    found = recorded(tmp_path)
    assert GREETING in found["answer"]
    assert found["arguments"][-2:] == ["--do", "this now"]
    assert f"started one at http://{urlsplit(found['url']).netloc} for this run" in ran.err
    assert "model: offline/eliza" in ran.err
    assert not listens(found["url"])
    assert list((tmp_path / "temporary").iterdir()) == []
    key = "".join(found["headers"].values()).removeprefix("Bearer ")
    assert len(key) > 30
    assert key not in ran.err
    assert "DRAGOMAN_GATEWAY_API_KEY" not in found["environ"]


def test_an_agent_on_a_named_model(tmp_path: Path) -> None:
    ran = run(tmp_path, "run", "codex", "--model", "offline/echo", env=surroundings(tmp_path))
    assert ran.code == 0, ran.err
    answer = json.loads(recorded(tmp_path)["answer"])
    assert answer["model"] == "offline/echo"
    assert answer["output"][0]["content"][0]["text"] == "hello"


@pytest.mark.parametrize(("how", "code"), [("0", 0), ("7", 7), ("killed", 128 + signal.SIGKILL)])
def test_ends_as_the_agent_ends(tmp_path: Path, how: str, code: int) -> None:
    assert run(tmp_path, "run", "claude", env=surroundings(tmp_path, {"FAKE_END": how})).code == code
    assert not listens(recorded(tmp_path)["url"])


def test_is_ended_by_a_ctrl_c_that_ended_the_agent(tmp_path: Path) -> None:
    ran = run(tmp_path, "run", "claude", env=surroundings(tmp_path, {"FAKE_END": "interrupted"}))
    assert (ran.code, "Traceback" in ran.err) == (-signal.SIGINT, False)
    assert not listens(recorded(tmp_path)["url"])


@pytest.mark.parametrize("last", [signal.SIGTERM, signal.SIGINT])
async def test_signals_pass_through(tmp_path: Path, last: signal.Signals) -> None:
    process = await start(tmp_path, "run", "pi", env=surroundings(tmp_path, {"FAKE_END": "wait"}))
    assert process.stdout
    async with asyncio.timeout(PATIENCE):
        assert await process.stdout.readline() == b"waiting\n"
    process.send_signal(last)
    ran = await finish(process)
    assert ran.out == f"got {last.name}\n".encode()
    assert ran.code == 1
    assert not listens(recorded(tmp_path)["url"])


def test_a_ctrl_c_on_the_terminal_reaches_the_agent_once(tmp_path: Path) -> None:
    with Terminal(tmp_path, "run", "claude", env=surroundings(tmp_path, {"FAKE_END": "wait"})) as terminal:
        terminal.expect("waiting")
        terminal.press(CTRL_C)
        terminal.expect("got SIGINT")
        # Its exit code counts the signals that it got.
        assert terminal.end() == 1


@asynccontextmanager
async def running_gateway(home: Path) -> AsyncIterator[str]:
    """`dragoman serve` with the configuration in `home`; its address."""
    process = await start(home, "serve")
    try:
        found = ADDRESS.search(await first_lines(process))
        assert found
        yield found[0].decode()
    finally:
        process.send_signal(signal.SIGTERM)
        await finish(process)


def configured(home: Path, key: str) -> dict[str, str]:
    """The environment for a gateway at an address that the file in `home` names, and that wants `key`."""
    (home / "dragoman.toml").write_text(f'[gateway]\nport = {free_port()}\napi_key = "{key}"\n')
    return {name: value for name, value in surroundings(home).items() if name != "DRAGOMAN_GATEWAY_PORT"}


async def run_there(home: Path, *arguments: str, env: Mapping[str, str]) -> Ran:
    return await asyncio.to_thread(run, home, "run", *arguments, env=env)


async def test_a_gateway_that_runs_is_used_and_goes_on(tmp_path: Path) -> None:
    env = configured(tmp_path, "sk-gate")
    async with running_gateway(tmp_path) as url:
        ran = await run_there(tmp_path, "claude", env=env)
        assert ran.code == 0, ran.err
        found = recorded(tmp_path)
        assert found["url"].startswith(f"{url}/")
        assert found["headers"] == {"Authorization": "Bearer sk-gate"}
        assert f"uses the gateway that runs at {url}" in ran.err
        assert "sk-gate" not in ran.err
        assert listens(url)


async def test_a_gateway_that_does_not_take_our_key_is_told(tmp_path: Path) -> None:
    env = configured(tmp_path, "sk-gate")
    async with running_gateway(tmp_path) as url:
        ran = await run_there(tmp_path, "claude", env=env | {"DRAGOMAN_GATEWAY_API_KEY": "sk-other"})
        assert ran.code == 3
        assert f"the gateway at {url} does not take the configured key" in ran.err
        assert not (tmp_path / "record.json").exists()


async def test_what_listens_there_and_is_no_gateway_is_left_alone(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        other.listen()
        env = surroundings(tmp_path, {"DRAGOMAN_GATEWAY_PORT": str(other.getsockname()[1])})
        running = asyncio.create_task(run_there(tmp_path, "aider", env=env))
        peer, _ = await asyncio.to_thread(other.accept)
        with peer:
            peer.sendall(b"SSH-2.0-OpenSSH_9.2\r\n")
        ran = await running
    assert ran.code == 0, ran.err
    assert "started one at" in ran.err


def test_a_missing_program_is_told_with_how_to_get_it(tmp_path: Path) -> None:
    ran = run(tmp_path, "run", "codex", env={"PATH": str(tmp_path), "DRAGOMAN_GATEWAY_PORT": str(free_port())})
    assert ran.code == 3
    assert "there is no program 'codex' on the PATH" in ran.err
    assert "npm install -g @openai/codex" in ran.err


def test_an_unknown_model_is_told_before_anything_starts(tmp_path: Path) -> None:
    ran = run(tmp_path, "run", "claude", "-m", "offline/elisa", env=surroundings(tmp_path))
    assert ran.code == 4
    assert "did you mean eliza" in ran.err
    assert not (tmp_path / "record.json").exists()


def test_a_gateway_that_cannot_start_says_why(tmp_path: Path) -> None:
    env = surroundings(tmp_path, {"DRAGOMAN_GATEWAY_REQUEST_LOG": str(tmp_path / "none" / "log")})
    ran = run(tmp_path, "run", "claude", env=env)
    assert ran.code == 3
    assert "the gateway did not start" in ran.err
    assert "gateway.request_log: cannot write" in ran.err
    assert not (tmp_path / "record.json").exists()


def test_a_request_log_on_stdout_does_not_disturb_the_agent(tmp_path: Path) -> None:
    ran = run(tmp_path, "run", "claude", env=surroundings(tmp_path, {"DRAGOMAN_GATEWAY_REQUEST_LOG": "-"}))
    assert (ran.code, ran.out) == (0, b"")


def test_an_address_of_the_environment_does_not_disturb_the_agent(tmp_path: Path) -> None:
    env = surroundings(tmp_path, {"DRAGOMAN_GATEWAY_LISTEN": "127.0.0.1:0"})
    del env["DRAGOMAN_GATEWAY_PORT"]
    ran = run(tmp_path, "run", "claude", env=env)
    assert ran.code == 0, ran.err
    assert GREETING in recorded(tmp_path)["answer"]


@pytest.mark.parametrize("name", agents())
def test_no_proxy_is_asked_for_the_gateway(tmp_path: Path, name: str) -> None:
    proxies = {"HTTP_PROXY": "http://127.0.0.1:9", "http_proxy": "http://127.0.0.1:9", "NO_PROXY": "intra.example"}
    ran = run(tmp_path, "run", name, env=surroundings(tmp_path, proxies))
    assert ran.code == 0, ran.err
    found = recorded(tmp_path)
    assert GREETING in found["answer"]
    assert found["environ"]["no_proxy"] == found["environ"]["NO_PROXY"] == "intra.example,127.0.0.1"


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({}, {}),
        ({"no_proxy": "a"}, {}),
        ({"https_proxy": "http://p"}, {"NO_PROXY": "::1", "no_proxy": "::1"}),
        ({"ALL_PROXY": "http://p", "NO_PROXY": "a, b", "no_proxy": "b"}, dict.fromkeys(NO_PROXY, "a,b,::1")),
        ({"HTTP_PROXY": "http://p", "no_proxy": "*"}, {}),
    ],
)
def test_hosts_without_a_proxy_stay_so(environ: dict[str, str], expected: dict[str, str]) -> None:
    assert without_proxy("http://[::1]:8642", environ) == expected


def test_quiet_says_nothing(tmp_path: Path) -> None:
    ran = run(tmp_path, "run", "gemini", "--quiet", env=surroundings(tmp_path))
    assert (ran.code, ran.out, ran.err) == (0, b"", "")


@pytest.mark.parametrize("name", agents())
async def test_what_is_printed_does_the_same_in_a_shell(tmp_path: Path, name: str) -> None:
    port = free_port()
    env = surroundings(tmp_path, {"DRAGOMAN_GATEWAY_PORT": str(port)})
    printed = await run_there(tmp_path, name, "--print", "--", "it's", env=env)
    assert printed.code == 0, printed.err
    assert not (tmp_path / "record.json").exists()
    process = await start(tmp_path, "serve", "--port", str(port))
    try:
        await first_lines(process)
        shell = await asyncio.create_subprocess_exec(
            "sh", "-e", "-c", printed.out.decode(), env=environment(tmp_path, env), cwd=tmp_path, stderr=subprocess.PIPE
        )
        _, err = await shell.communicate()
        assert shell.returncode == 0, err
    finally:
        process.send_signal(signal.SIGTERM)
        await finish(process)
    assert GREETING in recorded(tmp_path)["answer"]
    assert recorded(tmp_path)["arguments"][-1] == "it's"
    # A gateway without keys takes any, also the one that was not shown.
    assert "***" in "".join(recorded(tmp_path)["headers"].values())


@pytest.mark.parametrize("name", agents())
async def test_print_shows_no_key(tmp_path: Path, name: str) -> None:
    env = configured(tmp_path, "sk-gate")
    async with running_gateway(tmp_path) as url:
        printed = await run_there(tmp_path, name, "--print", env=env)
        assert url.encode() in printed.out
        assert b"sk-gate" not in printed.out
        assert b"***" in printed.out


def test_pi_keeps_its_own_files(tmp_path: Path) -> None:
    own = tmp_path / ".pi" / "agent"
    (own / "sessions").mkdir(parents=True)
    (own / "models.json").write_text("{}")
    (own / "settings.json").write_text('{"theme":"dark"}')
    env = surroundings(tmp_path)
    # It looks whether it can see its settings, and adds a session.
    program = tmp_path / "programs" / "pi"
    program.write_text(
        '#!/bin/sh\ncat "$PI_CODING_AGENT_DIR/settings.json"; touch "$PI_CODING_AGENT_DIR/sessions/new"\n'
    )
    ran = run(tmp_path, "run", "pi", env=env)
    assert (ran.code, ran.out) == (0, b'{"theme":"dark"}')
    assert (own / "sessions" / "new").exists()
    assert (own / "models.json").read_text() == "{}"


@pytest.mark.parametrize("agent", agents().values(), ids=lambda agent: agent.name)
def test_every_agent_is_in_the_help_and_on_its_page(agent: Any) -> None:
    page = (Path(__file__).parents[3] / "docs" / "agents.md").read_text()
    assert re.search(rf"^\| {re.escape(agent.title)} \| `dragoman run {agent.name}` \|", page, re.MULTILINE)
    help_text = (Path(__file__).parents[3] / "docs" / "cli.md").read_text()
    assert agent.name in help_text.partition("## dragoman run")[2].partition("Options:")[0]


def test_its_files_stand_where_no_other_user_can_write(tmp_path: Path) -> None:
    """Gemini CLI refuses settings below a folder that others can write."""
    home = tmp_path / "me"
    home.mkdir()
    ran = run(tmp_path, "run", "gemini", env=surroundings(tmp_path, {"HOME": str(home)}))
    assert ran.code == 0, ran.err
    path = Path(recorded(tmp_path)["environ"]["GEMINI_CLI_SYSTEM_SETTINGS_PATH"])
    private = home / ".cache" / "dragoman"
    assert path.is_relative_to(private)
    assert private.stat().st_mode & 0o077 == 0
    assert list(private.iterdir()) == []
