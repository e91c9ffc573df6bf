"""One target of another plan, for a request that only this one can answer."""

from dragoman.routing.plan import Plan, Single


def only(plan: Plan, owner: str) -> Plan | None:
    """A plan with the one target of `plan` that has what the target `owner` has; None if there is none.

    That is `owner` itself, or else the first target at the same service: a service keeps things for all its models.
    """
    if plan.final and plan.targets[0].name == owner:
        return plan
    service = owner.partition("/")[0]
    fitting = [target for target in plan.targets if target.name.partition("/")[0] == service]
    found = next((target for target in fitting if target.name == owner), fitting[0] if fitting else None)
    return None if found is None else Single(found)
