"""The table of all settings: tables, keys, and what each may hold."""

import re
from collections.abc import Callable, Iterator
from typing import Any, get_args

from msgspec import Struct, field

from dragoman.config.faults import IN_QUOTES, REFERENCE
from dragoman.config.keys import Keys
from dragoman.config.routes import ModelConfig, RetryConfig, TargetConfig
from dragoman.config.timeouts import TimeoutsConfig
from dragoman.config.value_types import (
    Boolean,
    Integer,
    Kind,
    ListOf,
    Number,
    OneItemList,
    OneOf,
    OptionalText,
    Place,
    Record,
    Seconds,
    Switch,
    TableOf,
    TextValue,
)
from dragoman.config.values import MAX_WORKERS, CliConfig, FrontConfig, GatewayConfig, ProfileConfig, ProviderConfig
from dragoman.types import CallIds, ChatRequest, ReasoningConfig, SchemaLimit


class TableSchema(Struct, frozen=True):
    """A table of known keys, and the value that is built from it."""

    build: Callable[..., Any]
    """Makes the value; its arguments are fields by name."""
    keys: "dict[str, Kind | TableSchema]"
    """What each key may hold."""
    needed: tuple[str, ...] = ()
    """Keys that must be set."""
    either: tuple[tuple[str, str], ...] = ()
    """Pairs of keys of which at most one may be set."""
    fields: dict[str, str] = field(default_factory=dict)
    """Keys to names of fields, if these differ."""

    def leaves(self) -> Iterator[tuple[tuple[str, ...], Kind]]:
        """The keys of this table and of the tables in it, with their kinds."""
        for name, node in self.keys.items():
            if isinstance(node, TableSchema):
                yield from (((name, *keys), kind) for keys, kind in node.leaves())
            else:
                yield (name,), node

    def rivals(self, key: str) -> Iterator[str]:
        """The keys that `key` replaces."""
        yield from (other for pair in self.either if key in pair for other in pair if other != key)


class Entries(Struct, frozen=True):
    """Tables of one shape, under names that the user chooses."""

    entry: TableSchema
    """The shape."""
    name: re.Pattern[str]
    """What a name must match."""
    expected: str
    """The same for messages, in words."""


FRAMING = (
    "host",
    "content-length",
    "content-type",
    "content-encoding",
    "transfer-encoding",
    "accept-encoding",
    "connection",
    "proxy-connection",
    "keep-alive",
    "te",
    "trailer",
    "upgrade",
    "expect",
)
"""Header fields that say how requests and replies are written and sent, which is not for a setting to say."""

WORDS = TextValue("text without spaces around it", r"(?!\s)[^\x00-\x1f\x7f]+(?<!\s)")
# A pattern would match nothing: names are compared as they are.
HOST = TextValue("a host's name without scheme, path and *", r"[^\s/?#@*\x00-\x1f\x7f]+", conceal="@?")
FREE = TextValue("text", r".*")
SECRET = TextValue("text", r".*", secret=True)
# The sites take empty text for no password: a file or a variable that is empty by mistake would let everyone in.
PASSWORD = TextValue("text that is not empty", r".+", secret=True)
# A key becomes the value of a header: other characters cannot be sent there, and a line break would begin a new header.
# A service that is sent the name of a variable, or quotes, could only say that the key is wrong.
API_KEY = TextValue("text of visible ASCII characters", rf"(?!{REFERENCE}|{IN_QUOTES})[!-~]+", secret=True)
FIELD_NAME = TextValue(
    "the name of a header field that does not frame the request",
    rf"(?!(?i:{'|'.join(FRAMING)})$)[A-Za-z0-9!#$%&'*+.^_`|~-]+",
    conceal=":= ",
)
FIELD_VALUE = TextValue(
    "visible ASCII characters, with spaces only between them",
    rf"(?!{REFERENCE})[!-~]+( +[!-~]+)*",
    secret=True,
    harmless=r".{0,15}",  # shorter than any key
)
URL = TextValue(
    "an http or https URL without user, query and fragment",
    r"(?i:https?)://(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(:[0-9]{1,5})?(/[!-\"$->@-~]*)?",
    conceal="@?",
)
PROXY = TextValue(
    "an http, https, socks5 or socks5h URL, or none",
    r"(?i:https?|socks5h?)://[!-~]+|none",
    secret=True,
    harmless=r"[^@]*",
)

ORIGIN = TextValue('an origin as `https://page.example`, or "*"', r"\*|[A-Za-z][A-Za-z0-9+.-]*://[!-)+-.0-~]+/?")

