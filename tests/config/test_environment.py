"""Settings from variables: every key has one."""

from collections.abc import Callable
from pathlib import Path

import pytest

from dragoman.config import Config, ModelConfig, TimeoutsConfig
from dragoman.config.schema import LIMITS, ROOT, TableSchema
from dragoman.config.secrets import FORMS
from dragoman.errors import ConfigurationError
from tests.config.test_load import trusted, write

FILE = """
[gateway]
api_keys = ["file"]

[providers.my-up]
type = "aibn"
url = "http://file"

[providers."v1.5"]
protocol = "openai-chat"

[models.fast]
targets = ["my-up/a",
           "my-up/b"]
"""


def over(tmp_path: Path, environ: dict[str, str], text: str = FILE) -> Config:
    """`text` with `environ` over it."""
    write(tmp_path, text)
    return trusted(tmp_path, environ)


def refused(tmp_path: Path, environ: dict[str, str], text: str = FILE) -> str:
    """The message that refuses them."""
    with pytest.raises(ConfigurationError) as caught:
        over(tmp_path, environ, text)
    return str(caught.value)


SAMPLES = {
    "WEBSOCKETS": "false",
    "HEADERS": "x-a=b",
    "STORE_SIZE": "1",
    "STORE_AGE": "1",
    "CACHE_LIFETIME": "1",
    "REASONING_RETURNS": "true",
    "MIXED_TOOLS": "true",
    "FORM_WITH_TOOLS": "true",
    "USER_AFTER_RESULTS": "true",
    "SYSTEM_ANYWHERE": "true",
    "FREEFORM_TOOLS": "true",
    "UNSUPPORTED_FIELDS": "temperature,top_p",
    "IMAGES": "false",
    "TOOLS": "false",
    "PREFILL": "false",
    "THINKING_LEVELS": "false",
    "SINGLE_SAMPLING": "false",
    "PLAIN_CALL_IDS": "false",
    "SIGNED_CALLS": "false",
    "RESULT_MEDIA": "false",
    "CONTEXT_SIZE": "9",
    "SCHEMA_KEYWORDS": "type,$ref",
    "EMPTY_ANSWER": "ok",
    "MAX_ANSWER": "9",
    "MAX_TOKENS": "9",
    "HEAD_AFTER": "9",
    "BROKEN_END": "cut",
    "CALL_IDS": "nine",
    "BREAKPOINTS": "false",
    "EFFORT_WITH_TOOLS": "false",
    "SAMPLING_WITH_EFFORT": "false",
    "PORT": "9",
    "MAX_BODY": "9",
    "WORKERS": "9",
    "WORKER_TIMEOUT": "2.5",
    "LOG_LEVEL": "error",
    "DRAIN": "9",
    "BREAKER_FAILURES": "9",
    "BREAKER_REST": "9",
    "RETRY_BUDGET": "0.5",
    "ATTEMPTS": "9",
    "CALLS": "9",
    "GRACE": "9",
    "RELOAD": "signal",
    "LISTEN": "unix:/x,h:9",
    "LISTEN_MODE": "0600",
    "ON_DISCONNECT": "drain",
    "RESUME": "9",
    "RESUME_SIZE": "9999",
    "RESUME_TOTAL": "9999",
    "STRICT": "true",
    "PROMPT_TOOLS": "true",
    "STRATEGY": "fallback",
    "URL": "http://h",
    "PROXY": "http://h",
    "MODEL_ALIASES": "a=b",
    "SCHEMA_LIMITS": "plain-root",
    "FORMAT_LIMITS": "open-objects",
    "SCHEMA_DEPTH": "2",
    "LEAST_BUDGET": "2",
    "MOST_BUDGET": "2",
    "CONTEXT": "9",
    "MOST_OUTPUT": "9",
    "CORS_ORIGINS": "http://h,*",
    "SAVE": "false",
    "STICKY": "true",
    "METRICS": "open",
    "OTEL": "true",
    **dict.fromkeys(map(str.upper, LIMITS), "1000"),
    "AFTER_SEND": "false",
    "FALLBACK_ON_400": "true",
    "COMPLETIONS": "/completions",
    "CONTINUE": "true",
    "HEDGE": "true",
}
LEAVES = [
    (section, leaf)
    for section, node in ROOT.items()
    for leaf, _ in (node if isinstance(node, TableSchema) else node.entry).leaves()
]


@pytest.mark.parametrize(("section", "leaf"), LEAVES)
def test_every_key_has_its_variable(tmp_path: Path, section: str, leaf: tuple[str, ...]) -> None:
    path = (section, *leaf) if isinstance(ROOT[section], TableSchema) else (section, "some_new", *leaf)
    variable = f"DRAGOMAN_{'_'.join(path)}".upper()
    environ = {variable: "1" if "timeouts" in leaf else SAMPLES.get(leaf[-1].upper(), "x")}
    if section == "models":
        environ.setdefault("DRAGOMAN_MODELS_SOME_NEW_TARGETS", "a/b")
    config = over(tmp_path, environ, "")
    assert config.where(*path) == f"{variable}: {'.'.join(path)}"
    if section != "models":
        assert config != over(tmp_path, {}, "")


