"""A configuration as frozen values, which show no secret. Knows no file and no environment."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Literal

from msgspec import UNSET, Struct, UnsetType, field

from dragoman.config.commands import Words
from dragoman.config.keys import Key, Keys, dotted, origin
from dragoman.config.limits import LimitsConfig
from dragoman.config.routes import ModelConfig
from dragoman.config.secrets import SecretCommand
from dragoman.config.timeouts import TimeoutsConfig
from dragoman.types import CallIds, SchemaLimit
from dragoman.types.redacted import Redacted

SECRET = frozenset({"api_key", "api_keys", "secret", "password", "proxy", "headers"})
"""Fields whose values are never shown. A proxy's URL may have a password, and a header a key."""

MAX_WORKERS = 256
"""Processes of one gateway: as many as the largest machines have cores, so that a typing error does not start more."""

GRACE = 25.0
"""See `GatewayConfig.grace`."""


BrokenEnd = Literal["clean", "cut"]
"""How the transfer of an answer that broke off ends, once its failure was reported: well, or without its end."""


MetricsAccess = Literal["keys", "open", "none"]
"""Who may read what is counted."""


EmptyAnswer = Literal["error", "ok"]
"""What an answer without content and without a tool call means."""


class ConfigTable(Redacted, frozen=True):
    """Some settings; a secret among them is printed as `…`."""

    hidden = SECRET


