"""The targets that one request asked in vain. Knows no plan."""

from dragoman.errors import Attempt, DragomanError
from dragoman.routing.reactions import may_end_otherwise


class Attempts:
    """The attempts of one request that failed, or were given up."""

    def __init__(self) -> None:
        self._failures: list[DragomanError] = []
        self._tried: list[Attempt] = []

    @property
    def tried(self) -> tuple[Attempt, ...]:
        """The targets that were asked, and how they failed."""
        return tuple(self._tried)

    def failed(self, error: DragomanError) -> None:
        """Adds an attempt, which failed with `error`."""
        self._failures.append(error)
        self._tried += error.attempts

    def given_up(self, attempt: Attempt) -> None:
        """Adds an attempt that was ended because another one had content first."""
        self._tried.append(attempt)

    def last(self, error: DragomanError) -> DragomanError:
        """`error`, the last one, because no other target is asked; its `attempts` are now all that failed.

        If other targets failed before it, its message says how many were tried, and its notes have the earlier errors.
        If the error would be the same at every target, its message and notes stay as they are.
        """
        earlier = tuple(self._failures)
        self.failed(error)
        error.attempts = self.tried
        if earlier and may_end_otherwise(error):
            error.message += f" (the last of {len(self._failures)} targets that were tried)"
            error.args = (error.message,)
            for failure in earlier:
                error.add_note(f"before it: {failure}")
        return error