VALUES: list[tuple[str, str, Callable[[Config], object], object]] = [
    ("GATEWAY_PORT", "9000", lambda c: c.gateway.port, 9000),
    ("GATEWAY_HOST", "::1", lambda c: c.gateway.host, "::1"),
    ("GATEWAY_API_KEYS", "a, b,", lambda c: c.gateway.api_keys, ("a", "b")),
    ("GATEWAY_API_KEY", "a,b", lambda c: c.gateway.api_keys, ("a,b",)),
    ("PROVIDERS_MY_UP_API_KEY", "k", lambda c: c.providers["my-up"].api_key, "k"),
    ("PROVIDERS_V1_5_URL", "http://x", lambda c: c.providers["v1.5"].url, "http://x"),
    ("PROVIDERS_MY_UP_TIMEOUTS_IDLE", "2.5", lambda c: c.providers["my-up"].timeouts, TimeoutsConfig(idle=2.5)),
    ("PROVIDERS_MY_UP_TIMEOUTS_TLS", "inf", lambda c: c.providers["my-up"].timeouts, TimeoutsConfig(tls=None)),
    ("PROVIDERS_MY_UP_STRICT", "True", lambda c: c.providers["my-up"].strict, True),
    ("MODELS_FAST_HEDGE", "1", lambda c: c.models["fast"].hedge, 1.0),
    ("MODELS_FAST_HEDGE", "False", lambda c: c.models["fast"].hedge, False),
    ("MODELS_FAST_CONTINUE", "1", lambda c: c.models["fast"].continues, True),
    ("PROVIDERS_MY_UP_STRICT", "0", lambda c: c.providers["my-up"].strict, False),
    ("PROVIDERS_MY_UP_BROKEN_MARK", "", lambda c: c.providers["my-up"].broken_mark, None),
    ("PROVIDERS_MY_UP_MODEL_ALIASES", "a=b, gpt-4.1 = c", lambda c: c.providers["my-up"].model_aliases,
     {"a": "b", "gpt-4.1": "c"}),
    ("PROVIDERS_MY_UP_HEADERS", "x-a=b=c, x-d=e", lambda c: c.providers["my-up"].headers, {"x-a": "b=c", "x-d": "e"}),
    ("PROVIDERS_OTHER_TYPE", "aibn", lambda c: c.providers["other"].type, "aibn"),
    ("PROVIDERS_MY_DEFAULT_MODEL", "m", lambda c: c.providers["my"].default_model, "m"),
    ("MODELS_FAST_TARGETS", "a/b,c/d", lambda c: c.models["fast"], ModelConfig(targets=("a/b", "c/d"))),
    ("PROFILES_M1_UNSUPPORTED_FIELDS", "top_p, seed", lambda c: c.profiles["m1"].unsupported_fields, ("top_p", "seed")),
    ("PROFILES_M1_SCHEMA_LIMITS", "plain-root", lambda c: c.profiles["m1"].schema_limits, ("plain-root",)),
    ("PROFILES_M1_FORMAT_LIMITS", "references", lambda c: c.profiles["m1"].format_limits, ("references",)),
    ("PROFILES_M1_SCHEMA_DEPTH", "3", lambda c: c.profiles["m1"].schema_depth, 3),
    ("FRONTS_AIBN_SECRET", "", lambda c: c.fronts["aibn"].secret, ""),
]  # fmt: skip


@pytest.mark.parametrize(("variable", "text", "read", "value"), VALUES)
def test_a_variable_means_what_the_key_would(
    tmp_path: Path, variable: str, text: str, read: Callable[[Config], object], value: object
) -> None:
    assert read(over(tmp_path, {f"DRAGOMAN_{variable}": text})) == value


def test_a_variable_takes_the_place_of_the_file_s_key_and_of_its_rival(tmp_path: Path) -> None:
    environ = {
        "DRAGOMAN_GATEWAY_API_KEY": "mine",
        "DRAGOMAN_PROVIDERS_MY_UP_PROTOCOL": "cromicle",
        "DRAGOMAN_MODELS_FAST_TARGETS": "my-up/c,my-up/d",
    }
    config = over(tmp_path, environ)
    assert config.gateway.api_keys == ("mine",)
    assert (config.providers["my-up"].type, config.providers["my-up"].protocol) == (None, "cromicle")
    assert config.providers["my-up"].url == "http://file"
    assert config.where("models", "fast", "targets", 1) == "DRAGOMAN_MODELS_FAST_TARGETS: models.fast.targets[1]"