class GatewayConfig(ConfigTable, LimitsConfig, frozen=True, kw_only=True):
    """How our own server listens, and whom it answers."""

    host: str = "127.0.0.1"
    """The name or address to listen on. The default is for this machine alone, because everyone who reaches the gateway
    uses your accounts. Any other needs `api_keys`."""
    port: int = 8642
    """The port; 0 takes any free one."""
    default_model: str | None = None
    """The model for callers that name none: a route, or PROVIDER/MODEL. Not set: the first route, else the default or
    first model of the first service that has one; if no service is configured, offline/eliza."""
    api_keys: tuple[str, ...] = ()
    """The keys of which a caller must show one; without any, no key is needed. `{ file = … }` or `{ command = … }` in
    place of the list has a key on each line."""
    allowed_hosts: tuple[str, ...] = ()
    """Host names that requests may have, besides our own. If only this machine can call, requests for other names are
    refused, because otherwise a page on the web could point a name of its own here. If a proxy in front of the gateway
    passes on its own name, list that name. `/health/…` is answered under every name."""
    cors_origins: tuple[str, ...] = ()
    """Sites whose pages may call from a browser, as `https://page.example`; `*` is every site. The default is none,
    because otherwise a page could use what is configured here. Browsers are never told to send their own
    credentials."""
    workers: int = 1
    """Processes that share the address; one for each core that the gateway may use."""
    worker_timeout: float | None = 30.0
    """Seconds for which the event loop of one of several workers may stand until its parent kills it, and another takes
    its place. The answers of that worker break off, but it could not go on with them either. The default is that of
    gunicorn: no request holds the loop for more than a moment. A gateway of one process is watched by systemd
    (`WatchdogSec`)."""
    proxy: str | None = None
    """The proxy for every service that does not name its own; `none` means no proxy. Not set: the one that the
    environment names, because other programs in the same network use it."""
    request_log: str | None = None
    """A file that gets a line of JSON for each request. A relative path starts from the working directory; `-` is
    standard output."""
    websockets: bool = True
    """Whether /v1/responses is served over WebSockets too. If not, a request for one is answered 426 at once, after
    which Codex uses HTTP."""
    store: str | None = None
    """A file of SQLite for what outlives a request: answers of /v1/responses to which callers refer by their id; of an
    answer that a service keeps itself, only which service that is. A relative path starts from the working directory.
    Not set: memory, which other workers do not see, and which is gone when the gateway stops."""
    store_size: int = 64 << 20
    """Bytes of what is stored; those that nobody used for longest are forgotten first."""
    store_age: float | None = 86_400.0
    """Seconds for which an answer is stored: a day. `inf`: until `store_size` leaves no room for it."""
    head_after: float | None = 10.0
    """Seconds of silence after which a streamed answer begins with its status and a heartbeat, although nothing of it
    has come; `inf`: never. Load balancers cut a connection after 60 silent seconds, some after 30, and models may think
    for longer. A failure before that has its own status, and nearly all failures come sooner. After it another target
    may still answer, but a failure is reported inside the stream. For an answer that is not streamed, nothing can be
    sent before it is complete."""
    broken_end: BrokenEnd | None = None
    """How the transfer ends if an answer broke off, after the failure was reported in the protocol's own words: `clean`
    or `cut`. Not set: `clean` for OpenAI's, Anthropic's and Ollama's protocols, `aibn` and `aichatfree`, `cut` for
    Gemini's, `aichatonline` and `cromicle`. With `cut`, callers that read to the end of the transfer (Open WebUI,
    Vercel's AI SDK) lose the report. With `clean`, callers that do not read the report (LangChain4j, of Chat
    Completions) take the answer for a complete one. A protocol that cannot report a failure is always cut."""
    breaker_failures: int = 5
    """Failures of a target in a row after which a route no longer asks it, until it has rested; 0: never. Timeouts and
    answers that broke off count, what a request itself is the reason for does not."""
    breaker_rest: float = 10.0
    """Seconds of that rest. Then one request tries the target; if it fails, the next rest is twice as long, up to a
    minute. A first rest that is longer than a minute stays as it is."""
    retry_budget: float = 0.1
    """The part of all requests of the last ten seconds that may be sent to the same target again (three always may), so
    that a service in trouble does not get a multiple of its load."""
    metrics: MetricsAccess = "keys"
    """Who may read `/metrics`. `keys`: callers that show one of the `api_keys`; everyone, if there are none. `open`:
    everyone, for a Prometheus that has no key. `none`: nobody, and nothing is counted. The default is `keys`, because
    the names of routes and services are nobody else's business."""
    otel: bool = False
    """Whether requests are told to OpenTelemetry, as traces and metrics. Needs the extra `otel`; the variables `OTEL_…`
    say where they are exported to. The default is off, because nobody may be there to take them."""
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    """What is logged on stderr: this level and all more severe ones."""
    drain: int = 0
    """Seconds for which the gateway, when it is stopped, still accepts requests while `/health/ready` answers 503, so
    that a load balancer can take it out of service. The default is 0, because without a balancer nobody looks."""
    grace: float | None = GRACE
    """Seconds that answers under way have after that, until they are interrupted; `inf`: as long as they take. By
    default Kubernetes kills a process 30 seconds after it has asked it to stop, and callers must be told before
    that."""
    reload: Literal["auto", "signal"] = "auto"
    """When a changed configuration is read again: `auto` (one or two seconds after a change of its files or of a file
    with a secret, and by the signal HUP) or `signal` (by HUP alone). The default is `auto`, because a wrong file
    changes nothing, and because containers cannot easily be sent a signal."""
    listen: tuple[str, ...] = ()
    """Where to listen, in place of `host` and `port`: one or several of `HOST:PORT` and `unix:/PATH`. Everyone who may
    write to a Unix socket may call, so that it needs no key. Not set: `host` and `port`, because most programs call
    over TCP."""
    listen_mode: str = "0660"
    """The rights of a Unix socket in octal digits, as chmod takes them. The default is for the user and the group of
    the gateway: put a proxy in front of it into that group."""
    on_disconnect: Literal["cancel", "drain"] = "cancel"
    """What becomes of an answer whose caller leaves. `cancel` (the default, because most services stop then, and tokens
    that nobody reads are not paid for): the connection to the service is closed at once. `drain`: the answer is read to
    its end, within its timeouts and `max_answer`, so that the request log has the tokens that the service counts."""
    resume: float = 0.0
    """Seconds for which a caller that has lost the connection of a streamed answer may come back for the rest; 0 (the
    default): it cannot, and nothing is kept, because most callers ask again instead. 60 are enough for a change of
    network. Meanwhile the service is read on. With several workers any of them may be asked for the rest."""
    resume_size: int = 1 << 20
    """Bytes of a stream that are kept for that, in memory. While the caller listens, half of them hold what it was sent
    last, so that it can be sent again. While nobody listens, all of them are filled, and then the service is not read
    until the caller is back. 1 MiB has some 4,000 events of the usual size, which is as much as most answers have."""
    resume_total: int = 64 << 20
    """The same for all streams of a worker together. Beyond it, streams that nobody listens to are given up, first
    those that have ended."""


