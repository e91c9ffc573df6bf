"""The configuration is read again: a good one is in force as a whole, and a bad one changes nothing."""

import asyncio
import logging
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from dragoman.config import Config, load
from dragoman.errors import ConfigurationError
from dragoman.gateway.log import begin, set_level
from dragoman.gateway.serving.file_watch import Mark
from dragoman.gateway.serving.reload import LiveConfig, files_of
from dragoman.gateway.serving.reloader import Reloader
from dragoman.gateway.serving.systemd import Notifier
from tests.support.gateway import Running, ask, chat_body, connect, running

GOOD = '[models.m]\ntargets = ["offline/{model}"]\n'
BAD = {
    "no TOML": "[models.m\n",
    "half of it": GOOD[:20],
    "an unknown key": f"{GOOD}strategie = 1\n",
    "a target that is none": '[models.m]\ntargets = ["nobody/x"]\n',
    "a bad price": '[models.m]\ntargets = [{ model = "offline/echo", price = "free" }]\n',
    "a front that is none": f"{GOOD}[fronts.none]\n",
    "everyone may call": f'{GOOD}[gateway]\nhost = "0.0.0.0"\n',
    "a secret without a file": f'{GOOD}[gateway]\napi_key = {{ file = "missing" }}\n',
    "a store in a folder that is not there": f'{GOOD}[gateway]\nstore = "missing/x.db"\n',
    "no UTF-8": "\udcff",
}


class Notes(Notifier):
    """What systemd would be told."""

    def __init__(self) -> None:
        super().__init__()
        self.said: list[str] = []

    def _say(self, text: str) -> None:
        self.said.append(text.partition("=")[0])


class Reloading:
    """A gateway that is served, its file, and what reloads it."""

    def __init__(self, up: Running, path: Path, live: LiveConfig) -> None:
        self.up = up
        self.path = path
        self.live = live
        self.notes = Notes()
        self.reloader = Reloader(up.server, live, self.notes)

    async def write(self, text: str) -> None:
        """Changes the file, and looks until it is read."""
        self.path.write_text(text.replace("{model}", "script"), errors="surrogateescape")
        os.utime(self.path, ns=(1, self.path.stat().st_mtime_ns + 1))
        self.reloader.look()
        self.reloader.look()
        await self.reloader.aclose()

    async def answer(self) -> bytes:
        """What the model `m` says now."""
        got = await ask(self.up.url, "POST", "/v1/chat/completions", body=chat_body("text: a", "m"))
        assert got.status == 200
        return got.body


@asynccontextmanager
async def reloading(tmp_path: Path) -> AsyncIterator[Reloading]:
    """A gateway in which `m` is the echo."""
    path = tmp_path / "dragoman.toml"
    path.write_text(GOOD.format(model="echo"))
    config = load(path, {})
    async with running(config) as up:
        yield Reloading(up, path, LiveConfig(config, lambda run: load(path, {}, run=run)))


