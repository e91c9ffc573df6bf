"""A configuration as frozen values. Knows no file and no environment, and shows no secret."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import msgspec
from msgspec import UNSET, Struct, UnsetType, field

from dragoman.types.redacted import Redacted

Key = str | int
Keys = tuple[Key, ...]
"""The way to a setting: names of tables and keys, then, in a list, the place counted from 0."""

SECRET = frozenset({"api_key", "api_keys", "secret", "password", "proxy"})
"""Fields whose values are shown nowhere. A proxy's URL may carry a password."""
MAX_BODY = 32 << 20

MAX_WORKERS = 256
"""Processes of one gateway: as many as the largest machines have cores; a slip of the finger is no thousand of them."""

GRACE = 25.0
"""See `GatewayConfig.grace`."""


BrokenEnd = Literal["clean", "cut"]
"""How the transfer of an answer that broke off ends, once its failure was said: well, or without its end."""


EmptyAnswer = Literal["error", "ok"]
"""What an answer with neither content nor a tool call is."""


class ConfigTable(Redacted, frozen=True):
    """Some settings; a secret among them is printed as `…`."""

    hidden = SECRET


class GatewayConfig(ConfigTable, frozen=True, kw_only=True):
    """How our own server listens, and whom it answers."""

    host: str = "127.0.0.1"
    """The name or address to listen on: this machine alone, because everyone who reaches it uses your accounts. Any
    other needs `api_keys`."""
    port: int = 8642
    """The port; 0 takes any free one."""
    default_model: str | None = None
    """What answers callers that name no model: a route, or PROVIDER/MODEL. Not set: the first route, else the default
    or first model of the first service that has one; with no service configured, offline/eliza."""
    api_keys: tuple[str, ...] = ()
    """The keys of which a caller must show one; with none of them, no key is asked."""
    allowed_hosts: tuple[str, ...] = ()
    """The names that a request may be for, beside our own. If only this machine can call, others are refused: a page on
    the web could else point a name of its own here. Behind a proxy that passes on its own name, name that."""
    cors_origins: tuple[str, ...] = ()
    """Sites whose pages may call from a browser, as `https://page.example`; `*` is every site. None is the default: a
    page could otherwise use what is configured here. Browsers are never told to send their own credentials along."""
    max_body: int = MAX_BODY
    """Bytes of a request: 32 MiB carry a few pictures, and are what OpenAI and Anthropic accept at the least."""
    workers: int = 1
    """Processes that share the address; one for each core that the gateway may use."""
    proxy: str | None = None
    """The proxy on the way to every service that names none of its own; `none` goes without. Not said: the one that the
    environment names, since that is what other programs in the same network use."""
    request_log: str | None = None
    """A file that gets a line of JSON for each request, from the working directory; `-` is standard output."""
    head_after: float | None = 10.0
    """Seconds of silence after which a streamed answer begins with its status and a heartbeat, though nothing of it is
    there yet; None: never. Load balancers cut at 60 silent seconds, some at 30, and models think for longer; but a
    failure before that keeps its status, and nearly all come sooner. After it another target may still answer, and a
    failure is said inside the stream. For an answer that is not streamed nothing can be sent before it is whole."""
    broken_end: BrokenEnd | None = None
    """How the transfer of an answer ends that broke off after its failure was said in the protocol's own words. None:
    `clean` for /v1 and the two sites that end so themselves, `cut` for the others. A cut makes callers that read to the
    end of the transfer (Open WebUI, Vercel's AI SDK) lose the words; without it, those that read no words take the
    answer for a whole one. A protocol without words for a failure is always cut."""
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    """What is told on stderr: this level and the graver ones."""
    drain: int = 0
    """Seconds for which, once it is told to stop, the gateway still accepts requests while `/health/ready` says 503, so
    that a balancer can take it out; 0, since without one nobody looks."""
    grace: float | None = GRACE
    """Seconds that answers under way then get before they are interrupted; `inf`: as long as they take. Kubernetes, by
    default, kills 30 seconds after it has asked, and who is interrupted is to be told so before that."""


