"""What a provider is: a class whose attributes say where a service is, what its protocol is, and what it can do."""

from collections.abc import AsyncGenerator, Mapping
from typing import Any, ClassVar

from msgspec.structs import replace

from dragoman.config import EmptyAnswer
from dragoman.engine.answer import Answer, Handler, Owning
from dragoman.engine.call import open_answer, receive
from dragoman.engine.draft import HIDDEN, Draft, draft, failed, hiding, relay_draft
from dragoman.engine.env import system_env
from dragoman.engine.forward import Forwarded, forward
from dragoman.engine.operations import count_tokens, embed
from dragoman.engine.relay_target import RelayTarget
from dragoman.engine.secrets import Secrets, secrets
from dragoman.engine.service import Service
from dragoman.engine.stream import Stream, Texts
from dragoman.engine.templates import Templates
from dragoman.errors import AuthenticationError, ConfigurationError, DragomanError, TransportError
from dragoman.protocols.base import ClientCodec
from dragoman.protocols.env import Env
from dragoman.protocols.estimate import estimated_tokens
from dragoman.protocols.gateways import FIRST_HOP
from dragoman.protocols.operations import KeptCall
from dragoman.protocols.prompt_tools.codec import PromptTools
from dragoman.protocols.relay import RelayRequest
from dragoman.providers.profiles import KNOWN, Families
from dragoman.providers.prompt import Messages
from dragoman.providers.request import build_request
from dragoman.providers.settings import given_transport, model_name, proxy_url, seconds, silence, taken
from dragoman.transport import browser
from dragoman.transport.base import MAX_BODY, CallbackTransport, Reply, RequestTemplate, Route, Timeouts, Transport
from dragoman.transport.http.proxies import NONE, proxy_for
from dragoman.transport.http.target import is_loopback
from dragoman.transport.replay.redaction import SHORTEST
from dragoman.transport.selector import Transports
from dragoman.types import ChatRequest, EmbedRequest, EmbedResponse, Headers, Loss, ModelFacts, TokenCount

AsyncResult = AsyncGenerator[str, None]
"""The text of an answer, piece by piece; it may be awaited as well, which opens it."""


