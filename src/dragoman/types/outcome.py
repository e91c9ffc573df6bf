"""What became of one request: made once for each, filled in while it is answered, then given to every observer."""

from typing import Literal

from msgspec import Struct

from dragoman.errors import Attempt, DragomanError
from dragoman.types.cache_use import CacheUse
from dragoman.types.events import FinishReason
from dragoman.types.http import Headers
from dragoman.types.identity import Identity
from dragoman.types.usage import Usage

NOBODY = Identity()

End = Literal["whole", "broken", "gone"]
"""How an answer ended: `whole` once all of it was sent, `broken` if it began and did not end well, `gone` if the caller
left before that. Sent is what the operating system has taken."""


Operation = Literal["chat", "embeddings", "count_tokens"]
"""What a model can be asked, in the words of OpenTelemetry as far as it has one."""


class Outcome(Struct):
    """One request and its answer. None or empty: not known, or there is none."""

    request_id: str
    method: str
    path: str
    received_at: float
    """When the request's head had arrived, in seconds of the monotonic clock."""
    complete_at: float | None = None
    """When its body had arrived; None: with its head."""
    asked_at: float | None = None
    """When the target that answers was asked: its request was sent, or began to wait for a connection."""
    came_at: float | None = None
    """When the answer's first content had come from the service; of an answer that is not streamed, all of it."""
    first_byte_at: float | None = None
    """When the answer's first byte was sent, or the first content of a stream."""
    ended_at: float = 0.0
    """When it was sent to the end, or the last work for it was done."""
    end: End = "broken"
    remote: str = ""
    """The address that the request came from: a proxy's, if there is one in front of us."""
    identity: Identity = NOBODY
    """Who asks."""
    front: str = ""
    """The protocol of the front that was called, or `health`, `metrics`, `explain` or `root`, which have none; empty if
    the request was refused before that was known."""
    operation: Operation = "chat"
    """What was asked of the model."""
    stream: bool = False
    """Whether the answer is a stream."""
    trace: Headers = ()
    """Header fields of the trace that the service gets; see `ChatRequest.trace`. They name `span`, or without one the
    caller's own."""
    span: object = None
    """What `gateway/telemetry.py` has begun with the request; None: nothing."""
    model: str = ""
    """The model that the caller named."""
    target: str = ""
    """The model that answers, or was being asked when the caller left, as `provider/model`."""
    answering_model: str = ""
    """The service's own name of it, as its answer says; of a relayed answer, only if it is traced."""
    attempts: tuple[Attempt, ...] = ()
    """The targets that failed."""
    status: int | None = None
    """The status that the caller got."""
    upstream_status: int | None = None
    """The status of the service's reply."""
    sent: int = 0
    """Bytes of the answer's body."""
    usage: Usage | None = None
    finish_reason: FinishReason | None = None
    error: str = ""
    """The code of what went wrong."""
    losses: str = ""
    """The names of what could not be carried of the request and of the answer."""
    usage_estimated: bool = False
    """Whether the tokens of the answer were not reported, but estimated from what came of it."""
    resumes: str = ""
    """The id of the request whose stream this one goes on with; the tokens are that one's alone."""
    cache: CacheUse | None = None
    """Why the service's cache of prompts was used or missed, if the answer reports tokens of one."""

    @property
    def answering(self) -> bool:
        """Whether `target` answers, or was interrupted; else it is the last of `attempts`, or no target was asked."""
        failed = self.attempts
        return bool(self.target) and not (self.error and failed and failed[-1].target == self.target)

    def added(self) -> float | None:
        """Seconds that we added: until the first target was asked, and from the first content until it was sent.

        None if no target has answered, or if one of these times is not known.
        """
        asked, came, first = self.asked_at, self.came_at, self.first_byte_at
        if self.attempts:
            asked = self.attempts[0].asked_at
        if asked is None or came is None or first is None:
            return None
        return asked - (self.complete_at or self.received_at) + first - came

    def answered_by(self, target: str, attempts: tuple[Attempt, ...], asked_at: float | None) -> None:
        """`target`, asked at that time, answers or was being asked, after these attempts failed."""
        self.target, self.attempts, self.asked_at = target, attempts, asked_at

    def fail(self, error: DragomanError) -> None:
        """The answer failed with `error`."""
        self.error = error.code
        if error.upstream_status is not None:
            self.upstream_status = error.upstream_status
        if error.attempts:
            self.attempts = error.attempts
        elif self.target and error.provider:
            broke = error.attempt(self.target, self.asked_at)
            # The error of an answer that had begun need not know with which status.
            self.attempts = (*self.attempts, broke._replace(upstream_status=self.upstream_status, maybe_billed=True))
