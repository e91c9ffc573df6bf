"""No secret is shown, however a configuration is printed or refused."""

import traceback
from collections.abc import Callable
from pathlib import Path

import pytest
from rich.pretty import pretty_repr

from dragoman.config import Config, FrontConfig, GatewayConfig, ProviderConfig
from dragoman.errors import ConfigurationError
from tests.config.test_load import trusted, write

CANARY = "canary-7Q"
SECRETS = Config(
    gateway=GatewayConfig(api_keys=(CANARY,)),
    providers={
        "up": ProviderConfig(api_key=CANARY, secret=CANARY, password=CANARY, proxy=f"http://u:{CANARY}@127.0.0.1:1"),
    },
    fronts={"aibn": FrontConfig(secret=CANARY, password=CANARY)},
)


@pytest.mark.parametrize("show", [repr, str, pretty_repr, "{}".format])
def test_a_printed_configuration_shows_no_secret(show: Callable[[object], str]) -> None:
    shown = show(SECRETS)
    assert CANARY not in shown
    assert "…" in shown


def test_a_printed_configuration_shows_whether_a_secret_is_set() -> None:
    shown = repr(FrontConfig(password=CANARY, secret="", model="m"))
    assert shown == "FrontConfig(secret='', password='…', model='m', broken_end=None)"


PLACES = [
    "[gateway]\napi_keys = CANARY",
    "[gateway]\napi_keys = [CANARY, CANARY]",
    "[gateway]\napi_keys = [[CANARY]]",
    "[gateway]\napi_key = [CANARY]",
    "[gateway]\napi_key = CANARY\napi_keys = [CANARY]",
    "[providers.up]\napi_key = [CANARY]",
    "[providers.up]\napi_key = { key = CANARY }",
    "[providers.up]\nsecret = [CANARY]",
    "[providers.up]\npassword = { CANARY = 1 }",
    "[providers.up]\nproxy = CANARY",
    "[providers.up]\napi_kee = CANARY",
    "[providers]\nup = CANARY",
    "[fronts.aibn]\nsecret = [CANARY]",
    "[fronts]\naibn = CANARY",
    "api_key = CANARY",
    "[providers.up]\napi_key = CANARY x",
    "[providers.up]\napi_key = CANARY\napi_key = CANARY",
    "[providers.up]\nurl = 'http://user:CANARY@127.0.0.1'",
]


@pytest.mark.parametrize("text", PLACES)
def test_a_refused_secret_is_not_shown(tmp_path: Path, text: str) -> None:
    write(tmp_path, text.replace("CANARY", CANARY if "'" in text else f'"{CANARY}"'))
    with pytest.raises(ConfigurationError) as caught:
        trusted(tmp_path, {})
    assert CANARY not in "".join(traceback.format_exception(caught.value))


NAMES = ["GATEWAY_API_KEY", "PROVIDERS_UP_API_KEY", "PROVIDERS_UP_PROXY", "PROVIDERS_UP_API_KEE", "FRONTS_AIBN_PASSWRD"]


@pytest.mark.parametrize("name", NAMES)
def test_a_refused_secret_of_a_variable_is_not_shown(tmp_path: Path, name: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        trusted(tmp_path, {f"DRAGOMAN_{name}": f"é{CANARY}"})
    assert CANARY not in "".join(traceback.format_exception(caught.value))
