"""Good files, and which of several is read."""

from collections.abc import Mapping
from math import inf
from pathlib import Path
from types import MappingProxyType

import pytest
from msgspec import UNSET

from dragoman.config import (
    Config,
    FrontConfig,
    GatewayConfig,
    ModelConfig,
    ProviderConfig,
    TimeoutsConfig,
    from_tables,
    load,
)
from dragoman.config.file import ConfigFile, read_file
from dragoman.config.load import places
from dragoman.config.trust import Trust
from dragoman.errors import ConfigurationError

EXAMPLE = """
[gateway]
host = "127.0.0.1"
port = 8643
default_model = "fast"                 # for callers whose protocol names no model

[providers.up]                         # any service on a known protocol; its models are "up/NAME"
protocol = "openai-chat"
url      = "http://127.0.0.1:9001/v1"
api_key  = { env = "UP_API_KEY" }      # or a plain string

[providers.home]                       # a class of the catalogue, its attributes overridden
type     = "aibn"
url      = "http://127.0.0.1:3000"
secret   = ""
password = "hunter2"

[models.fast]                          # a route: the name that callers use
targets  = ["up/gpt-4o-mini", "home/gpt-3.5-turbo"]
strategy = "fallback"

[fronts.aibn]
secret   = "s3cret"
password = "hunter2,second"
model    = "fast"
"""


