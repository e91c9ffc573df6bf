"""Settings that can only be wrong are told before anybody asks, with their place."""

from pathlib import Path

import pytest
import trustme

from dragoman import Client
from dragoman.client.check import check_service
from dragoman.config import Config, FrontConfig, ModelConfig, ProviderConfig, TimeoutsConfig
from dragoman.config.secrets import FORMS
from dragoman.errors import ConfigurationError
from dragoman.providers import AsyncGeneratorProvider
from dragoman.providers.offline import Offline
from dragoman.transport import browser
from dragoman.transport.replay import Cassette, ReplayTransport

UP = '[providers.up]\nprotocol = "openai-chat"\n'
GOOD = f'{UP}url = "http://127.0.0.1:9001/v1"\n'

WRONG = [
    (UP, "1: providers.up.url: expected a `url`, for instance"),
    (f'{UP}url = "http://h:99999/v1"', "3: providers.up.url: expected a port from 1 to 65535, got 99999"),
    (f'{UP}url = "http://[::1]:0/v1"', "3: providers.up.url: expected a port from 1 to 65535, got 0"),
    (
        f'{UP}url = "http://[1:2]/v1"',
        "3: providers.up.url: expected an absolute http or https URL, got one that cannot",
    ),
    (f'{UP}url = "http://h/v1/chat/completions"', "3: providers.up.url: expected what stands before /chat/completions"),
    (
        f'{UP}url = "http://h/v1/chat/completions/"',
        "3: providers.up.url: expected what stands before /chat/completions",
    ),
    ('[providers.home]\ntype = "aibn"\nurl = "http://h:66000"', "3: providers.home.url: expected a port from 1 to "),
    (f'{GOOD}proxy = "http://h:99999"', "4: providers.up.proxy: expected a proxy URL (http, "),
    (f'{GOOD}proxy = "http://:1"', "4: providers.up.proxy: expected a proxy URL (http, "),
    (f'{GOOD}ca_file = "none.pem"', "4: providers.up.ca_file: expected a PEM file of certificates, got '"),
    (f'{GOOD}ca_file = "dragoman.toml"', "4: providers.up.ca_file: expected a PEM file of certificates, got none in '"),
    (f'{GOOD}ca_file = "."', "4: providers.up.ca_file: expected a PEM file of certificates, got '"),
    (
        f'{GOOD}impersonate = "chrom"',
        "4: providers.up.impersonate: impersonate='chrom' is no browser known to curl_cffi",
    ),
    (
        f"{GOOD}prompt_tools = true",
        "4: providers.up.prompt_tools: expected a protocol without tools, openai-chat has th",
    ),
    (f"{GOOD}max_tokens = 5", "4: providers.up.max_tokens: expected none, OpenAICompatible has no use for it"),
    (f'{GOOD}version = "2023-06-01"', "4: providers.up.version: expected none, OpenAICompatible has no use for it"),
    (f'{GOOD}completions = "completions"', "4: providers.up.completions: expected a path, such as /completions, got "),
    (
        '[providers.up]\nprotocol = "openai-responses"\nurl = "http://h"\ncompletions = "/completions"',
        "4: providers.up.completions: expected none, openai-responses has no use for it",
    ),
    (
        '[providers.anthropic]\ncompletions = "/completions"',
        "2: providers.anthropic.completions: expected none, Anthropic has no use for it",
    ),
    ('[providers.cromicle]\nmodels = ["a"]', "2: providers.cromicle.models: expected none, Cromicle has no use for it"),
    (
        '[providers.cromicle]\ndefault_model = "a"',
        "2: providers.cromicle.default_model: expected none, ",
    ),
    (
        '[providers.cromicle]\nmodel_aliases = { a = "b" }',
        "2: providers.cromicle.model_aliases: expected none, ",
    ),
    (f'{GOOD}models = ["a"]\ndefault_model = "b"', "5: providers.up.default_model: up has no model 'b'"),
]


def refused(folder: Path, text: str) -> str:
    """The message that refuses a configuration, from the file's name on."""
    path = folder / "dragoman.toml"
    path.write_text(text)
    with pytest.raises(ConfigurationError) as caught:
        Client(path)
    return str(caught.value).replace(f"{path}:", "", 1)


@pytest.mark.parametrize(("text", "message"), WRONG)
def test_a_service_that_nobody_could_reach_is_refused(tmp_path: Path, text: str, message: str) -> None:
    found = refused(tmp_path, text)
    assert found.startswith(message)
    assert "\n" not in found


def test_all_that_is_wrong_is_told_at_once(tmp_path: Path) -> None:
    home = '[providers.home]\ntype = "aibn"\nurl = "http://h:0"\n'
    text = f'{UP}ca_file = "none.pem"\n{home}[models.a]\ntargets = ["b/c"]\n'
    assert [line.rpartition(".toml:")[2].partition(": ")[0] for line in refused(tmp_path, text).splitlines()] == [
        "1",
        "3",
        "6",
        "8",
    ]


