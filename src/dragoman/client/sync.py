"""The client for callers without an event loop: the same names, each waiting for its result."""

import asyncio
from collections.abc import Coroutine, Iterable, Mapping
from concurrent.futures import CancelledError, Future
from os import getpid
from pathlib import Path
from random import random as uniform
from threading import Lock, Thread, current_thread
from typing import TYPE_CHECKING, Any, Self, TypeVar, Unpack, overload
from weakref import finalize

from dragoman.client.client import Client
from dragoman.client.configuration import Configuration
from dragoman.client.local_servers import FoundServer
from dragoman.client.mapped import MapStream
from dragoman.client.options import CallOptions, EmbedOptions, LimitOptions, Texts
from dragoman.client.output import OutputRun, OutputStream
from dragoman.client.retries import Random
from dragoman.client.run import MAX_TURNS
from dragoman.client.stream import ChatStream
from dragoman.client.sync_stream import SyncMapStream, SyncOutputRun, SyncOutputStream, SyncRun, SyncStream
from dragoman.config import Config
from dragoman.loop.uncopied import Uncopied
from dragoman.providers.catalogue import Provider
from dragoman.providers.openai_services.local import SERVERS
from dragoman.providers.openai_services.row import LocalServer
from dragoman.providers.request import Conversation
from dragoman.routing.board import Board
from dragoman.routing.health import Health
from dragoman.transport.base import Transport
from dragoman.transport.replay import RecordMode, TapedTransports
from dragoman.transport.selector import Transports
from dragoman.types import ChatRequest, ChatResponse, EmbedResponse, ModelFacts, OutputResponse, TokenCount

if TYPE_CHECKING:
    from typing_extensions import TypeForm

T = TypeVar("T")


