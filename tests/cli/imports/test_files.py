"""Files as their programs' documentation shows them, what is written for each, and what is said of each key."""

import json
import tomllib
from pathlib import Path
from typing import Any

import pytest

from dragoman.cli.imports.catalogue import importers
from dragoman.cli.imports.ledger import NOT_KNOWN, Ledger, Verdict
from dragoman.cli.imports.report import report
from dragoman.config import GatewayConfig
from dragoman.config.tables import from_tables
from dragoman.errors import ConfigurationError, ContentFilterError
from dragoman.gateway.check import check
from dragoman.protocols.registry import DIALECTS
from dragoman.providers.catalogue import catalogue
from dragoman.routing.reactions import REACTIONS, Next

FILES = Path(__file__).parent / "files"
IMPORTERS = importers()
SUFFIX = {"ccr": "json", "litellm": "yaml", "opencode": "json"}
VARIABLES = ("ANTHROPIC_KEY", "DEEPSEEK_KEY", "GROQ_API_KEY", "OPENAI_KEY", "OPENROUTER_API_KEY", "OPENROUTER_KEY")
ENVIRON = dict.fromkeys([*VARIABLES, "AZURE_KEY", "OWN_KEY", "PROXY_KEY"], "key")


def convert(name: str, text: str, in_clear: bool = True) -> tuple[dict[str, Any], dict[str, tuple[str, str]]]:
    """The tables that are written, and verdict and words by the key's path."""
    done = IMPORTERS[name].convert(text, in_clear)
    found = {".".join(map(str, each.path)): (each.verdict.value, each.words) for each in done.findings}
    return tomllib.loads(done.toml), found


@pytest.mark.parametrize("name", IMPORTERS)
def test_a_file_becomes_what_stands_beside_it(name: str) -> None:
    done = IMPORTERS[name].convert((FILES / f"{name}.{SUFFIX[name]}").read_text(), True)
    assert done.toml == (FILES / f"{name}.toml").read_text()
    lines = list(report(done.findings))
    assert lines == (FILES / f"{name}.txt").read_text().splitlines()
    assert "canary" not in "\n".join(lines)
    assert "all is well" in check(from_tables(tomllib.loads(done.toml), ENVIRON))


@pytest.mark.parametrize(
    ("mode", "served"),
    [
        ("chat", True),
        ("completion", True),
        ("embedding", True),
        ("responses", True),
        ("audio_transcription", False),
        ("image_generation", False),
        ("rerank", False),
    ],
)
def test_a_deployment_of_what_is_not_served_becomes_no_route(mode: str, served: bool) -> None:
    row = {"model_name": "m", "litellm_params": {"model": "openai/x"}, "model_info": {"mode": mode}}
    tables, found = convert("litellm", json.dumps({"model_list": [row]}))
    assert ("models" in tables) is served
    assert found["model_list.0.model_info.mode"][0] == ("exact" if served else "impossible")
    assert found["model_list.0.litellm_params.model"][0] == ("exact" if served else "impossible")


@pytest.mark.parametrize("name", IMPORTERS)
def test_without_a_file_to_write_no_key_in_clear_is_written(name: str) -> None:
    done = IMPORTERS[name].convert((FILES / f"{name}.{SUFFIX[name]}").read_text(), False)
    assert "canary" not in done.toml + "\n".join(report(done.findings))
    assert '{ env = "' in done.toml


def test_a_leaf_is_settled_by_the_first_finding_that_reaches_it() -> None:
    ledger = Ledger([("a", 0), ("a", 1), ("b",)])
    ledger.settle(("a", 1), Verdict.EXACT, "first")
    ledger.settle(("a",), Verdict.BY_HAND, "second")
    found = [(each.path, each.verdict, each.words) for each in ledger.close()]
    assert found == [
        (("a", 0), Verdict.BY_HAND, "second"),
        (("a", 1), Verdict.EXACT, "first"),
        (("b",), Verdict.IMPOSSIBLE, NOT_KNOWN),
    ]


def test_the_services_of_the_tables_are_in_the_catalogue() -> None:
    from dragoman.cli.imports import litellm_rules, opencode, services

    named = [
        *litellm_rules.SERVICES.values(),
        *opencode.PACKAGES.values(),
        *opencode.HOMES.values(),
        *opencode.KNOWN.values(),
        *(service for home in services.HOMES.values() for service in home.values()),
        *(service for _, service in services.PATHS),
    ]
    assert {service.type for service in named if service.type} - catalogue().keys() == set()
    assert {service.protocol for service in named if service.protocol} - DIALECTS.keys() == set()


