"""Which target next: the one seam between policies and the two carriers of an attempt, relay and translation.

A plan is a value of plain functions: it waits for nothing, and time is handed in. Whoever carries a request asks it for
the first target; after each failure before the commit point (`engine/commit.py`), for the next; and tells it once what
became of the request. One plan serves all requests of its route, at the same time.
"""

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable

from msgspec import Struct

from dragoman.engine.answer import Answer, Handler
from dragoman.engine.relay import RelayTarget
from dragoman.errors import (
    AuthenticationError,
    ConfigurationError,
    DragomanError,
    EndpointNotFoundError,
    ModelNotFoundError,
    PermissionDeniedError,
    QuotaExhaustedError,
)
from dragoman.transport.base import Reply
from dragoman.types import ChatRequest, Outcome

ELSEWHERE = (
    AuthenticationError,
    ConfigurationError,
    EndpointNotFoundError,
    ModelNotFoundError,
    PermissionDeniedError,
    QuotaExhaustedError,
)
"""Failures of a target rather than of the request: hopeless there, however often one asks, and yet not with another."""


def may_end_otherwise(error: DragomanError) -> bool:
    """Whether another target may answer a request that failed with `error`."""
    return error.retryable or isinstance(error, ELSEWHERE)


Receive = Callable[[ChatRequest, Reply], Awaitable[Answer]]
"""Makes an answer of a reply."""
FindRelay = Callable[[], RelayTarget | None]


class RequestInfo(Struct, frozen=True, gc=False):
    """What a plan knows of a request: the model that was named, the caller's protocol, whether a stream is wanted."""

    model: str
    protocol: str = ""
    stream: bool = False


class Target:
    """A model at a service. `name`: both, as `provider/model`; `model`: the service's own name of it."""

    def __init__(
        self, name: str, model: str, opened: Handler, received: Receive, find_relay: FindRelay = lambda: None
    ) -> None:
        self.name = name
        self.model = model
        self._opened = opened
        self._received = received
        self._find_relay: FindRelay | None = find_relay
        self._relay: RelayTarget | None = None

    def relay(self, protocol: str) -> RelayTarget | None:
        """How a request of `protocol` is relayed to it; None if it must be translated."""
        if self._find_relay is not None:
            self._relay, self._find_relay = self._find_relay(), None
        found = self._relay
        return found if found is not None and found.codec.name == protocol else None

    async def open(self, request: ChatRequest) -> Answer:
        """Its answer to `request`, translated. Raises what came instead, an attempt at this target."""
        return await self._named(self._opened(request))

    async def receive(self, request: ChatRequest, reply: Reply) -> Answer:
        """The answer that a reply to a relayed request is, which cannot pass as it is. Raises as `open` does."""
        return await self._named(self._received(request, reply))

    async def _named(self, opening: Awaitable[Answer]) -> Answer:
        try:
            answer = await opening
        except DragomanError as exc:
            exc.attempts = (exc.attempt(self.name),)
            raise
        answer.target = self.name
        return answer


class Plan(ABC):
    """`targets`: all that may be asked. `final`: whatever happens, no other is asked than the first."""

    targets: tuple[Target, ...]
    final: bool = False

    @abstractmethod
    def first(self, info: RequestInfo, now: float) -> Target:
        """The target that is asked first, at `now`, the loop's time in seconds."""

    @abstractmethod
    def after(self, target: Target, error: DragomanError, now: float) -> Target | None:
        """The target that is asked after `target` failed with `error`; None: the error stands."""

    def settle(self, outcome: Outcome) -> None:
        """Told once for each request, by whichever carrier, what became of it."""
        return