class SyncClient(Uncopied):
    """A Client with the same arguments, whose loop runs in its own thread. Close it, or use it in a `with`.

    One that is dropped, together with its streams, ends by itself. A process that is forked has no such thread: it
    needs a client of its own.
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
        self._client = Client(config, transport=transport, random=random, board=board, **limits)
        self._closed = False
        self._closing = Lock()
        self._loop = asyncio.new_event_loop()
        self._process = getpid()
        self._thread = Thread(target=_run_loop, args=(self._loop,), name="dragoman", daemon=True)
        self._thread.start()
        self._dropped = finalize(self, _drop, self._client, self._loop, self._process)
        self._dropped.atexit = False  # the thread is a daemon, and ends with the process

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {self._client!r}>"

    @classmethod
    def record(cls, path: Path | str, config: Configuration = None, *, mode: RecordMode = "once") -> Self:
        """The same as `Client.record`."""
        return cls(config, transport=TapedTransports(path, mode))

    @property
    def config(self) -> Config:
        """What is in force."""
        return self._client.config

    @property
    def providers(self) -> Mapping[str, Provider]:
        """The services by their names."""
        return self._client.providers

    @property
    def default_model(self) -> str:
        """The model that answers if none is named."""
        return self._client.default_model

    def models(self) -> tuple[str, ...]:
        """The names known here. A service may take more under `provider/…`."""
        return self._client.models()

    def list_models(self, *also: str) -> tuple[str, ...]:
        """The names known here, and those that the configured services list themselves; see `Client.list_models`."""
        return self._wait(self._client.list_models(*also))

    def model_facts(self) -> dict[str, ModelFacts]:
        """Sizes and prices of models by their names, as far as the lists that `list_models` has asked for say them."""
        return self._client.model_facts()

    def healths(self) -> Mapping[str, Health]:
        """What is known of the targets of routes, by their names; see `Client.healths`."""
        return self._client.healths()

    def find_servers(self, servers: Iterable[LocalServer] = SERVERS) -> tuple[FoundServer, ...]:
        """Servers of models that answer on this machine, and that are not configured."""
        return self._wait(self._client.find_servers(servers))

    def open(self, request: ChatRequest) -> SyncStream:
        """The answer's events, once it has begun. Raises what goes wrong before the first byte."""
        return SyncStream(ChatStream(lambda: self._client.open(request)), self._wait, self._loop).open()

    def complete(self, request: ChatRequest) -> ChatResponse:
        """The whole answer. Raises TruncatedStreamError if it broke off."""
        return self._wait(self._client.complete(request))

    @overload
    def chat(
        self, model: str, messages: Conversation, *, output: type[T], **options: Unpack[CallOptions]
    ) -> OutputResponse[T]: ...
    @overload
    def chat(
        self, model: str, messages: Conversation, *, output: "TypeForm[T]", **options: Unpack[CallOptions]
    ) -> OutputResponse[T]: ...
    @overload
    def chat(
        self, model: str, messages: Conversation, *, output: None = None, **options: Unpack[CallOptions]
    ) -> ChatResponse: ...
    def chat(
        self, model: str, messages: Conversation, *, output: Any = None, **options: Unpack[CallOptions]
    ) -> ChatResponse:
        """The whole answer to `messages`; see `Client.chat`. Raises TypeError for an unknown option."""
        reply: ChatResponse = self._wait(self._client.chat(model, messages, output=output, **options))
        return reply

    @overload
    def stream(
        self, model: str, messages: Conversation, *, output: type[T], **options: Unpack[CallOptions]
    ) -> SyncOutputStream[T]: ...
    @overload
    def stream(
        self, model: str, messages: Conversation, *, output: "TypeForm[T]", **options: Unpack[CallOptions]
    ) -> SyncOutputStream[T]: ...
    @overload
    def stream(
        self, model: str, messages: Conversation, *, output: None = None, **options: Unpack[CallOptions]
    ) -> SyncStream: ...
    def stream(
        self, model: str, messages: Conversation, *, output: Any = None, **options: Unpack[CallOptions]
    ) -> SyncStream:
        """The answer as it comes; see `Client.stream`.

        Nothing is sent before it is iterated. A stream that is left early ends its call when it is closed, or nobody
        has it any more: `with` is sure.
        """
        stream = self._client.stream(model, messages, output=output, **options)
        if isinstance(stream, OutputStream):
            return SyncOutputStream(stream, self._wait, self._loop)
        return SyncStream(stream, self._wait, self._loop)

    @overload
    def run(
        self,
        model: str,
        messages: Conversation,
        *,
        output: type[T],
        max_turns: int = MAX_TURNS,
        **options: Unpack[CallOptions],
    ) -> SyncOutputRun[T]: ...
    @overload
    def run(
        self,
        model: str,
        messages: Conversation,
        *,
        output: "TypeForm[T]",
        max_turns: int = MAX_TURNS,
        **options: Unpack[CallOptions],
    ) -> SyncOutputRun[T]: ...
    @overload
    def run(
        self,
        model: str,
        messages: Conversation,
        *,
        output: None = None,
        max_turns: int = MAX_TURNS,
        **options: Unpack[CallOptions],
    ) -> SyncRun: ...
    def run(
        self,
        model: str,
        messages: Conversation,
        *,
        output: Any = None,
        max_turns: int = MAX_TURNS,
        **options: Unpack[CallOptions],
    ) -> SyncRun:
        """The answer of a model that may call functions; see `Client.run`. Coroutine functions run in the client's own
        loop, others in threads."""
        run = self._client.run(model, messages, output=output, max_turns=max_turns, **options)
        if isinstance(run, OutputRun):
            return SyncOutputRun(run, self._wait, self._loop)
        return SyncRun(run, self._wait, self._loop)

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
    ) -> SyncMapStream[OutputResponse[T]]: ...
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
    ) -> SyncMapStream[OutputResponse[T]]: ...
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
    ) -> SyncMapStream[ChatResponse]: ...
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
    ) -> SyncMapStream[Any]:
        """The answers to many prompts, `concurrency` at a time; see `Client.map`. Prompts are taken from their iterable
        in the client's own thread."""
        stream: MapStream[Any] = self._client.map(
            model, prompts, output=output, concurrency=concurrency, ordered=ordered, progress=progress, **options
        )
        return SyncMapStream(stream, self._wait, self._loop)

    def embed(self, model: str, texts: Texts, **options: Unpack[EmbedOptions]) -> EmbedResponse:
        """A vector for each of `texts`: one text or several, each as text or as the model's tokens.

        Raises TypeError for an unknown option, UnsupportedFeatureError if no target of the model has embeddings.
        """
        return self._wait(self._client.embed(model, texts, **options))

    def count_tokens(self, model: str, messages: Conversation, **options: Unpack[CallOptions]) -> TokenCount:
        """How many tokens a chat has before it is answered: by the service's own count, or an estimate that says that
        it is one. Arguments as for `chat`."""
        return self._wait(self._client.count_tokens(model, messages, **options))

    def close(self) -> None:
        """Ends every call, every connection and the thread. May be called twice."""
        if getpid() != self._process:
            return  # they are the other process's
        self._check_thread()
        with self._closing:
            if self._closed:
                return
            self._closed = True
            self._dropped.detach()
        _end(self._client, self._loop).result()
        self._thread.join()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def _check_thread(self) -> None:
        """Raises RuntimeError if a call made here would never return."""
        if current_thread() is self._thread:
            raise RuntimeError(
                "a call in the client's own thread would wait for itself for ever: let a tool be a plain function, "
                "which runs in a thread of its own, and ask nothing while prompts are iterated over"
            )
        if getpid() != self._process:
            raise RuntimeError("this client was made before the process was forked: make one in each process")

    def _wait(self, coroutine: Coroutine[Any, Any, T]) -> T:
        try:
            self._check_thread()
            with self._closing:
                if self._closed:
                    raise RuntimeError("this client is closed")
                future: Future[T] = asyncio.run_coroutine_threadsafe(coroutine, self._loop)
        except RuntimeError:
            coroutine.close()
            raise
        try:
            return future.result()
        except CancelledError as exc:
            raise RuntimeError("this client was closed by another thread") from exc
        except BaseException:
            # Ctrl-C while waiting: the result is not needed any more.
            future.cancel()
            raise


def _run_loop(loop: asyncio.AbstractEventLoop) -> None:
    """Runs the loop until it is stopped, and closes it. What ends a loop at once belongs to the call that raised it,
    which waits in another thread and gets it there."""
    while True:
        try:
            loop.run_forever()
        except (KeyboardInterrupt, SystemExit):
            continue
        loop.close()
        return


def _drop(client: Client, loop: asyncio.AbstractEventLoop, process: int) -> None:
    """Ends what nobody has any more, in any thread, without waiting."""
    if getpid() == process:
        _end(client, loop)


def _end(client: Client, loop: asyncio.AbstractEventLoop) -> Future[None]:
    """Ends every call and connection, and then the loop."""
    ended = asyncio.run_coroutine_threadsafe(_ended(client, loop), loop)
    ended.add_done_callback(lambda _: loop.call_soon_threadsafe(loop.stop))
    return ended


async def _ended(client: Client, loop: asyncio.AbstractEventLoop) -> None:
    # Threads that still wait for a call get an error, and do not wait for ever.
    calls = asyncio.all_tasks() - {asyncio.current_task()}
    for call in calls:
        call.cancel()
    await asyncio.gather(*calls, return_exceptions=True)
    await client.aclose()
    await loop.shutdown_asyncgens()
