"""One interface to every chat service that is configured."""

from collections.abc import Iterable, Mapping, Sized
from math import inf
from pathlib import Path
from random import random as uniform
from typing import TYPE_CHECKING, Any, Self, TypeVar, Unpack, overload
from weakref import WeakSet

from msgspec.structs import replace

from dragoman.client.configuration import Configuration, config_of
from dragoman.client.fresh_keys import FreshKeys
from dragoman.client.limiter import Limiter
from dragoman.client.local_servers import FoundServer, find_servers, port_of
from dragoman.client.mapped import MapStream
from dragoman.client.model_table import ModelTable
from dragoman.client.options import (
    CALL,
    LIMITS,
    CallOptions,
    EmbedOptions,
    LimitOptions,
    Limits,
    Texts,
    chat_request,
    check_many,
    embed_request,
    run_request,
)
from dragoman.client.output import (
    CUT_OFF,
    OutputRun,
    OutputStream,
    correction,
    corrector,
    read_output,
    shape_of,
    with_form,
)
from dragoman.client.progress import bar
from dragoman.client.retries import Random
from dragoman.client.run import MAX_TURNS, Run, Running
from dragoman.client.shapes import Shape
from dragoman.client.stream import ChatStream
from dragoman.config import Config
from dragoman.engine.answer import Answer, Handler, whole
from dragoman.engine.forward import Forwarded
from dragoman.errors import AuthenticationError, InvalidRequestError, ModelNotFoundError, OutputError
from dragoman.protocols.operations import KeptCall
from dragoman.providers.openai_services.local import SERVERS
from dragoman.providers.openai_services.row import LocalServer
from dragoman.providers.request import Conversation, check_names
from dragoman.providers.turns import checked_request
from dragoman.routing.attempts import Note, operate, translated, unheard
from dragoman.routing.board import Board
from dragoman.routing.breaker import Notice
from dragoman.routing.caller import LIBRARY, Caller
from dragoman.routing.health import Health, RestNotice, inherit
from dragoman.routing.notices import Notices
from dragoman.routing.plan import Plan
from dragoman.transport.base import Transport
from dragoman.transport.http.target import is_loopback
from dragoman.transport.replay import RecordMode, TapedTransports
from dragoman.transport.selector import Transports
from dragoman.types import (
    ChatRequest,
    ChatResponse,
    EmbedRequest,
    EmbedResponse,
    Loss,
    ModelFacts,
    OutputResponse,
    TokenCount,
)

if TYPE_CHECKING:
    from typing_extensions import TypeForm

T = TypeVar("T")