class ProviderConfig(ConfigTable, frozen=True, kw_only=True):
    """A service. Its models are called `NAME/MODEL`.

    It is a class of the catalogue with some attributes overridden; what is not set is as the class has it. None is not
    set; for what may be switched off, UNSET is not set, and None is off.
    """

    type: str | None = None
    """The class of the catalogue (`dragoman providers` lists them). Not set: the class with the same name as the
    entry."""
    protocol: str | None = None
    """The service's protocol, instead of `type`: `openai-chat`, `openai-responses`, `anthropic`, `gemini`, `ollama`,
    `aibn`, `aichatfree`, `aichatonline` or `cromicle`."""
    url: str | None = None
    """Its address, without what the protocol adds (`/chat/completions`)."""
    api_key: str | None = None
    """The key to send to the service."""
    secret: str | None = None
    """The secret with which requests are signed (`aibn`, `aichatfree`); empty text is a secret as well."""
    password: str | None = None
    """The password that the site requires (`aibn`, `aichatfree`)."""
    headers: dict[str, str] | None = None
    """Header fields that every request to the service gets: `{ openai-organization = "org-1" }`, or a key that a
    company's proxy wants: `{ x-proxy-key = { env = "PROXY_KEY" } }`. A field of the same name that the protocol or
    the caller would send is replaced; of `anthropic-beta`, which is a list, both are sent. No error, log or
    explanation shows a value of eight characters or more."""
    proxy: str | None = None
    """The proxy on the way to the service; `none` means no proxy. Not set: `gateway.proxy`, else the one that
    HTTPS_PROXY, HTTP_PROXY or ALL_PROXY names, unless NO_PROXY names the host, or the host is this machine."""
    ca_file: str | None = None
    """A PEM file with certificates to trust in addition to the system's own."""
    impersonate: str | UnsetType | None = UNSET
    """The browser to imitate (`chrome`, `chrome107` …), which needs the extra `web`; empty text for none. The class of
    a hosted site sets one; it is not used for a `url` on this machine, nor, without the extra, for any `url` of your
    own."""
    default_model: str | None = None
    """The model for `NAME/` without one, and for `dragoman doctor` to try."""
    models: tuple[str, ...] | None = None
    """The models that may be asked for, and that are listed. Not set: the service decides."""
    model_aliases: dict[str, str] | None = None
    """Other names of its models: our name to the service's name."""
    broken_mark: str | UnsetType | None = UNSET
    """The text with which the site ends an answer that broke off (`aibn`, `aichatfree`); empty text for none."""
    strict: bool | None = None
    """Whether to refuse a request with anything that the protocol cannot express or the model does not take, instead of
    listing it as lost."""
    prompt_tools: bool | None = None
    """Whether to describe tools in the prompt if the protocol has none (web chats). The model then asks for a tool in
    its text, and callers get the usual tool calls. Off by default: a model may not keep to the described form, and the
    prompt gets text that the caller did not write."""
    completions: str | None = None
    """The path below `url` at which a service of `openai-chat` completes texts, mostly `/completions`. Requests to
    `/v1/completions` are relayed to it, with all that a chat has no place for (`suffix`, `logprobs`, several prompts, a
    model's own marks); without it they become chats. It is known for most services of the catalogue that have one."""
    allow_fields: tuple[str, ...] = ()
    """Names of fields (`api_base`, `headers` …) that callers may send although they steer a service that is itself a
    gateway. The default is none, because such a service would let a caller choose where our key goes."""
    version: str | None = None
    """Which version of the protocol is asked for, if it has several: the value of `anthropic-version` (`2023-06-01` by
    default; from `2026-10-21` on the service takes no sampling settings)."""
    max_tokens: int | None = None
    """Tokens of an answer if a caller sets no limit, and the protocol (`anthropic`) requires one; 16,384 by default."""
    max_answer: int | None = None
    """Bytes of an answer, streamed or whole, after which it is broken off. 64 MiB (the default, and the maximum) are
    far above any model's longest answer; a service that never ends must not fill this machine."""
    cache_lifetime: int | None = None
    """Seconds for which the service keeps a prompt in its cache after its last use: by it the request log and
    `POST /explain` say that a cache has `expired`, and nothing else changes. 300 by default for `anthropic`, 3600 for
    OpenAI itself, and not known for all others."""
    empty_answer: EmptyAnswer | None = None
    """What an answer means that stops without content and without a tool call: `error` (default), so that another
    target may answer, because overloaded services end so; or `ok`, for models that sometimes have to say nothing."""
    timeouts: TimeoutsConfig = TimeoutsConfig()


