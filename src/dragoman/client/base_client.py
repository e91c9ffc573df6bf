"""The services of a configuration, asked by values: what a client is made of, and what the gateway calls."""

from collections.abc import Iterable, Mapping
from random import random as uniform
from typing import Self, Unpack
from weakref import WeakSet

from msgspec.structs import replace

from dragoman.client.configuration import Configuration, config_of
from dragoman.client.fresh_keys import FreshKeys
from dragoman.client.limiter import Limiter
from dragoman.client.local_servers import FoundServer, find_servers, port_of
from dragoman.client.model_table import ModelTable
from dragoman.client.options import LIMITS, LimitOptions, Limits
from dragoman.client.retries import Random
from dragoman.config import Config
from dragoman.engine.answer import Answer, Handler, whole
from dragoman.engine.forward import Forwarded
from dragoman.errors import InvalidRequestError, ModelNotFoundError
from dragoman.loop.uncopied import Uncopied
from dragoman.protocols.operations import KeptCall
from dragoman.providers.openai_services.local import SERVERS
from dragoman.providers.openai_services.row import LocalServer
from dragoman.providers.request import check_names
from dragoman.providers.turns import checked_request
from dragoman.routing.attempts import Note, operate, translated, unheard
from dragoman.routing.board import Board
from dragoman.routing.breaker import Notice
from dragoman.routing.caller import LIBRARY, Caller
from dragoman.routing.health import Health, RestNotice
from dragoman.routing.notices import Notices
from dragoman.routing.plan import Plan
from dragoman.transport.base import Transport
from dragoman.transport.http.target import is_loopback
from dragoman.transport.selector import Transports
from dragoman.types import (
    ChatRequest,
    ChatResponse,
    EmbedRequest,
    EmbedResponse,
    Loss,
    ModelFacts,
    TokenCount,
)


