"""The last of several targets that is able to answer."""

from collections.abc import Sequence

from dragoman.errors import DragomanError
from dragoman.routing.plan import Plan, RequestInfo, Target


class Backwards(Plan):
    """Asks the targets from the last to the first."""

    def __init__(self, targets: Sequence[Target]) -> None:
        self.targets = tuple(targets)

    def first(self, info: RequestInfo, now: float) -> Target:
        return self.targets[-1]

    def after(self, target: Target, error: DragomanError, now: float) -> Target | None:
        place = self.targets.index(target)
        return self.targets[place - 1] if place else None