def write(folder: Path, text: str) -> Path:
    """`dragoman.toml` in `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "dragoman.toml"
    path.write_text(text, encoding="utf-8")
    return path


def trusted(folder: Path, environ: Mapping[str, str]) -> Config:
    """What is configured in `folder`, whose file is trusted."""
    environ = {"XDG_STATE_HOME": str(folder / "state"), **environ}
    if (file := read_file(folder / "dragoman.toml", "dragoman.toml")) is not None:
        Trust(environ).keep(file)
    return load(None, environ, folder)


def configured(tmp_path: Path, text: str, **environ: str) -> Config:
    """What a file of that text configures."""
    return load(write(tmp_path, text), environ)


def test_the_example_of_the_documentation_is_read_whole(tmp_path: Path) -> None:
    config = configured(tmp_path, EXAMPLE, UP_API_KEY="sk-1")
    assert config.gateway == GatewayConfig(host="127.0.0.1", port=8643, default_model="fast")
    assert config.providers == {
        "up": ProviderConfig(protocol="openai-chat", url="http://127.0.0.1:9001/v1", api_key="sk-1"),
        "home": ProviderConfig(type="aibn", url="http://127.0.0.1:3000", secret="", password="hunter2"),
    }
    assert config.models == {"fast": ModelConfig(targets=("up/gpt-4o-mini", "home/gpt-3.5-turbo"))}
    assert config.fronts == {"aibn": FrontConfig(secret="s3cret", password="hunter2,second", model="fast")}
    assert config.path == tmp_path / "dragoman.toml"


GATEWAYS = [
    ("", GatewayConfig()),
    ('api_key = "a"', GatewayConfig(api_keys=("a",))),
    ('api_key = { env = "KEY" }', GatewayConfig(api_keys=("from-env",))),
    ('api_keys = ["a", { env = "KEY" }]', GatewayConfig(api_keys=("a", "from-env"))),
    ("api_keys = []", GatewayConfig()),
    ('host = "::1"\nport = 0', GatewayConfig(host="::1", port=0)),
    ('allowed_hosts = ["a.example", "b.example"]', GatewayConfig(allowed_hosts=("a.example", "b.example"))),
    ("max_body = 1_000", GatewayConfig(max_body=1000)),
    ("worker_timeout = 1", GatewayConfig(worker_timeout=1.0)),
]


@pytest.mark.parametrize(("text", "expected"), GATEWAYS)
def test_the_gateway_is_as_written(tmp_path: Path, text: str, expected: GatewayConfig) -> None:
    assert configured(tmp_path, f"[gateway]\n{text}\n", KEY="from-env").gateway == expected


PROVIDERS = [
    ("", ProviderConfig()),
    ("strict = true", ProviderConfig(strict=True)),
    ("strict = false", ProviderConfig(strict=False)),
    ('secret = ""', ProviderConfig(secret="")),
    ('password = { env = "KEY" }', ProviderConfig(password="from-env")),
    ('broken_mark = ""', ProviderConfig(broken_mark=None)),
    ('broken_mark = "Oops\\n"', ProviderConfig(broken_mark="Oops\n")),
    ('proxy = "socks5h://user:word@127.0.0.1:1080"', ProviderConfig(proxy="socks5h://user:word@127.0.0.1:1080")),
    ('url = "HTTPS://[::1]:8443/v1/~x?"'.replace("?", ""), ProviderConfig(url="HTTPS://[::1]:8443/v1/~x")),
    ("models = []", ProviderConfig(models=())),
    (
        'models = ["llama 3:8b", "b"]\ndefault_model = "b"',
        ProviderConfig(models=("llama 3:8b", "b"), default_model="b"),
    ),
    ('model_aliases = { "gpt-4.1" = "big" }', ProviderConfig(model_aliases={"gpt-4.1": "big"})),
    (
        'headers = { X-Key = { env = "KEY" }, "openai-organization" = "org 1" }',
        ProviderConfig(headers={"X-Key": "from-env", "openai-organization": "org 1"}),
    ),
    ('impersonate = "chrome107"', ProviderConfig(impersonate="chrome107")),
    ('impersonate = ""', ProviderConfig(impersonate=None)),
    ('ca_file = "/certs/own.pem"', ProviderConfig(ca_file="/certs/own.pem")),
    ("timeouts = { idle = 3, total = inf }", ProviderConfig(timeouts=TimeoutsConfig(idle=3.0, total=None))),
    ("timeouts.first_byte = 0.5", ProviderConfig(timeouts=TimeoutsConfig(first_byte=0.5))),
]


@pytest.mark.parametrize(("text", "expected"), PROVIDERS)
def test_a_provider_is_as_written(tmp_path: Path, text: str, expected: ProviderConfig) -> None:
    assert configured(tmp_path, f"[providers.up]\n{text}\n", KEY="from-env").providers == {"up": expected}


def test_what_was_not_said_differs_from_what_was_said_and_empty(tmp_path: Path) -> None:
    provider = configured(tmp_path, "[providers.up]\n").providers["up"]
    assert (provider.secret, provider.models, provider.strict) == (None, None, None)
    assert provider.broken_mark is UNSET
    assert provider.timeouts.by_name() == {}
    assert TimeoutsConfig(idle=3.0, total=None).by_name() == {"idle": 3.0, "total": None}


def test_a_tilde_is_the_home_of_the_user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "key").write_text("from-file")
    (tmp_path / "keys").write_text("one\ntwo\n")
    folder = tmp_path / "deep"
    folder.mkdir()
    text = '[cli]\nconversations = "~/c.db"\n[providers.up]\nca_file = "~/own.pem"\napi_key = { file = "~/key" }\n'
    (folder / "x.toml").write_text(text)
    config = load(folder / "x.toml", {"DRAGOMAN_GATEWAY_API_KEYS_FILE": "~/keys"})
    assert config.cli.conversations == str(tmp_path / "c.db")
    assert config.providers["up"] == ProviderConfig(ca_file=str(tmp_path / "own.pem"), api_key="from-file")
    assert config.gateway.api_keys == ("one", "two")
    assert config.secret_files == (tmp_path / "key", tmp_path / "keys")


def test_relative_paths_start_from_the_folder_of_their_file(tmp_path: Path) -> None:
    folder = tmp_path / "etc"
    text = '[providers.up]\nca_file = "own.pem"\napi_key = { file = "key" }\n[gateway]\napi_keys = [{ file = "key" }]\n'
    write(folder, text)
    (folder / "key").write_text("\ufefffrom-file\r\n", encoding="utf-8")
    config = load(folder / "dragoman.toml", {})
    assert config.providers["up"] == ProviderConfig(ca_file=str(folder / "own.pem"), api_key="from-file")
    assert config.gateway.api_keys == ("from-file",)


TABLES = [
    ({}, Config()),
    ({"gateway": {"port": 1, "api_keys": ("a", "b")}}, Config(gateway=GatewayConfig(port=1, api_keys=("a", "b")))),
    (
        MappingProxyType({"providers": {"up": {"type": "aibn", "api_key": {"env": "KEY"}, "ca_file": Path("a.pem")}}}),
        Config(providers={"up": ProviderConfig(type="aibn", api_key="from-env", ca_file="a.pem")}),
    ),
]


@pytest.mark.parametrize(("tables", "expected"), TABLES)
def test_tables_in_the_program_configure_as_a_file_would(tables: Mapping[str, object], expected: Config) -> None:
    assert from_tables(tables, {"KEY": "from-env", "DRAGOMAN_GATEWAY_PORT": "9"}) == expected


WRONG_TABLES = [
    (
        {"gateway": {"allowed_hosts": ["*.example"]}},
        "gateway.allowed_hosts[0]: expected a host's name without ",
    ),
    ({"gateway": {"breaker_rest": inf}}, "gateway.breaker_rest: expected a number from 0 to 86400, got inf"),
    (
        {"gateway": {"worker_timeout": 0.9}},
        "gateway.worker_timeout: expected a number of seconds of at least 1, or inf for no limit, got 0.9",
    ),
    (
        {"models": {"m": {"targets": [{"model": "a/b", "weight": inf}]}}},
        "models.m.targets[0].weight: expected a ",
    ),
    ({"models": {"m": {"targets": [{"model": "a/b", "price": inf}]}}}, "models.m.targets[0].price: expected a number "),
    ({"fronts": {"aibn": {"password": ""}}}, "fronts.aibn.password: expected text that is not empty, "),
    ({1: {}}, "1: unknown key; known are "),
    ({"providers": {"a/b": {}}}, 'providers."a/b": expected a name without spaces and slashes, got "a/b"'),
    ({"providers": {"up": {"model_aliases": {None: 1}}}}, "providers.up.model_aliases.None: expected text without "),
    ({"gateway": {"port": None}}, "gateway.port: expected a whole number from 0 to 65535, got "),
    ({"gateway": {2: 1}}, "gateway.2: unknown key; "),
    ({"providers": {"up": ProviderConfig(api_key="canary")}}, "providers.up: expected a table, got "),
    ({"gateway": {"api_keys": {"canary"}}}, "gateway.api_keys: expected a list of "),
]


@pytest.mark.parametrize(("tables", "message"), WRONG_TABLES)
def test_wrong_tables_are_refused_by_their_key(tables: Mapping[str, object], message: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        from_tables(tables, {})
    assert str(caught.value).startswith(message)
    assert "canary" not in str(caught.value)


def test_a_list_is_whole_after_an_edit_with_windows_line_ends(tmp_path: Path) -> None:
    path = tmp_path / "dragoman.toml"
    path.write_bytes(b'[models.fast]\r\ntargets = [\r\n  "a/b",\r\n  "c/d",\r\n]\r\n')
    config = load(path, {})
    assert config.models["fast"].targets == ("a/b", "c/d")
    assert config.where("models", "fast", "targets", 1) == f"{path}:4: models.fast.targets[1]"


def test_no_file_means_all_at_its_default(tmp_path: Path) -> None:
    config = trusted(tmp_path, {})
    assert config == Config()
    assert config.where("gateway", "port") == "gateway.port"


def test_where_names_the_nearest_place_that_is_known(tmp_path: Path) -> None:
    write(tmp_path, '[gateway]\nport = 1\n\n[providers."a.b"]\ntype = "aibn"\n')
    config = trusted(tmp_path, {})
    assert config.where("providers", "a.b", "type") == 'dragoman.toml:5: providers."a.b".type'
    assert config.where("providers", "a.b", "url") == 'dragoman.toml:4: providers."a.b".url'
    assert config.where("models", "fast") == "dragoman.toml: models.fast"


def test_the_sources_take_precedence_in_their_order(tmp_path: Path) -> None:
    explicit, named, here, home = (
        write(tmp_path / name, f"[gateway]\nport = {port}\n")
        for port, name in enumerate(["explicit", "named", "here", "home/.config/dragoman"], 1)
    )
    environ = {"HOME": str(tmp_path / "home")}
    Trust(environ).keep(ConfigFile(here, "", here.read_bytes(), here.stat()))
    with_name = environ | {"DRAGOMAN_CONFIG": str(named)}
    assert load(str(explicit), with_name, here.parent).gateway.port == 1
    assert load(None, with_name, here.parent).gateway.port == 2
    assert load(None, environ | {"DRAGOMAN_CONFIG": ""}, here.parent).gateway.port == 3
    assert load(None, environ, tmp_path).gateway.port == 4
    assert load(None, environ, tmp_path).path == home
    assert load(None, environ, tmp_path).where("gateway", "port") == f"{home}:2: gateway.port"
    assert load(None, with_name | {"DRAGOMAN_GATEWAY_PORT": "5"}, here.parent).gateway.port == 5


def test_the_working_directory_and_the_process_environment_are_the_default(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, "[gateway]\nport = 1\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DRAGOMAN_CONFIG", raising=False)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    trusted(tmp_path, {})
    monkeypatch.setenv("DRAGOMAN_GATEWAY_HOST", "0.0.0.0")
    config = load()
    assert config.gateway == GatewayConfig(host="0.0.0.0", port=1)
    assert config.path == Path("dragoman.toml")


PLACES = [
    ("linux", {"HOME": "/h"}, ["/h/.config"]),
    ("linux", {"HOME": "/h", "XDG_CONFIG_HOME": "/x"}, ["/x"]),
    ("linux", {"HOME": "/h", "XDG_CONFIG_HOME": "relative"}, ["/h/.config"]),
    ("linux", {}, []),
    ("darwin", {"HOME": "/h"}, ["/h/.config", "/h/Library/Application Support"]),
    ("win32", {"APPDATA": "/a", "USERPROFILE": "/u"}, ["/a", "/u/AppData/Roaming"]),
]


@pytest.mark.parametrize(("platform", "environ", "folders"), PLACES)
def test_a_user_s_own_file_is_where_the_system_keeps_such(
    platform: str, environ: dict[str, str], folders: list[str]
) -> None:
    assert list(places(environ, platform)) == [Path(folder) / "dragoman" / "dragoman.toml" for folder in folders]


def test_a_file_that_was_asked_for_must_be_there(tmp_path: Path) -> None:
    missing = tmp_path / "none.toml"
    with pytest.raises(ConfigurationError) as caught:
        load(missing, {})
    assert str(caught.value) == f"{missing}: expected a configuration file, got none"
    with pytest.raises(ConfigurationError) as caught:
        load(None, {"DRAGOMAN_CONFIG": str(missing)})
    assert str(caught.value) == f"DRAGOMAN_CONFIG: {missing}: expected a configuration file, got none"