class ProfileConfig(Struct, frozen=True, kw_only=True):
    """What a family of models needs and takes, at any service: the models whose names match NAME, which is in quotes
    and may have `*` (anything), `?` (one character) and `[abc]` (one of these). It is compared with the service's own
    name of a model, and with what follows the last slash of that name; upper and lower case are the same. A fact that
    is set here replaces what dragoman knows itself; if two entries match, the later one holds. Requests that are
    relayed pass as they are, except those with settings that the models refuse (of thinking, of the choice among
    tokens, of the answer's length or form) or with tools that they do not know: these are translated.

    None: not set.
    """

    reasoning_returns: bool | None = None
    """Whether the models need their earlier reasoning sent back, as `reasoning_content`; not known: it is left out."""
    unsupported_fields: tuple[str, ...] | None = None
    """Settings of a request that the models refuse: they are left out, and listed as losses."""
    context: int | None = None
    """Tokens that a conversation may have, for `models` and for routes: after "too long" a target that holds more is
    asked. What `context` of a target says goes before."""
    most_output: int | None = None
    """The most tokens that a request may allow for the answer; a larger limit is sent as this one, and listed as a
    loss."""
    images: bool | None = None
    """Whether they take images; if not, these are left out, and listed as losses."""
    tools: bool | None = None
    """Whether they take tools; if not, these are left out, and listed as losses."""
    prefill: bool | None = None
    """Whether they continue an assistant's message at the end; if not, a request that ends so is refused."""
    thinking_levels: bool | None = None
    """Whether they take a level of thinking (`low`, `high`) instead of a number of tokens. The protocols of
    Gemini, Anthropic and Ollama have both, and most models take one of them."""
    efforts: tuple[str, ...] | None = None
    """The only efforts of thinking that they take: some of `none`, `minimal`, `low`, `medium`, `high`, `xhigh` and
    `max`, or words of the service's own, which are sent if they are the only ones. Any other is sent as the nearest of
    these, and listed as a loss. Without `none` they always think. An empty list: they refuse each setting of how much
    they think, and all are left out. Not set: any."""
    least_budget: int | None = None
    """The fewest tokens of thinking that they take in Gemini's protocol, other than none at all; fewer are sent as
    these, and listed as a loss. 0: they take none at all there, even if `none` is not among their efforts."""
    most_budget: int | None = None
    """The most tokens of thinking that they take in Gemini's protocol; more are sent as these, and listed as a loss."""
    single_sampling: bool | None = None
    """Whether they take only one of `temperature` and `top_p`; then `top_p` is left out beside the other, and listed as
    a loss."""
    call_ids: CallIds | None = None
    """What the id of a call must be: `plain` (letters, digits, `_` and `-`; in Anthropic's protocol), `short` (at most
    40 characters in Chat Completions, 64 in Responses) or `nine` (nine letters and digits; in Chat Completions). A call
    of another service with another id then gets one in its place."""
    sampling_with_effort: bool | None = None
    """Whether they take `temperature`, `top_p` and `top_logprobs` while they think; if not, these are left out if
    thinking is asked for, and listed as losses."""
    effort_with_tools: bool | None = None
    """Whether OpenAI takes an effort of thinking beside functions in Chat Completions; if not, `none` is asked for, and
    the effort is listed as a loss. The provider `OpenAIResponses` has no such rule."""
    breakpoints: bool | None = None
    """Whether they take cache breakpoints; if not, these are left out, and listed as losses."""
    signed_calls: bool | None = None
    """Whether Gemini's protocol must have a signature for the first call of each step of the current turn. A call that
    another service made then gets the documented stand-in, in former turns too, which stay as they are in the cache."""
    mixed_tools: bool | None = None
    """Whether they take tools of the service, such as a search of the web, beside functions in Gemini's protocol; if
    not, the tools of the service are left out, and listed as losses."""
    result_media: bool | None = None
    """Whether results of tools may hold pictures, sound and files in Gemini's protocol; if not, these follow as the
    user's."""
    form_with_tools: bool | None = None
    """Whether they take a form of the answer (JSON, or JSON of a schema) beside tools; if not, the form is left out,
    and listed as a loss."""
    user_after_results: bool | None = None
    """Whether the user may speak right after what a tool gave, in Chat Completions; if not, the model is made to say
    `OK.` between the two."""
    system_anywhere: bool | None = None
    """Whether there may be more than one message of the system, and after the beginning of the conversation; if not,
    those at the beginning become one, and the user says a later one, in `<system>`."""
    freeform_tools: bool | None = None
    """Whether they know freeform (`custom`) tools, as Codex has, in OpenAI's protocols; if not, each is sent as a
    function with one string, and a call of it comes back as one of the freeform tool. The tools of a group
    (`namespace`) are then sent as single functions, whose names say the group too, and a search for tools
    (`tool_search`) as a function."""
    schema_keywords: tuple[str, ...] | None = None
    """The only keywords of JSON Schema that the parameters of tools may use. What others demand is said in another way
    or in the tool's description; what cannot be said is left out, and listed as a loss. With `nullable`, that word is
    used in place of the type null; references stay if `$ref` and `allOf` are listed. Not set: any."""
    schema_formats: tuple[str, ...] | None = None
    """The only values of the keyword `format`. Not set: any."""
    schema_limits: tuple[SchemaLimit, ...] | None = None
    """Forms of JSON Schema that the models refuse: `single-type` (a list of types), `string-enums` (an `enum` of other
    values than texts), `lone-any-of` (keywords beside `anyOf`), `no-booleans` (true or false in place of a schema),
    `plain-root` (`anyOf`, `$ref` and the like at the top), `plain-names` (a property at the top whose name is not
    of at most 64 letters, digits and `_.-`), `array-items` (an array without `items`), `old-drafts` (what
    JSON Schema 2020-12 does not have, as a list in `items` or a type `str`),
    `declared-required` (a required property that is not among the properties), `references` (`$ref` and the like),
    `open-objects` (an object with properties that may have others), `plain-patterns` (a regular expression that
    Python cannot read). Not set: none."""
    schema_depth: int | None = None
    """How many schemas may stand inside each other. Not set: any number."""
    format_keywords: tuple[str, ...] | None = None
    """The only keywords of JSON Schema that the form of an answer may use: what others demand is said in another way or
    in a description. OpenAI's protocols need this only for a form that is `strict`. Not set: any."""
    format_formats: tuple[str, ...] | None = None
    """The only values of the keyword `format` in the form of an answer. Not set: any."""
    format_limits: tuple[SchemaLimit, ...] | None = None
    """Forms of JSON Schema that the models refuse for the form of an answer; see `schema_limits`. Not set: none."""


