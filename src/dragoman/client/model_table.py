"""The names that callers use for models, and what answers to each: a service (`provider/model`), or a route."""

from collections.abc import Iterator, Mapping
from contextlib import suppress
from functools import partial

from msgspec import UNSET
from msgspec.structs import asdict, replace

from dragoman.client.check import check_service
from dragoman.client.listing import Listing
from dragoman.client.naming import Named
from dragoman.client.routes import RouteMaker, Tighter, tightened
from dragoman.config import Config, Key, ProfileConfig, ProviderConfig
from dragoman.engine.answer import Answer, Handler
from dragoman.engine.relay_target import RelayTarget
from dragoman.error_words import closest, nearest
from dragoman.errors import ConfigurationError, DragomanError, InvalidRequestError, ModelNotFoundError
from dragoman.protocols.opaque import HOME
from dragoman.protocols.registry import DIALECTS
from dragoman.providers.catalogue import Provider, catalogue, generic
from dragoman.providers.models import ProviderModelMixin
from dragoman.providers.profiles import Families
from dragoman.routing import health, sticky
from dragoman.routing.board import Board
from dragoman.routing.notices import Notices
from dragoman.routing.plan import Operations, Plan, Single, Target
from dragoman.transport.base import Reply
from dragoman.transport.selector import Transports
from dragoman.types import ChatRequest, EmbedRequest, EmbedResponse, Loss, ModelFacts, TokenCount

OFFLINE = "offline/eliza"
"""What answers if no service is configured."""

TAKEN = "offline"
"""The one name that no service may have: it is the provider of the offline models."""

NO_DEFAULT = "name one (PROVIDER/MODEL), or set gateway.default_model"
"""Advice for an error: services are configured, and none of their models is known by name."""

MAX_NAMES = 4096
"""Names whose plan is remembered: far more than are in use. There is a limit because callers may invent names."""

MAX_NAME = 1024
"""Characters of a name that a caller may ask for. No service has models of longer names (LiteLLM's have some 200), and
each name is compared with others, and remembered."""

SWITCHES = frozenset({"broken_mark", "impersonate"})
"""Settings that may be switched off: None is off, and UNSET is not set."""

OVERRIDES = frozenset(ProviderConfig.__struct_fields__) - {"type", "protocol", "timeouts", "allow_fields"} - SWITCHES
"""Settings that replace the attribute of the same name of a provider's class."""


