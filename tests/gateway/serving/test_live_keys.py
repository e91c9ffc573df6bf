"""A gateway takes the keys that its commands print while it serves, and loses no request by that."""

import asyncio
import logging
import os
import signal
import sys
import time
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from dragoman.config import Config, from_tables, load
from dragoman.config.commands import Printed
from dragoman.config.renewal import AGAIN, HASTE
from dragoman.errors import Attempt, ConfigurationError
from dragoman.gateway.serving.live_keys import HEAD, SharedKeys
from dragoman.gateway.serving.reload import LiveConfig, refusing
from dragoman.gateway.serving.reloader import Reloader
from dragoman.gateway.serving.systemd import Notifier
from dragoman.types import Outcome
from tests.client.test_fresh_keys import keys, printing, runs, service, tables
from tests.config.test_commands import script
from tests.config.test_renewal import Clock
from tests.gateway.serving.test_workers import two_workers
from tests.support.asgi import under_uvicorn
from tests.support.gateway import Running, ask, chat_body, connect, running
from tests.support.spawned import spawned

TOML = """
[gateway]
port = 0
workers = {workers}
api_key = {{ command = ["{command}", "caller"], every = {every} }}
[providers.up]
protocol = "openai-chat"
url = "{url}"
api_key = {{ command = ["{command}"], every = {every} }}
"""
BODY = chat_body("hi", "up/m", stream=True)
EVERY = 100.0


def hanging(folder: Path) -> str:
    """A command that hangs once there is a file `slow`, and then writes its process into the file `pid`."""
    return script(folder, f"[ -e {folder}/slow ] && echo $$ > {folder}/pid && exec sleep 50; echo first", "slow.sh")


def hangs(folder: Path) -> bool:
    path = folder / "pid"
    return path.exists() and path.read_text() != ""


def has_ended(folder: Path) -> bool:
    try:
        os.kill(int((folder / "pid").read_text()), 0)
    except ProcessLookupError:
        return True
    return False


class Live:
    """A gateway that is served, the clock of its commands, and what they print."""

    def __init__(self, folder: Path, up: Running, live: LiveConfig, clock: Clock) -> None:
        self.folder = folder
        self.url = up.url
        self.server = up.server
        self.live = live
        self.clock = clock
        self.reloader = Reloader(up.server, live, Notifier())

    def prints(self, key: str) -> None:
        (self.folder / "now").write_text(key)

    async def later(self, seconds: float = EVERY) -> None:
        """Time passes, and the commands whose time has come have ended."""
        self.clock.now += seconds
        await self.look()

    async def look(self) -> None:
        """All that is to be looked at was looked at."""
        self.reloader.look()
        while self.live.wants_keys or self.reloader._task is not None:  # until it is at rest
            await asyncio.sleep(0.01)
            self.reloader.look()

    async def ask(self, key: str = "first") -> int:
        """The status of a chat for a caller with this key."""
        return (await ask(self.url, "POST", "/v1/chat/completions", {"authorization": f"Bearer {key}"}, BODY)).status


@asynccontextmanager
async def living(folder: Path, url: str, command: str = "") -> AsyncIterator[Live]:
    """Its callers and the service have the same key."""
    (folder / "now").write_text("first")
    clock, path = Clock(), folder / "dragoman.toml"
    path.write_text(TOML.format(workers=1, command=command or printing(folder), url=url, every=EVERY))
    environ = {"PATH": os.environ["PATH"]}
    config = load(path, environ)
    live = LiveConfig(config, lambda run: load(path, environ, run=run), clock=clock)
    async with running(config, observers=(live.note,)) as up:
        it = Live(folder, up, live, clock)
        yield it
        await it.reloader.aclose()