@pytest.mark.parametrize("wrong", BAD.values(), ids=BAD)
async def test_a_wrong_file_changes_nothing_and_its_first_mistake_is_logged_in_one_line(
    tmp_path: Path, wrong: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with reloading(tmp_path) as it, connect(it.up.url) as wire:
        before = it.up.server.gateway
        with caplog.at_level(logging.INFO):
            await it.write(wrong)
        assert it.up.server.gateway is before
        said = [record.getMessage() for record in caplog.records if record.levelno >= logging.ERROR]
        assert len(said) == 1
        assert said[0].startswith(f"not reloaded, and all stays as it was: {it.path}:")
        assert "\n" not in said[0]
        wire.send("GET", "/v1/models")
        assert (await wire.answer()).status == 200
        assert b"text: a" in await it.answer()
        # It is not tried again, until it changes again.
        it.reloader.look()
        it.reloader.look()
        assert it.notes.said == ["RELOADING", "READY"]
        await it.write(GOOD)
        assert b"text: a" not in await it.answer()


async def test_a_good_file_is_in_force_and_what_cannot_change_is_named(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with reloading(tmp_path) as it:
        with caplog.at_level(logging.INFO):
            await it.write(f"{GOOD}[gateway]\nport = 1\nworkers = 2\nworker_timeout = 9\ngrace = 7\n")
        assert b'"content":"a"' in await it.answer()
        assert it.up.server.gateway.timeouts.grace == 0  # what the program has set holds
        assert it.live.config.gateway.grace == 7
    assert [record.getMessage() for record in caplog.records if record.name == "dragoman.gateway"] == [
        f"reloaded: {it.path}",
        "gateway.port, gateway.workers, gateway.worker_timeout: what was changed there holds after a restart",
    ]


async def test_what_cannot_change_is_compared_with_what_it_was_at_the_start(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with reloading(tmp_path) as it:
        with caplog.at_level(logging.INFO):
            await it.write(f"{GOOD}[gateway]\nworkers = 2\n")
            await it.write(f"{GOOD}[gateway]\nworkers = 2\ngrace = 7\n")
            await it.write(f"{GOOD}[gateway]\nworkers = 1\n")
        told = f"reloaded: {it.path}"
    later = "gateway.workers: what was changed there holds after a restart"
    found = [record.getMessage() for record in caplog.records if record.name == "dragoman.gateway"]
    assert found == [told, later, told, later, told]


async def test_a_reload_that_is_asked_for_during_another_is_made_after_it(tmp_path: Path) -> None:
    async with reloading(tmp_path) as it:
        it.reloader.ask()
        await asyncio.sleep(0)
        it.path.write_text(GOOD.format(model="script"))
        it.reloader.ask()
        it.reloader.ask()
        await it.reloader.aclose()
        assert it.notes.said == ["RELOADING", "READY"] * 2
        assert b'"content":"a"' in await it.answer()


async def test_while_it_stops_nothing_is_reloaded(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async with reloading(tmp_path) as it:
        before = it.up.server.gateway
        it.reloader.ask()
        it.up.server.stop()
        await it.reloader.aclose()
        with caplog.at_level(logging.INFO):
            it.reloader.hung_up()
        assert it.up.server.gateway is before
        assert "not reloaded: it is stopping" in caplog.messages


async def test_by_signal_alone_a_changed_file_is_left_alone(tmp_path: Path) -> None:
    async with reloading(tmp_path) as it:
        await it.write(f'{GOOD}[gateway]\nreload = "signal"\n')
        it.path.write_text(GOOD.format(model="echo"))
        it.reloader.look()
        it.reloader.look()
        assert b'"content":"a"' in await it.answer()
        it.reloader.hung_up()
        await it.reloader.aclose()
        assert b"text: a" in await it.answer()


async def test_a_secret_in_a_file_that_changes_is_read_again(tmp_path: Path) -> None:
    secret = tmp_path / "key"
    secret.write_text("one\n")
    async with reloading(tmp_path) as it:
        await it.write(f'{GOOD}[gateway]\napi_key = {{ file = "key" }}\n')
        assert files_of(it.live.config) == (it.path, secret)
        secret.write_text("another\n")
        it.reloader.look()
        it.reloader.look()
        await it.reloader.aclose()
        got = [(await ask(it.up.url, "GET", "/v1/models", {"x-api-key": key})).status for key in ("one", "another")]
        assert got == [401, 200]


WHOLE = """[gateway]
port = 0
api_key = "key"
[providers.up]
protocol = "openai-chat"
url = "http://127.0.0.1:9/v1"
[models.m]
targets = [{ model = "up/a", price = 1.5 }, "offline/echo"]
"""


@settings(max_examples=20, deadline=None)
@given(st.data())
def test_a_file_that_was_spoilt_anywhere_is_refused_or_is_a_whole_configuration(data: st.DataObject) -> None:
    start, size = data.draw(st.integers(0, len(WHOLE))), data.draw(st.integers(0, 30))
    more = data.draw(st.text('[]{}"=.,#ax1\n\0', max_size=4))
    spoilt = WHOLE[:start] + more + WHOLE[start + size :]
    with TemporaryDirectory() as folder:
        path = Path(folder) / "dragoman.toml"
        path.write_text(WHOLE)
        before = load(path, {})
        live = LiveConfig(before, lambda run: load(path, {}, run=run))
        path.write_text(spoilt)
        client = live.read()
        assert live.config is before
        if client is not None:
            live.take(client.config)
            assert client.plan("offline/echo").targets


def test_a_file_that_is_gone_or_no_longer_trusted_is_no_configuration_without_it(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "dragoman.toml"
    path.write_text(GOOD.format(model="echo"))
    live = LiveConfig(load(path, {}), lambda _: Config())
    assert live.read() is None
    assert "expected the file that was used until now, got none" in caplog.text


def test_the_level_of_the_log_changes_only_if_the_log_is_ours() -> None:
    logger = logging.getLogger("dragoman")
    before = logger.level
    begin("info")  # there is a log already: that of the tests
    set_level("debug")
    assert logger.level == before


CONTENTS = {"good": "a", "other": "b", "bad": None, "half": None, "gone": None}
"""What may stand in the file, and what is then in force; None: it is no configuration."""


class Machine(RuleBasedStateMachine):
    """What is in force is always the whole of the last good content that was read."""

    def __init__(self) -> None:
        super().__init__()
        self.content = "good"
        self.time = 0
        self.live = LiveConfig(self.load(), lambda _: self.load(), self.look_at)
        self.expected = "a"
        self.read: Mark = self.seen()
        self.looked: Mark = self.read
        self.draining = False

    def load(self) -> Config:
        made = CONTENTS[self.content]
        if made is None:
            raise ConfigurationError(f"dragoman.toml:1: {self.content}")
        return Config(files=(Path("dragoman.toml"),), origins={("models",): made})

    def look_at(self, path: Path) -> Mark:
        return self.seen()

    def seen(self) -> Mark:
        return None if self.content == "gone" else (self.time, 0, 0)

    def reload(self) -> None:
        client = self.live.read()
        self.read = self.seen()
        if client is not None and not self.draining:
            self.live.take(client.config)
        made = CONTENTS[self.content]
        if made is not None and not self.draining:
            self.expected = made

    @rule(content=st.sampled_from(sorted(CONTENTS)))
    def write(self, content: str) -> None:
        self.time += 1
        self.content = content

    @rule()
    def tick(self) -> None:
        # A file that is not there is always the same, whatever it was between two looks.
        still = self.looked == self.seen() != self.read
        changed = self.live.has_changed()
        assert changed is still
        if changed:
            self.reload()
        self.looked = self.seen()

    @rule()
    def signal(self) -> None:
        self.reload()
        self.looked = self.seen()

    @rule()
    def drain(self) -> None:
        self.draining = True

    @invariant()
    def one_whole_configuration_is_in_force(self) -> None:
        assert self.live.config.origins == {("models",): self.expected}


TestMachine = Machine.TestCase
TestMachine.settings = settings(max_examples=8, stateful_step_count=20, deadline=None)