class TimeoutsConfig(Struct, frozen=True, kw_only=True):
    """The longest waits for a service, in seconds; `inf` is no limit.

    UNSET: not set; None: no limit.
    """

    pool: float | UnsetType | None = UNSET
    """For a free connection, when all are in use."""
    connect: float | UnsetType | None = UNSET
    """For the connection: as long as httpx, LiteLLM and Envoy wait."""
    tls: float | UnsetType | None = UNSET
    """For the handshake of TLS."""
    proxy: float | UnsetType | None = UNSET
    """For the way through a proxy."""
    first_byte: float | UnsetType | None = UNSET
    """For the first byte of the answer; models think before it."""
    idle: float | UnsetType | None = UNSET
    """For the next byte of an answer that has begun: after a minute nobody is there."""
    total: float | UnsetType | None = UNSET
    """For the whole answer; 15 minutes outlast every one known."""
    first_token: float | UnsetType | None = UNSET
    """From the request to the first content of a stream, whatever heartbeats come before: two minutes are for models
    that think in silence. An answer that is relayed whole shows no content before it is all there, and has no such
    limit."""
    end: float | UnsetType | None = UNSET
    """For the end of an answer whose reason to stop has come: after that silence it is whole, without its end."""

    def said(self) -> dict[str, float | None]:
        """The timeouts that were set, by name."""
        return {name: value for name, value in msgspec.structs.asdict(self).items() if value is not UNSET}


class ProviderConfig(ConfigTable, frozen=True, kw_only=True):
    """A service, under the name by which its models are called: `NAME/MODEL`.

    It is a class of the catalogue with some attributes overridden; what is not set is as the class has it. None is not
    set; for what may be switched off, UNSET is not set, and None is off.
    """

    type: str | None = None
    """The class of the catalogue (`dragoman providers` lists them); not set: the class that is called as the entry."""
    protocol: str | None = None
    """What the service speaks, instead of `type`: `openai-chat`, `aibn`, `aichatfree`, `aichatonline` or `cromicle`."""
    url: str | None = None
    """Its address, without what the protocol adds (`/chat/completions`)."""
    api_key: str | None = None
    """The key to show there."""
    secret: str | None = None
    """What a web-chat protocol signs its requests with; empty text is a secret as well."""
    password: str | None = None
    """The password that a web-chat site asks for."""
    proxy: str | None = None
    """The proxy on the way there; `none` goes without. Not said: `gateway.proxy`, else the one that HTTPS_PROXY,
    HTTP_PROXY or ALL_PROXY names, unless NO_PROXY names the host, or it is this machine."""
    ca_file: str | None = None
    """A PEM file with certificates to trust beside the system's own."""
    impersonate: str | UnsetType | None = UNSET
    """The browser to look like (`chrome`, `chrome107` …), which needs the extra `web`; empty text for none. A hosted
    site's class sets one, which is not used for a `url` in this machine, nor for any of your own without the extra."""
    default_model: str | None = None
    """The model for `NAME/` without one, and for `dragoman doctor` to try."""
    models: tuple[str, ...] | None = None
    """The models that may be asked for, and are listed; without it the service decides."""
    model_aliases: dict[str, str] | None = None
    """Other names of its models: the name here to the name there."""
    broken_mark: str | UnsetType | None = UNSET
    """The text by which a web-chat site ends an answer that broke off; empty text for none."""
    strict: bool | None = None
    """Whether to refuse a request with anything that the protocol cannot say or the model does not take, instead of
    listing it as lost."""
    allow_fields: tuple[str, ...] = ()
    """Names of fields that callers may say although they steer a gateway behind (`api_base`, `headers` …). None is the
    default: a service that obeys them would let a caller choose where our key goes."""
    max_answer: int | None = None
    """Bytes of an answer, streamed or whole, after which it is broken off: 64 MiB (default, and the most) are far above
    any model's longest, and a service that never ends must not fill this machine."""
    empty_answer: EmptyAnswer | None = None
    """What an answer is that stops with neither content nor a tool call: `error` (default), so that another target may
    answer, for services that are overloaded end so; or `ok`, for models that are to say nothing now and then."""
    timeouts: TimeoutsConfig = TimeoutsConfig()


