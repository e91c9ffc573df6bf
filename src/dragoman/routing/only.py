"""One target of another plan, for a request that only this one can answer."""

from dragoman.errors import DragomanError
from dragoman.routing.plan import Plan, RequestInfo, Target


class Only(Plan):
    """Asks `target`, and no other."""

    final = True

    def __init__(self, target: Target) -> None:
        self.targets = (target,)
        self._target = target

    def first(self, info: RequestInfo, now: float) -> Target:
        return self._target

    def after(self, target: Target, error: DragomanError, now: float) -> Target | None:
        return None


def only(plan: Plan, owner: str) -> Plan | None:
    """A plan with the one target of `plan` that has what the target `owner` has; None if there is none.

    That is `owner` itself, or else the first target at the same service: a service keeps things for all its models.
    """
    if plan.final and plan.targets[0].name == owner:
        return plan
    service = owner.partition("/")[0]
    fitting = [target for target in plan.targets if target.name.partition("/")[0] == service]
    found = next((target for target in fitting if target.name == owner), fitting[0] if fitting else None)
    return None if found is None else Only(found)
