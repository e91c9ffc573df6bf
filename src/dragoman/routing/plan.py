"""Which target is asked next: the seam between the policies, which decide this, and relay and translation, which ask.

A plan decides at once: its functions wait for nothing, and they are given the time. Relay and translation use it alike:

    first      gives the target that is asked first
    after      gives the next target after each failure that comes before the commit point (`engine/commit.py`)
    settle     is told once, at the end, what became of the request

An explanation asks `preview`, which says what `first` would, and `after`; no request follows, and `settle` is not told.

One plan serves all requests of its route, also those that run at the same time.
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
from dragoman.types import ChatRequest, EmbedRequest, EmbedResponse, Loss, Outcome, TokenCount

ELSEWHERE = (
    AuthenticationError,
    ConfigurationError,
    EndpointNotFoundError,
    ModelNotFoundError,
    PermissionDeniedError,
    QuotaExhaustedError,
)
"""Failures whose reason is the target, not the request: the same target would fail again, but another may answer."""


def may_end_otherwise(error: DragomanError) -> bool:
    """Whether another target may answer a request that failed with `error`."""
    return error.retryable or isinstance(error, ELSEWHERE)


Receive = Callable[[ChatRequest, Reply], Awaitable[Answer]]
"""Makes an answer from a reply."""
FindRelay = Callable[[], RelayTarget | None]
"""Finds how requests are relayed to a service; None if they cannot be."""


class RequestInfo(Struct, frozen=True, gc=False):
    """What a plan knows of a request."""

    model: str
    """The name of the model, as the caller wrote it; empty if none was named."""
    protocol: str = ""
    """The caller's protocol; empty for callers of the library."""
    stream: bool = False
    """Whether the caller wants a stream."""


class Operations(Struct, frozen=True):
    """What a target can be asked besides a chat."""

    embed: Callable[[EmbedRequest], Awaitable[tuple[EmbedResponse, tuple[Loss, ...]]]]
    """The vectors of some texts, and what of the request the service did not get."""
    count_tokens: Callable[[ChatRequest], Awaitable[TokenCount]]
    """How many tokens a chat request has."""


class Target:
    """A model at a service."""

    def __init__(
        self,
        name: str,
        model: str,
        opened: Handler,
        received: Receive,
        find_relay: FindRelay = lambda: None,
        *,
        operations: Operations | None = None,
    ) -> None:
        self.name = name
        """Service and model, as `provider/model`."""
        self.model = model
        """The service's own name of the model."""
        self.operations = operations
        """None: it can only chat."""
        self._opened = opened
        self._received = received
        self._find_relay: FindRelay | None = find_relay
        self._relay: RelayTarget | None = None

    def relay(self, protocol: str) -> RelayTarget | None:
        """How a request in `protocol` is relayed to this target; None if it must be translated."""
        if self._find_relay is not None:
            self._relay, self._find_relay = self._find_relay(), None
        found = self._relay
        return found if found is not None and found.codec.name == protocol else None

    async def open(self, request: ChatRequest) -> Answer:
        """The answer to `request`, by translation. Raises DragomanError, whose `attempts` has this attempt."""
        return await self._named(self._opened(request))

    async def receive(self, request: ChatRequest, reply: Reply) -> Answer:
        """The answer in `reply`, which came to a relayed request and cannot pass as it is. Raises as `open` does."""
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
    """Which targets are asked, and in which order."""

    targets: tuple[Target, ...]
    """All targets that may be asked."""
    final: bool = False
    """Whether no other target than the first is ever asked."""

    @abstractmethod
    def first(self, info: RequestInfo, now: float) -> Target:
        """The target that is asked first, at `now`, the loop's time in seconds."""

    def preview(self, info: RequestInfo, now: float) -> Target:
        """The target that `first` would give, for somebody who asks it nothing. To be overridden if `first` counts."""
        return self.first(info, now)

    @abstractmethod
    def after(self, target: Target, error: DragomanError, now: float) -> Target | None:
        """The target that is asked after `target` failed with `error`, at `now`; None: the caller gets the error."""

    def settle(self, outcome: Outcome) -> None:
        """Is told once for each request what became of it, after a relay and after a translation."""
        return
