"""A target with a wrong setting is a failed target, not a failed route: relayed, translated and in the library."""

from pathlib import Path

import pytest
import trustme
from msgspec.structs import replace

from dragoman.client import Client
from dragoman.config import Config, GatewayConfig, ModelConfig, ProviderConfig
from dragoman.errors import ConfigurationError
from dragoman.types import Outcome
from tests.gateway.serving.test_plan import good
from tests.gateway.serving.test_routes import KINDS
from tests.support.gateway import running
from tests.support.relaying import post, question
from tests.support.server import serve

NO_PORT = "http://127.0.0.1:1/v1"

GONE = "a file of certificates that has gone"

WRONG = {
    "no key": ProviderConfig(type="openai"),
    GONE: ProviderConfig(protocol="openai-chat", url="https://127.0.0.1:1/v1"),
    "nobody at the address": ProviderConfig(protocol="openai-chat", url=NO_PORT),
    "a port of a proxy that is not there": ProviderConfig(
        protocol="openai-chat", url="http://h/v1", proxy="http://127.0.0.1:1"
    ),
    "another protocol without its key": ProviderConfig(type="anthropic"),
}


def routed(wrong: str, url: str) -> Config:
    """A route to a target with a wrong setting, and to a good one."""
    providers = {"wrong": WRONG[wrong], "up": ProviderConfig(protocol="openai-chat", url=f"{url}/v1", api_key="k")}
    models = {"route": ModelConfig(targets=("wrong/m", "up/m"))}
    return Config(gateway=GatewayConfig(port=0), providers=providers, models=models)


def made(kind: type[Client], config: Config, folder: Path) -> Client:
    """A client, after which the file of certificates is lost. One that is not there from the first is told at once."""
    entry = config.providers["wrong"]
    if entry is not WRONG[GONE]:
        return kind(config)
    place = folder / "ca.pem"
    place.write_bytes(trustme.CA().cert_pem.bytes())
    client = kind(replace(config, providers=config.providers | {"wrong": replace(entry, ca_file=str(place))}))
    place.unlink()
    return client


@KINDS
@pytest.mark.parametrize("wrong", WRONG)
async def test_the_next_target_answers(
    wrong: str, kind: type[Client], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("OPENAI_API_KEY", "ANTHROPIC_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    outcomes: list[Outcome] = []
    async with serve(good) as service:
        config = routed(wrong, service.url)
        async with running(config, client=made(kind, config, tmp_path), observers=[outcomes.append]) as up:
            answer = await post(up.url, question("route", stream=True, x_of_ours=1))
    assert answer.status == 200
    assert [attempt.target for attempt in outcomes[0].attempts] == ["wrong/m"]
    if kind is Client:
        assert b'"x_of_theirs":1' in answer.body
        assert b'"x_of_ours":1' in service.requests[0].body


@pytest.mark.parametrize("wrong", WRONG)
async def test_the_library_goes_on_too(wrong: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OPENAI_API_KEY", "ANTHROPIC_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    async with serve(good) as service, made(Client, routed(wrong, service.url), tmp_path) as client:
        assert (await client.chat("route", "Hello")).text == "hi"


def test_an_unknown_provider_is_told_when_the_configuration_is_loaded() -> None:
    config = Config(models={"route": ModelConfig(targets=("nobody/m", "offline/echo"))})
    with pytest.raises(ConfigurationError, match="there is no model 'nobody/m'"):
        Client(config)


def test_a_file_that_is_not_there_is_told_too(tmp_path: Path) -> None:
    entry = ProviderConfig(protocol="openai-chat", url="https://h/v1", ca_file=str(tmp_path / "none.pem"))
    with pytest.raises(ConfigurationError, match="expected a PEM file"):
        Client(Config(providers={"up": entry}, models={"route": ModelConfig(targets=("up/m", "offline/echo"))}))
