"""Names of models to what answers them: `provider/model`, or a route of the configuration."""

from collections.abc import Callable, Mapping

from msgspec import UNSET, Struct
from msgspec.structs import asdict, replace

from dragoman.client.listing import Listing
from dragoman.client.naming import Named
from dragoman.config import Config, Key, ProviderConfig
from dragoman.engine.answer import Answer, Handler
from dragoman.engine.relay import Line
from dragoman.errors import ConfigurationError, ModelNotFoundError, nearest
from dragoman.providers.catalogue import Provider, catalogue
from dragoman.providers.models import ProviderModelMixin
from dragoman.routing.fallback import fallback
from dragoman.transport.choice import Transports
from dragoman.transport.native.transport import NativeTransport
from dragoman.transport.seam import Reply
from dragoman.types import ChatRequest

OFFLINE = "offline/eliza"
"""What answers where nothing is configured."""

PROTOCOLS = {
    "openai-chat": "openaicompatible",
    "aibn": "aibn",
    "aichatfree": "aichatfree",
    "aichatonline": "aichatonline",
    "cromicle": "cromicle",
}
"""A protocol that the configuration names, to the class that speaks it."""

MOST_NAMES = 4096
"""Names whose way is remembered: far more than are in use; callers may make up others."""

OVERRIDES = frozenset(ProviderConfig.__struct_fields__) - {"type", "protocol", "limits", "broken_mark"}
"""Settings that take the place of a class's attribute of the same name."""


