"""A policy: the first of several targets that can answer."""

from collections.abc import Sequence

from dragoman.errors import ConfigurationError, DragomanError
from dragoman.routing.plan import Plan, RequestInfo, Target, may_end_otherwise


class Fallback(Plan):
    """Asks the targets in their order, until one has content. A failure that each of them would have ends this."""

    def __init__(self, targets: Sequence[Target]) -> None:
        if not targets:
            raise ConfigurationError("expected at least one target, got none")
        self.targets = tuple(targets)
        self.final = len(targets) == 1
        self._next = dict(zip(self.targets, self.targets[1:], strict=False))

    def first(self, info: RequestInfo, now: float) -> Target:
        return self.targets[0]

    def after(self, target: Target, error: DragomanError, now: float) -> Target | None:
        return self._next.get(target) if may_end_otherwise(error) else None