LITELLM = """
model_list:
  - {model_name: a, litellm_params: {model: openai/one, api_key: os.environ/KEY, order: 2}}
  - {model_name: a, litellm_params: {model: openai/two, api_key: os.environ/KEY, order: 1}}
  - {model_name: b, litellm_params: {model: openai/three, api_key: os.environ/OTHER}}
  - {model_name: c, litellm_params: {model: openai/one, api_key: os.environ/KEY}}
litellm_settings: {fallbacks: [{a: [b]}, {b: [a, c]}]}
"""


HERE = {
    "weight": "`weight`",
    "max_parallel_requests": "`max_parallel`",
    "num_retries": "`attempts`",
    "input_cost_per_token": "`price`",
}
SETTINGS = {
    "router_settings.routing_strategy": "`strategy`",
    "router_settings.num_retries": "`attempts`",
    "router_settings.max_fallbacks": "`calls`",
    "router_settings.allowed_fails": "gateway.breaker_failures",
    "router_settings.cooldown_time": "gateway.breaker_rest",
    "litellm_settings.callbacks": "gateway.otel",
    "general_settings.max_parallel_requests": "gateway.max_in_flight_per_key",
    "general_settings.global_max_parallel_requests": "gateway.max_in_flight",
}


@pytest.mark.parametrize(("key", "setting"), SETTINGS.items())
def test_what_has_a_setting_here_is_not_called_impossible(key: str, setting: str) -> None:
    section, name = key.split(".")
    _, found = convert("litellm", f"{section}: {{{name}: 1}}")
    verdict, words = found[key]
    assert verdict == "by hand"
    assert setting in words
    if setting.startswith("gateway."):
        assert setting.removeprefix("gateway.") in GatewayConfig.__struct_fields__


@pytest.mark.parametrize(("name", "setting"), HERE.items())
def test_what_a_target_or_its_route_can_say_is_not_called_impossible(name: str, setting: str) -> None:
    text = f"model_list: [{{model_name: a, litellm_params: {{model: openai/m, {name}: 1}}}}]"
    verdict, words = convert("litellm", text)[1][f"model_list.0.litellm_params.{name}"]
    assert verdict == "by hand"
    assert setting in words


def test_fallbacks_that_no_route_makes_are_not_called_settings() -> None:
    assert REACTIONS[ContentFilterError].next is Next.NOBODY
    _, found = convert("litellm", "router_settings: {content_policy_fallbacks: [{a: [b]}]}")
    assert found["router_settings.content_policy_fallbacks.0.a.0"][0] == "impossible"


def test_deployments_with_the_same_address_and_key_share_an_entry() -> None:
    tables, _ = convert("litellm", LITELLM)
    assert tables["providers"] == {
        "openai": {"type": "openai", "api_key": {"env": "KEY"}},
        "openai-2": {"type": "openai", "api_key": {"env": "OTHER"}},
    }


def test_a_key_that_is_read_from_its_usual_variable_makes_no_second_entry() -> None:
    text = """
    model_list:
      - {model_name: a, litellm_params: {model: groq/one}}
      - {model_name: groq/*, litellm_params: {model: groq/*, api_key: os.environ/GROQ_API_KEY}}
      - {model_name: b, litellm_params: {model: groq/one, api_key: sk-canary}}
    """
    tables, found = convert("litellm", text, in_clear=False)
    assert tables["providers"] == {
        "groq": {"type": "groq", "api_key": {"env": "GROQ_API_KEY"}},
        "groq-2": {"type": "groq"},
    }
    assert found["model_list.1.model_name"] == ("exact", "callers write groq/MODEL")
    assert "providers.groq-2.api_key" in found["model_list.2.litellm_params.api_key"][1]


def test_a_pattern_for_all_services_is_no_service_that_is_not_known() -> None:
    tables, found = convert("litellm", 'model_list: [{model_name: "*", litellm_params: {model: "*"}}]')
    assert tables == {}
    assert found["model_list.0.model_name"] == ("by hand", "callers write PROVIDER/MODEL: dragoman has no patterns")


