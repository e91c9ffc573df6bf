"""Bad files: each names its line, its key, what was expected and what came."""

from pathlib import Path

import pytest

from dragoman.config import load
from dragoman.config.file import LARGEST
from dragoman.config.secrets import FORMS
from dragoman.errors import ConfigurationError
from tests.config.test_load import trusted, write

BAD = [
    # unknown keys
    ("prot = 1", '1: prot: unknown key; known are gateway, providers, models, profiles, fronts, cli'),
    ('default_model = "a/b"', "1: default_model: unknown key; did you mean gateway.default_model?"),
    ('[providers.up]\nbase_url = "http://h"', "2: providers.up.base_url: unknown key; did you mean url?"),
    ("[cli]\nbase_url = 1", "2: cli.base_url: unknown key; known are save, conversations"),
    ("[gatway]", "1: gatway: unknown key; did you mean gateway?"),
    ("[gateway]\nprot = 1", "2: gateway.prot: unknown key; did you mean port?"),
    ("[gateway]\n\n# port\n'Port' = 1", "4: gateway.Port: unknown key; did you mean port?"),
    ('[providers.up]\napi_kee = "x"', "2: providers.up.api_kee: unknown key; did you mean api_key?"),
    ("[providers.up.timeouts]\nidel = 1", "2: providers.up.timeouts.idel: unknown key; did you mean idle?"),
    ("providers.up.timeouts = { idle = 1, tls = 2, zzz = 3 }",
     "1: providers.up.timeouts.zzz: unknown key; known are pool, connect, tls, proxy, first_byte, idle, total, "
     "first_token, end"),
    ('[models."gpt-4.1"]\nwith = 1',
     '2: models."gpt-4.1".with: unknown key; known are targets, strategy, retry, timeouts, sticky, '
     'continue, hedge'),
    ('[models.fast]\nstrategie = "fallback"', "2: models.fast.strategie: unknown key; did you mean strategy?"),
    ('[profiles."m*"]\nunsupported_fields = ["warmth"]',
     '2: profiles."m*".unsupported_fields[0]: expected settings of a request (tools, tool_choice, '
     "parallel_tool_calls, response_format, max_output_tokens, temperature, top_p, top_k, frequency_penalty, "
     'presence_penalty, stop, seed, top_logprobs, verbosity, service_tier, modalities, metadata, user, '
     'safety_identifier, cache, cache_key, store, truncate, compact, reasoning.mode, reasoning.effort, '
     'reasoning.budget_tokens, reasoning.display), got "warmth"'),
    ('[profiles."m*"]\nschema_keywords = ["2"]',
     '2: profiles."m*".schema_keywords[0]: expected keywords of JSON Schema, got "2"'),
    ('[profiles."m*"]\nschema_limits = ["round"]',
     '2: profiles."m*".schema_limits[0]: expected forms of JSON Schema (single-type, string-enums, lone-any-of, '
     'no-booleans, plain-root, plain-names, array-items, old-drafts, declared-required, references, '
     'open-objects, plain-patterns), got "round"'),
    ("[fronts.aibn]\nmodell = 1", "2: fronts.aibn.modell: unknown key; did you mean model?"),
    ('[gateway]\nallowed_hosts = ["a.example:80", "https://b.example"]',
     '2: gateway.allowed_hosts[1]: expected a host\'s name without scheme, path and *, got "https://b.example"'),
    # tables
    ("gateway = 1", "1: gateway: expected a table, got a number"),
    ("[[gateway]]", "1: gateway: expected a table, got a list"),
    ('[providers]\nup = "sk-canary"', "2: providers.up: expected a table, got text"),
    ("models = [1]", "1: models: expected a table, got a list"),
    ("[providers.up]\ntimeouts = true", "2: providers.up.timeouts: expected a table, got true or false"),
    ("[providers.up]\ntimeouts = 1979-05-27", "2: providers.up.timeouts: expected a table, got a date or time"),
    ('[providers."a/b"]', '1: providers."a/b": expected a name without spaces and slashes, got "a/b"'),
    ('[models.""]\ntargets = ["a/b"]', '1: models."": expected a name without spaces, got empty text'),
    # numbers
    ('[models.a]\ntargets = ["b/c"]\nhedge = 0',
     "3: models.a.hedge: expected true, false or a number of seconds above 0, got 0"),
    ('[models.a]\ntargets = ["b/c"]\nhedge = "soon"',
     '3: models.a.hedge: expected true, false or a number of seconds above 0, got "soon"'),
    ('[models.a]\ntargets = ["b/c"]\nhedge = inf',
     "3: models.a.hedge: expected true, false or a number of seconds above 0, got inf"),
    ("[gateway]\nport = 65536", "2: gateway.port: expected a whole number from 0 to 65535, got 65536"),
    ("[gateway]\nport = -1", "2: gateway.port: expected a whole number from 0 to 65535, got -1"),
    ('[gateway]\nport = "80"', '2: gateway.port: expected a whole number from 0 to 65535, got "80"'),
    ("[gateway]\nport = 80.0", "2: gateway.port: expected a whole number from 0 to 65535, got 80.0"),
    ("[gateway]\nport = true", "2: gateway.port: expected a whole number from 0 to 65535, got true"),
    ("[gateway]\nport = {}", "2: gateway.port: expected a whole number from 0 to 65535, got a table"),
    ("[gateway]\nport = []", "2: gateway.port: expected a whole number from 0 to 65535, got an empty list"),
    (f"[gateway]\nport = 0x{'f' * 9000}",
     "2: gateway.port: expected a whole number from 0 to 65535, got a number of more than 40 digits"),
    ("[gateway]\nport = 99999999999999999999",
     "2: gateway.port: expected a whole number from 0 to 65535, got 99999999999999999999"),
    ("[gateway]\nworkers = 257", "2: gateway.workers: expected a whole number from 1 to 256, got 257"),
    ("[gateway]\nmax_body = 0", "2: gateway.max_body: expected a whole number of at least 1, got 0"),
    ("[providers.up]\ntimeouts.idle = 0",
     "2: providers.up.timeouts.idle: expected a number of seconds above 0, or inf for no limit, got 0"),
    ("[providers.up]\ntimeouts.idle = -1.5",
     "2: providers.up.timeouts.idle: expected a number of seconds above 0, or inf for no limit, got -1.5"),
    ("[providers.up]\ntimeouts.idle = nan",
     "2: providers.up.timeouts.idle: expected a number of seconds above 0, or inf for no limit, got nan"),
    ("[providers.up]\ntimeouts.idle = true",
     "2: providers.up.timeouts.idle: expected a number of seconds above 0, or inf for no limit, got true"),
    (f"[providers.up]\ntimeouts.idle = 0x{'f' * 300}",
     "2: providers.up.timeouts.idle: expected a number of seconds above 0, or inf for no limit, got a number of more "
     "than 40 digits"),
    # texts
    ("[providers.up]\ntype = 3", "2: providers.up.type: expected text without spaces around it, got 3"),
    ('[providers.up]\ntype = ""', "2: providers.up.type: expected text without spaces around it, got empty text"),
    ('[gateway]\ndefault_model = " a"', '2: gateway.default_model: expected text without spaces around it, got " a"'),
    ('[providers.up]\nurl = "localhost:3000"',
     '2: providers.up.url: expected an http or https URL without user, query and fragment, got "localhost:3000"'),
    ('[providers.up]\nurl = "http://h/v1?key=1"',
     '2: providers.up.url: expected an http or https URL without user, query and fragment, got other text'),
    ('[providers.up]\nstrict = "yes"', '2: providers.up.strict: expected true or false, got "yes"'),
    ("[providers.up]\nbroken_mark = false", "2: providers.up.broken_mark: expected text, got false"),
    ('[models.fast]\ntargets = ["a/b"]\nstrategy = 1', "3: models.fast.strategy: expected text without spaces around "
     "it, got 1"),
    # lists
    ("\n[models.fast]", "2: models.fast: expected targets, got none"),
    ("[models.fast]\ntargets = []",
     "2: models.fast.targets: expected a list of at least one text without spaces around it, or tables of model, "
     "weight, max_parallel, price, context, timeouts, got an empty list"),
    ('[models.fast]\ntargets = "a/b"',
     "2: models.fast.targets: expected a list of at least one text without spaces around it, or tables of model, "
     'weight, max_parallel, price, context, timeouts, got "a/b"'),
    ('[models.fast]\ntargets = [{ weight = 1 }]', "2: models.fast.targets[0]: expected model, got none"),
    ('[models.fast]\ntargets = [{ model = "a/b", wieght = 1 }]',
     "2: models.fast.targets[0].wieght: expected a known key, got an unknown one; did you mean weight?"),
    ('[models.fast]\ntargets = [{ model = "a/b", weight = -1 }]',
     "2: models.fast.targets[0].weight: expected a number of at least 0, got -1"),
    ('[models.fast]\ntargets = [{ model = "a/b", timeouts = { idel = 1 } }]',
     "2: models.fast.targets[0].timeouts.idel: expected a known key, got an unknown one; did you mean idle?"),
    ('[models.fast]\ntargets = [{ model = "a/b", timeouts = 5 }]',
     "2: models.fast.targets[0].timeouts: expected a table of pool, connect, tls, proxy, first_byte, idle, total, "
     "first_token, end, got 5"),
    ('[gateway]\nretry_budget = 1.5', "2: gateway.retry_budget: expected a number from 0 to 1, got 1.5"),
    ('[models.fast]\ntargets = [\n  "a/b",\n  7,\n]',
     "4: models.fast.targets[1]: expected text without spaces around it, or tables of model, weight, max_parallel, "
     "price, context, timeouts, got 7"),
    ('[models.fast]\ntargets = [\n  "a/b",\n\n  "a/b"]',
     '5: models.fast.targets[1]: expected every entry once, got "a/b" again'),
    ('[gateway]\napi_keys = ["canary", "canary"]',
     "2: gateway.api_keys[1]: expected every entry once, got other text again"),
    ('[providers.up]\nmodels = [{ env = "KEY" }]',
     "2: providers.up.models[0]: expected text without spaces around it, got a table"),
    ('[providers.up.model_aliases]\nsmall = "a"\nbig = 4',
     "3: providers.up.model_aliases.big: expected text without spaces around it, got 4"),
    ('[providers.up.headers]\nx-a = "b"\nContent-Length = "4"',
     '3: providers.up.headers.Content-Length: expected the name of a header field that does not frame the request, got '
     '"Content-Length"'),
    ('[providers.up.headers]\n"x a" = "b"',
     "1: providers.up.headers: expected the name of a header field that does not frame the request, got other text"),
    ('[providers.up.headers]\n"x-a: canary" = "b"',
     "1: providers.up.headers: expected the name of a header field that does not frame the request, got other text"),
    ('[providers.up.headers]\nX-A = "b"\nx-a = "c"',
     '3: providers.up.headers.x-a: expected every name once, in upper or lower case, got "x-a" again'),
    ('[providers.up.headers]\nx-a = "$PROXY_KEY"',
     "2: providers.up.headers.x-a: expected visible ASCII characters, with spaces only between them, "
     'FORMS, got the name of a variable as other programs write it'),
    ('[providers.up.headers]\nx-a = "canary\\r\\nx-b: c"',
     "2: providers.up.headers.x-a: expected visible ASCII characters, with spaces only between them, "
     'FORMS, got several lines'),
    ('[providers.up]\nheaders = "canary"',
     "2: providers.up.headers: expected a table of visible ASCII characters, with spaces only between them, "
     'FORMS, got other text'),
    ("[providers.up]\nmodel_aliases = []",
     "2: providers.up.model_aliases: expected a table of text without spaces around it, got an empty list"),
    # either, or
    ('[gateway]\napi_key = "a"\napi_keys = ["b"]', "2: gateway.api_key: expected either api_keys or api_key, got both"),
    ('[providers.up]\ntype = "aibn"\nprotocol = "aibn"',
     "3: providers.up.protocol: expected either type or protocol, got both"),
    # secrets
    ("[providers.up]\napi_key = 12345",
     '2: providers.up.api_key: expected text of visible ASCII characters, FORMS, got a number'),
    ('[providers.up]\napi_key = "canary\\r\\nx: y"',
     '2: providers.up.api_key: expected text of visible ASCII characters, FORMS, got several lines'),
    ('[providers.up]\napi_key = "${UP_API_KEY}"',
     '2: providers.up.api_key: expected text of visible ASCII characters, FORMS, got the name of a variable as other '
     'programs write it'),
    ('[gateway]\napi_keys = ["os.environ/KEY"]',
     '2: gateway.api_keys[0]: expected text of visible ASCII characters, FORMS, got the name of a variable as other '
     'programs write it'),
    ('[providers.up]\napi_key = ""',
     '2: providers.up.api_key: expected text of visible ASCII characters, FORMS, got empty text'),
    ('[providers.up]\nsecret = ["canary"]', '2: providers.up.secret: expected text, FORMS, got a list'),
    ('[providers.up]\npassword = { env = "KEY", or = "canary" }',
     '2: providers.up.password: expected text, FORMS, got a table'),
    ("[fronts.aibn]\npassword = true",
     '2: fronts.aibn.password: expected text that is not empty, FORMS, got true or false'),
    ('[providers.up]\nproxy = "ftp://canary@h"',
     '2: providers.up.proxy: expected an http, https, socks5 or socks5h URL, or none, FORMS, got other text'),
    ('[providers.up]\napi_key = { env = "API_KYE" }',
     "2: providers.up.api_key: expected the environment variable API_KYE to be set, got none; did you mean API_KEY?"),
    ('[gateway]\napi_keys = [\n "a",\n { env = "ZZZZZZZZZZ" }]',
     "4: gateway.api_keys[1]: expected the environment variable ZZZZZZZZZZ to be set, got none"),
    ('[providers.up]\napi_key = { env = "sk-canary" }',
     "2: providers.up.api_key: expected the environment variable that it names to be set, got none"),
    ('[providers.up]\napi_key = { env = "BROKEN_KEY" }',
     "2: providers.up.api_key: expected text of visible ASCII characters, got one that ends with a line break in the "
     "variable BROKEN_KEY"),
    ('[providers.up]\napi_key = { env = "QUOTED_KEY" }',
     "2: providers.up.api_key: expected text of visible ASCII characters, got one in quotes in the variable "
     "QUOTED_KEY"),
    ("[providers.up]\napi_key = \"'canary'\"",
     "2: providers.up.api_key: expected text of visible ASCII characters, FORMS, got one in quotes"),
    ('[providers.up]\napi_key = { evn = "canary" }',
     "2: providers.up.api_key: expected text of visible ASCII characters, FORMS, got a table; did you mean env?"),
    ('[providers.up]\napi_key = { file = "none" }',
     "2: providers.up.api_key: expected a file with the secret, got one that cannot be read: "
     "No such file or directory"),
    ('[providers.up]\npassword = { file = "/dev/zero" }',
     "2: providers.up.password: expected a file with the secret, of at most 64 KiB, got a larger one"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "message"), BAD)
