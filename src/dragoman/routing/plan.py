"""Which target is asked next: the seam between the policies, which decide this, and relay and translation, which ask.

A plan decides at once: its functions wait for nothing, and they are given the time. One plan serves all requests of its
route, also those that run at the same time; what belongs to one request is its course, which relay and translation use
alike:

    begin      makes the course of a request, whose `target` is asked first
    after      goes on to the next target, after each failure that comes before the commit point (`engine/commit.py`)
    committed  is told when the first content has come
    settle     is told once, at the end, how the answer ended
    branch     makes a second course, for a request that asks two targets at the same time (`hedge`)
    narrow     leaves out targets, because an answer that broke off goes on at others (`continued`)

An explanation asks `preview` for a course; no request follows, and nothing is counted.
"""

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable
from functools import partial
from math import inf
from time import monotonic

from msgspec import Struct

from dragoman.engine.answer import Answer, Handler
from dragoman.engine.relay_target import RelayTarget
from dragoman.errors import DragomanError
from dragoman.protocols.opaque import HOME
from dragoman.protocols.relay import RelayRequest
from dragoman.routing.hedge_time import HedgeTime
from dragoman.transport.base import Reply
from dragoman.types import ChatRequest, EmbedRequest, EmbedResponse, Loss, ModelProfile, TokenCount
from dragoman.types.outcome import End

Receive = Callable[[ChatRequest, Reply, tuple[Loss, ...]], Awaitable[Answer]]
"""Makes an answer from a reply, and what of the request was left out."""
FindRelay = Callable[[str], RelayTarget | None]
"""Finds how requests in a protocol are relayed to a service; None if they cannot be."""
Able = Callable[["Target"], bool]
"""Whether a target can do what is wanted."""


class RequestInfo(Struct, frozen=True, gc=False):
    """What a plan knows of a request."""

    model: str
    """The name of the model, as the caller wrote it; empty if none was named."""
    protocol: str = ""
    """The name of the relay for requests of the caller's; empty for callers of the library."""
    stream: bool = False
    """Whether the caller wants a stream."""
    conversation: bytes | None = None
    """The conversation to which it belongs, if its plan is sticky and that is known; see `routing/conversation.py`."""


class Operations(Struct, frozen=True):
    """What a target can be asked besides a chat."""

    embed: Callable[[EmbedRequest], Awaitable[tuple[EmbedResponse, tuple[Loss, ...]]]]
    """The vectors of some texts, and what of the request the service did not get."""
    count_tokens: Callable[[ChatRequest], Awaitable[TokenCount]]
    """How many tokens a chat request has."""


UNKNOWN = ModelProfile()


