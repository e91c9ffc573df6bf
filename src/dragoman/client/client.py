"""One interface to every chat service that is configured."""

from collections.abc import Iterable, Sized
from math import inf
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, TypeVar, Unpack, overload

from msgspec.structs import replace

from dragoman.client.base_client import BaseClient
from dragoman.client.call_log import note
from dragoman.client.configuration import Configuration
from dragoman.client.mapped import MapStream
from dragoman.client.options import (
    CALL,
    CallOptions,
    EmbedOptions,
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
from dragoman.client.run import MAX_TURNS, Run, Running
from dragoman.client.shapes import Shape
from dragoman.client.stream import ChatStream
from dragoman.engine.answer import Answer, whole
from dragoman.errors import OutputError
from dragoman.providers.request import Conversation, check_names
from dragoman.transport.replay import RecordMode, TapedTransports
from dragoman.types import ChatRequest, ChatResponse, EmbedResponse, OutputResponse, TokenCount

if TYPE_CHECKING:
    from typing_extensions import TypeForm

T = TypeVar("T")


class Client(BaseClient):
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

    @classmethod
    def record(cls, path: Path | str, config: Configuration = None, *, mode: RecordMode = "once") -> Self:
        """A client whose exchanges are recorded in the file `path`, or played from it: see docs/testing.md.

        `mode`: `none` only plays; `once` records if there is no file; `all` records anew. Raises ConfigurationError.
        """
        return cls(config, transport=TapedTransports(path, mode))

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
            lambda: self.embed_request(request, note), self._limiter.given(options), model
        )
        return replace(response, losses=lost)

    async def count_tokens(self, model: str, messages: Conversation, **options: Unpack[CallOptions]) -> TokenCount:
        """How many tokens a chat has before it is answered: by the service's own count, or an estimate that says that
        it is one. Arguments as for `chat`."""
        check_names(options, CALL)
        request = chat_request(model, messages, options)
        return await self._limiter.value(lambda: self.count_request(request, note), self._limiter.given(options), model)

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