async def test_the_next_request_has_the_new_key_on_open_connections_too(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    async with service() as server, living(tmp_path, server.url) as it, connect(it.url) as wire:
        wire.send("POST", "/v1/chat/completions", {"authorization": "Bearer first"}, BODY)
        assert (await wire.answer()).status == 200
        it.prints("second")
        await it.later(EVERY - 1)
        assert runs(tmp_path) == 2  # one for the callers, and one for the service
        await it.later(1)
        assert runs(tmp_path) == 4
        for key, status in (("first", 401), ("second", 200)):
            wire.send("POST", "/v1/chat/completions", {"authorization": f"Bearer {key}"}, BODY)
            assert (await wire.answer()).status == status
        assert keys(server) == ["first", "second"]
    said = [record.getMessage() for record in caplog.records if record.name == "dragoman.config"]
    assert said == [
        f"{tmp_path}/dragoman.toml:5: gateway.api_key: its command has printed another one",
        f"{tmp_path}/dragoman.toml:9: providers.up.api_key: its command has printed another one",
    ]


async def test_the_same_key_changes_nothing(tmp_path: Path) -> None:
    async with service() as server, living(tmp_path, server.url) as it:
        gateway = it.server.gateway
        await it.later()
        assert runs(tmp_path) == 4
        assert it.server.gateway is gateway


async def test_if_a_command_fails_the_key_stays_and_that_is_told_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with service() as server, living(tmp_path, server.url) as it:
        (tmp_path / "now").unlink()
        await it.later()
        await it.later(AGAIN)
        assert await it.ask() == 200
        told = [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]
        assert len(told) == 2
        said = "expected a command that prints the secret, got one that ended with status 1 and said: cat: "
        assert told[1].startswith(f"{tmp_path}/dragoman.toml:9: providers.up.api_key: {said}")
        it.prints("second")
        await it.later(AGAIN)
        assert [await it.ask(), await it.ask("second")] == [401, 200]


async def test_a_file_that_was_changed_keeps_the_keys_until_their_commands_were_run_again(tmp_path: Path) -> None:
    async with service() as server, living(tmp_path, server.url) as it:
        it.prints("second")
        path = tmp_path / "dragoman.toml"
        path.write_text(path.read_text() + f'secret = {{ command = ["{script(tmp_path, "echo own", "own")}"] }}\n')
        it.clock.now += HASTE
        os.utime(path, ns=(1, 1))
        it.reloader.look()
        it.reloader.look()
        while it.live.config.providers["up"].secret is None:  # noqa: ASYNC110  # a thread tells nobody of itself
            await asyncio.sleep(0.01)
        assert it.live.config.providers["up"].secret == "own"
        await it.look()
        assert [await it.ask(), await it.ask("second")] == [401, 200]


async def test_a_reload_takes_no_key_away_if_a_command_fails(tmp_path: Path) -> None:
    async with service() as server, living(tmp_path, server.url) as it:
        (tmp_path / "now").unlink()
        it.reloader.ask()
        await it.look()
        assert await it.ask() == 200


async def test_a_key_that_the_service_refuses_is_asked_for_at_once(tmp_path: Path) -> None:
    async with service("first") as server, living(tmp_path, server.url) as it:
        it.prints("second")
        assert await it.ask() == 401
        await it.later(HASTE)
        assert runs(tmp_path) == 2  # they had just been run
        assert await it.ask("other") == 401  # refused by the gateway itself
        wanted = [it.live.wants_keys]
        assert await it.ask() == 401
        assert [*wanted, it.live.wants_keys] == [False, True]
        await it.look()
        assert await it.ask("second") == 200
        assert keys(server) == ["first", "first", "second"]


async def test_a_command_that_hangs_holds_nothing_up_and_ends_with_the_gateway(tmp_path: Path) -> None:
    async with service() as server, living(tmp_path, server.url, hanging(tmp_path)) as it:
        (tmp_path / "slow").touch()
        it.clock.now += EVERY
        while not hangs(tmp_path):
            it.reloader.look()
            await asyncio.sleep(0.01)
        assert await it.ask() == 200
        begun = time.monotonic()
        await it.reloader.aclose()
        assert time.monotonic() - begun < 5
    assert has_ended(tmp_path)


async def test_behind_another_server_the_next_request_has_the_new_key(tmp_path: Path) -> None:
    (tmp_path / "now").write_text("first")
    async with service() as server, under_uvicorn(from_tables(tables(printing(tmp_path), server.url))) as url:
        assert (await ask(url, "POST", "/v1/chat/completions", body=BODY)).status == 200
        (tmp_path / "now").write_text("second")
        await asyncio.sleep(1.1)
        assert (await ask(url, "POST", "/v1/chat/completions", body=BODY)).status == 200
        assert keys(server) == ["first", "second"]


def configured(text: str = "a") -> Config:
    return from_tables({"providers": {"up": {"api_key": {"command": ["printf", text]}}}})


def test_what_one_process_writes_the_others_read() -> None:
    shared = SharedKeys()
    for text in ("a", "b" * 1000, "c"):
        shared.write(configured(text))
        assert shared.read() == {("printf", text): text}
    assert shared.run([("printf", "c"), ("other",)], {}) == {
        ("printf", "c"): Printed("c"),
        ("other",): Printed(failure="one that the parent of this worker has not run yet"),
    }
    assert not shared.was_refused()
    shared.refused()
    assert [shared.was_refused(), shared.was_refused()] == [True, False]


def test_what_is_half_written_is_not_read() -> None:
    shared = SharedKeys()
    with pytest.raises(ConfigurationError, match=r"^the parent has not written"):
        shared.read()
    shared.write(configured())
    shared._memory[HEAD + 5] ^= 1  # as if it were just being written
    with pytest.raises(ConfigurationError, match=r"^the parent has not written"):
        shared.read()


def test_more_than_there_is_room_for_is_refused() -> None:
    with pytest.raises(ConfigurationError, match=r"^expected keys of commands of at most"):
        SharedKeys(100).write(configured("a" * 100))


@asynccontextmanager
async def two(folder: Path, url: str, command: str, *options: str) -> AsyncIterator[tuple[Process, str]]:
    """A gateway of two workers in processes of its own, and its URL."""
    path = folder / "dragoman.toml"
    path.write_text(TOML.format(workers=2, command=command, url=url, every=1))
    async with spawned("-m", "dragoman", "serve", "--config", str(path), *options) as serving:
        yield serving


async def asked(url: str, key: str, times: int = 20) -> list[int]:
    """The statuses of that many requests, each on a connection of its own."""
    headers = {"authorization": f"Bearer {key}"}
    return [(await ask(url, "POST", "/v1/chat/completions", headers, BODY)).status for _ in range(times)]


async def test_the_parent_alone_runs_commands_and_all_workers_have_the_new_keys(tmp_path: Path) -> None:
    (tmp_path / "now").write_text("first")
    async with service() as server, two(tmp_path, server.url, printing(tmp_path)) as (process, url):
        assert await asked(url, "first") == [200] * 20
        begun = runs(tmp_path), time.monotonic()
        (tmp_path / "now").write_text("second")
        while set(await asked(url, "second")) != {200}:  # noqa: ASYNC110  # other processes tell nobody of themselves
            await asyncio.sleep(0.1)
        # Once a second, each of two commands.
        assert runs(tmp_path) - begun[0] <= 2 * (time.monotonic() - begun[1] + 1)
        server.requests.clear()
        assert await asked(url, "second") == [200] * 20
        assert set(keys(server)) == {"second"}
        (worker, _) = await two_workers(process)
        os.kill(worker, signal.SIGKILL)
        await two_workers(process, frozenset({worker}))
        assert await asked(url, "second") == [200] * 20


async def test_the_parent_sees_that_a_command_fails_and_the_workers_keep_the_key(tmp_path: Path) -> None:
    (tmp_path / "now").write_text("first")
    failing = script(tmp_path, f"echo x >> {tmp_path}/runs; cat {tmp_path}/now; [ ! -e {tmp_path}/fail ]", "fail.sh")
    async with service() as server, two(tmp_path, server.url, failing) as (process, url):
        (tmp_path / "now").write_text("second")
        (tmp_path / "fail").touch()
        begun = runs(tmp_path)
        while runs(tmp_path) < begun + 5:  # noqa: ASYNC110  # other processes tell nobody of themselves
            await asyncio.sleep(0.1)
        assert await asked(url, "first") == [200] * 20
        process.terminate()
        _, err = await process.communicate()
    assert set(keys(server)) == {"first"}
    told = [line for line in err.decode().splitlines() if "WARNING" in line and "api_key" in line]
    assert len(told) == 2
    assert (
        "providers.up.api_key: expected a command that prints the secret, got one that ended with status 1" in told[1]
    )
    assert "second" not in err.decode()


async def test_options_of_the_command_hold_with_new_keys_too(tmp_path: Path) -> None:
    (tmp_path / "now").write_text("first")
    log = tmp_path / "log"
    async with (
        service() as server,
        two(tmp_path, server.url, printing(tmp_path), "--request-log", str(log), "--workers", "1") as (_, url),
    ):
        (tmp_path / "now").write_text("second")
        while (await asked(url, "second", 1)) != [200]:  # noqa: ASYNC110  # other processes tell nobody of themselves
            await asyncio.sleep(0.1)
        until = time.monotonic() + 10
        while b'"status":200' not in log.read_bytes() and time.monotonic() < until:  # noqa: ASYNC110  # see above
            await asyncio.sleep(0.05)
        assert b'"status":200' in log.read_bytes()


WITHOUT_FILES = """
from dragoman.config import from_tables
from dragoman.gateway import serve
source = {{"command": [{command!r}], "every": 1}}
entry = {{"protocol": "openai-chat", "url": {url!r}, "api_key": source}}
config = from_tables({{"gateway": {{"port": 0, "workers": {workers}}}, "providers": {{"up": entry}}}})
serve(config, announce=lambda text: print(text, flush=True))
"""


@pytest.mark.parametrize("workers", [1, 2])
async def test_a_gateway_of_a_program_without_files_has_new_keys_too(tmp_path: Path, workers: int) -> None:
    (tmp_path / "now").write_text("first")
    async with service() as server:
        text = WITHOUT_FILES.format(command=printing(tmp_path), url=server.url, workers=workers)
        process = await asyncio.create_subprocess_exec(sys.executable, "-c", text, stdout=PIPE, stderr=PIPE)
        assert process.stdout is not None
        url = (await process.stdout.readline()).decode().split(" ")[3].rstrip(";")
        assert await asked(url, "", 4) == [200] * 4
        (tmp_path / "now").write_text("second")
        while keys(server)[-1] != "second":
            await asked(url, "", 1)
        process.terminate()
        await process.communicate()
        assert process.returncode == 0


def test_a_service_that_refuses_its_key_is_found_among_all_that_were_asked() -> None:
    outcome = Outcome("", "POST", "/", 0.0, target="last/m", upstream_status=401)
    outcome.attempts = (Attempt("first/m", "", 401, "", 401), Attempt("second/m", "", 429, "", 429))
    assert refusing(outcome) == {"first", "last"}
    outcome.upstream_status = 200
    assert refusing(outcome) == {"first"}
    outcome.attempts, outcome.upstream_status, outcome.error = (), 403, "invalid_api_key"
    assert refusing(outcome) == {"last"}
    outcome.attempts, outcome.error = (Attempt("first/m", "invalid_api_key", 401, "", 403),), ""
    assert refusing(outcome) == {"first"}


async def test_a_parent_whose_command_hangs_replaces_workers_and_stops(tmp_path: Path) -> None:
    async with service() as server, two(tmp_path, server.url, hanging(tmp_path)) as (process, url):
        found = await two_workers(process)
        (tmp_path / "slow").touch()
        while not hangs(tmp_path):  # noqa: ASYNC110  # other processes tell nobody of themselves
            await asyncio.sleep(0.01)
        worker = min(found)
        os.kill(worker, signal.SIGKILL)
        await two_workers(process, frozenset({worker, int((tmp_path / "pid").read_text())}))
        assert await asked(url, "first") == [200] * 20
        process.terminate()
        _, err = await asyncio.wait_for(process.communicate(), 10)
    assert process.returncode == 0
    assert f"worker {worker} was killed by SIGKILL" in err.decode()
    assert has_ended(tmp_path)
