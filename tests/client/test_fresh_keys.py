"""A client that goes on has the keys that its commands print now."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest

from dragoman import Client, SyncClient
from dragoman.client.fresh_keys import FreshKeys
from dragoman.config import Config, from_tables
from dragoman.config.renewal import HASTE
from dragoman.errors import AuthenticationError, DragomanError
from dragoman.types import PartDelta
from tests.client.test_client import up
from tests.config.test_commands import script
from tests.config.test_renewal import Clock
from tests.support.server import Exchange, Server, serve


@asynccontextmanager
async def service(refused: str = "") -> AsyncIterator[Server]:
    """A service that does not take the key `refused`, and repeats it."""

    async def answer(exchange: Exchange) -> None:
        if exchange.request.headers["authorization"] == f"Bearer {refused}":
            await exchange.reply(401, body=b'{"error": {"message": "no key: %s"}}' % refused.encode())
        else:
            await up(exchange)

    async with serve(answer) as server:
        yield server


def keys(server: Server) -> list[str]:
    """The keys that came."""
    return [request.headers["authorization"].removeprefix("Bearer ") for request in server.requests]


def tables(command: str, url: str = "http://127.0.0.1:9", every: float = 1) -> dict[str, object]:
    entry = {"protocol": "openai-chat", "url": url, "api_key": {"command": [command], "every": every}}
    return {"providers": {"up": entry}, "models": {"route": {"targets": ["up/m"]}}}


def printing(folder: Path) -> str:
    """A command that prints what stands in the file `now`, and counts how often it is run."""
    return script(folder, f"echo x >> {folder}/runs; cat {folder}/now")


def runs(folder: Path) -> int:
    return len((folder / "runs").read_text().splitlines())


@pytest.mark.parametrize("model", ["up/m", "route"])
async def test_a_key_that_is_too_old_is_asked_for_before_the_next_call(tmp_path: Path, model: str) -> None:
    (tmp_path / "now").write_text("first")
    async with service() as server, Client(tables(printing(tmp_path), server.url)) as client:
        await client.chat(model, "hi")
        (tmp_path / "now").write_text("second")
        await client.chat(model, "hi")
        assert runs(tmp_path) == 1
        await asyncio.sleep(1.1)
        assert (await client.chat(model, "hi")).text == "Hello"
        assert keys(server) == ["first", "first", "second"]
        assert client.config.providers["up"].api_key == "second"
        assert runs(tmp_path) == 2


async def test_a_call_under_way_ends_with_the_key_with_which_it_began(tmp_path: Path) -> None:
    (tmp_path / "now").write_text("first")
    async with service() as server, Client(tables(printing(tmp_path), server.url)) as client:
        stream = client.stream("up/m", "hi")
        events = [await anext(stream)]
        (tmp_path / "now").write_text("second")
        await asyncio.sleep(1.1)
        await client.chat("up/m", "hi")
        events += [event async for event in stream]
        assert "".join(event.text for event in events if isinstance(event, PartDelta)) == "Hello"
        assert keys(server) == ["first", "second"]


def test_a_client_without_a_loop_has_new_keys_too(tmp_path: Path) -> None:
    (tmp_path / "now").write_text("first")
    with SyncClient(tables(printing(tmp_path))) as client:
        (tmp_path / "now").write_text("second")
        asyncio.run(asyncio.sleep(1.1))
        with pytest.raises(DragomanError):
            client.chat("up/m", "hi")
        assert client.config.providers["up"].api_key == "second"
        assert client.providers["up"].api_key == "second"


async def test_a_refused_key_is_asked_for_before_the_next_call_and_no_key_is_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "now").write_text("first-canary")
    monkeypatch.setattr("dragoman.config.renewal.HASTE", 0.0)
    async with service("first-canary") as server, Client(tables(printing(tmp_path), server.url, 300)) as client:
        (tmp_path / "now").write_text("second-canary")
        with pytest.raises(AuthenticationError) as caught:
            await client.chat("up/m", "hi")
        assert "canary" not in str(caught.value)
        await client.chat("up/m", "hi")
        assert keys(server) == ["first-canary", "second-canary"]


def asking(client: Client, what: str) -> Awaitable[object]:
    asks: dict[str, Callable[[], Awaitable[object]]] = {
        "embed": lambda: client.embed("up/m", "hi"),
        "count": lambda: client.count_tokens("up/m", "hi"),
        "next": lambda: client.chat("two", "hi"),
    }
    return asks[what]()


@pytest.mark.parametrize("status", [401, 403])
@pytest.mark.parametrize("what", ["embed", "count", "next"])
async def test_so_it_is_whatever_was_asked_and_if_another_target_answers(
    what: str, status: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refuses(exchange: Exchange) -> None:
        await exchange.reply(status, body=b'{"message": "Bearer Token has expired"}')

    (tmp_path / "now").write_text("first")
    monkeypatch.setattr("dragoman.config.renewal.HASTE", 0.0)
    async with serve(refuses) as server:
        entry = {
            "protocol": "openai-chat" if what == "embed" else "openai-responses",
            "url": server.url,
            "api_key": {"command": [printing(tmp_path)], "every": 300},
        }
        route = {"targets": ["up/m", "offline/echo"]}
        async with Client({"providers": {"up": entry}, "models": {"two": route}}) as client:
            for key in ("second", "third"):
                (tmp_path / "now").write_text(key)
                with suppress(DragomanError):
                    await asking(client, what)
            assert client.config.providers["up"].api_key == "third"


class Put:
    """What a client would put in force."""

    def __init__(self, folder: Path) -> None:
        (folder / "now").write_text("first")
        self.folder = folder
        self.clock = Clock()
        self.put: list[Config] = []
        self.config = from_tables(tables(printing(folder)))
        self.keys = FreshKeys(self.config, self.put.append, self.clock)

    def prints(self, key: str) -> None:
        (self.folder / "next").write_text(key)
        (self.folder / "next").replace(self.folder / "now")  # at once: a command that waits for it reads all of it
        self.clock.now += HASTE


async def test_all_calls_wait_for_the_same_run(tmp_path: Path) -> None:
    it = Put(tmp_path)
    it.prints("second")
    ready = [asyncio.create_task(it.keys.ready()) for _ in range(20)]
    await asyncio.sleep(0)
    ready[0].cancel()
    await asyncio.gather(*ready[1:])
    assert ready[0].cancelled()
    assert [config.providers["up"].api_key for config in it.put] == ["second"]
    assert runs(tmp_path) == 2


async def test_while_a_command_fails_the_key_stays_and_nobody_waits(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    it = Put(tmp_path)
    it.clock.now += 1
    (tmp_path / "now").unlink()
    await it.keys.ready()
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    it.clock.now += 1
    script(tmp_path, f"while ! [ -e {tmp_path}/now ]; do sleep 0.01; done; cat {tmp_path}/now")
    await it.keys.ready()  # the command does not end before it prints
    await it.keys.ready()
    it.prints("second")
    while not it.put:  # noqa: ASYNC110  # a thread tells nobody of itself
        await asyncio.sleep(0.01)
    assert it.put[0].providers["up"].api_key == "second"


async def test_who_leaves_the_keys_to_others_runs_nothing(tmp_path: Path) -> None:
    it = Put(tmp_path)
    it.prints("second")
    it.keys.leave()
    await it.keys.ready()
    it.keys.heed((), "invalid_api_key")
    assert (it.put, runs(tmp_path)) == ([], 1)
