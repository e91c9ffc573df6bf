"""The files in `deploy` agree with our program: its commands, settings, paths and times."""

import re
import shlex
from pathlib import Path

import click
import pytest
import yaml
from jsonschema import Draft7Validator

from dragoman import __version__
from dragoman.cli.exits import Exit
from dragoman.cli.program import program
from dragoman.config import GatewayConfig, load
from dragoman.gateway.fronts.health import health
from dragoman.transport.base import Timeouts
from tests.cli.shell import REPOSITORY
from tests.deploy.programs import FILES, GATEWAY, file

UNIT = file("systemd/dragoman.service")
ENDING = 2.0
"""Seconds that a stop takes besides drain and grace; see docs/operating.md."""
TEXTS = [path for path in sorted(FILES.rglob("*")) if path.is_file()]


def values(unit: str, key: str) -> list[str]:
    return re.findall(rf"^{key}=(.*)$", unit, re.MULTILINE)


def seconds(text: str) -> float:
    number, unit = re.fullmatch(r"(\d+)(ms|s|m|h)?;?", text).groups()  # type: ignore[union-attr]  # else it fails
    return float(number) * {"ms": 0.001, "s": 1, "m": 60, "h": 3600, None: 1}[unit]


@pytest.mark.parametrize("path", TEXTS, ids=lambda path: path.relative_to(FILES).as_posix())
def test_a_file_is_plain_text_with_short_lines_and_no_tab(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert text.endswith("\n")
    assert "\t" not in text


@pytest.mark.parametrize("key", ["ExecStartPre", "ExecStart"])
def test_the_unit_calls_commands_that_are_there(key: str) -> None:
    (line,) = values(UNIT, key)
    _, name, *words = shlex.split(line)
    if key == "ExecStart":
        command = program.get_command(click.Context(program), name)
        assert command is not None
        command.make_context(name, list(words))
    assert (name, "/etc/dragoman/dragoman.toml" in words) in (("serve", True), ("check", True))


def test_the_unit_s_exit_code_is_the_program_s() -> None:
    assert values(UNIT, "RestartPreventExitStatus") == [str(int(Exit.CONFIGURATION))]


def test_nobody_kills_the_gateway_before_it_has_stopped() -> None:
    config = load(FILES / "dragoman.toml", {"UP_API_KEY": "sk-1"})
    assert config.gateway.grace is not None
    needed = config.gateway.drain + config.gateway.grace + ENDING
    compose = yaml.safe_load(file("compose.yaml"))
    assert seconds(compose["services"]["dragoman"]["stop_grace_period"]) > needed
    assert float(values(UNIT, "TimeoutStopSec")[0]) > needed
    # HAProxy must have seen that it is not ready before it accepts no more.
    check = re.search(r"inter (\S+) fall (\d+)", file("haproxy.cfg"))
    assert check
    assert seconds(check[1]) * int(check[2]) < config.gateway.drain


def test_the_keys_of_the_compose_file_arrive(tmp_path: Path) -> None:
    service = yaml.safe_load(file("compose.yaml"))["services"]["dragoman"]
    environ = {}
    for name, place in service["environment"].items():
        secret = tmp_path / Path(place).name
        secret.write_text(f"key-of-{secret.name}\n")
        assert Path(place) == Path("/run/secrets") / secret.name
        assert secret.name in service["secrets"]
        environ[name] = str(secret)
    config = load(FILES / "dragoman.toml", environ | {"UP_API_KEY": "another"})
    assert config.gateway.api_keys == ("key-of-gateway-api-keys",)
    assert config.providers["up"].api_key == "key-of-up-api-key"


def test_proxies_wait_longer_than_the_gateway_and_close_idle_connections_sooner() -> None:
    nginx, haproxy = file("nginx.conf"), file("haproxy.cfg")
    total, gateway = Timeouts().total, GatewayConfig()
    assert total is not None
    longest = [
        re.search(rf"{name}\s+(\S+)", text)
        for name, text in (("proxy_read_timeout", nginx), ("timeout server", haproxy), ("timeout client", haproxy))
    ]
    assert all(found and seconds(found[1]) > total > gateway.heartbeat for found in longest)
    kept = [
        re.search(rf"{name}\s+(\S+)", text)
        for name, text in (("keepalive_timeout", nginx), ("pool-purge-delay", haproxy))
    ]
    assert all(found and seconds(found[1]) < gateway.idle_timeout for found in kept)
    size = re.search(r"client_max_body_size (\d+)m;", nginx)
    assert size
    assert int(size[1]) << 20 == gateway.max_body
    assert nginx.count(GATEWAY) == haproxy.count(GATEWAY) == 1
    assert f"{gateway.host}:{gateway.port}" == GATEWAY


def test_the_image_has_all_that_it_is_built_from_and_is_nobody_in_particular() -> None:
    text = file("Dockerfile")
    copied = [word for line in re.findall(r"^COPY (?!--from)(.*) \S+$", text, re.MULTILINE) for word in line.split()]
    ignored = file("Dockerfile.dockerignore").splitlines()
    assert "*" in ignored
    for name in copied:
        assert (REPOSITORY / name).exists()
        assert f"!{name.partition('/')[0]}" in ignored
    assert re.search(r"^USER [1-9]\d*:[1-9]\d*$", text, re.MULTILINE)
    assert "STOPSIGNAL SIGTERM" in text
    assert "@latest" not in text


def test_what_is_asked_for_health_is_there() -> None:
    paths = {row.path for row in health(str).rows}
    for name in ("Dockerfile", "compose.yaml", "haproxy.cfg", "helm/dragoman/templates/deployment.yaml"):
        asked = set(re.findall(r"/health/\w+", file(name)))
        assert asked
        assert asked <= paths, name


def test_the_chart_s_values_have_a_schema_and_keep_to_it() -> None:
    chart = FILES / "helm" / "dragoman"
    schema = yaml.safe_load((chart / "values.schema.json").read_text())
    given = yaml.safe_load((chart / "values.yaml").read_text())
    Draft7Validator.check_schema(schema)
    assert list(Draft7Validator(schema).iter_errors(given)) == []
    assert set(given) <= set(schema["properties"])
    assert not Draft7Validator(schema).is_valid(given | {"replicas": 3})
    assert yaml.safe_load((chart / "Chart.yaml").read_text())["appVersion"] == __version__


BAGS = {"secrets", "podAnnotations", "podLabels", "nodeSelector", "affinity", "resources"}
"""Values that go where they belong as a whole."""


def test_the_chart_reads_every_value_and_no_other() -> None:
    chart = FILES / "helm" / "dragoman"
    given = yaml.safe_load((chart / "values.yaml").read_text())
    text = "".join(path.read_text() for path in (chart / "templates").iterdir())
    read = set(re.findall(r"\.Values\.([\w.]+)", text)) - {"nameOverride"}
    leaves = {name for name in given if name in BAGS or not isinstance(given[name], dict)}
    leaves |= {f"{name}.{key}" for name in given.keys() - leaves for key in given[name]}
    assert read == leaves