ALWAYS_TAKEN = frozenset(
    {
        "model",
        "messages",
        "stream",
        "include_usage",
        "extra",
        "candidate_count",
        "essential",
        "silent",
        "source",
        "reasoning",
        "trace",
    }
)
REQUEST_SETTINGS = (
    *(name for name in ChatRequest.__struct_fields__ if name not in ALWAYS_TAKEN),
    *(f"reasoning.{name}" for name in ReasoningConfig.__struct_fields__ if name != "extra"),
)
"""Fields of a request that a family of models may refuse."""

REQUEST_FIELD = TextValue(
    f"settings of a request ({', '.join(REQUEST_SETTINGS)})", "|".join(map(re.escape, REQUEST_SETTINGS))
)
EFFORT = TextValue("efforts of thinking, such as none, low or high", r"[a-z]+")
KEYWORD = TextValue("keywords of JSON Schema", r"[$A-Za-z]+")
_LIMITS = get_args(SchemaLimit)
LIMIT = TextValue(f"forms of JSON Schema ({', '.join(_LIMITS)})", "|".join(_LIMITS))

LISTEN = TextValue(
    "HOST:PORT or unix:/PATH", r"unix:/[^\x00-\x1f\x7f]+|(\[[0-9A-Za-z:.%]+\]|[^\s/?#@:\[\]\x00-\x1f\x7f]+):[0-9]{1,5}"
)
MODE = TextValue("three or four octal digits", r"0?[0-7]{3}")

BROKEN_END = OneOf(("clean", "cut"))

WAIT = Number(0.01, 86_400)
"""Seconds for which the gateway waits for a caller: never without end, because each wait holds a connection."""

LIMITS: dict[str, Kind] = {
    "max_body": Integer(1),
    "max_head": Integer(1000, 1 << 20),
    "max_fields": Integer(10, 1000),
    "max_field": Integer(256, 1 << 20),
    "max_in_flight": Integer(1),
    "max_in_flight_per_key": Integer(1),
    "max_connections_per_peer": Integer(1),
    "max_lag": Seconds(),
    "head_timeout": WAIT,
    "body_timeout": WAIT,
    "idle_timeout": WAIT,
    "stall_timeout": WAIT,
    "heartbeat": WAIT,
}

GATEWAY = TableSchema(
    GatewayConfig,
    {
        "host": WORDS,
        "port": Integer(0, 65535),
        "default_model": WORDS,
        "api_keys": ListOf(API_KEY),
        "api_key": OneItemList(API_KEY),
        "allowed_hosts": ListOf(HOST),
        "cors_origins": ListOf(ORIGIN),
        "workers": Integer(1, MAX_WORKERS),
        "worker_timeout": Seconds(least=1),  # a loop says twice a second that it turns
        "proxy": PROXY,
        "request_log": WORDS,
        "websockets": Boolean(),
        "store": WORDS,
        "store_size": Integer(0),
        "store_age": Seconds(),
        "head_after": Seconds(),
        "broken_end": BROKEN_END,
        "breaker_failures": Integer(0),
        "breaker_rest": Number(0, 86_400),
        "retry_budget": Number(0, 1),
        "otel": Boolean(),
        "metrics": OneOf(("keys", "open", "none")),
        "log_level": OneOf(("debug", "info", "warning", "error")),
        "drain": Integer(0, 3600),
        "grace": Seconds(),
        "reload": OneOf(("auto", "signal")),
        "listen": ListOf(LISTEN, least=1, alone=True),
        "listen_mode": MODE,
        **LIMITS,
        "on_disconnect": OneOf(("cancel", "drain")),
        "resume": Number(0, 3600),
        "resume_size": Integer(4096),
        "resume_total": Integer(4096),
    },
    either=(("api_keys", "api_key"), ("listen", "host"), ("listen", "port")),
    fields={"api_key": "api_keys"},
)

WAITS: dict[str, Kind] = {
    "pool": Seconds(),
    "connect": Seconds(),
    "tls": Seconds(),
    "proxy": Seconds(),
    "first_byte": Seconds(),
    "idle": Seconds(),
    "total": Seconds(),
    "first_token": Seconds(),
    "end": Seconds(),
}
TIMEOUTS = TableSchema(TimeoutsConfig, {**WAITS})