class AsyncGeneratorProvider:
    """A chat service.

    A subclass sets attributes and `codec`. To use a host of your own, another `url` is enough.
    """

    url: ClassVar[str] = ""
    generic: ClassVar[str] = ""
    """The dialect for which an entry gets this class if it names only a `protocol`. Subclasses do not inherit that."""
    working: ClassVar[bool] = True
    supports_stream: ClassVar[bool] = True
    supports_message_history: ClassVar[bool] = False
    supports_gpt_35_turbo: ClassVar[bool] = False
    impersonate: ClassVar[str | None] = None
    api_key: ClassVar[str | None] = None
    key_variable: ClassVar[str] = ""
    """The environment variable that holds a key for this class's own `url`; empty if there is none."""
    secret: ClassVar[str] = ""
    public: ClassVar[frozenset[str]] = frozenset()
    """Values of `secret` that everybody knows, from a hosted site or its source."""
    password: ClassVar[str | None] = None
    broken_mark: ClassVar[str | None] = None
    headers: ClassVar[Mapping[str, str]] = {}
    """Header fields that every request gets; see `ProviderConfig.headers`."""
    counts_hops: ClassVar[bool] = False
    """Whether requests say through how many gateways they have come: so it is for addresses that a configuration names,
    since there may be another gateway, or this one."""
    proxy: ClassVar[str | None] = None
    ca_file: ClassVar[str | None] = None
    strict: ClassVar[bool] = False
    prompt_tools: ClassVar[bool] = False
    """Whether tools are described in the prompt if the protocol has none."""
    empty_answer: ClassVar[EmptyAnswer] = "error"
    max_answer: ClassVar[int] = MAX_BODY
    cache_lifetime: ClassVar[float | None] = None
    """Seconds for which the service keeps a prompt in its cache after its last use; None: not known."""
    timeouts: ClassVar[Timeouts] = Timeouts()
    families: ClassVar[Families] = KNOWN
    """What is known of models by their names; see `profiles`."""
    timeout: ClassVar[float] = 120
    """Seconds of silence that `create_async_generator` allows, until the first byte and between bytes."""

    @classmethod
    def codec(cls) -> ClientCodec:
        """The protocol, with this class's settings."""
        raise ConfigurationError(f"{cls.__name__} names no protocol")

    @classmethod
    def chat_codec(cls) -> ClientCodec:
        """The protocol for chats: with tools in the prompt, if it has none and `prompt_tools` is set."""
        codec = cls.codec()
        return PromptTools(codec) if cls.prompt_tools and "tools" not in codec.expresses else codec

    @classmethod
    async def open(cls, request: ChatRequest, transports: Transports, route: Route | None = None) -> Answer:
        """The answer to `request`. Raises what goes wrong before its first byte."""
        env = cls._env(request)
        return await cls._open(request, cls._service(transports, env, route or cls.route()), env)

    @classmethod
    def handler(cls, transports: Transports) -> Handler:
        """`open` for many requests: how the service is reached is worked out anew only if key or route change."""
        if cls.has_own_way():
            return lambda request: cls.open(request, transports)
        service: Service | None = None

        async def opened(request: ChatRequest) -> Answer:
            nonlocal service
            env, route = cls._env(request), cls.route()
            if service is None or service.key != env.key or service.route != route:
                service = cls._service(transports, env, route)
            return await cls._open(request, service, env)

        return opened

    @classmethod
    def _env(cls, request: ChatRequest) -> Env:
        """Clock, key and profile of a call. Its `repr` hides the key, also in tracebacks that show local values."""
        return system_env(cls.key(), cls.families.profile_of(request.model))

    @classmethod
    async def _open(cls, request: ChatRequest, service: Service, env: Env) -> Answer:
        try:
            return await open_answer(service, request, env)
        except AuthenticationError as exc:
            if not env.key and (advice := cls.keyless()):
                # Not in the message, which is the service's own: agents know by its words what to do.
                exc.add_note(advice)
            raise
        except TransportError as exc:
            if cls._gone():
                exc.message += f" (the hosted site {cls.url} is gone; give `url` a host of your own)"
            raise

    @classmethod
    def _service(cls, transports: Transports, env: Env, route: Route, codec: ClientCodec | None = None) -> Service:
        """How the service is asked: for chats, or by `codec` for something else."""
        return Service(
            name=cls.__name__,
            codec=codec or cls.chat_codec(),
            transport=transports.pick(cls.likeness()),
            route=route,
            strict=cls.strict,
            empty_ok=cls.empty_answer == "ok",
            max_answer=cls.max_answer,
            secrets=cls.secrets(env.key, route),
            key=env.key,
            headers=cls.sent_headers(),
            gateways=transports.gateways,
            refused=transports.refused,
        )

    @classmethod
    async def receive(
        cls, request: ChatRequest, reply: Reply, lost: tuple[Loss, ...], transports: Transports
    ) -> Answer:
        """The answer in `reply`, which came for a request that was relayed; `lost`: what of it was left out."""
        return await receive(cls._service(transports, cls._env(request), cls.route()), request, reply, lost)

    @classmethod
    async def embed(cls, request: EmbedRequest, transports: Transports) -> tuple[EmbedResponse, tuple[Loss, ...]]:
        """The vectors of some texts, and what of `request` the service did not get. Raises what is wrong."""
        env, service = cls._asked(request.model, transports)
        return await embed(service, request, env)

    @classmethod
    async def count_tokens(cls, request: ChatRequest, transports: Transports) -> TokenCount:
        """How many tokens `request` has, by the service's own count, or estimated. Raises what is wrong."""
        if cls.has_own_way():
            return estimated_tokens(request)
        env, service = cls._asked(request.model, transports)
        return await count_tokens(service, request, env)

    @classmethod
    async def forward(cls, call: KeptCall, transports: Transports) -> Forwarded:
        """What the service says of an answer that it keeps, as it comes. Raises what is wrong."""
        env, service = cls._asked("", transports)
        return await forward(service, call, env)

    @classmethod
    def _asked(cls, model: str, transports: Transports) -> tuple[Env, Service]:
        """What a call needs that is no chat."""
        env = system_env(cls.key(), cls.families.profile_of(model))
        return env, cls._service(transports, env, cls.route(), cls.codec())

    @classmethod
    def lists_models(cls) -> bool:
        """Whether `fetch_models` is worth a call: the protocol has such a list, and no names were configured."""
        return False

    @classmethod
    async def fetch_models(cls, transports: Transports) -> tuple[str, ...]:
        """The models that the service lists, by its own names. Raises what is wrong."""
        return ()

    @classmethod
    async def fetch_list(cls, transports: Transports) -> dict[str, ModelFacts]:
        """The same, with what the list says of each model."""
        return dict.fromkeys(await cls.fetch_models(transports), ModelFacts())

    @classmethod
    def relay_target(cls, protocol: str, transports: Transports) -> RelayTarget | None:
        """How requests in `protocol` are relayed to it; None if they cannot be."""
        transport = transports.pick()
        if cls.has_own_way() or cls.likeness() or not isinstance(transport, CallbackTransport):
            return None
        relay = cls.codec().relay_for(protocol)
        if relay is None:
            return None
        env, route, more = system_env(cls.key()), cls.route(), cls.sent_headers()
        # An answer that is not streamed shows no content before all of it has come.
        slow = replace(route, timeouts=replace(route.timeouts, first_token=None))

        def made(model: str, request: RelayRequest) -> RequestTemplate:
            head = relay.head_for(env.key, model, request).with_headers(more)
            return transport.template(head, route if request.stream else slow)

        return RelayTarget(
            cls.__name__,
            cls.secrets(env.key, route),
            relay,
            Templates(made, relay.head_key),
            empty_ok=relay.empty_ok or cls.empty_answer == "ok",
            max_answer=cls.max_answer,
            gateways=transports.gateways,
            refused=None if cls.strict else transports.refused,
            origin=cls.codec().origin,
            replaced=cls._replaced(),
        )

    @classmethod
    def draft(cls, request: ChatRequest) -> Draft:
        """What `open` would send for `request`, without credentials. Asks nobody."""
        if cls.has_own_way():
            return Draft()
        try:
            copy = cls.without_credentials()
            env = system_env(copy.key(), cls.families.profile_of(request.model))
            return draft(cls.__name__, copy.chat_codec(), request, env, headers=copy.sent_headers(), strict=cls.strict)
        except DragomanError as exc:
            return failed(cls.__name__, exc)

    @classmethod
    def relay_draft(cls, protocol: str, request: RelayRequest, model: str) -> Draft:
        """What would be sent for a request in `protocol` that is relayed, without credentials; `model`: the service's
        name of it."""
        try:
            copy = cls.without_credentials()
            relay = copy.codec().relay_for(protocol)
            if relay is None:
                raise ConfigurationError(f"{cls.__name__} relays no {protocol}")
            return relay_draft(
                cls.__name__, relay, request, model, copy.key(), headers=copy.sent_headers(), replaced=copy._replaced()
            )
        except DragomanError as exc:
            return failed(cls.__name__, exc)

    @classmethod
    def without_credentials(cls) -> type["AsyncGeneratorProvider"]:
        """A copy of this class in which each credential is HIDDEN; what it writes can be shown. For no real call."""
        key = cls.key()
        hidden = cls.secrets(key, cls.route())
        names = {name for base in cls.__mro__ for name in vars(base) if not name.startswith("__")}
        settings = {name: getattr(cls, name) for name in sorted(names)}
        copied = {name: shown for name, value in settings.items() if (shown := hiding(value, hidden)) != value}
        return cls.configured({**copied, "key": classmethod(lambda _: HIDDEN if key else key)})

    @classmethod
    def has_own_way(cls) -> bool:
        """Whether this class opens answers itself, without a codec."""
        return cls.open.__func__ is not AsyncGeneratorProvider.open.__func__  # type: ignore[attr-defined]  # a method

    @classmethod
    def likeness(cls) -> str | None:
        """The browser to imitate.

        A hosted site's `impersonate` does not hold for another `url`, if that is on this machine or the extra `web` is
        missing; unless the class or entry with that `url` sets `impersonate` too.
        """
        if cls.impersonate is None:
            return None
        site = cls._founder("working")
        if cls._founder("impersonate") is not site or cls.url == site.url:
            return cls.impersonate
        return None if is_loopback(cls.url) or not browser.installed() else cls.impersonate

    @classmethod
    def key(cls) -> str | None:
        """The credential to send."""
        return cls.api_key

    @classmethod
    def keyless(cls) -> str:
        """What to do if the service wants a key and none is set; empty if it takes none."""
        return ""

    @classmethod
    def secrets(cls, key: str | None, route: Route) -> Secrets:
        """What no error of a call with this `key` and `route` may show. A class with further secrets adds them here."""
        named = [value for value in cls.headers.values() if len(value) >= SHORTEST]
        urls = cls.url, route.proxy
        return secrets(key, cls.api_key, cls.password, cls.secret, *named, urls=urls, public=cls.public)

    @classmethod
    def sent_headers(cls) -> Headers:
        """`headers` as they are sent, their names in lower case; and for a service that may be a gateway, the hops."""
        named = tuple({name.lower(): value for name, value in cls.headers.items()}.items())
        return (*FIRST_HOP, *named) if cls.counts_hops and not cls.likeness() else named

    @classmethod
    def _replaced(cls) -> frozenset[str]:
        """The header fields of callers in whose place these are sent."""
        return frozenset(name.lower() for name in cls.headers) - cls.codec().lists

    @classmethod
    def route(cls) -> Route:
        """How this class's settings reach the service."""
        return Route(timeouts=cls.timeouts, proxy=proxy_for(cls.url, cls.proxy), ca_file=cls.ca_file)

    @classmethod
    def create_async_generator(
        cls, model: str, messages: Messages, proxy: str | None = None, **kwargs: Any
    ) -> AsyncResult:
        """The answer's text, piece by piece.

        `proxy`: an http, https or socks5 URL, or "none". Not set: the one that the environment names, except with a
        session or connector, which have their own. Further arguments: `timeout` (seconds of silence), `connector` or
        `session` (aiohttp's, used and left open), any of SETTINGS, the chat options of OpenAI's API, and all that the
        service's own protocol takes.
        """
        timeout = seconds(kwargs.pop("timeout", None))
        connector, session = kwargs.pop("connector", None), kwargs.pop("session", None)
        kwargs.pop("stream", None)
        overrides = taken(kwargs)
        name, provider = model_name(model), cls.configured(overrides) if overrides else cls
        given = given_transport(session, connector)
        said = proxy_url(proxy) or provider.proxy
        way = proxy_for(provider.url, said if said or given is None else NONE)
        allowed = silence(provider.timeouts, provider.timeout if timeout is None else timeout)
        return provider._texts(name, messages, kwargs, Route(allowed, way, provider.ca_file), given)

    @classmethod
    async def create_async(cls, model: str, messages: Messages, proxy: str | None = None, **kwargs: Any) -> str:
        """The answer's whole text; arguments as for `create_async_generator`."""
        return "".join([text async for text in cls.create_async_generator(model, messages, proxy, **kwargs)])

    @classmethod
    def configured(cls, attributes: Mapping[str, Any], name: str = "") -> type["AsyncGeneratorProvider"]:
        """A copy of this class with other attributes, and with another name if one is given."""
        return type(name or cls.__name__, (cls,), dict(attributes))

    @classmethod
    def _texts(
        cls, model: str, messages: Messages, options: dict[str, Any], route: Route, given: Transport | None
    ) -> AsyncResult:
        async def opening() -> Answer:
            transports = Transports(given)
            try:
                request = build_request(cls.model_name(model), messages, options, cls.protocol_name())
                return Owning(await cls.open(request, transports, route), transports.close)
            except BaseException:
                transports.close()
                raise

        return Stream(opening, Texts())

    @classmethod
    def model_name(cls, model: str) -> str:
        """The service's own name of a caller's `model`."""
        return model

    @classmethod
    def protocol_name(cls) -> str:
        """The protocol whose own fields a caller may add to a request."""
        return cls.codec().name

    @classmethod
    def _gone(cls) -> bool:
        """Whether this hosted site no longer answers: `working` is False, and `url` still the one it came with."""
        return not cls.working and cls.url == cls._founder("working").url

    @classmethod
    def _founder(cls, name: str) -> type["AsyncGeneratorProvider"]:
        """The class that sets the attribute `name` for this one; what sets `working` is the hosted site's own."""
        return next(base for base in cls.__mro__ if name in vars(base) and issubclass(base, AsyncGeneratorProvider))