class Models:
    """What every model's name stands for.

    Raises ConfigurationError for a name in the configuration that stands for nothing.
    """

    def __init__(self, config: Config, transports: Transports) -> None:
        self._config = config
        self._transports = transports
        self._catalogue = catalogue()
        self.providers: Mapping[str, Provider] = self._catalogue | {
            name: self._configured(name, entry) for name, entry in config.providers.items()
        }
        self._listing = Listing(self.providers, transports)
        self._relayed: dict[tuple[str, str], Relayed | None] = {}
        self._lines: dict[str, Line | None] = {}
        self._routes: dict[str, Handler] = {}
        self._rest: dict[str, tuple[Handler, ...]] = {}
        for name in config.models:
            self._routes[name] = self._route(name)
        self.default = self._default()

    def names(self) -> tuple[str, ...]:
        """What a caller may ask for: routes, then the known models of services, of plugins and the offline ones."""
        return self._names({})

    async def listed(self) -> tuple[str, ...]:
        """The same, with what the configured services that name no models of theirs list themselves."""
        asked = tuple(name for name in self._config.providers if self.providers[name].lists_models())
        return self._names(await self._listing.of(asked))

    def close(self) -> None:
        """Ends what is being asked."""
        self._listing.close()

    def _names(self, listed: Mapping[str, tuple[str, ...]]) -> tuple[str, ...]:
        plugins = (name for name, provider in self._catalogue.items() if not _is_own(provider))
        named = [
            f"{name}/{model}"
            for name in dict.fromkeys([*self._config.providers, *plugins, OFFLINE.partition("/")[0]])
            for model in dict.fromkeys([*_known(self.providers[name]), *listed.get(name, ())])
        ]
        return (*self._config.models, *named)

    def handler(self, model: str) -> Handler:
        """What answers `model`; the default where it is empty. Raises ModelNotFoundError that names the nearest."""
        name = model or self.default
        route = self._routes.get(name)
        return route if route is not None else self._target(name)

    def relayed(self, model: str, protocol: str) -> "Relayed | None":
        """Where a request of `protocol` for `model` can be relayed to; None where it must be translated.

        Raises ModelNotFoundError.
        """
        name = model or self.default
        if (name, protocol) not in self._relayed:
            if len(self._relayed) >= MOST_NAMES:
                self._relayed.clear()
            self._relayed[name, protocol] = self._find_relayed(name, protocol)
        return self._relayed[name, protocol]

    def _find_relayed(self, name: str, protocol: str) -> "Relayed | None":
        route = self._config.models.get(name)
        target = name if route is None else route.targets[0]
        prefix, slash, asked = target.partition("/")
        provider = self.providers.get(prefix) if slash else None
        if provider is None:
            return None
        if prefix not in self._lines:
            self._lines[prefix] = provider.line(native) if (native := self._native()) is not None else None
        line = self._lines[prefix]
        if line is None or line.codec.name != protocol:
            return None
        return Relayed(line, provider.model_name(asked), self._rest.get(name, ()), self._receiver(provider, asked))

    def _native(self) -> NativeTransport | None:
        transport = self._transports.pick()
        return transport if isinstance(transport, NativeTransport) else None

    def _receiver(self, provider: Provider, model: str) -> "Receiver":
        def received(reply: Reply) -> Handler:
            async def answer(request: ChatRequest) -> Answer:
                asked = replace(request, model=provider.model_name(model))
                received = await provider.receive(asked, reply, self._transports.pick())
                return Named(received, request.model or self.default)

            return answer

        return received

    def _default(self) -> str:
        config = self._config
        name = config.gateway.default_model or next(iter(config.models), "")
        if not name:
            named = ((entry, _default_model(self.providers[entry])) for entry in config.providers)
            name = next((f"{entry}/{model}" for entry, model in named if model), OFFLINE)
        self._check(name, "gateway", "default_model")
        return name

    def _route(self, name: str) -> Handler:
        targets = self._config.models[name].targets
        for place, target in enumerate(targets):
            self._check(target, "models", name, "targets", place)
        handlers = [self._target(target) for target in targets]
        self._rest[name] = tuple(handlers[1:])
        return fallback(handlers) if len(handlers) > 1 else handlers[0]

    def _check(self, model: str, *keys: Key) -> None:
        if model in self._config.models and keys[0] == "gateway":
            return
        try:
            self._target(model)
        except ModelNotFoundError as exc:
            raise ConfigurationError(f"{self._config.where(*keys)}: {exc.message}") from exc

    def _target(self, name: str) -> Handler:
        prefix, slash, model = name.partition("/")
        provider = self.providers.get(prefix) if slash else None
        if provider is None:
            raise ModelNotFoundError(f"there is no model {name!r}{self._nearest(name)}")
        asked = provider.model_name(model)
        transports = self._transports

        async def answer(request: ChatRequest) -> Answer:
            opened = await provider.open(replace(request, model=asked), transports)
            return Named(opened, request.model or self.default)

        return answer

    def _nearest(self, name: str) -> str:
        _, slash, model = name.partition("/")
        if slash:
            return nearest(name, [*self.names(), *(f"{each}/{model}" for each in self.providers)])
        if name in self.providers:
            return f"; name one of its models, as {name}/MODEL"
        behind = {full.rpartition("/")[2]: full for full in self.names()}
        return f"; did you mean {behind[name]!r}?" if name in behind else nearest(name, self.names())

    def _configured(self, name: str, entry: ProviderConfig) -> Provider:
        base = self._base(name, entry)
        said = {key: value for key, value in asdict(entry).items() if key in OVERRIDES and value is not None}
        if entry.broken_mark is not UNSET:
            said["broken_mark"] = entry.broken_mark
        if limits := entry.limits.said():
            said["limits"] = replace(base.limits, **limits)
        return base.configured(said, name)

    def _base(self, name: str, entry: ProviderConfig) -> Provider:
        where, known = self._config.where, self._catalogue
        if entry.protocol is not None:
            if entry.protocol in PROTOCOLS:
                return known[PROTOCOLS[entry.protocol]]
            hint = nearest(entry.protocol, PROTOCOLS)
            raise ConfigurationError(f"{where('providers', name, 'protocol')}: no protocol {entry.protocol!r}{hint}")
        kind, key = (name, "") if entry.type is None else (entry.type, "type")
        if kind.lower() in known:
            return known[kind.lower()]
        place = where("providers", name, key) if key else where("providers", name)
        raise ConfigurationError(f"{place}: no provider type {kind!r}{nearest(kind.lower(), known)}")


Receiver = Callable[[Reply], Handler]
"""What makes an answer of the reply to a relayed request that could not pass as it is."""


class Relayed(Struct, frozen=True):
    """Where a request is relayed: the service, its name of the model, and who answers where that service cannot."""

    line: Line
    model: str
    rest: tuple[Handler, ...]
    received: Receiver


def _known(provider: Provider) -> list[str]:
    """The models that are known by name, or the default one where any name may be asked for."""
    if not issubclass(provider, ProviderModelMixin):
        return []
    return provider.get_models() or [name for name in (provider.default_model,) if name]


def _is_own(provider: Provider) -> bool:
    return provider.__module__.partition(".")[0] == __name__.partition(".")[0]


def _default_model(provider: Provider) -> str:
    """The provider's default model; empty where it has none."""
    return provider.default_model if issubclass(provider, ProviderModelMixin) else ""