def test_what_is_right_is_told_nothing(tmp_path: Path) -> None:
    trustme.CA().cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    path = tmp_path / "dragoman.toml"
    path.write_text(
        f'{GOOD}headers = {{ x-a = "1" }}\n'
        'ca_file = "ca.pem"\nproxy = "socks5://h:1"\nimpersonate = "chrome"\nmodels = ["a"]\n'
        'default_model = "x"\nmodel_aliases = { x = "a" }\n[providers.home]\ntype = "aibn"\nimpersonate = ""\n'
    )
    assert Client(path).default_model == "up/x"


def test_headers_of_a_class_that_answers_itself_are_of_no_use() -> None:
    class Own(AsyncGeneratorProvider):
        open = Offline.open

    wanting = Own.configured({"headers": {"x-a": "1"}})
    assert check_service(Own, wanting, ProviderConfig()) == {"headers": "expected none, Own has no use for it"}
    assert check_service(Own, Own, ProviderConfig()) == {}


def test_a_site_that_wants_a_browser_wants_the_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(browser, "installed", lambda: False)
    near = '[providers.near]\ntype = "aibn"\nurl = "http://127.0.0.1:9"\n'
    far = '[providers.far]\ntype = "aibn"\nurl = "http://h"\n'
    plain = '[providers.plain]\ntype = "aibn"\nimpersonate = ""\n'
    text = f"{near}{far}{plain}[providers.aibn]\n"
    assert refused(tmp_path, text) == (
        "10: providers.aibn.impersonate: impersonate='chrome107' needs curl_cffi: "
        "install the extra `web` (pip install 'dragoman[web]')"
    )
    Client(tmp_path / "dragoman.toml", transport=ReplayTransport(Cassette()))


def test_a_configuration_of_the_program_is_checked_too() -> None:
    config = Config(providers={"up": ProviderConfig(protocol="openai-chat", url="http://h:99999")})
    with pytest.raises(ConfigurationError, match=r"^providers.up.url: expected a port from 1 to 65535, got 99999$"):
        Client(config)


def test_a_key_of_the_program_that_no_header_can_hold_is_told() -> None:
    config = Config(providers={"up": ProviderConfig(protocol="openai-chat", url="http://h", api_key="canary\n")})
    with pytest.raises(ConfigurationError) as caught:
        Client(config)
    assert str(caught.value) == (
        f"providers.up.api_key: expected text of visible ASCII characters, {FORMS}, got one that ends with a line break"
    )


async def test_a_variable_s_key_that_no_header_can_hold_is_not_the_caller_s_fault(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "canary\n")
    async with Client(Config()) as client:
        with pytest.raises(ConfigurationError, match=r"^OPENAI_API_KEY: expected visible ASCII characters") as caught:
            await client.chat("openai/m", "Hi")
    assert "canary" not in str(caught.value)
    with pytest.raises(ConfigurationError, match=r"^providers.openai.api_key: OPENAI_API_KEY: expected"):
        Client(Config(providers={"openai": ProviderConfig()}))


WRONG_VALUES = [
    (Config(models={"a": ModelConfig(targets=())}), "models.a.targets: expected a list of at least one "),
    (Config(providers={"up": ProviderConfig(type="aibn", protocol="aibn")}), "providers.up.protocol: expected either "),
    (Config(providers={"up": ProviderConfig(url="http://h/?key=canary")}), "providers.up.url: expected an http or "),
    (
        Config(providers={"up": ProviderConfig(timeouts=TimeoutsConfig(idle=-1))}),
        "providers.up.timeouts.idle: expected a ",
    ),
    (Config(providers={"a/b": ProviderConfig(type="aibn")}), 'providers."a/b": expected a name without spaces and '),
]


@pytest.mark.parametrize(("config", "message"), WRONG_VALUES)
def test_a_value_of_the_program_that_no_file_may_have_is_refused(config: Config, message: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        Client(config)
    assert str(caught.value).startswith(message)
    assert "canary" not in str(caught.value)


def test_a_value_of_the_program_may_be_all_that_a_file_may_say() -> None:
    up = ProviderConfig(
        type="openaicompatible",
        url="http://h/v1",
        api_key="k",
        secret="",
        proxy="http://u:p@h:1",
        impersonate=None,
        broken_mark=None,
        models=("a", "b"),
        model_aliases={"c": "a"},
        strict=True,
        timeouts=TimeoutsConfig(idle=1, total=None),
    )
    front = FrontConfig(secret="", password="a,b", model="up/a")
    config = Config(providers={"up": up}, models={"r": ModelConfig(targets=("up/a",))}, fronts={"aibn": front})
    assert Client(config).default_model == "r"