def test_a_shared_credential_is_that_of_its_deployments() -> None:
    text = """
    model_list:
      - {model_name: a, litellm_params: {model: openai/one, litellm_credential_name: team}}
      - {model_name: b, litellm_params: {model: openai/one, litellm_credential_name: none}}
    credential_list:
      - credential_name: team
        credential_values: {api_key: os.environ/TEAM_KEY, api_base: "http://127.0.0.1:9001/v1"}
    """
    tables, found = convert("litellm", text)
    assert tables["models"] == {"a": {"targets": ["openai/one"]}, "b": {"targets": ["openai-2/one"]}}
    assert tables["providers"] == {
        "openai": {"protocol": "openai-chat", "url": "http://127.0.0.1:9001/v1", "api_key": {"env": "TEAM_KEY"}},
        "openai-2": {"type": "openai"},
    }
    assert found["credential_list.0.credential_values.api_key"] == ("exact", "providers.openai.api_key")
    assert found["model_list.1.litellm_params.litellm_credential_name"][0] == "by hand"


def test_a_key_that_is_read_from_another_variable_here_is_told() -> None:
    _, found = convert("litellm", "model_list: [{model_name: a, litellm_params: {model: together_ai/one}}]")
    words = "models.a.targets; its key is read from TOGETHER_API_KEY here"
    assert found["model_list.0.litellm_params.model"] == ("by hand", words)


def test_a_route_has_its_own_deployments_then_the_fallbacks_and_theirs() -> None:
    tables, found = convert("litellm", LITELLM)
    assert tables["models"] == {
        "a": {"targets": ["openai/two", "openai/one", "openai-2/three"]},
        "b": {"targets": ["openai-2/three", "openai/two", "openai/one"]},
        "c": {"targets": ["openai/one"]},
    }
    assert found["model_list.2.model_name"] == ("exact", "models.b")
    assert found["model_list.0.model_name"][0] == "by hand"


def test_a_key_in_environment_variables_stays_a_variable() -> None:
    text = """
    model_list: [{model_name: a, litellm_params: {model: openai/one, api_key: os.environ/KEY}}]
    environment_variables: {KEY: sk-canary}
    """
    tables, found = convert("litellm", text)
    assert tables["providers"] == {"openai": {"type": "openai", "api_key": {"env": "KEY"}}}
    assert found["environment_variables.KEY"][0] == "by hand"


def test_ccr_without_a_key_listens_on_this_machine_only() -> None:
    tables, found = convert("ccr", '{"HOST": "0.0.0.0", "PORT": 80}')
    assert tables == {"gateway": {"port": 80}}
    assert found["HOST"][0] == "by hand"


@pytest.mark.parametrize(
    ("address", "entry"),
    [
        ("https://api.openai.com/v1/chat/completions", {"type": "openai", "url": "https://api.openai.com/v1"}),
        ("http://up/v1/responses", {"protocol": "openai-responses", "url": "http://up/v1"}),
        ("http://up/v1/messages/", {"protocol": "anthropic", "url": "http://up"}),
        ("http://up/v1beta/models", {"protocol": "gemini", "url": "http://up"}),
        ("http://up/api/chat", {"type": "ollama", "url": "http://up"}),
    ],
)
def test_the_end_of_an_address_says_the_protocol(address: str, entry: dict[str, str]) -> None:
    tables, found = convert("ccr", f'{{"Providers": [{{"name": "up", "api_base_url": "{address}"}}]}}')
    assert tables["providers"] == {"up": entry}
    assert found["Providers.0.api_base_url"] == ("exact", "providers.up.url")


@pytest.mark.parametrize("port", ["true", '"80"', "65536", "-1", "1.0", "9" * 4000, "null", "[80]"])
def test_a_port_that_is_none_is_left_to_the_user(port: str) -> None:
    tables, found = convert("ccr", f'{{"PORT": {port}}}')
    assert tables == {}
    assert {verdict for verdict, _ in found.values()} == {"by hand"}


def test_a_service_that_opencode_knows_gets_an_entry_of_its_own() -> None:
    tables, _ = convert("opencode", '{"model": "xai/grok-4", "small_model": "google/gemini-flash"}')
    assert tables == {
        "gateway": {"default_model": "xai/grok-4"},
        "providers": {"xai": {"type": "xai"}, "google": {"type": "gemini"}},
        "models": {"small": {"targets": ["google/gemini-flash"]}},
    }