def test_a_bad_file_is_refused_with_its_line_and_key(tmp_path: Path, text: str, message: str) -> None:
    write(tmp_path, text)
    with pytest.raises(ConfigurationError) as caught:
        trusted(tmp_path, {"API_KEY": "canary", "BROKEN_KEY": "canary\n", "QUOTED_KEY": '"canary"'})
    assert str(caught.value) == f"dragoman.toml:{message}".replace("FORMS", FORMS)
    assert "canary" not in str(caught.value)


SYNTAX = [
    ("[gateway]\nport 80", "2: expected = after the key (at column 6)"),
    ("[gateway]\nport = 1\nport = 2\n", "3: gateway.port stands twice, first in line 2"),
    ("[providers.up]\n\n[providers.up]", "3: [providers.up] stands twice, first in line 1"),
    ("[providers]\nup = { url = 1, url = 2 }", "2: providers.up.url stands twice, first in line 2"),
    ("[[q]]\na = 1\n[[q]]\na = 2\nb", "5: expected = after the key (at the end of the file)"),
    ('[gateway]\n\nhost = "', "3: expected a quote at the end of the text (at the end of the file)"),
    ("[gateway]\nhost = “::1”", "2: expected TOML, got the typographic quote “; "),
    ('[gateway]\nhost = "::1”\n', "2: expected TOML, got the typographic quote ”; "),
    ('[gateway]\nrequest_log = "C:\\logs"', "2: expected \\\\ for each backslash of a text, or the text in "),
    ("[gateway]\nhost = localhost", "2: expected a value: text in quotes, a number, "),
    ("a.b = 1\n[a]", "2: expected a table that does not stand elsewhere already"),
]