def test_a_bad_value_of_the_file_does_not_matter_where_a_variable_is_set(tmp_path: Path) -> None:
    text = '[providers.up]\napi_key = { env = "NOT_SET" }\n'
    assert over(tmp_path, {"DRAGOMAN_PROVIDERS_UP_API_KEY": "k"}, text).providers["up"].api_key == "k"


REFUSED = [
    ("DRAGOMAN_GATEWAY_PORT", "abc", ": gateway.port: expected a whole number from 0 to 65535, got \"abc\""),
    ("DRAGOMAN_GATEWAY_PORT", "9" * 5000,
     f": gateway.port: expected a whole number from 0 to 65535, got \"{'9' * 199}…\""),
    ("DRAGOMAN_GATEWAY_PORT", "99999", ": gateway.port: expected a whole number from 0 to 65535, got 99999"),
    ("DRAGOMAN_GATEWAY_HOST", "", ": gateway.host: expected text without spaces around it, got empty text"),
    ("DRAGOMAN_GATEWAY_API_KEYS", "",
     ": gateway.api_keys: expected a list of text of visible ASCII characters, FORMS, got empty text"),
    ("DRAGOMAN_GATEWAY_API_KEYS", " ,",
     ": gateway.api_keys: expected a list of text of visible ASCII characters, FORMS, got one with spaces around it"),
    ("DRAGOMAN_GATEWAY_HOST", "\udcff", ": gateway.host: expected UTF-8, got other bytes"),
    ("DRAGOMAN_PROVIDERS_MY_UP_STRICT", "yes", ': providers.my-up.strict: expected true or false, got "yes"'),
    ("DRAGOMAN_PROVIDERS_MY_UP_TIMEOUTS_IDLE", "0",
     ": providers.my-up.timeouts.idle: expected a number of seconds above 0, or inf for no limit, got 0.0"),
    ("DRAGOMAN_PROVIDERS_MY_UP_API_KEY", "canary\n",
     ': providers.my-up.api_key: expected text of visible ASCII characters, FORMS, '
     "got one that ends with a line break"),
    ("DRAGOMAN_PROVIDERS_MY_UP_MODEL_ALIASES", "small",
     ": providers.my-up.model_aliases.small: expected text without spaces around it, got empty text"),
    ("DRAGOMAN_PROVIDERS_MY_UP_MODEL_ALIASES", "a=b,a=c",
     ': providers.my-up.model_aliases: expected a table of text without spaces around it, got "a=b,a=c"'),
    ("DRAGOMAN_PROVIDERS_MY_UP_HEADERS", "x-a: canary",
     ": providers.my-up.headers: expected a table of visible ASCII characters, with spaces only between them, FORMS, "
     "got other text"),
    ("DRAGOMAN_PROVIDERS_MY_UP_HEADERS", "x-a=b,canary",
     ": providers.my-up.headers: expected a table of visible ASCII characters, with spaces only between them, FORMS, "
     "got other text"),
    ("DRAGOMAN_MODELS_FAST_TARGETS", "a/b,a/b", ': models.fast.targets[1]: expected every entry once, got "a/b" again'),
    ("DRAGOMAN_MODELS_SLOW_STRATEGY", "fallback", ": models.slow: expected targets, got none"),
    ("DRAGOMAN_GATEWAY_PROT", "1", ": unknown variable; did you mean DRAGOMAN_GATEWAY_PORT?"),
    ("DRAGOMAN_PORT", "9000", ": unknown variable; did you mean DRAGOMAN_GATEWAY_PORT?"),
    ("DRAGOMAN_CONFGI", "x", ": unknown variable; did you mean DRAGOMAN_CONFIG?"),
    ("DRAGOMAN_PROVIDERS_MY_UP_API_KEI", "canary",
     ": unknown variable; did you mean DRAGOMAN_PROVIDERS_MY_UP_API_KEY?"),
    ("DRAGOMAN_PROVIDER_NEW_URL", "http://x", ": unknown variable; did you mean DRAGOMAN_PROVIDERS_NEW_URL?"),
    ("DRAGOMAN_PROVIDERS__URL", "http://x", ": unknown variable; did you mean DRAGOMAN_PROVIDERS_"),
    ("DRAGOMAN_", "x", ": unknown variable"),
    ("DRAGOMAN_QQQQQQQQQQQQQQQQQQQQQQQQQQQ", "x", ": unknown variable"),
]  # fmt: skip


@pytest.mark.parametrize(("variable", "text", "message"), REFUSED)
def test_a_bad_variable_is_refused_by_its_name(tmp_path: Path, variable: str, text: str, message: str) -> None:
    found = refused(tmp_path, {variable: text})
    assert found.startswith(f"{variable}{message}".replace("FORMS", FORMS))
    assert "canary" not in found