PROVIDER = TableSchema(
    ProviderConfig,
    {
        "type": WORDS,
        "protocol": WORDS,
        "url": URL,
        "api_key": API_KEY,
        "secret": SECRET,
        "password": SECRET,
        "proxy": PROXY,
        "ca_file": Place(WORDS),
        "impersonate": OptionalText(WORDS),
        "default_model": WORDS,
        "models": ListOf(WORDS),
        "model_aliases": TableOf(WORDS, WORDS),
        "headers": TableOf(FIELD_NAME, FIELD_VALUE, folded=True),
        "broken_mark": OptionalText(FREE),
        "strict": Boolean(),
        "prompt_tools": Boolean(),
        "completions": TextValue("a path, such as /completions", r"(/[A-Za-z0-9._~:-]+)+"),
        "allow_fields": ListOf(WORDS),
        "version": WORDS,
        "max_tokens": Integer(1),
        "max_answer": Integer(1, 64 << 20),
        "cache_lifetime": Integer(1),
        "empty_answer": OneOf(("error", "ok")),
        "timeouts": TIMEOUTS,
    },
    either=(("type", "protocol"),),
)

TARGET = Record(
    TargetConfig,
    "model",
    {
        "model": WORDS,
        "weight": Number(0),
        "max_parallel": Integer(1),
        "price": Number(0),
        "context": Integer(1),
        "timeouts": Record(TimeoutsConfig, None, WAITS),
    },
)

MODEL = TableSchema(
    ModelConfig,
    {
        "targets": ListOf(TARGET, least=1),
        "strategy": WORDS,
        "retry": TableSchema(
            RetryConfig,
            {
                "attempts": Integer(1, 10),
                "calls": Integer(1, 20),
                "after_send": Boolean(),
                "fallback_on_400": Boolean(),
            },
        ),
        "timeouts": TIMEOUTS,
        "sticky": Boolean(),
        "continue": Boolean(),
        "hedge": Switch(),
    },
    needed=("targets",),
    fields={"continue": "continues"},
)

PROFILE = TableSchema(
    ProfileConfig,
    {
        "reasoning_returns": Boolean(),
        "unsupported_fields": ListOf(REQUEST_FIELD),
        "context": Integer(1),
        "most_output": Integer(1),
        "images": Boolean(),
        "tools": Boolean(),
        "prefill": Boolean(),
        "thinking_levels": Boolean(),
        "efforts": ListOf(EFFORT),
        "least_budget": Integer(0),
        "most_budget": Integer(1),
        "single_sampling": Boolean(),
        "call_ids": OneOf(get_args(CallIds)),
        "sampling_with_effort": Boolean(),
        "effort_with_tools": Boolean(),
        "breakpoints": Boolean(),
        "signed_calls": Boolean(),
        "mixed_tools": Boolean(),
        "result_media": Boolean(),
        "form_with_tools": Boolean(),
        "user_after_results": Boolean(),
        "system_anywhere": Boolean(),
        "freeform_tools": Boolean(),
        "schema_keywords": ListOf(KEYWORD),
        "schema_formats": ListOf(WORDS),
        "schema_limits": ListOf(LIMIT),
        "schema_depth": Integer(1),
        "format_keywords": ListOf(KEYWORD),
        "format_formats": ListOf(WORDS),
        "format_limits": ListOf(LIMIT),
    },
)

FRONT = TableSchema(FrontConfig, {"secret": SECRET, "password": PASSWORD, "model": WORDS, "broken_end": BROKEN_END})

CLI = TableSchema(CliConfig, {"save": Boolean(), "conversations": Place(WORDS)})

ROOT: dict[str, TableSchema | Entries] = {
    "gateway": GATEWAY,
    # A slash ends the provider's name in `provider/model`.
    "providers": Entries(PROVIDER, re.compile(r"[^\s/\x00-\x1f\x7f]+"), "a name without spaces and slashes"),
    "models": Entries(MODEL, re.compile(r"[^\s\x00-\x1f\x7f]+"), "a name without spaces"),
    "profiles": Entries(PROFILE, re.compile(r"[^\s\x00-\x1f\x7f]+"), "a pattern without spaces"),
    "fronts": Entries(FRONT, re.compile(r"[^\s/\x00-\x1f\x7f]+"), "a name without spaces and slashes"),
    "cli": CLI,
}


def kind_of(keys: Keys) -> Kind:
    """What the setting `keys` may hold. It must be known."""
    node = ROOT[str(keys[0])]
    below = keys[1:]
    if isinstance(node, Entries):
        node, below = node.entry, keys[2:]
    found: Kind | TableSchema = node
    for key in below:
        assert isinstance(found, TableSchema)  # noqa: S101  # what holds a known key
        found = found.keys[str(key)]
    assert not isinstance(found, TableSchema)  # noqa: S101  # a setting is no table
    return found
