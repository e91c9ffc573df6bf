"""What became of one request: made once for each, filled in while it is answered, and given to whoever keeps books."""

from typing import Literal

from msgspec import Struct

from dragoman.errors import Attempt, DragomanError
from dragoman.types.events import FinishReason
from dragoman.types.identity import Identity
from dragoman.types.usage import Usage

NOBODY = Identity()

End = Literal["whole", "broken", "gone"]
"""How an answer ended: `broken` if it began and did not end well, `gone` if the caller had left by then."""


class Outcome(Struct):
    """One request and its answer. None or empty: not known, or not so."""

    request_id: str
    method: str
    path: str
    received_at: float
    """When the request's head was here, on the monotonic clock, in seconds."""
    first_byte_at: float | None = None
    """When the answer's first byte was sent, or the first content of a stream."""
    ended_at: float = 0.0
    """When the last was done for it."""
    end: End = "broken"
    remote: str = ""
    """The address that the request came from, which is a proxy's if there is one before us."""
    identity: Identity = NOBODY
    """Who asks."""
    model: str = ""
    """What was asked for."""
    target: str = ""
    """The model that answers, as `provider/model`."""
    attempts: tuple[Attempt, ...] = ()
    """The targets that failed."""
    status: int | None = None
    """The status that the caller was told."""
    upstream_status: int | None = None
    """The status of the service's reply."""
    sent: int = 0
    """Bytes of the answer's body."""
    usage: Usage | None = None
    finish_reason: FinishReason | None = None
    error: str = ""
    """The code of what went wrong."""
    losses: str = ""
    """What of question and answer could not be said, by name."""

    def fail(self, error: DragomanError) -> None:
        """The answer failed with `error`."""
        self.error = error.code
        if error.attempts:
            self.attempts = error.attempts
        elif self.target and error.provider:
            self.attempts = (*self.attempts, error.attempt(self.target))
        if error.upstream_status is not None:
            self.upstream_status = error.upstream_status