class ModelTable:
    """What every name of a model means.

    `notices` are told what is found of targets. `board`: what processes share of targets that rest. Raises
    ConfigurationError with a line for each mistake: a name that means nothing, a service that cannot be called.
    """

    def __init__(self, config: Config, transports: Transports, notices: Notices, board: Board | None) -> None:
        self._config = config
        self._transports = transports
        self._closed = False
        found = catalogue()
        self._generic = generic(found)
        self._catalogue = _with_profiles(config.profiles, _with_proxy(config.gateway.proxy, found))
        self._flaws: list[str] = []
        self._steerable = any(entry.allow_fields for entry in config.providers.values())
        self.providers: Mapping[str, Provider] = {**self._catalogue, **self._services()}
        self._listing = Listing(self.providers, transports)
        self._relays: dict[tuple[str, Tighter, str], RelayTarget | None] = {}
        routes = RouteMaker(config, self._routed, self._flaws.append, notices=notices, board=board)
        made = {name: routes.plan(name) for name in config.models}
        self.healths = routes.healths
        """See `RouteMaker.healths`."""
        self._routes: dict[str, Plan] = {name: plan for name, plan in made.items() if plan is not None}
        self._plans: dict[str, Plan] = dict(self._routes)
        self.default = self._default()
        """What answers if no model is named; empty if services are configured, and none of their models is known."""
        if self._flaws:
            raise ConfigurationError("\n".join(self._flaws))
        transports.gateways.homes = frozenset(self._homes())

    def follow(self, earlier: "ModelTable") -> None:
        """Goes on with what `earlier` has found of the same targets and routes."""
        health.inherit(self.healths, earlier.healths)
        sticky.inherit(self._routes, earlier._routes)

    def _homes(self) -> Iterator[str]:
        """The beginning of the origins of each configured service; see `opaque`."""
        for name in self._config.providers:
            with suppress(DragomanError):  # one without a codec, or without a URL
                if origin := self.providers[name].codec().origin(""):
                    yield origin[:HOME]

    def names(self) -> tuple[str, ...]:
        """What a caller may ask for: routes, then the known models of services, of plugins and the offline ones."""
        return self._names({})

    async def listed(self, also: tuple[str, ...] = ()) -> tuple[str, ...]:
        """The same, and the models that services list themselves, if the configuration does not list theirs.

        `also`: services of the catalogue that are asked too. Raises ModelNotFoundError if there is no such service.
        """
        for name in also:
            if name not in self.providers:
                raise ModelNotFoundError(f"there is no service {name!r}{nearest(name, self.providers)}")
        names = dict.fromkeys([*self._config.providers, *also])
        asked = tuple(name for name in names if self.providers[name].lists_models())
        return self._names(await self._listing.of(asked))

    def facts(self) -> dict[str, ModelFacts]:
        """What the services' last lists say of their models, and else what is known of their families, by the names
        that callers use."""
        listed = {
            f"{name}/{model}": facts for name, found in self._listing.facts().items() for model, facts in found.items()
        }
        return {name: self._with_context(name, listed.get(name, ModelFacts())) for name in (*self._names({}), *listed)}

    def facts_of(self, name: str) -> ModelFacts:
        """The same of one model, `provider/model`; of a route nothing is known."""
        prefix, _, model = name.partition("/")
        return self._with_context(name, self._listing.facts().get(prefix, {}).get(model, ModelFacts()))

    def close(self) -> None:
        """Ends the requests for lists of models that are under way. No target can be asked any more."""
        self._closed = True
        self._listing.close()

    def _names(self, listed: Mapping[str, tuple[str, ...]]) -> tuple[str, ...]:
        plugins = (name for name, provider in self._catalogue.items() if not _is_own(provider))
        named = [
            f"{name}/{model}"
            for name in dict.fromkeys([*self._config.providers, *plugins, *listed, TAKEN])
            if name in self.providers
            for model in dict.fromkeys([*_known(self.providers[name]), *listed.get(name, ())])
        ]
        return (*self._config.models, *named)

    def allowed_fields(self, model: str) -> frozenset[str]:
        """Fields that a caller may send to each service that may answer `model`; see `protocols.steering`."""
        if not self._steerable:
            return frozenset()
        name = model or self.default
        plan = self._routes.get(name)
        asked = [each.partition("/")[0] for each in ([name] if plan is None else [one.name for one in plan.targets])]
        entries = [self._config.providers.get(prefix, ProviderConfig()) for prefix in asked]
        return frozenset.intersection(*(frozenset(entry.allow_fields) for entry in entries))

    def plan(self, model: str) -> Plan:
        """The plan for requests for `model`, or for the default model if `model` is empty.

        Raises ModelNotFoundError, which suggests the nearest name, and InvalidRequestError if there is no default.
        """
        name = model or self.default
        if not isinstance(name, str):
            raise InvalidRequestError(f"model: expected a string, got {type(name).__name__}")
        if not name:
            raise InvalidRequestError(f"no model was named, and none is the default: {NO_DEFAULT}")
        if len(name) > MAX_NAME:
            raise InvalidRequestError(f"model: expected at most {MAX_NAME} characters, got {len(name)}", param="model")
        plan = self._plans.get(name)
        if plan is None:
            if len(self._plans) >= MAX_NAMES + len(self._routes):
                self._plans = dict(self._routes)
            plan = self._plans[name] = Single(self._target(name))
        return plan

    def _with_context(self, name: str, facts: ModelFacts) -> ModelFacts:
        prefix, slash, model = name.partition("/")
        if not slash or prefix not in self.providers or facts.context is not None or name in self._routes:
            return facts
        provider = self.providers[prefix]
        return replace(facts, context=provider.families.profile_of(provider.model_name(model)).context)

    def _relay(self, prefix: str, tighter: Tighter, protocol: str) -> RelayTarget | None:
        """How requests in `protocol` are relayed to the service `prefix`; None if they cannot be."""
        key = prefix, tighter, protocol
        if key not in self._relays:
            self._relays[key] = self._provider(prefix, tighter).relay_target(protocol, self._transports)
        return self._relays[key]

    def _provider(self, prefix: str, tighter: Tighter) -> Provider:
        """The service `prefix`, with these timeouts where they are shorter than its own."""
        found = self.providers[prefix]
        timeouts = tightened(found.timeouts, tighter)
        if timeouts == found.timeouts:
            return found
        return found.configured({"timeouts": timeouts, "__module__": found.__module__})

    def _default(self) -> str:
        config = self._config
        name = config.gateway.default_model or next(iter(config.models), "")
        if not name:
            # The offline model is the default only if no service is configured: callers of a service must not get its
            # answers without knowing.
            entries = [entry for entry in config.providers if entry in self.providers]
            named = ((entry, _default_model(self.providers[entry])) for entry in entries)
            name = next((f"{entry}/{model}" for entry, model in named if model), "" if config.providers else OFFLINE)
        if name:
            self._check(name, "gateway", "default_model")
        return name

    def _routed(self, name: str, tighter: Tighter, *keys: Key) -> Target | None:
        """A target of a route, which the setting `keys` names; None if there is none, which is then a flaw."""
        return self._target(name, tighter) if self._check(name, *keys) else None

    def _check(self, model: str, *keys: Key) -> bool:
        """Whether `model` is the name of something; if not, a flaw of the setting `keys` is noted."""
        if model in self._config.models and keys[0] == "gateway":
            return True
        if self._is_flawed(model.partition("/")[0]):
            return False
        try:
            self._target(model)
        except ModelNotFoundError as exc:
            self._flaws.append(f"{self._config.where(*keys)}: {exc.message}")
            return False
        return True

    def _is_flawed(self, name: str) -> bool:
        """Whether a flaw of the service `name` was noted already."""
        return name in self._config.providers and name not in self.providers

    def _target(self, name: str, tighter: Tighter = ()) -> Target:
        prefix, slash, model = name.partition("/")
        if not slash or prefix not in self.providers:
            raise ModelNotFoundError(f"there is no model {name!r}{self._nearest(name)}")
        provider = self._provider(prefix, tighter)
        asked = provider.model_name(model)
        transports = self._transports

        def named(ask: Handler) -> Handler:
            async def opened(request: ChatRequest) -> Answer:
                self._check_open()
                answer = await ask(replace(request, model=asked))
                return Named(answer, request.model or self.default, name)

            return opened

        async def received(request: ChatRequest, reply: Reply, lost: tuple[Loss, ...]) -> Answer:
            answer = await provider.receive(replace(request, model=asked), reply, lost, transports)
            return Named(answer, request.model or self.default, name)

        async def embedded(request: EmbedRequest) -> tuple[EmbedResponse, tuple[Loss, ...]]:
            self._check_open()
            return await provider.embed(replace(request, model=asked), transports)

        async def counted(request: ChatRequest) -> TokenCount:
            self._check_open()
            return await provider.count_tokens(replace(request, model=asked), transports)

        profile, continues = provider.families.profile_of(asked), None
        if profile.prefill and not provider.has_own_way():
            # There may be nothing to add to what has come already.
            patient = provider.configured({"empty_answer": "ok", "__module__": provider.__module__})
            continues = named(patient.handler(transports))
        return Target(
            name,
            asked,
            named(provider.handler(transports)),
            received,
            partial(self._relay, prefix, tighter),
            operations=Operations(embedded, counted),
            profile=profile,
            continues=continues,
        )

    def _check_open(self) -> None:
        # A connection that ends because the client is closed is no failure after which another target may be asked.
        if self._closed:
            raise RuntimeError("the client is closed")

    def _nearest(self, name: str) -> str:
        service, slash, model = name.partition("/")
        if slash:
            # By its own name: with a long model's name behind it every service would look like every other.
            meant = closest(service, (each for each, provider in self.providers.items() if _takes(provider, model)))
            hint = f"; did you mean {meant}/{model}?" if meant else f"; there is no service {service!r}"
            return nearest(name, self.names()) or hint
        if name in self.providers:
            return f"; {name!r} is a service: its models are {name}/NAME"
        service, colon, model = name.partition(":")
        if colon and service in self.providers:  # so aisuite and pydantic-ai name models
            return f"; did you mean {service}/{model}?"
        behind = {full.rpartition("/")[2]: full for full in self.names()}
        hint = f"; did you mean {behind[name]!r}?" if name in behind else nearest(name, self.names())
        return hint or "; expected PROVIDER/MODEL, or a route of the configuration"

    def _services(self) -> dict[str, Provider]:
        """The configured services that have no flaw."""
        services: dict[str, Provider] = {}
        for name, entry in self._config.providers.items():
            base = self._base(name, entry)
            provider = self._configured(base, name, entry) if base is not None else None
            wrong = check_service(base, provider, entry) if base is not None and provider is not None else {}
            if provider is not None and (lacking := self._transports.lacking(provider.likeness())):
                wrong["impersonate"] = lacking
            self._flaws += [f"{self._config.where('providers', name, key)}: {wrong[key]}" for key in wrong]
            if provider is not None and not wrong:
                services[name] = provider
        return services

    def _configured(self, base: Provider, name: str, entry: ProviderConfig) -> Provider:
        settings = asdict(entry)
        attributes = {key: value for key, value in settings.items() if key in OVERRIDES and value is not None}
        attributes |= {key: settings[key] for key in SWITCHES if settings[key] is not UNSET}
        if timeouts := entry.timeouts.by_name():
            attributes["timeouts"] = replace(base.timeouts, **timeouts)
        if entry.url is not None:
            attributes["counts_hops"] = True
        return base.configured(attributes, name)

    def _base(self, name: str, entry: ProviderConfig) -> Provider | None:
        """The class of an entry; None if there is none, and then a flaw is noted."""
        known = self._catalogue
        key, message = "type", ""
        if name == TAKEN:
            key, message = "", f"expected another name, since {TAKEN}/… needs no service"
        elif entry.protocol is not None:
            if entry.protocol in self._generic:
                return known[self._generic[entry.protocol]]
            hint = nearest(entry.protocol, self._generic) or f"; expected one of {', '.join(self._generic)}"
            key, message = "protocol", f"no protocol {entry.protocol!r}{hint}"
            if entry.protocol in DIALECTS:
                message = f"no provider calls services of the protocol {entry.protocol!r}"
        elif entry.type is not None:
            kind = entry.type.lower()
            if kind in known:
                return known[kind]
            message = f"no provider type {entry.type!r}{nearest(kind, known) or '; `dragoman providers` lists them'}"
        elif name.lower() in known:
            return known[name.lower()]
        else:
            key, message = "", f"expected protocol or type, got neither{nearest(name.lower(), known)}"
        keys = ("providers", name, key) if key else ("providers", name)
        self._flaws.append(f"{self._config.where(*keys)}: {message}")
        return None


