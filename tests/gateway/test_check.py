"""What the gateway would refuse is told before it listens, all of it at once."""

import sys
from pathlib import Path

import pytest
import trustme

from dragoman.config import Config, GatewayConfig, ModelConfig, ProviderConfig, load
from dragoman.errors import ConfigurationError
from dragoman.gateway import serve
from dragoman.gateway.check import check
from dragoman.protocols.webchat.cromicle import TOKEN, digest
from dragoman.store import SqliteStore
from dragoman.wire import json
from tests.support.gateway import Running, ask, chat_body, running

BAD = """
[gateway]
host = "0.0.0.0"
request_log = "none/x.log"

[fronts.aibm]

[fronts.cromicle]
model = "nobody"

[models.fast]
targets = ["offline/echo"]
"""


def test_every_mistake_of_a_gateway_is_told_at_once(tmp_path: Path) -> None:
    path = tmp_path / "dragoman.toml"
    path.write_text(BAD)
    config = load(path, {})
    for refuse in (check, serve):
        with pytest.raises(ConfigurationError) as caught:
            refuse(config)
        assert [line.replace(f"{path}:", "").partition(" ")[0] for line in str(caught.value).splitlines()] == [
            "3:",
            "4:",
            "6:",
            "9:",
        ]
    assert not (tmp_path / "none").exists()


LOGS = [
    ("none/x.log", "cannot write 'none/x.log': No such file or directory"),
    (".", "cannot write '.': Is a directory"),
    ("~nobody-of-that-name/x.log", "cannot write '~nobody-of-that-name/x.log': nobody has that home"),
]


@pytest.mark.parametrize(("place", "message"), LOGS)
def test_a_request_log_that_cannot_be_written_is_told_with_its_place(place: str, message: str) -> None:
    config = Config(gateway=GatewayConfig(request_log=place), origins={("gateway", "request_log"): "--request-log"})
    with pytest.raises(ConfigurationError) as caught:
        check(config)
    assert str(caught.value) == f"--request-log: gateway.request_log: {message}"