@pytest.mark.parametrize(("text", "beginning"), SYNTAX)
def test_what_is_no_toml_is_refused_with_its_line(tmp_path: Path, text: str, beginning: str) -> None:
    write(tmp_path, text)
    with pytest.raises(ConfigurationError) as caught:
        trusted(tmp_path, {})
    assert str(caught.value).startswith(f"dragoman.toml:{beginning}")


BYTES = [
    (b"\xef\xbb\xbf[gateway]", ":1: expected UTF-8 without a byte order mark, got one"),
    (b"\xff\xfe[\x00", ":1: expected UTF-8, got what looks like UTF-16; save it as UTF-8"),
    (b"[gateway]\n\xff", ":2: expected UTF-8, got the byte 0xff"),
    (b"#" * (LARGEST + 1), ": expected at most 16 MiB, got more"),
    (b'[gateway]\nhost = "caf\xe9"', ":2: expected UTF-8, got the byte 0xe9"),
    (b"a = " + b"[" * 20_000, ": expected TOML, got lists or tables too deep in each other"),
    (b"a = " + b"9" * 5_000, ": expected TOML, got: Exceeds the limit"),
]


IDS = ["mark", "utf-16", "byte", "size", "latin-1", "deep", "long"]


@pytest.mark.parametrize(("data", "beginning"), BYTES, ids=IDS)
def test_bytes_that_are_no_text_are_refused(tmp_path: Path, data: bytes, beginning: str) -> None:
    (tmp_path / "dragoman.toml").write_bytes(data)
    with pytest.raises(ConfigurationError) as caught:
        trusted(tmp_path, {})
    assert str(caught.value).startswith(f"dragoman.toml{beginning}")