class ModelConfig(Struct, frozen=True, kw_only=True):
    """A route: several services' models under one name, by which callers ask for it."""

    targets: tuple[str, ...]
    """The models, each as PROVIDER/MODEL and never another route; the first that is able answers."""
    strategy: str = "fallback"
    """How one is chosen: each is tried if those before it failed."""


class ProfileConfig(Struct, frozen=True, kw_only=True):
    """What a family of models needs and takes, whoever serves it: the models whose names match NAME, which is in quotes
    and may hold `*` (anything), `?` (one character) and `[abc]` (one of these). The service's own name of a model is
    meant, or what follows the last slash of it; upper and lower case are the same. A fact that is set here holds
    instead of what dragoman knows itself, and the later of two entries that match holds. Requests that are relayed
    pass as they are.

    None: not set.
    """

    reasoning_returns: bool | None = None
    """Whether the models want their earlier reasoning back, as `reasoning_content`; not known: it is left out."""
    unsupported_fields: tuple[str, ...] | None = None
    """Settings of a request that the models refuse: they are left out, and listed as losses."""
    images: bool | None = None
    """Whether they take images; if not, these are left out, and listed as losses."""
    tools: bool | None = None
    """Whether they take tools; if not, these are left out, and listed as losses."""
    prefill: bool | None = None
    """Whether they go on from an assistant's message at the end; if not, a request that ends so is refused."""
    context_size: int | None = None
    """Tokens of a request and its answer together, for your information: no request is refused for its size."""
    schema_keywords: tuple[str, ...] | None = None
    """The only keywords of JSON Schema that the parameters of tools may use; others are left out, and listed as losses.
    Not set: any."""


class FrontConfig(ConfigTable, frozen=True, kw_only=True):
    """What our own server of a web-chat protocol asks of its callers: `aibn`, `aichatfree`, `aichatonline`, `cromicle`.

    None: not set.
    """

    secret: str | None = None
    """What callers sign their requests with; not set: empty text, as these sites have it at first."""
    password: str | None = None
    """The password that callers must send, or several with commas: one of them is as good as a key of the gateway."""
    model: str | None = None
    """What answers, since these protocols name no model; not set: the gateway's default."""
    broken_end: BrokenEnd | None = None
    """As in `gateway`, for this front alone."""


class Config(ConfigTable, frozen=True, kw_only=True):
    """Everything that is set. `files`: those it came from, the nearest first.

    `origins` says where each setting stands, as `FILE:LINE` or the name of a variable.
    """

    gateway: GatewayConfig = GatewayConfig()
    providers: dict[str, ProviderConfig] = field(default_factory=dict)
    models: dict[str, ModelConfig] = field(default_factory=dict)
    profiles: dict[str, ProfileConfig] = field(default_factory=dict)
    fronts: dict[str, FrontConfig] = field(default_factory=dict)
    files: tuple[Path, ...] = ()
    origins: dict[Keys, str] = field(default_factory=dict)

    @property
    def path(self) -> Path | None:
        """The nearest file; None if there was none."""
        return self.files[0] if self.files else None

    def __rich_repr__(self) -> list[tuple[str, Any]]:
        return [(name, value) for name, value in super().__rich_repr__() if name != "origins"]

    def where(self, *keys: Key) -> str:
        """`dragoman.toml:12: providers.home.type`: the start of an error about that setting."""
        return ": ".join(part for part in (origin(self.origins, keys), dotted(keys)) if part)


def origin(origins: Mapping[Keys, str], keys: Keys) -> str:
    """The nearest known place of `keys`; empty if none is known."""
    return next((origins[keys[:size]] for size in range(len(keys), -1, -1) if keys[:size] in origins), "")


def dotted(keys: Keys) -> str:
    """`models."gpt-4.1".targets[0]`, as TOML spells it."""
    spelt = "".join(f"[{key}]" if isinstance(key, int) else f".{_bare(key)}" for key in keys)
    return spelt.removeprefix(".")


def _bare(key: str) -> str:
    plain = key.replace("-", "").replace("_", "")
    return key if plain.isascii() and plain.isalnum() else msgspec.json.encode(key).decode()