@pytest.mark.parametrize("gateway", [GatewayConfig(request_log="x"), GatewayConfig(store="x")])
def test_a_file_in_a_folder_that_was_deleted_is_told(
    gateway: GatewayConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    with pytest.raises(ConfigurationError, match=r"^gateway\.\w+: cannot write 'x': the working directory is gone$"):
        check(Config(gateway=gateway))


def test_a_store_that_is_no_file_of_sqlite_is_told_with_its_place(tmp_path: Path) -> None:
    place = tmp_path / "x.db"
    config = Config(gateway=GatewayConfig(store=str(place)), origins={("gateway", "store"): "x.toml:2"})
    check(config)
    place.write_bytes(b"")
    check(config)
    SqliteStore(place, 1 << 20).close()
    check(config)
    said = "x.toml:2: gateway.store: expected a file of SQLite, or none yet, got another file"
    for data in (b'{"time": ', b"SQLite format 3\x00"):
        place.write_bytes(data)
        with pytest.raises(ConfigurationError) as caught:
            check(config)
        assert str(caught.value) == f"{said}: {str(place)!r}"


def test_the_store_has_a_file_of_its_own(tmp_path: Path) -> None:
    place = tmp_path / "x.db"
    config = Config(gateway=GatewayConfig(store=str(place), request_log=str(tmp_path / "." / "x.db")))
    with pytest.raises(ConfigurationError, match="expected another file than that of"):
        check(config)


def test_a_missing_extra_is_told_with_its_place(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk.metrics.export", None)
    with pytest.raises(ConfigurationError, match=r"^x\.toml:2: gateway\.otel: .*needs the extra `otel`"):
        check(Config(gateway=GatewayConfig(otel=True), origins={("gateway", "otel"): "x.toml:2"}))


def test_a_request_log_is_not_made_by_a_look(tmp_path: Path) -> None:
    check(Config(gateway=GatewayConfig(request_log=str(tmp_path / "x.log"))))
    assert list(tmp_path.iterdir()) == []


HOSTS = [
    (
        "unix:/run/x.sock",
        "expected an address of this machine, got 'unix:/run/x.sock'; gateway.listen takes a Unix socket",
    ),
    ("no such host", "expected an address of this machine, got 'no such host'"),
]


@pytest.mark.parametrize(("host", "message"), HOSTS)
def test_a_host_that_is_none_is_told_with_its_place(host: str, message: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        check(Config(gateway=GatewayConfig(host=host), origins={("gateway", "host"): "--host"}))
    assert str(caught.value) == f"--host: gateway.host: {message}"


@pytest.mark.parametrize("second", ["localhost:8642", "0.0.0.0:8642", "127.0.0.1:08642"])
def test_an_address_that_is_listed_twice_is_told_before_the_kernel_does(second: str) -> None:
    gateway = GatewayConfig(listen=("127.0.0.1:8642", second), api_keys=("k",))
    with pytest.raises(ConfigurationError, match=r"^gateway\.listen: expected different addresses, got port 8642 of "):
        check(Config(gateway=gateway))


def test_addresses_that_only_look_alike_are_no_mistake() -> None:
    listen = ("127.0.0.1:8642", "127.0.0.2:8642", "127.0.0.1:8643", "[::]:8642", "127.0.0.1:0", "localhost:0")
    check(Config(gateway=GatewayConfig(listen=listen, api_keys=("k",))))


def test_a_front_that_has_no_model_is_told(tmp_path: Path) -> None:
    path = tmp_path / "dragoman.toml"
    path.write_text('[providers.up]\nprotocol = "cromicle"\nurl = "http://h"\n\n[fronts.aibn]\n')
    with pytest.raises(
        ConfigurationError, match=r":5: fronts.aibn: expected model, since no model is the default, got"
    ):
        check(load(path, {}))


def test_what_is_well_is_told_in_a_line() -> None:
    assert check(Config()) == (
        "no configuration file: all is well; services: 0, routes: 0, default model: offline/eliza"
    )


@pytest.fixture
def moved(tmp_path: Path) -> tuple[Path, Config]:
    """A certificate's file, and a service that needs it, also as the first target of a route."""
    path = tmp_path / "ca.pem"
    trustme.CA().cert_pem.write_to_path(str(path))
    up = ProviderConfig(protocol="openai-chat", url="https://127.0.0.1:1/v1", ca_file=str(path))
    home = ProviderConfig(type="cromicle", url="https://127.0.0.1:1", ca_file=str(path))
    routes = {name: ModelConfig(targets=(f"{name}/m", "offline/echo")) for name in ("up", "home")}
    return path, Config(gateway=GatewayConfig(port=0), providers={"up": up, "home": home}, models=routes)


async def answer(up: Running, model: str, *, stream: bool) -> tuple[int, bytes]:
    """What a caller gets of `model`."""
    got = await ask(up.url, "POST", "/v1/chat/completions", body=chat_body("hello", model=model, stream=stream))
    return got.status, got.body


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("name", ["up", "home"])
async def test_a_file_that_was_moved_is_told_to_the_log_and_not_to_callers(
    moved: tuple[Path, Config], name: str, stream: bool, caplog: pytest.LogCaptureFixture
) -> None:
    path, config = moved
    async with running(config) as up:
        path.unlink()
        status, body = await answer(up, f"{name}/m", stream=stream)
    assert status == 500
    assert b"a setting of the gateway is wrong" in body
    assert b"bad_configuration" in body
    assert str(path).encode() not in body
    assert str(path) in caplog.text


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("name", ["up", "home"])
async def test_a_target_whose_setting_is_wrong_is_a_failed_target(
    moved: tuple[Path, Config], name: str, stream: bool
) -> None:
    path, config = moved
    async with running(config) as up:
        path.unlink()
        status, body = await answer(up, name, stream=stream)
    assert status == 200
    assert b"hello" in body


@pytest.mark.parametrize("stream", [True, False])
async def test_a_caller_who_names_no_model_is_not_given_the_offline_one(stream: bool) -> None:
    up_alone = {"up": ProviderConfig(protocol="openai-chat", url="http://127.0.0.1:1/v1")}
    async with running(Config(gateway=GatewayConfig(port=0), providers=up_alone)) as up:
        status, body = await answer(up, "", stream=stream)
        web = await ask(
            up.url,
            "POST",
            "/cromicle/chat",
            body=json.encode({"message": "hello", "token": TOKEN, "hash": digest("hello")}),
        )
    assert status == 400
    assert b"no model was named" in body
    assert (web.status, b"no model was named" in web.body) == (400, True)
