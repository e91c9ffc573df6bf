"""An answer without content, whose reason its caller's protocol cannot say: as any other reason it would look whole.

It is a failure of its target. As nothing of it has gone out, another target may answer.
"""

from collections.abc import Awaitable

from dragoman.engine.answer import Answer, Around, Receive
from dragoman.engine.text_bypass import SendAhead
from dragoman.error_words import cut
from dragoman.errors import UpstreamError
from dragoman.protocols.answer_losses import unsaid_reason
from dragoman.types import PartStart, ResponseEnd, StreamEvent


class Explained(Around):
    """`answer`, for a caller whose protocol can say what `expresses` lists. `read` raises UpstreamError if it fails."""

    def __init__(self, answer: Answer, expresses: frozenset[str]) -> None:
        super().__init__(answer)
        self._expresses = expresses

    async def read(self) -> list[StreamEvent]:
        events = await self._answer.read()
        for event in events:
            if isinstance(event, PartStart):
                self.read = self._answer.read  # type: ignore[method-assign]  # spares each later batch a call
                break
            if isinstance(event, ResponseEnd) and (reason := unsaid_reason(event, self._expresses)):
                error = unexplained(reason)
                error.provider = self.target.partition("/")[0] or None
                raise error
        return events

    def follow(self, receive: Receive, send_ahead: SendAhead) -> Awaitable[None] | None:
        return self._answer.follow(receive, send_ahead)


def unexplained(reason: str) -> UpstreamError:
    """The error for an answer without content that ended for this reason."""
    return UpstreamError(f"the model stopped without an answer: {cut(reason, 40)}", code="empty_answer")
