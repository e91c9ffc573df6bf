"""The caller of a translated request, as far as a plan must know it. Knows no plan and no protocol."""

from dragoman.engine.answer import Answer
from dragoman.errors import Attempt


class Caller:
    """A caller of the library: any answer can be given to it, and nothing is known of it."""

    __slots__ = ("conversation",)

    def __init__(self, conversation: bytes | None = None) -> None:
        self.conversation = conversation
        """That of its requests, if it is known from its own bytes."""

    def waits(self) -> bool:
        """Whether it is still there, so that another target may be asked after a failure."""
        return True

    def fitting(self, answer: Answer) -> Answer:
        """`answer`, as one that fails before its content if this caller cannot be told what it says."""
        return answer

    def counted(self, answer: Answer) -> Answer:
        """`answer`. If it is not read to its end, this caller learns what it has cost so far."""
        return answer

    def left(self, target: str, attempts: tuple[Attempt, ...], asked_at: float | None) -> None:
        """It has left before there was an answer: `target` was asked by then, since `asked_at`, after `attempts`.

        `target`: empty if none was being asked.
        """


LIBRARY = Caller()