def test_an_absolute_file_with_a_key_stays_one() -> None:
    tables, _ = convert("opencode", '{"provider": {"groq": {"options": {"apiKey": "{file:/run/secrets/groq}"}}}}')
    assert tables["providers"] == {"groq": {"type": "groq", "api_key": {"file": "/run/secrets/groq"}}}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('{"PORT": 1, /* two */ }', 1),
        ('{"PORT": 1 // , }\n}', 1),
        ('{"PORT": 1, // last\n /* , */ }', 1),
        ('{"PORT": 1, "x": "// , ] } /*"}', 1),
        ('{"PORT": 1, "x": ["a,]", "\\"//",],}', 1),
    ],
)
def test_json_may_have_comments_and_a_last_comma(text: str, value: int) -> None:
    tables, _ = convert("ccr", text)
    assert tables["gateway"] == {"port": value}


ALIASES = "a: &a [x, x]\n" + "".join(
    f"{b}: &{b} [*{a}, *{a}, *{a}, *{a}]\n" for a, b in zip("abcdefghi", "bcdefghij", strict=True)
)


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("ccr", "", "line 1: expected JSON (Expecting value, column 1)"),
        ("ccr", '{\n/* a\nb */ "x" }', "line 3: expected JSON (Expecting ':' delimiter, column 10)"),
        ("ccr", '{"a": 1, "a": 2}', "expected every key once in its table, got 'a' twice"),
        ("ccr", "[" * 100_000, "expected at most 64 levels of lists and tables, got more"),
        ("litellm", f"a: {'9' * 5000}", "expected YAML, got a value that does not fit its tag"),
        ("ccr", "9" * 5000, "expected numbers of at most 4,300 digits, got a longer one"),
        ("litellm", "a: [", "line 1: expected YAML"),
        ("litellm", "a: &a [*a]", "expected at most 64 levels of lists and tables, got more"),
        ("litellm", ALIASES, "expected at most 50000 values, got more"),
        ("litellm", "a: 2026-99-99", "expected YAML, got a value that does not fit its tag"),
        ("litellm", "a: !!bool maybe", "expected YAML, got a value that does not fit its tag"),
        ("litellm", "a: !!timestamp soon", "expected YAML, got a value that does not fit its tag"),
        ("litellm", "a: !!python/object:os.system x", "line 1: expected YAML"),
        ("litellm", "a: 1\nb:\n  c: 1\n  c: 2", "line 4: expected every key once in its table, got one twice"),
        ("litellm", "{true: a, 'True': b}", "expected every key once, got two that are spelt alike"),
    ],
)
def test_what_cannot_be_read_is_said_in_a_line(name: str, text: str, message: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        IMPORTERS[name].convert(text, True)
    assert caught.value.message == message


@pytest.mark.parametrize(
    ("text", "paths"),
    [
        ("", ["the file"]),
        ("model_list: 2026-01-01", ["model_list"]),
        ("1: !!binary aGk=\nnull: !!set {c}\n2026-01-01: 1.5", ["1", "None[0]", "2026-01-01"]),
        (f"? 0x{'f' * 5000}\n: 1\nrouter_settings: {{retry_after: 0x{'f' * 5000}}}", [f"0x{'f' * 62}"]),
        ("general_settings: {master_key: [sk-canary], max_request_size_mb: 1.5}", []),
    ],
)
def test_values_that_only_yaml_has_are_keys_as_well(text: str, paths: list[str]) -> None:
    done = IMPORTERS["litellm"].convert(text, True)
    lines = [line for line in report(done.findings) if line.startswith("  ")]
    assert [line.strip().partition(": ")[0] for line in lines][: len(paths)] == paths
    assert tomllib.loads(done.toml) == {}


@pytest.mark.parametrize("name", IMPORTERS)
def test_half_a_character_is_shown_in_its_place(name: str) -> None:
    text = (FILES / f"{name}.{SUFFIX[name]}").read_text()
    for half in ("\ud83d", "\ude00"):
        done = IMPORTERS[name].convert(text.replace("http", json.dumps(half)[1:-1]), True)
        "".join((done.toml, *report(done.findings))).encode()


@pytest.mark.parametrize("address", ["http://[::1/v1", "https://one.example?x=1", "https://one.example/other", 7])
def test_an_address_that_is_no_resource_of_azure_is_said(address: object) -> None:
    params = {"model": "azure/gpt-4o", "api_base": address}
    toml, found = convert("litellm", json.dumps({"model_list": [{"model_name": "m", "litellm_params": params}]}))
    verdict, words = found["model_list.0.litellm_params.api_base"]
    assert (verdict, toml.get("providers")) == (Verdict.BY_HAND.value, None)
    assert "write" in words


AZURE_URL = "https://r.openai.azure.com/openai/v1"
VERTEX_URL = "https://us-east5-aiplatform.googleapis.com/v1/projects/p/locations/us-east5"
OF_CLOUDS: list[tuple[dict[str, str], str, str, str]] = [
    ({"model": "azure/responses/d", "api_base": "https://r.openai.azure.com"}, "azureresponses", AZURE_URL, "d"),
    ({"model": "azure/o_series/d", "api_base": "https://r.openai.azure.com"}, "azure", AZURE_URL, "d"),
    ({"model": "azure/gpt5_series/d", "api_base": "https://r.openai.azure.com"}, "azure", AZURE_URL, "d"),
    ({"model": "openai/d", "api_base": AZURE_URL}, "azure", AZURE_URL, "d"),
    (
        {"model": "vertex_ai_beta/gemini-x", "vertex_ai_project": "p", "vertex_ai_location": "us-east5"},
        "vertex",
        VERTEX_URL,
        "gemini-x",
    ),
]


@pytest.mark.parametrize(("params", "type_", "url", "model"), OF_CLOUDS)
def test_a_model_of_a_cloud_is_asked_for_by_its_own_name(
    params: dict[str, str], type_: str, url: str, model: str
) -> None:
    toml, found = convert("litellm", json.dumps({"model_list": [{"model_name": "m", "litellm_params": params}]}))
    ((entry, settings),) = toml["providers"].items()
    assert settings == {"type": type_, "url": url}
    assert toml["models"]["m"]["targets"] == [f"{entry}/{model}"]
    assert "dragoman has no setting for it" not in [words for _, words in found.values()]


def test_models_of_vertex_that_give_vectors_are_said() -> None:
    params = {"model": "vertex_ai/gemini-embedding-001", "vertex_project": "p", "vertex_location": "us-east5"}
    toml, found = convert("litellm", json.dumps({"model_list": [{"model_name": "m", "litellm_params": params}]}))
    assert (toml, {verdict for verdict, _ in found.values()}) == ({}, {Verdict.BY_HAND.value})


@pytest.mark.parametrize("name", ["azure_ad_token", "tenant_id", "client_id", "client_secret"])
def test_how_azure_gives_a_token_is_said(name: str) -> None:
    params = {"model": "azure/d", "api_base": "https://r.openai.azure.com", name: "x"}
    _, found = convert("litellm", json.dumps({"model_list": [{"model_name": "m", "litellm_params": params}]}))
    verdict, words = found[f"model_list.0.litellm_params.{name}"]
    assert (verdict, "Entra ID" in words) == (Verdict.BY_HAND.value, True)


ADDRESSES = {
    f"{AZURE_URL}/chat/completions": "azure",
    "https://r.cognitiveservices.azure.com/openai/v1/responses": "azureresponses",
    "https://r.services.ai.azure.com/anthropic/v1/messages": "azureanthropic",
    "https://bedrock-mantle.us-east-1.api.aws/v1/chat/completions": "bedrock",
    "https://bedrock-runtime.us-east-1.amazonaws.com/openai/v1/chat/completions": "bedrock",
    "https://bedrock-mantle.us-east-1.api.aws/v1/responses": "bedrockresponses",
    "https://bedrock-mantle.us-east-1.api.aws/anthropic/v1/messages": "bedrockanthropic",
    f"{VERTEX_URL}/endpoints/openapi/chat/completions": "vertexopenai",
    "https://aiplatform.eu.rep.googleapis.com/v1/projects/p/locations/eu/endpoints/openapi/chat/completions": (
        "vertexopenai"
    ),
}


@pytest.mark.parametrize(("address", "type_"), ADDRESSES.items())
def test_an_address_of_a_cloud_is_known(address: str, type_: str) -> None:
    provider = {"name": "up", "api_base_url": address, "api_key": "$K", "models": ["m"]}
    toml, _ = convert("ccr", json.dumps({"Providers": [provider]}))
    assert toml["providers"]["up"]["type"] == type_


@pytest.mark.parametrize(
    "address",
    [
        "https://r.openai.azure.com.evil.example/openai/v1/chat/completions",
        "https://evil.example/x.openai.azure.com/openai/v1/chat/completions",
    ],
)
def test_an_address_that_only_looks_like_one_is_not(address: str) -> None:
    provider = {"name": "up", "api_base_url": address, "api_key": "$K", "models": ["m"]}
    toml, _ = convert("ccr", json.dumps({"Providers": [provider]}))
    assert toml["providers"]["up"]["protocol"] == "openai-chat"
