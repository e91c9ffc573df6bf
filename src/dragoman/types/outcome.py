"""What became of one request: made once for each, filled in while it is answered, then given to every observer."""

from typing import Literal

from msgspec import Struct

from dragoman.errors import Attempt, DragomanError
from dragoman.types.cache_use import CacheUse
from dragoman.types.events import FinishReason
from dragoman.types.identity import Identity
from dragoman.types.usage import Usage

NOBODY = Identity()

End = Literal["whole", "broken", "gone"]
"""How an answer ended: `broken` if it began and did not end well, `gone` if the caller had left by then."""


class Outcome(Struct):
    """One request and its answer. None or empty: not known, or there is none."""

    request_id: str
    method: str
    path: str
    received_at: float
    """When the request's head had arrived, in seconds of the monotonic clock."""
    first_byte_at: float | None = None
    """When the answer's first byte was sent, or the first content of a stream."""
    ended_at: float = 0.0
    """When the last work for it was done."""
    end: End = "broken"
    remote: str = ""
    """The address that the request came from: a proxy's, if there is one in front of us."""
    identity: Identity = NOBODY
    """Who asks."""
    model: str = ""
    """The model that the caller named."""
    target: str = ""
    """The model that answers, as `provider/model`."""
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

    def fail(self, error: DragomanError) -> None:
        """The answer failed with `error`."""
        self.error = error.code
        if error.attempts:
            self.attempts = error.attempts
        elif self.target and error.provider:
            self.attempts = (*self.attempts, error.attempt(self.target))
        if error.upstream_status is not None:
            self.upstream_status = error.upstream_status