def test_rivals_that_are_both_variables_are_refused(tmp_path: Path) -> None:
    environ = {"DRAGOMAN_PROVIDERS_UP_TYPE": "a", "DRAGOMAN_PROVIDERS_UP_PROTOCOL": "b"}
    assert refused(tmp_path, environ) == (
        "DRAGOMAN_PROVIDERS_UP_PROTOCOL: providers.up.protocol: expected either type or protocol, got both"
    )


def test_a_variable_that_fits_two_entries_is_refused(tmp_path: Path) -> None:
    text = "[providers.a-b]\n[providers.a_b]\n"
    assert refused(tmp_path, {"DRAGOMAN_PROVIDERS_A_B_URL": "http://x"}, text) == (
        "DRAGOMAN_PROVIDERS_A_B_URL: expected the variable of one setting, "
        "got one that fits providers.a-b.url and providers.a_b.url"
    )


OURS_NOT = {
    "DRAGOMAN_COMPLETE": "bash_source",
    "_DRAGOMAN_COMPLETE": "bash_source",
    "DRAGOMANIA": "x",
    "dragoman_gateway_prot": "x",
    "DRAGOMAN_SERVICE_HOST": "10.0.0.1",
    "DRAGOMAN_SERVICE_PORT": "8642",
    "DRAGOMAN_SERVICE_PORT_HTTP": "8642",
    "DRAGOMAN_PORT": "tcp://10.0.0.1:8642",
    "DRAGOMAN_PORT_8642_TCP": "tcp://10.0.0.1:8642",
    "DRAGOMAN_PORT_8642_TCP_ADDR": "10.0.0.1",
    "DRAGOMAN_GATEWAY_PORT": "tcp://10.0.0.1:8642",
    "DRAGOMAN_GATEWAY_SERVICE_HOST": "10.0.0.1",
}


@pytest.mark.parametrize("name", OURS_NOT)
def test_variables_that_are_no_settings_change_nothing(tmp_path: Path, name: str) -> None:
    assert over(tmp_path, {name: OURS_NOT[name]}, "") == over(tmp_path, {}, "")


def test_a_secret_s_variable_may_name_a_file(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("from-file\n")
    (tmp_path / "keys").write_text("one\ntwo\n")
    environ = {
        "DRAGOMAN_PROVIDERS_MY_UP_API_KEY_FILE": str(tmp_path / "key"),
        "DRAGOMAN_FRONTS_AIBN_PASSWORD_FILE": str(tmp_path / "key"),
        "DRAGOMAN_GATEWAY_API_KEYS_FILE": str(tmp_path / "keys"),
    }
    config = over(tmp_path, environ)
    assert config.providers["my-up"].api_key == "from-file"
    assert config.fronts["aibn"].password == "from-file"
    assert config.gateway.api_keys == ("one", "two")
    assert over(tmp_path, {"DRAGOMAN_GATEWAY_API_KEY_FILE": str(tmp_path / "key")}).gateway.api_keys == ("from-file",)


@pytest.mark.parametrize("text", ["", "\n", "\n \n"])
def test_a_file_without_a_key_does_not_open_what_keys_close(tmp_path: Path, text: str) -> None:
    (tmp_path / "keys").write_text(text)
    message = "gateway.api_keys: expected a list of text of visible ASCII characters"
    assert message in refused(tmp_path, {"DRAGOMAN_GATEWAY_API_KEYS_FILE": str(tmp_path / "keys")})
    assert message in refused(tmp_path, {}, '[gateway]\napi_keys = { file = "keys" }\n')


def test_a_secret_s_variable_and_the_one_for_its_file_are_rivals(tmp_path: Path) -> None:
    environ = {"DRAGOMAN_GATEWAY_API_KEY": "canary", "DRAGOMAN_GATEWAY_API_KEY_FILE": "/run/secrets/key"}
    assert refused(tmp_path, environ) == (
        "DRAGOMAN_GATEWAY_API_KEY_FILE: expected either DRAGOMAN_GATEWAY_API_KEY or this variable, got both"
    )


def test_a_secret_s_file_that_is_missing_is_told_by_the_variable(tmp_path: Path) -> None:
    assert refused(tmp_path, {"DRAGOMAN_GATEWAY_API_KEY_FILE": str(tmp_path / "none")}) == (
        "DRAGOMAN_GATEWAY_API_KEY_FILE: gateway.api_key: expected a file with the secret, "
        "got one that cannot be read: No such file or directory"
    )


@pytest.mark.parametrize("variable", ["DRAGOMAN_GATEWAY_HOST_FILE", "DRAGOMAN_PROVIDERS_MY_UP_URL_FILE"])
def test_what_is_no_secret_has_no_variable_for_a_file(tmp_path: Path, variable: str) -> None:
    assert refused(tmp_path, {variable: "x"}).startswith(f"{variable}: unknown variable")