class Client:
    """Chats with any model by its name: `provider/model`, or a route of the configuration; "" is the default.

    `config`: values, tables in the shape of the file, or the path of a file. If it is None, `dragoman.toml` is looked
    for here, if its user has trusted it, and in the user's configuration folder. If no service is configured, the
    offline models answer. `transport` serves every call instead of real sockets. Raises ConfigurationError.

    `timeout` (seconds), `retries` (2) and `max_parallel` hold for each call that does not set its own; `random` gives
    numbers from 0 to 1, for the waits before retries. What `open` gives is not limited, because the gateway has
    policies of its own. `board` is what several processes share of targets that rest.

    Commands that print keys are run here, for 30 s at most; later, if a key is older than its `every`, a call first
    has its command run again, in a thread.
    """

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

    def _put(self, config: Config) -> None:
        """From now on `config` is in force, which differs in keys alone."""
        models = ModelTable(config, self._transports, self._notices, self._board)
        inherit(models.healths, self._models.healths)
        self._earlier.add(self._models)
        self.config, self._models, self.providers = config, models, models.providers

    @classmethod
    def record(cls, path: Path | str, config: Configuration = None, *, mode: RecordMode = "once") -> Self:
        """A client whose exchanges are recorded in the file `path`, or played from it: see docs/testing.md.

        `mode`: `none` only plays; `once` records if there is no file; `all` records anew. Raises ConfigurationError.
        """
        return cls(config, transport=TapedTransports(path, mode))

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
        try:
            return await self.handler(request.model)(request)
        except AuthenticationError:
            self._keys.refused()
            raise

    async def complete(self, request: ChatRequest) -> ChatResponse:
        """The whole answer. Raises TruncatedStreamError if it broke off."""
        return await whole(await self._ask(checked_request(request), self._limiter.given({})))

    @overload
    async def chat(
        self, model: str, messages: Conversation, *, output: type[T], **options: Unpack[CallOptions]
    ) -> OutputResponse[T]: ...
    @overload
    async def chat(
        self, model: str, messages: Conversation, *, output: "TypeForm[T]", **options: Unpack[CallOptions]
    ) -> OutputResponse[T]: ...
    @overload
    async def chat(
        self, model: str, messages: Conversation, *, output: None = None, **options: Unpack[CallOptions]
    ) -> ChatResponse: ...
    async def chat(
        self, model: str, messages: Conversation, *, output: Any = None, **options: Unpack[CallOptions]
    ) -> ChatResponse:
        """The whole answer to `messages`: a string, or dictionaries in OpenAI's shape and Message values as they come.

        With `output`, a struct of msgspec, a dataclass, a TypedDict or a model of pydantic, the answer's `output` is a
        value of it, or else there is an OutputError.

        The options have OpenAI's names (`temperature`, `max_tokens`, `stop`, `tools`, `response_format` …); besides
        them there are `system`, `extra_body`, `timeout`, `retries`, `output_retries` and `max_parallel`. Raises
        TypeError for an unknown option, InvalidRequestError for a wrong value, and each DragomanError of the call.
        """
        check_names(options, CALL)
        return await self._chat(model, messages, None if output is None else shape_of(output), options)

    @overload
    def stream(
        self, model: str, messages: Conversation, *, output: type[T], **options: Unpack[CallOptions]
    ) -> OutputStream[T]: ...
    @overload
    def stream(
        self, model: str, messages: Conversation, *, output: "TypeForm[T]", **options: Unpack[CallOptions]
    ) -> OutputStream[T]: ...
    @overload
    def stream(
        self, model: str, messages: Conversation, *, output: None = None, **options: Unpack[CallOptions]
    ) -> ChatStream: ...
    def stream(
        self, model: str, messages: Conversation, *, output: Any = None, **options: Unpack[CallOptions]
    ) -> ChatStream:
        """The answer as it comes; arguments as for `chat`. With `output` it also has `partial`, the value as it grows.

        The arguments are read at once: what is wrong with them raises here, and a list that changes later changes
        nothing. Nothing is sent before it is awaited or iterated. A stream that is left early ends its call when it is
        closed, or nobody has it any more: `async with` is sure.
        """
        check_names(options, CALL)
        limits = self._limiter.given(options)
        shape = None if output is None else shape_of(output)
        request = chat_request(model, messages, options)
        wanted = request if shape is None else with_form(request, shape)

        async def opening() -> Answer:
            return await self._ask(wanted, limits)

        return ChatStream(opening) if shape is None else OutputStream(opening, shape)

    @overload
    def run(
        self,
        model: str,
        messages: Conversation,
        *,
        output: type[T],
        max_turns: int = MAX_TURNS,
        **options: Unpack[CallOptions],
    ) -> OutputRun[T]: ...
    @overload
    def run(
        self,
        model: str,
        messages: Conversation,
        *,
        output: "TypeForm[T]",
        max_turns: int = MAX_TURNS,
        **options: Unpack[CallOptions],
    ) -> OutputRun[T]: ...
    @overload
    def run(
        self,
        model: str,
        messages: Conversation,
        *,
        output: None = None,
        max_turns: int = MAX_TURNS,
        **options: Unpack[CallOptions],
    ) -> Run: ...
    def run(
        self,
        model: str,
        messages: Conversation,
        *,
        output: Any = None,
        max_turns: int = MAX_TURNS,
        **options: Unpack[CallOptions],
    ) -> Run:
        """The answer of a model that may call functions: `tools` are Python functions with types, whose results go
        back to it until it calls no more; tools of the service may stand among them. Other arguments as for `chat`.

        Nothing is sent before it is awaited or iterated. `timeout` is for all of it. Raises TurnLimitError if the last
        of `max_turns` answers calls tools. What a function raises is told to the model, and is in its ToolEnd.

        With `output` the last answer is a value of it; one that is none is told to the model, as often as
        `output_retries` say.
        """
        check_names(options, CALL)
        limits = self._limiter.given(options)
        shape = None if output is None else shape_of(output)
        request, functions = run_request(model, messages, options, max_turns)
        # The time is that of the whole run, and not of each turn.
        turn = replace(limits, timeout=inf)

        async def ask(request: ChatRequest) -> Answer:
            return await self._ask(request, turn)

        clock = self._limiter.clock(limits, model)
        if shape is None:
            return Run(Running(ask, request, functions, max_turns, within=clock))
        correct = corrector(shape, limits.output_retries)
        wanted = with_form(request, shape)
        return OutputRun(Running(ask, wanted, functions, max_turns, within=clock, correct=correct), shape)

    @overload
    def map(
        self,
        model: str,
        prompts: Iterable[Conversation],
        *,
        output: type[T],
        concurrency: int = 20,
        ordered: bool = True,
        progress: bool | None = None,
        **options: Unpack[CallOptions],
    ) -> MapStream[OutputResponse[T]]: ...
    @overload
    def map(
        self,
        model: str,
        prompts: Iterable[Conversation],
        *,
        output: "TypeForm[T]",
        concurrency: int = 20,
        ordered: bool = True,
        progress: bool | None = None,
        **options: Unpack[CallOptions],
    ) -> MapStream[OutputResponse[T]]: ...
    @overload
    def map(
        self,
        model: str,
        prompts: Iterable[Conversation],
        *,
        output: None = None,
        concurrency: int = 20,
        ordered: bool = True,
        progress: bool | None = None,
        **options: Unpack[CallOptions],
    ) -> MapStream[ChatResponse]: ...
    def map(
        self,
        model: str,
        prompts: Iterable[Conversation],
        *,
        output: Any = None,
        concurrency: int = 20,
        ordered: bool = True,
        progress: bool | None = None,
        **options: Unpack[CallOptions],
    ) -> MapStream[Any]:
        """The answers to many prompts, `concurrency` at a time; arguments of each call as for `chat`.

        `ordered`: in the order of the prompts, or else as they come. `progress`: a bar on stderr, if rich is installed;
        None: if stderr is a terminal too. Raises ModelNotFoundError, TypeError and InvalidRequestError at once.
        """
        check_names(options, CALL)
        self.plan(model)
        self._limiter.given(options)
        check_many(prompts, concurrency)
        total = len(prompts) if isinstance(prompts, Sized) else None
        shape = None if output is None else shape_of(output)
        any_request = chat_request(model, "any prompt", options)  # what is wrong with the options is wrong with all
        if shape is not None:
            with_form(any_request, shape)

        async def ask(prompt: Conversation) -> ChatResponse:
            return await self._chat(model, prompt, shape, options)

        return MapStream(ask, prompts, concurrency, bar(model, total, progress), ordered=ordered)

    async def embed(self, model: str, texts: Texts, **options: Unpack[EmbedOptions]) -> EmbedResponse:
        """A vector for each of `texts`: one text or several, each as text or as the model's tokens.

        Raises TypeError for an unknown option, UnsupportedFeatureError if no target of the model has embeddings.
        """
        request = embed_request(model, texts, options)
        response, lost = await self._limiter.value(
            lambda: self.embed_request(request), self._limiter.given(options), model
        )
        return replace(response, losses=lost)

    async def count_tokens(self, model: str, messages: Conversation, **options: Unpack[CallOptions]) -> TokenCount:
        """How many tokens a chat has before it is answered: by the service's own count, or an estimate that says that
        it is one. Arguments as for `chat`."""
        check_names(options, CALL)
        request = chat_request(model, messages, options)
        return await self._limiter.value(lambda: self.count_request(request), self._limiter.given(options), model)

    async def embed_request(
        self, request: EmbedRequest, note: Note = unheard
    ) -> tuple[EmbedResponse, tuple[Loss, ...]]:
        """A vector for each text of `request`, and what of it the service did not get. It is asked once."""
        self._check_here()
        await self._keys.ready()
        plan = self.plan(request.model)
        response, lost = await operate(plan, request.model, lambda found: found.embed(request), note)
        return replace(response, model=request.model or self.default_model), lost

    async def count_request(self, request: ChatRequest, note: Note = unheard) -> TokenCount:
        """How many tokens `request` has. The service is asked once."""
        self._check_here()
        await self._keys.ready()
        plan = self.plan(request.model)
        return await operate(plan, request.model, lambda found: found.count_tokens(request), note, apart=True)

    async def forward(self, provider: str, call: KeptCall) -> Forwarded:
        """What a service says of an answer that it keeps, as it comes. Raises ModelNotFoundError if there is no such
        service any more, and what goes wrong."""
        self._check_here()
        await self._keys.ready()
        found = self.providers.get(provider)
        if found is None:
            raise ModelNotFoundError(f"there is no service {provider!r} any more")
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

    async def _chat(
        self, model: str, messages: Conversation, shape: Shape[Any] | None, options: CallOptions
    ) -> ChatResponse:
        """The whole answer, with its value if there is a shape."""
        limits = self._limiter.given(options)
        request = chat_request(model, messages, options)
        if shape is None:
            return await whole(await self._ask(request, limits))
        return await self._valued(with_form(request, shape), shape, limits)

    async def _valued(self, request: ChatRequest, shape: Shape[T], limits: Limits) -> OutputResponse[T]:
        """The answer with its value; asked for again, with what is wrong, as often as `limits` allow."""
        turn, left = replace(limits, timeout=inf), limits.output_retries
        async with self._limiter.clock(limits, request.model)():
            while True:
                reply = await whole(await self._ask(request, turn))
                try:
                    return read_output(shape, reply)
                except OutputError as exc:
                    if not left or reply.finish_reason in CUT_OFF:
                        raise
                    messages = (*request.messages, reply.message, correction(exc))
                    request, left = replace(request, messages=messages), left - 1

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