class BaseClient(Uncopied):
    """The services of a configuration, and who is asked for which model. See Client, which is asked in words."""

    def __init__(
        self,
        config: Configuration = None,
        *,
        transport: Transport | Transports | None = None,
        random: Random = uniform,
        board: Board | None = None,
        **limits: Unpack[LimitOptions],
    ) -> None:
        check_names(limits, LIMITS)
        self._limiter = Limiter(Limits().given(limits), random)
        self.config = config_of(config)
        self._closed = False
        self._transports = transport if isinstance(transport, Transports) else Transports(transport)
        self._notices = Notices()
        self._board = board
        self._models = ModelTable(self.config, self._transports, self._notices, board)
        self._earlier: WeakSet[ModelTable] = WeakSet()
        """Those with keys of before, which calls under way still have."""
        self.providers = self._models.providers
        self._keys = FreshKeys(self.config, self._put)

    def __repr__(self) -> str:
        services = ", ".join(self.config.providers) or "the offline models"
        return f"<{type(self).__name__} of {services}{', closed' if self._closed else ''}>"

    def _put(self, config: Config) -> None:
        """From now on `config` is in force, which differs in keys alone."""
        models = ModelTable(config, self._transports, self._notices, self._board)
        models.follow(self._models)
        self._earlier.add(self._models)
        self.config, self._models, self.providers = config, models, models.providers

    @property
    def default_model(self) -> str:
        """The model that answers if none is named."""
        return self._models.default

    def models(self) -> tuple[str, ...]:
        """The names known here. A service may take more under `provider/…`."""
        return self._models.names()

    async def list_models(self, *also: str) -> tuple[str, ...]:
        """The names known here, and those that the configured services list themselves, and these of the catalogue.

        All are asked at the same time, each at most every five minutes. A service that gives no list within two seconds
        is left out, and not asked again for a minute.
        """
        self._check_here()
        await self._keys.ready()
        names = await self._models.listed(also)
        self._check_open()  # the lists of a client that was closed meanwhile are incomplete
        return names

    def model_facts(self) -> dict[str, ModelFacts]:
        """Sizes and prices of models by their names, as far as the lists that `list_models` has asked for say them."""
        return self._models.facts()

    def facts_of(self, model: str) -> ModelFacts:
        """The same of one model, `provider/model`."""
        return self._models.facts_of(model)

    async def find_servers(self, servers: Iterable[LocalServer] = SERVERS) -> tuple[FoundServer, ...]:
        """Servers of models that answer on this machine, and that are not configured."""
        self._check_here()
        urls = [self.providers[name].url for name in self.config.providers]
        taken = {port_of(url) for url in urls if is_loopback(url)}
        return await find_servers(servers, self._transports.pick(), taken)

    async def fresh_keys(self) -> None:
        """Returns once no key that a command prints is older than its `every`, for those who do not call `open`."""
        await self._keys.ready()

    def leave_keys(self) -> None:
        """From now on this client's owner sees to it that its keys are fresh."""
        self._keys.leave()

    def hear(self, notice: Notice) -> None:
        """`notice` is called at each change of a target's breaker, from now on."""
        self._notices.hear(notice)

    def hear_rests(self, notice: RestNotice) -> None:
        """`notice` is called at the beginning of each rest of a target, from now on."""
        self._notices.hear_rests(notice)

    def plan(self, model: str) -> Plan:
        """How requests for `model` are answered. Raises ModelNotFoundError that names the nearest."""
        return self._models.plan(model)

    def healths(self) -> Mapping[str, Health]:
        """What is known of the targets of routes, by their names: requests under way, latency, breaker.

        A target that only routes without choice have is not among them: nothing of it is counted.
        """
        return self._models.healths

    def follow(self, earlier: "BaseClient") -> None:
        """Goes on with what `earlier` has found of the same targets, routes and services."""
        self._models.follow(earlier._models)
        before = earlier.providers
        stay = {name for name, each in self.providers.items() if name in before and each.url == before[name].url}
        self._transports.gateways.known |= {
            name: found for name, found in earlier._transports.gateways.known.items() if name in stay
        }

    def allowed_fields(self, model: str) -> frozenset[str]:
        """Fields that callers may send to `model` although they steer a service that is a gateway."""
        return self._models.allowed_fields(model)

    def cache_lifetime(self, target: str) -> float | None:
        """Seconds for which `target` (`provider/model`) keeps a prompt in its cache; None if that is not known."""
        provider = self.providers.get(target.partition("/")[0])
        return None if provider is None else provider.cache_lifetime

    def handler(self, model: str, caller: Caller = LIBRARY) -> Handler:
        """Answers requests of `caller` for `model` as its plan says, by translation. Raises ModelNotFoundError."""
        return translated(self.plan(model), caller)

    async def open(self, request: ChatRequest) -> Answer:
        """The answer as batches of events; its owner closes it.

        Raises what goes wrong before the first byte.
        """
        self._check_here()
        if not isinstance(request, ChatRequest):
            raise InvalidRequestError(f"expected a ChatRequest, got {type(request).__name__}")
        await self._keys.ready()
        with self._keys.watched():
            answer = await self.handler(request.model)(request)
        self._keys.heed(answer.attempts)
        return answer

    async def complete(self, request: ChatRequest) -> ChatResponse:
        """The whole answer. Raises TruncatedStreamError if it broke off."""
        return await whole(await self._ask(checked_request(request), self._limiter.given({})))

    async def embed_request(
        self, request: EmbedRequest, note: Note = unheard
    ) -> tuple[EmbedResponse, tuple[Loss, ...]]:
        """A vector for each text of `request`, and what of it the service did not get. It is asked once."""
        self._check_here()
        await self._keys.ready()
        plan = self.plan(request.model)
        with self._keys.watched():
            response, lost = await operate(plan, request.model, lambda found: found.embed(request), note)
        return replace(response, model=request.model or self.default_model), lost

    async def count_request(self, request: ChatRequest, note: Note = unheard) -> TokenCount:
        """How many tokens `request` has. The service is asked once."""
        self._check_here()
        await self._keys.ready()
        plan = self.plan(request.model)
        with self._keys.watched():
            return await operate(plan, request.model, lambda found: found.count_tokens(request), note, apart=True)

    async def forward(self, provider: str, call: KeptCall) -> Forwarded:
        """What a service says of an answer that it keeps, as it comes. Raises ModelNotFoundError if there is no such
        service any more, and what goes wrong."""
        self._check_here()
        await self._keys.ready()
        found = self.providers.get(provider)
        if found is None:
            raise ModelNotFoundError(f"there is no service {provider!r} any more")
        with self._keys.watched():
            return await found.forward(call, self._transports)

    def _check_open(self) -> None:
        if self._closed:
            raise RuntimeError("the client is closed")

    def _check_here(self) -> None:
        """Raises RuntimeError if it is closed, or calls are under way in another loop, which this one would end."""
        self._check_open()
        self._limiter.check_loop()

    async def _ask(self, request: ChatRequest, limits: Limits) -> Answer:
        """The answer within `limits`."""
        return await self._limiter.answer(self.open, request, limits)

    async def aclose(self) -> None:
        """Ends every connection. May be called twice; after it the client cannot be used any more."""
        self._closed = True
        for models in (self._models, *self._earlier):
            models.close()
        self._transports.close()

    async def __aenter__(self) -> Self:
        self._check_open()
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self.aclose()
