"""An answer under way: batches of events, and one owner that closes it."""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable

from dragoman.engine.text_bypass import SendAhead
from dragoman.errors import Attempt
from dragoman.types import ChatRequest, ChatResponse, Fold, StreamEvent, Usage

MANY_EVENTS = 5000
"""Events of a batch that a thread folds: those of a whole answer, which comes in one."""

Receive = Callable[[list[StreamEvent]], bool]
"""Takes a batch in a callback; False if it wants none for now. May raise."""


class Answer(ABC):
    """A service's answer as it comes.

    A task reads it. While it comes without a hitch, it may be followed instead: a batch is then passed on in the turn
    of the loop in which it came, and no task is woken. All that is out of the ordinary is left to `read`.
    """

    target = ""
    """The target that gives it, as `provider/model`; empty if that is not known."""
    status: int | None = None
    """The HTTP status of the service's reply; None if there is none."""
    attempts: tuple[Attempt, ...] = ()
    """The targets that were asked before this one, or beside it, and did not give the answer."""
    asked_at: float | None = None
    """When its service was asked, in seconds of the monotonic clock; None if that is not known."""
    model = ""
    """The service's own name of the model, once the answer has begun; empty if it says none."""

    @property
    def usage(self) -> Usage | None:
        """The tokens that its service has reported so far, for who does not read it to its end."""
        return None

    @property
    def innermost(self) -> "Answer":
        """The answer whose target, status, attempts and times are meant: this one, or the one that it wraps."""
        return self

    def tells_of(self, answer: "Answer") -> None:
        """Says of target, status, attempts and time what `answer` says, which it gives to its owner in another form."""
        self.target, self.status, self.attempts = answer.target, answer.status, answer.attempts
        self.asked_at = answer.asked_at

    @abstractmethod
    async def read(self) -> list[StreamEvent]:
        """The events of one read; [] only if the answer has ended. Raises what went wrong."""

    def follow(self, receive: Receive, send_ahead: SendAhead) -> Awaitable[None] | None:
        """Gives each batch to `receive` as it comes, for as long as this is awaited; None if that cannot be now.

        Texts may be given to `send_ahead` first. The next batch, of `receive` or `read`, then has these texts alone.
        If this is cancelled, there may be no such batch.

        It is over when `read` must be asked again: `receive` wants no more, the end is near, or something went wrong.
        Raises what `receive` raises.
        """
        return None

    def in_rows(self) -> None:
        """From now on deltas that come together may be one DeltaRow."""
        return

    @abstractmethod
    def close(self) -> None:
        """Ends it at once, and releases what it holds. May be called twice."""


Handler = Callable[[ChatRequest], Awaitable[Answer]]
"""Opens an answer: a service, or a policy around other handlers. Raises what goes wrong before the first byte."""


async def whole(answer: Answer) -> ChatResponse:
    """The fold of `answer`, which is closed. Raises TruncatedStreamError if it broke off."""
    folding = Fold()
    try:
        while events := await answer.read():
            if len(events) > MANY_EVENTS:
                await asyncio.to_thread(folding.feed, events)
            else:
                folding.feed(events)
        return folding.result()
    finally:
        answer.close()


class Around(Answer):
    """An answer around another one. What is said of the other is said of it, also if that changes on the way."""

    def __init__(self, answer: Answer) -> None:
        self._answer = answer
        self._receive: Receive | None = None

    async def read(self) -> list[StreamEvent]:
        return self._seen(await self._answer.read())

    def follow(self, receive: Receive, send_ahead: SendAhead) -> Awaitable[None] | None:
        self._receive = receive
        return self._answer.follow(self._pass_on, send_ahead)

    def _pass_on(self, events: list[StreamEvent]) -> bool:
        assert self._receive is not None  # noqa: S101  # since it is followed
        return self._receive(self._seen(events))

    def in_rows(self) -> None:
        self._answer.in_rows()

    def _seen(self, events: list[StreamEvent]) -> list[StreamEvent]:
        """What it gives in place of a batch of the other; [] for []."""
        return events

    @property
    def usage(self) -> Usage | None:
        return self._answer.usage

    @property
    def innermost(self) -> Answer:
        return self._answer.innermost

    @property
    def target(self) -> str:
        """See `Answer`."""
        return self._answer.target

    @target.setter
    def target(self, name: str) -> None:
        self._answer.target = name

    @property
    def status(self) -> int | None:
        """See `Answer`."""
        return self._answer.status

    @status.setter
    def status(self, status: int | None) -> None:
        self._answer.status = status

    @property
    def attempts(self) -> tuple[Attempt, ...]:
        """See `Answer`."""
        return self._answer.attempts

    @attempts.setter
    def attempts(self, attempts: tuple[Attempt, ...]) -> None:
        self._answer.attempts = attempts

    @property
    def asked_at(self) -> float | None:
        """See `Answer`."""
        return self._answer.asked_at

    @asked_at.setter
    def asked_at(self, at: float | None) -> None:
        self._answer.asked_at = at

    @property
    def model(self) -> str:
        """See `Answer`."""
        return self._answer.model

    @model.setter
    def model(self, name: str) -> None:
        self._answer.model = name

    def close(self) -> None:
        self._receive = None  # it refers to this answer: without this, only the garbage collector would free the two
        self._answer.close()


class Owning(Answer):
    """An answer that, when it is closed, also ends what was made only for it."""

    def __init__(self, answer: Answer, release: Callable[[], None]) -> None:
        self._answer = answer
        self._release = release

    @property
    def usage(self) -> Usage | None:
        return self._answer.usage

    async def read(self) -> list[StreamEvent]:
        return await self._answer.read()

    def close(self) -> None:
        self._answer.close()
        self._release()