def test_a_directory_of_that_name_is_refused(tmp_path: Path) -> None:
    (tmp_path / "dragoman.toml").mkdir()
    with pytest.raises(ConfigurationError) as caught:
        trusted(tmp_path, {})
    assert str(caught.value) == "dragoman.toml: expected a file, got a directory"


def test_a_file_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    loop = tmp_path / "dragoman.toml"
    loop.symlink_to(loop)
    with pytest.raises(ConfigurationError, match=r"^dragoman\.toml: expected a file that can be read, got: "):
        trusted(tmp_path, {})


def test_a_path_that_is_none_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="expected the path of a file, got: "):
        load("a\0b", {})


def test_every_mistake_is_told_at_once_in_the_order_of_its_line(tmp_path: Path) -> None:
    text = "[gateway]\nprot = 1\n[models.fast]\ntarget = []\n[providers.up]\nstrict = 1\nurl = 2\n[gatway]\n"
    write(tmp_path, text)
    with pytest.raises(ConfigurationError) as caught:
        trusted(tmp_path, {"DRAGOMAN_PORT": "1"})
    assert [line.partition(": expected")[0] for line in str(caught.value).splitlines()] == [
        "DRAGOMAN_PORT: unknown variable; did you mean DRAGOMAN_GATEWAY_PORT?",
        "dragoman.toml:2: gateway.prot: unknown key; did you mean port?",
        "dragoman.toml:4: models.fast.target: unknown key; did you mean targets?",
        "dragoman.toml:6: providers.up.strict",
        "dragoman.toml:7: providers.up.url",
        "dragoman.toml:8: gatway: unknown key; did you mean gateway?",
    ]


def test_a_device_without_end_is_refused() -> None:
    with pytest.raises(ConfigurationError, match=r"^/dev/zero: expected at most 16 MiB, got more$"):
        load("/dev/zero", {})


def test_a_flood_of_mistakes_is_told_in_part(tmp_path: Path) -> None:
    write(tmp_path, "".join(f"[providers.p{number}]\nulr = 1\n" for number in range(3_000)))
    with pytest.raises(ConfigurationError) as caught:
        trusted(tmp_path, {})
    lines = str(caught.value).splitlines()
    assert (len(lines), lines[-1]) == (101, "and 2900 more")