class Target:
    """A model at a service."""

    def __init__(
        self,
        name: str,
        model: str,
        opened: Handler,
        received: Receive,
        find_relay: FindRelay = lambda _: None,
        *,
        operations: Operations | None = None,
        profile: ModelProfile = UNKNOWN,
        continues: Handler | None = None,
    ) -> None:
        self.name = name
        """Service and model, as `provider/model`."""
        self.model = model
        """The service's own name of the model."""
        self.operations = operations
        """None: it can only chat."""
        self.context = profile.context
        """Tokens that its model holds; None: not known."""
        self.continues: Handler | None = None if continues is None else partial(self._opened_by, continues)
        """Opens an answer that goes on from the assistant's message at the end of a request; it may be empty. None: its
        model is not known to do that."""
        self._opened = opened
        self._received = received
        self._profile = profile
        self._settings_known = any(fact is not None for fact in profile.of_settings())
        self._find_relay = find_relay
        self._relays: dict[str, RelayTarget | None] = {}

    def relay(self, protocol: str, request: RelayRequest | None = None) -> RelayTarget | None:
        """How requests in `protocol` are relayed to this target; None if they, or `request`, must be translated."""
        try:
            found = self._relays[protocol]
        except KeyError:
            found = self._relays[protocol] = self._find_relay(protocol)
        if found is None or request is None:
            return found
        if found.gateways.known.get(found.name):
            # It does itself what the request needs; but what has a second mark, as this target's, must be read here,
            # and what is of another service of ours must not go there.
            return None if self._must_read(found, request.origins) else found
        if request.origins:
            return None
        codec = found.codec
        if codec.takes is not None and not codec.takes(request):
            return None
        if not (self._settings_known or codec.own_settings):
            return found
        return found if codec.takes_settings(request, self.model, self._profile) else None

    def _must_read(self, found: RelayTarget, origins: frozenset[str]) -> bool:
        homes = found.gateways.homes
        return found.origin(self.model) in origins or any(each[:HOME] in homes for each in origins)

    def open(self, request: ChatRequest) -> Awaitable[Answer]:
        """The answer to `request`, by translation. Raises DragomanError, whose `attempts` has this attempt."""
        return self._named(self._opened(request))

    def receive(self, request: ChatRequest, reply: Reply, lost: tuple[Loss, ...] = ()) -> Awaitable[Answer]:
        """The answer in `reply`, which came to a relayed request and cannot pass as it is. `lost`: what of the request
        was left out. Raises as `open` does."""
        return self._named(self._received(request, reply, lost))

    def _opened_by(self, handler: Handler, request: ChatRequest) -> Awaitable[Answer]:
        return self._named(handler(request))

    async def _named(self, opening: Awaitable[Answer]) -> Answer:
        asked_at = monotonic()
        try:
            answer = await opening
        except DragomanError as exc:
            exc.attempts = (exc.attempt(self.name, asked_at, monotonic()),)
            raise
        answer.target = self.name
        if answer.asked_at is None:
            answer.asked_at = asked_at
        return answer


class Course(ABC):
    """The way of one request through its plan. Times are the loop's, in seconds."""

    __slots__ = ("target",)

    target: Target
    """The target that is asked now."""
    ends: float = inf
    """When the attempt under way must be over; infinity: it has only the limits of its service."""

    @abstractmethod
    def after(self, error: DragomanError, now: float) -> float | None:
        """Goes on after `target` failed with `error`, at `now`: `target` is then the one to ask next.

        Returns the seconds to wait until then. None: nobody else is asked, and the error stands. After the commit point
        it is asked only for an answer that may be continued.
        """

    def branch(self, now: float) -> "Course | None":
        """A course that asks the next target, beside this one's; from now on neither asks what the other has asked.

        Each is settled by itself. None: no other target may be asked at `now`.
        """
        return None

    def narrow(self, able: Able) -> None:
        """From now on asks targets alone for which `able` is true."""
        return

    def committed(self, now: float) -> None:
        """Is told that the first content of the answer has come."""
        return

    def settle(self, end: End, now: float, error: DragomanError | None = None) -> None:
        """Is told once, at the end, how the answer ended, if `after` has not given None before."""
        return


class Plan(ABC):
    """Which targets are asked, and in which order."""

    targets: tuple[Target, ...]
    """All targets that may be asked."""
    final: bool = False
    """Whether no target is ever asked after the first attempt: then its answer need not be held back."""
    continues: bool = False
    """Whether an answer that breaks off after text goes on at another target; see `continued`."""
    hedge: HedgeTime | None = None
    """When a second target is asked beside a slow one; None: never. See `hedge`."""
    policies: tuple[str, ...] = ()
    """The names of those two, if they are in use: they read events, and so no request is relayed."""

    sticky: bool = False
    """Whether it wants to know the conversation of a request."""

    @abstractmethod
    def begin(self, info: RequestInfo, now: float) -> Course:
        """The course of a request. Raises OverloadedError or RateLimitError if no target may be asked now."""

    def preview(self, info: RequestInfo, now: float) -> Course:
        """The course that `begin` would give, for somebody who asks nothing. To be overridden if `begin` counts."""
        return self.begin(info, now)


class Single(Plan, Course):
    """One target, asked once. All its requests have the same course, which is the plan itself."""

    final = True

    def __init__(self, target: Target) -> None:
        self.targets = (target,)
        self.target = target

    def begin(self, info: RequestInfo, now: float) -> Course:
        return self

    def after(self, error: DragomanError, now: float) -> float | None:
        return None