def _known(provider: Provider) -> list[str]:
    """The models that are known by name; if the provider takes any name, its default model."""
    if not issubclass(provider, ProviderModelMixin):
        return []
    return provider.get_models() or [name for name in (provider.default_model,) if name]


def _with_proxy(proxy: str | None, providers: Mapping[str, Provider]) -> Mapping[str, Provider]:
    """`providers` with `proxy`, if it is set. An entry with a proxy of its own replaces it later."""
    if proxy is None:
        return providers
    return {
        name: provider.configured({"proxy": proxy, "__module__": provider.__module__})
        for name, provider in providers.items()
    }


def _with_profiles(profiles: Mapping[str, ProfileConfig], providers: Mapping[str, Provider]) -> Mapping[str, Provider]:
    """`providers` that also know the configured profiles of models."""
    if not profiles:
        return providers
    families = Families(profiles)
    return {
        name: provider.configured({"families": families, "__module__": provider.__module__})
        for name, provider in providers.items()
    }


def _is_own(provider: Provider) -> bool:
    return provider.__module__.partition(".")[0] == __name__.partition(".")[0]


def _takes(provider: Provider, model: str) -> bool:
    """Whether `model` may be asked for at `provider`."""
    known = provider.get_models() if issubclass(provider, ProviderModelMixin) else []
    return model in known if known else provider.has_own_way() or bool(provider.url)


def _default_model(provider: Provider) -> str:
    """The provider's default model, or the first that is listed; empty if none is known."""
    return (
        provider.default_model or next(iter(_known(provider)), "") if issubclass(provider, ProviderModelMixin) else ""
    )