class FrontConfig(ConfigTable, frozen=True, kw_only=True):
    """What our own server of a web-chat protocol requires: `aibn`, `aichatfree`, `aichatonline`, `cromicle`.

    None: not set.
    """

    secret: str | None = None
    """The secret with which callers sign their requests (`aibn`, `aichatfree`). Not set: empty text, the default of
    these sites."""
    password: str | None = None
    """The password that callers must send (`aibn`, `aichatfree`), or several with commas; each of them opens as a key
    of the gateway does."""
    model: str | None = None
    """The model that answers, because these protocols name none. Not set: the gateway's default; if that has none
    either, the gateway does not start."""
    broken_end: BrokenEnd | None = None
    """As in `gateway`, for this front alone."""


class CliConfig(ConfigTable, frozen=True, kw_only=True):
    """What the command keeps of conversations."""

    save: bool = True
    """Whether `ask` and `chat` keep conversations, so that they can go on later (`-c`) and be found (`dragoman
    history`), and `chat` the lines that are typed; `--save` and `--no-save` say it for one run."""
    conversations: str | None = None
    """The file of SQLite in which they are kept. A relative path starts from the folder of the configuration file. Not
    set: `conversations.db` in the folder `dragoman` of XDG_DATA_HOME, which is ~/.local/share if it is not set."""


UNPRINTED = frozenset({"environ", "origins", "renew"})
"""Fields of Config that its `repr` leaves out."""


class Config(ConfigTable, frozen=True, kw_only=True):
    """Everything that is set."""

    gateway: GatewayConfig = GatewayConfig()
    providers: dict[str, ProviderConfig] = field(default_factory=dict)
    models: dict[str, ModelConfig] = field(default_factory=dict)
    profiles: dict[str, ProfileConfig] = field(default_factory=dict)
    fronts: dict[str, FrontConfig] = field(default_factory=dict)
    cli: CliConfig = CliConfig()
    files: tuple[Path, ...] = ()
    """The files that it came from, the nearest first."""
    secret_files: tuple[Path, ...] = ()
    """The files with secrets that it names; none if it came from no file."""
    secret_commands: tuple[SecretCommand, ...] = ()
    """The commands that have printed its secrets."""
    environ: Mapping[str, str] = field(default_factory=dict)
    """The variables of the environment that these commands get."""
    renew: Callable[[Mapping[Words, str]], "Config"] | None = None
    """The same configuration with these secrets in place of what its commands have printed. It reads no file but those
    with secrets, runs nothing, and raises ConfigurationError. None: no command is named."""
    origins: dict[Keys, str] = field(default_factory=dict)
    """Where each setting was set, as `FILE:LINE` or the name of a variable."""

    @property
    def path(self) -> Path | None:
        """The nearest file; None if there was none."""
        return self.files[0] if self.files else None

    def __rich_repr__(self) -> list[tuple[str, Any]]:
        return [(name, value) for name, value in super().__rich_repr__() if name not in UNPRINTED]

    def where(self, *keys: Key) -> str:
        """The beginning of an error about this setting, as `dragoman.toml:12: providers.home.type`."""
        return ": ".join(part for part in (origin(self.origins, keys), dotted(keys)) if part)
